"""The floor: what the kernel alone takes to copy every pool's header out of a target.

A stop that reads all headers cannot be shorter on this machine, whoever asks. The calls are made ready before,
as many threads as there are processors make them, and nobody looks at the answer. The target rests
meanwhile (SIGSTOP), as it does in a stop of arenascope's.
"""
import ctypes
import json
import os
import signal
import statistics
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
HEADER = 48
PIECES = 1024  # of one call: IOV_MAX
SCRATCH = 1 << 20
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


def make_all(pid, calls, scratches):
    """Milliseconds from when all threads are there until the last has made the last call."""
    left, started, failures = iter(calls), [], []
    gate = threading.Barrier(len(scratches), action=lambda: started.append(time.perf_counter()))

    def work(scratch):
        gate.wait()
        try:
            for call in left:
                call.make(pid, scratch)
        except RuntimeError as failure:  # what was not read took no time
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(scratch,)) for scratch in scratches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return (time.perf_counter() - started[0]) * 1000


def floor_ms(program, pid, runs):
    """Of each way that is worth trying, with one thread and with all, the median of some runs: the least of those."""
    scratches = [ctypes.create_string_buffer(b"\1" * SCRATCH) for _ in range(os.cpu_count())]
    os.kill(pid, signal.SIGSTOP)
    try:
        arenas, size = arenas_of(program, pid)
        pools = present_pools(pid, arenas, size)
        ways = [calls_by_header(pools)] + ([calls_in_bulk(pools, size)] if size == PAGE else [])
        return min(statistics.median(make_all(pid, calls, some) for _ in range(runs))
                   for calls in ways for some in (scratches[:1], scratches))
    finally:
        os.kill(pid, signal.SIGCONT)
