"""How little the ledger leaves unexplained, and that its figures are those of malloc, of mimalloc and of a snapshot."""

import os
import shutil
import subprocess
import time

import pytest

from support import interpreters, ledgers, targets

MIB = 1 << 20
SYSTEM = "/usr/bin/python3"
PYTHON = interpreters.plain()
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
REST = "\nimport signal\nprint('READY', flush=True)\nsignal.pause()\n"
POOL = ("import concurrent.futures\npool = concurrent.futures.ThreadPoolExecutor(12)\n"
        "kept = list(pool.map(lambda i: [bytes(700 + k % 900) for k in range(1500)], range(48)))")
ARENAS = """
import threading
kept, filled = [], threading.Semaphore(0)
def work():
    kept.append([bytes(700 + k) for k in range(3000)])
    del kept[-1][::3]
    filled.release()
    threading.Event().wait()
for _ in range(6):
    threading.Thread(target=work, daemon=True).start()
for _ in range(6):
    filled.acquire()"""
NUMPY = "import numpy\na = numpy.ones((900, 900))\nkept = [a @ a] + [numpy.ones(1 << 20) for _ in range(4)]"
FILE = ("import mmap, sys\nfile = open(sys.argv[1], 'r+b')\nkept = mmap.mmap(file.fileno(), 0)\n"
        "sum(kept[at] for at in range(0, len(kept), 4096))")
SHARED = ("from multiprocessing import shared_memory\n"
          "kept = shared_memory.SharedMemory(create=True, size=40 << 20)\n"
          "kept.buf[:] = bytes(40 << 20)\nkept.unlink()")
BLOCKS = "kept = [bytes([i % 251]) * 1000 for i in range(70000)]"
PROGRAMS = {"pool": POOL, "arenas": ARENAS, "numpy": NUMPY, "file": FILE, "shared": SHARED}
THREADED = interpreters.free_threaded()
WHERE = ["main", "live", "exited", "crossed"]
SYSTEMS = [PYTHON] + [it for it in interpreters.with_debug_info()
                      if it.version >= (3, 14) and not it.debug][-1:]


@pytest.fixture
def ledger(cache):
    return lambda *arguments: ledgers.run(cache, *arguments)


def system_has(module):
    return subprocess.run([SYSTEM, "-c", "import " + module], check=False,
                          capture_output=True).returncode == 0


def library(name):
    path = os.path.join(LIBRARIES, name)
    if not os.path.exists(path):
        pytest.skip("no %s here" % name)
    return path


def running(code, *arguments, python=None, env=None):
    command = python.command if python else [SYSTEM]
    return targets.start(command + ["-c", code + REST] + [str(a) for a in arguments], env=env)


def at_rest(target):
    """Until all of its threads rest, too: they get there some time after READY."""
    target.wait_paused()
    ledgers.settle(target.pid)
    return target


def check_explained(found):
    """Each byte is counted once, and of less than one in a hundred it is not known why it is there."""
    assert sum(line.present for line in found.leaves.values()) == found.rss
    kernel = found.figures["rss_kernel"]
    assert abs(found.rss - kernel) <= kernel * 0.005, (found.rss, kernel)
    assert found.figures["unexplained"] * 100 < found.rss, found.text


# ---- less than one in a hundred --------------------------------------------------------------------

@pytest.mark.parametrize("name", PROGRAMS)
def test_nearly_all_is_explained(ledger, tmp_path, name):
    if name == "numpy" and not system_has("numpy"):
        pytest.skip("no numpy here")
    path = tmp_path / "data"
    path.write_bytes(b"x" * (40 * MIB))
    with running(PROGRAMS[name], path) as target:
        at_rest(target.wait_ready())
        check_explained(ledger("--exact", target.pid))


@pytest.mark.parametrize("python", interpreters.with_debug_info(), ids=str)
def test_nearly_all_is_explained_in_every_version(ledger, python):
    with targets.start_program(python, "mixed_heap.py", 0.5) as target:
        target.wait_paused()
        check_explained(ledger("--exact", target.pid))


