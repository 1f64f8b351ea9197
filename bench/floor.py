"""The floor: what the kernel alone takes to copy every pool's header out of a target.

A stop that reads all headers cannot be shorter on this machine, whoever asks. The calls are made ready before,
as many processes as there are processors make them, and nobody looks at the answer. The target rests
meanwhile (SIGSTOP), as it does in a stop of arenascope's.
"""
import ctypes
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
HEADER = 48
PIECES = 1024  # of one call: IOV_MAX
SCRATCH = 1 << 20
TIMEOUT = 120  # seconds
PAGE = os.sysconf("SC_PAGESIZE")


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class Call:
    """One process_vm_readv of (address, size) pieces, ready to be made into whatever memory."""

    def __init__(self, pieces):
        self.remote = (Iovec * len(pieces))(*pieces)
        self.size = sum(size for _, size in pieces)

    def make(self, pid, scratch):
        local = Iovec(ctypes.addressof(scratch), self.size)
        if LIBC.process_vm_readv(pid, ctypes.byref(local), 1, self.remote, len(self.remote), 0) != self.size:
            raise RuntimeError("not all headers could be read: error %d" % ctypes.get_errno())


def arenas_of(program, pid):
    """(address, pools) of each arena, and the size of a pool."""
    answer = json.loads(subprocess.run([program, "dump", "--json", str(pid)], stdout=subprocess.PIPE).stdout)
    heap = answer["interpreters"][0]["pymalloc"]
    return [(int(arena["address"], 16), arena["pools"]) for arena in heap["arena_list"]], heap["pool_size"]


def present_pools(pid, arenas, size):
    """Addresses of the pools whose header is in memory."""
    found = []
    with open("/proc/%d/pagemap" % pid, "rb", buffering=0) as pagemap:
        for address, pools in arenas:
            first = -(-address // size) * size
            pagemap.seek(first // PAGE * 8)
            present = pagemap.read(pools * size // PAGE * 8)[7::size // PAGE * 8]
            found += [first + i * size for i, byte in enumerate(present) if byte & 0x80]
    return sorted(found)


def calls_by_header(pools):
    return [Call([(pool, HEADER) for pool in pools[i:i + PIECES]]) for i in range(0, len(pools), PIECES)]


def calls_in_bulk(pools, size):
    """Whole stretches of pools, a MiB a call: where every page has a header, that may be quicker."""
    calls, pieces, room = [], [], SCRATCH
    for pool in pools:
        if room < size or len(pieces) == PIECES:
            calls.append(Call(pieces))
            pieces, room = [], SCRATCH
        if pieces and sum(pieces[-1]) == pool:
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + size)
        else:
            pieces.append((pool, size))
        room -= size
    return calls + [Call(pieces)]


def make_calls(pid, calls, runs, gate, results):
    """One process's share of the calls: when it began and ended, once a run. The first run only faults things in."""
    scratch, times = ctypes.create_string_buffer(b"\1" * SCRATCH), []
    try:
        for _ in range(runs + 1):
            gate.wait(TIMEOUT)
            start = time.perf_counter()
            for call in calls:
                call.make(pid, scratch)
            times.append((start, time.perf_counter()))
        results.put(times[1:])
    except Exception as failure:  # whatever was not read took no time
        gate.abort()
        results.put(failure)


def run_ms(pid, calls, n, runs):
    """The median of some runs of n processes: threads of Python's would wait for each other."""
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(n), context.Queue()
    processes = [context.Process(target=make_calls, args=(pid, calls[i::n], runs, gate, results), daemon=True)
                 for i in range(n)]
    for process in processes:
        process.start()
    shares = [results.get(timeout=TIMEOUT) for _ in processes]
    for process in processes:
        process.join()
    for share in shares:
        if isinstance(share, Exception):
            raise share
    return statistics.median((max(end for _, end in run) - min(start for start, _ in run)) * 1000
                             for run in zip(*shares))


def floor_ms(program, pid, runs):
    """The least of each way that is worth trying, on one processor and on all."""
    os.kill(pid, signal.SIGSTOP)
    try:
        arenas, size = arenas_of(program, pid)
        pools = present_pools(pid, arenas, size)
        ways = [calls_by_header(pools)] + ([calls_in_bulk(pools, size)] if size == PAGE else [])
        return min(run_ms(pid, calls, n, runs) for calls in ways for n in {1, os.cpu_count()})
    finally:
        os.kill(pid, signal.SIGCONT)