@pytest.mark.skipif(not system_has("flask") or not shutil.which("gunicorn"),
                    reason="no gunicorn with flask here")
@pytest.mark.parametrize("options", [["-w", "2"], ["-w", "1", "--threads", "6"]],
                         ids=["workers", "threads"])
def test_nearly_all_of_a_server_is_explained(ledger, tmp_path, options):
    (tmp_path / "served.py").write_text(
        "from flask import Flask\napp = Flask(__name__)\nkept = []\n@app.route('/')\n"
        "def index():\n    kept.append(bytes(3000) + b'x' * 70000)\n    return 'hello'\n")
    socket = str(tmp_path / "socket")
    command = [SYSTEM, shutil.which("gunicorn"), "--bind", "unix:" + socket] + options
    children = lambda: targets.read("/proc/%d/task/%d/children" % (target.pid, target.pid)).split()
    with targets.start(command + ["served:app"], cwd=str(tmp_path)) as target:
        try:
            target.wait_for(lambda: len(children()) >= int(options[1]) and os.path.exists(socket),
                            "workers")
            answers = [subprocess.run(["curl", "-s", "--retry", "9", "--retry-connrefused",
                                       "--unix-socket", socket, "http://x/"], check=False,
                                      capture_output=True).stdout for _ in range(80)]
            assert answers == [b"hello"] * 80
            for pid in [target.pid] + children():
                check_explained(ledger("--exact", int(pid)))
        finally:
            target.process.terminate()
            target.process.wait()


def test_nearly_all_of_a_forked_worker_is_explained(ledger):
    code = ("import os, sys, signal\nkept = [bytes(3000 + i % 900) for i in range(9000)]\n"
            "child = os.fork()\nif child:\n    sys.stderr.write('%d\\n' % child)\n    signal.pause()\n"
            "more = [bytes(2000) for i in range(2000)]")
    with running(code) as target:
        target.wait_ready().wait_for(lambda: target.err.endswith("\n"), "a child")
        child = int(target.err)
        try:
            target.wait_paused()
            for pid in (target.pid, child):
                found = ledger("--exact", pid)
                check_explained(found)
                assert found["malloc.live"].shared > 20 * MIB
        finally:
            os.kill(child, 9)


@pytest.mark.skipif(not THREADED, reason="tools/interpreters --free-threaded builds one")
@pytest.mark.parametrize("where", WHERE)
def test_nearly_all_is_explained_without_the_gil(ledger, where):
    with targets.start_program(THREADED[0], "mimalloc_heap.py", where) as target:
        found = ledger("--exact", at_rest(target).pid)
        check_explained(found)
        assert found.present("mimalloc.live") > 50 * MIB


@pytest.mark.parametrize("allocator", ["malloc", "pymalloc"])
@pytest.mark.parametrize("name", ["libjemalloc.so.2", "libtcmalloc.so.4", "libtcmalloc_minimal.so.4"])
def test_nearly_all_of_another_malloc_is_explained(ledger, name, allocator):
    env = {"LD_PRELOAD": library(name), "PYTHONMALLOC": allocator}
    with running(BLOCKS, env=env) as target:
        target.wait_ready().wait_paused()
        found = ledger("--exact", target.pid)
    check_explained(found)
    assert found["malloc.opaque"].present > 60 * MIB


def test_jemalloc_says_the_same(ledger):
    """What it has mapped and what it keeps, to the byte, and what was told by elimination; no more pages than it knows of."""
    code = BLOCKS + """
import ctypes, sys
large = [bytes([1]) * (1 << 20) for _ in range(20)]
del large
libc, size = ctypes.CDLL(None), ctypes.c_size_t(8)
epoch, value = ctypes.c_uint64(1), ctypes.c_size_t()
def ask(name):
    assert libc.mallctl(name, ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0)) == 0
    return value.value
libc.mallctl(b"epoch", None, None, ctypes.byref(epoch), ctypes.c_size_t(8))
sys.stderr.write("%d %d %d %d\\n" % tuple(ask(b"stats." + name) for name in (
    b"mapped", b"retained", b"allocated", b"resident")))
sys.stderr.flush()"""
    env = {"LD_PRELOAD": library("libjemalloc.so.2"), "PYTHONMALLOC": "malloc"}
    with running(code, env=env) as target:
        target.wait_ready().wait_paused()
        mapped, retained, allocated, resident = map(int, target.err.split())
        found = ledger("--exact", target.pid)
    opaque = found["malloc.opaque"]
    eliminated = opaque.size - (mapped + retained)  # a few small mappings of others
    assert 0 <= eliminated < 64 * 1024 and found.figures["unexplained"] <= eliminated
    assert allocated < opaque.present < resident + eliminated


# ---- the same look, told twice -------------------------------------------------------------------

def entries_of(answer):
    return {entry["key"]: entry for entry in answer["ledger"]["entries"]}


def in_ram(answer, *leaves):
    entries = entries_of(answer)
    return sum(entries[leaf]["resident_bytes"] for leaf in leaves if leaf in entries)


def mapped_by(answer, *leaves):
    entries = entries_of(answer)
    return sum(entries[leaf]["size_bytes"] for leaf in leaves if leaf in entries)


@pytest.mark.parametrize("python", SYSTEMS, ids=str)
@pytest.mark.parametrize("name", ["arenas", "large"])
def test_mallocs_leaves_are_its_arenas(arenascope, python, name):
    code = ARENAS if name == "arenas" else "kept = [bytes(300000 + i) for i in range(0, 90000, 900)]"
    with running(code, python=python) as target:
        answer = arenascope.json("dump", "--exact", at_rest(target.wait_ready()).pid)
    malloc, arenas = answer["malloc"], answer["malloc"]["arenas"]
    total = lambda key: sum(arena[key] for arena in arenas)
    assert all(arena["verified"] for arena in arenas)
    assert len(arenas) >= (5 if name == "arenas" else 1)
    assert in_ram(answer, "malloc.free_trimmable") == malloc["trimmable_bytes"] > 0
    assert total("trimmable_bytes") == malloc["trimmable_bytes"]
    assert mapped_by(answer, "malloc.tcache") == total("tcache_bytes") > 0
    assert mapped_by(answer, "malloc.live") == total("in_use_bytes")
    assert mapped_by(answer, "malloc.free_trimmable", "malloc.free_stuck", "malloc.top") == (
        total("free_bytes") + total("fastbin_bytes") + total("top_bytes"))
    assert mapped_by(answer, "malloc.mmapped") == malloc["mmapped"]["bytes"]
    assert in_ram(answer, "malloc.free_trimmable", "malloc.free_stuck", "malloc.top") >= (
        total("free_resident_bytes"))


@pytest.mark.skipif(not THREADED, reason="tools/interpreters --free-threaded builds one")
@pytest.mark.parametrize("where", WHERE)
def test_mimallocs_leaves_are_its_heaps(arenascope, where):
    with targets.start_program(THREADED[0], "mimalloc_heap.py", where) as target:
        answer = arenascope.json("dump", "--exact", at_rest(target).pid)
    heaps = answer["interpreters"][0]["mimalloc"]["heaps"]
    used = sum(heap["used_bytes"] for heap in heaps)
    assert mapped_by(answer, "mimalloc.live") == used
    assert mapped_by(answer, "mimalloc.free") >= sum(heap["free_bytes"] for heap in heaps)
    assert used * 0.9 < in_ram(answer, "mimalloc.live") <= used


# ---- a snapshot ------------------------------------------------------------------------------------

def uncounted():
    """Bytes that the kernel's own RSS may be off by: each processor adds up a batch before it tells (Linux 6.2 and later:
    lib/percpu_counter.c; of three counters)."""
    cpus = os.cpu_count()
    return 3 * cpus * max(32, 2 * cpus) * 4096


def check_snapshot(arenascope, pid, path, *options):
    """All leaves, with their details, and all of malloc's arenas, as they were in the process."""
    live = arenascope.json("dump", "--exact", pid)
    arenascope.ok("snapshot", "--exact", pid, "-o", path, *options)
    saved = arenascope.json("dump", path)
    mine, its = entries_of(live), entries_of(saved)
    assert mine.keys() == its.keys()
    for leaf, entry in mine.items():
        assert its[leaf] == entry, leaf
    for key in set(live["ledger"]) - {"entries", "pss_bytes", "rss_kernel_bytes"}:  # others' doing moves Pss
        assert saved["ledger"][key] == live["ledger"][key], key
    kernels = [it["ledger"]["rss_kernel_bytes"] for it in (live, saved)]
    assert abs(kernels[0] - kernels[1]) <= uncounted(), kernels
    for key in set(live["malloc"] or {}) - {"settings"}:
        assert saved["malloc"][key] == live["malloc"][key], key


@pytest.mark.parametrize("options", [(), ("--contents",)], ids=["redacted", "whole"])
@pytest.mark.parametrize("python", SYSTEMS, ids=str)
@pytest.mark.parametrize("name", ["arenas", "threads", "heap", "numpy"])
def test_a_snapshot_holds_the_whole_ledger(arenascope, tmp_path, python, name, options):
    if name == "numpy" and (python.command != [SYSTEM] and not PYTHON.command[0].startswith(SYSTEM)
                            or python is not PYTHON or not system_has("numpy")):
        pytest.skip("no numpy there")
    start = {"arenas": lambda: running(ARENAS, python=python),
             "numpy": lambda: running(NUMPY + "\nkept.append(numpy.ones(5 << 20))"),
             "threads": lambda: targets.start_program(python, "threads.py", 5),
             "heap": lambda: targets.start_program(python, "mixed_heap.py", 0.5)}[name]
    with start() as target:
        check_snapshot(arenascope, at_rest(target).pid, str(tmp_path / "saved"), *options)


@pytest.mark.skipif(not THREADED, reason="tools/interpreters --free-threaded builds one")
@pytest.mark.parametrize("options", [(), ("--contents",)], ids=["redacted", "whole"])
@pytest.mark.parametrize("where", ["main", "live"])
def test_a_snapshot_holds_it_without_the_gil(arenascope, tmp_path, where, options):
    with targets.start_program(THREADED[0], "mimalloc_heap.py", where) as target:
        check_snapshot(arenascope, at_rest(target).pid, str(tmp_path / "saved"), *options)


def test_a_snapshot_holds_jemallocs_tree(arenascope, tmp_path):
    with running(BLOCKS, env={"LD_PRELOAD": library("libjemalloc.so.2")}) as target:
        target.wait_ready().wait_paused()
        check_snapshot(arenascope, target.pid, str(tmp_path / "saved"), "--contents")


# ---- from one leaf to another --------------------------------------------------------------------

FLIP = """
import ctypes, signal, sys
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
signal.signal(signal.SIGUSR1, lambda *_: None)
blocks = [libc.malloc(1000) for _ in range(41611)]
for block in blocks:
    ctypes.memset(block, 1, 1000)
pin = libc.malloc(1000)
print('READY', flush=True)
signal.pause()
for block in blocks:
    libc.free(block)
sys.stderr.write('freed\\n')
sys.stderr.flush()
signal.pause()
"""


def test_what_is_freed_below_a_pin_can_be_trimmed(ledger):
    size = 41611 * 1008  # 40 MiB in chunks
    with targets.start([SYSTEM, "-c", FLIP]) as target:
        target.wait_ready().wait_paused()
        held = ledger("--exact", target.pid)
        target.signal(10)
        target.wait_for(lambda: target.err.endswith("freed\n"), "the end of it")
        freed = ledger("--exact", target.wait_paused().pid)
    risen = lambda *leaves: freed.present(*leaves) - held.present(*leaves)
    assert size - 64 * 1024 < risen("malloc.free_trimmable") <= size + 64 * 1024
    assert abs(risen("malloc.live") + size) < 64 * 1024
    parts = [leaf for leaf in held.leaves if leaf.startswith("malloc.")]
    assert abs(risen(*parts)) <= 64 * 1024
    assert abs(freed.rss - held.rss) <= 64 * 1024
