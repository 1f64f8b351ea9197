"""Every resident byte by cause: the sum is the kernel's, and each leaf is what the target holds."""

import array
import os
import shutil
import signal
import subprocess
import time

import pytest

from support import cgroup, cores, interpreters, ledgers, targets, tool

MIB = 1 << 20
SIZE = 40 * MIB
PYTHON = interpreters.plain()
SYSTEM = "/usr/bin/python3"


@pytest.fixture
def ledger(cache):
    return lambda *arguments: ledgers.run(cache, *arguments)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"x" * SIZE)
    return str(path)


def check_sums(found):
    assert sum(line.present for line in found.leaves.values()) == found.rss
    assert sum(line.swapped for line in found.leaves.values()) == found.figures["swapped"]
    for leaf, line in found.leaves.items():
        assert max(line.file, line.huge, line.shared) <= line.present <= line.size, leaf
        details = found.details.get(leaf, [])
        if details and leaf != "anon.unknown":
            assert sum(one.present for _, one in details) == line.present, leaf
        assert [one.present for _, one in details] == sorted(
            (one.present for _, one in details), reverse=True)


def check(found):
    check_sums(found)
    kernel = found.figures["rss_kernel"]
    assert abs(found.rss - kernel) <= kernel * 0.005, (found.rss, kernel)


def system_has(module):
    return subprocess.run([SYSTEM, "-c", "import " + module], check=False,
                          capture_output=True).returncode == 0


def holdings(size, path, *steps, **options):
    program = os.path.join(targets.PROGRAMS, "holdings.py")
    return targets.start([SYSTEM, "-I", program, str(size), path] + list(steps), **options)


def next_step(target):
    before = target.err
    target.signal(signal.SIGUSR1)
    target.wait_for(lambda: target.err != before and target.err.endswith("\n"), "the next step")
    target.wait_paused()


def address(target):
    return int(target.err.splitlines()[-1].split()[1])


# ---- the sum -------------------------------------------------------------------------------------

def look_unseen(ledger, pid):
    """A look that changes nothing. (Start the target without huge pages: see targets.)"""
    before = None
    while before != ledgers.held(pid):
        before = ledgers.held(pid)
        time.sleep(0.05)
    found = ledger(pid)
    assert ledgers.held(pid) == before
    return found


@pytest.mark.parametrize("python", interpreters.with_debug_info(), ids=str)
def test_the_leaves_are_the_rss(ledger, python):
    with targets.start_program(python, "mixed_heap.py", 0.5,
                               preexec_fn=targets.without_huge_pages) as target:
        target.wait_paused()
        found = look_unseen(ledger, target.pid)
    check(found)
    assert found.present("python.static") > 0 and found.present("file.text") > 0
    assert found.present("kernel.special") in (0, 4096, 8192)


def test_repeated_looks_say_the_same(ledger):
    with targets.start_program(PYTHON, "mixed_heap.py", 0.5) as target:
        target.wait_paused()
        once, twice = ledger(target.pid), ledger("--twice", target.pid)
    assert twice.leaves.keys() == once.leaves.keys()
    for leaf, line in once.leaves.items():
        assert twice[leaf].present == line.present and twice[leaf].size == line.size, leaf
    assert twice.details == once.details
    assert once.figures["pss"] and twice.figures["pss"] is None  # smaps is not read


def check_objects(found, pid):
    """Text, data and other files, as smaps has them."""
    mappings = ledgers.smaps(pid)
    objects = {m.label for m in mappings if m.inode and "x" in m.perms}
    module = next(iter(found.named("python.static")))
    text = data = mapped = 0
    for m in mappings:
        if not m.inode or m.label.startswith(("/dev", "/memfd", "/SYSV")):
            continue
        if m.label not in objects:
            mapped += m.Rss
        elif "w" in m.perms:
            data += m.Rss if m.label != module else 0
        else:
            text += m.Rss - m.Anonymous
            data += m.Anonymous if m.label != module else 0
    # What the interpreter wrote and then closed (RELRO) counts as its variables.
    assert found["file.text"].present == text
    assert found["file.data"].present == data
    assert found["file.mapped"].present == mapped


@pytest.mark.parametrize("module", ["json", "numpy"])
def test_files_are_those_of_smaps(ledger, module):
    if not system_has(module):
        pytest.skip("no %s here" % module)
    code = "import signal, %s; print('READY', flush=True); signal.pause()" % module
    with targets.start([SYSTEM, "-c", code]) as target:
        target.wait_ready().wait_paused()
        found = ledger(target.pid)
        check(found)
        check_objects(found, target.pid)


# ---- one cause after the other -------------------------------------------------------------------

def test_forty_megabytes_move_from_leaf_to_leaf(ledger, file):
    numpy = system_has("numpy")
    steps = ["none", "file", "shm", "anon", "zeros"] + (["numpy", "end"] if numpy else [])
    with holdings(SIZE, file, *steps, preexec_fn=targets.without_huge_pages) as target:
        target.wait_ready().wait_paused()
        looks = {"none": ledger(target.pid)}
        for step in steps[1:]:
            next_step(target)
            looks[step] = look_unseen(ledger, target.pid)
            check(looks[step])
    grown = lambda step, *leaves: looks[step].present(*leaves) - looks["none"].present(*leaves)
    expected = {"file": (SIZE, 0, 0, 0), "shm": (0, SIZE, 0, 0), "anon": (0, 0, SIZE, 0),
                "zeros": (0, 0, 0 if targets.kernel_shares_zeros() else SIZE, 0),
                "numpy": (0, 0, 0, SIZE + 4096), "end": (0, 0, 0, 0)}
    for step in steps[1:]:
        assert (grown(step, "file.mapped"), grown(step, "shared.memory"),
                grown(step, "anon.unknown"), grown(step, "malloc.mmapped")) == expected[step], step
    assert looks["file"].named("file.mapped")[file].file == SIZE


def test_a_private_file_is_still_a_file(ledger, file):
    with holdings(SIZE, file, "private") as target:
        target.wait_ready().wait_paused()
        found = ledger(target.pid)
    check(found)
    line = found.named("file.mapped")[file]
    assert line.present == SIZE and line.file == 0  # each page was written, so it is a copy


def test_what_was_freed_lazily_is_told(ledger, file):
    size = 16 * MIB
    with holdings(size, file, "lazy") as target:
        target.wait_ready().wait_paused()
        lazy = lambda: sum(m.LazyFree for m in ledgers.smaps(target.pid))
        before, found, after = lazy(), ledger(target.pid), lazy()
    check(found)
    # The kernel marks the last few pages a while later.
    assert size // 4 < before <= found.figures["lazy_free"] <= after <= size // 2
    assert sum(line["lazy"] or 0 for line in found.leaves.values()) == found.figures["lazy_free"]


def test_smaps_is_not_read_where_it_would_hold_the_lock(ledger, file):
    with holdings(SIZE, file, "lazy") as target:  # one mapping of more than 32 MiB
        target.wait_ready().wait_paused()
        found = ledger(target.pid)
    check(found)
    assert found.figures["lazy_free"] is None and found.figures["pss"] is None
    assert found["anon.unknown"]["lazy"] is None


def test_under_a_stop_smaps_waits_for_nobody(ledger, arenascope, release, file):
    with holdings(SIZE, file, "lazy") as target:
        target.wait_ready().wait_paused()
        sums = lambda: [sum(m[key] for m in ledgers.smaps(target.pid)) for key in ("LazyFree", "Pss")]
        before, found, after = sums(), ledger("--exact", target.pid), sums()
        libraries = sum(m["Pss"] for m in ledgers.smaps(target.pid) if ".so" in m.label)
        short = [release.run("ledger", target.pid, "--exact", "--max-pause", 4, "--json") for _ in range(5)]
        long = arenascope.json("ledger", target.pid, "--exact", "--max-pause", 1000)
    check(found)
    # The tool itself maps libraries of the target: of a page that nobody else has, its share is a half meanwhile.
    for i, (key, less) in enumerate((("lazy_free", 0), ("pss", libraries // 2))):
        # The kernel marks the last few pages a while later; a page may be mapped by one more process or one less.
        assert min(before[i], after[i]) - 65536 - less <= found.figures[key] <= max(before[i], after[i]) + 65536
    assert found.figures["lazy_free"] >= SIZE // 4
    assert sum(line["lazy"] or 0 for line in found.leaves.values()) == found.figures["lazy_free"]
    # 60 MiB of small pages take 2 to 4 ms, and may take twice that: not within a stop of 4 that copies the heap, too.
    for result in short:
        tool.validate(result.json)
        assert result.json["ledger"]["pss_bytes"] is None
    # Of several, where other tests take the processors.
    quickest = min(short, key=lambda result: result.json["pause"]["longest_us"])
    assert quickest.code == 0 and quickest.json["pause"]["longest_us"] <= 4000
    assert long["pause"]["mode"] == "stopped" and long["ledger"]["pss_bytes"] > SIZE


def test_huge_pages_are_told(ledger, file):
    if "never" in targets.read("/sys/kernel/mm/transparent_hugepage/enabled").split("[")[1][:6]:
        pytest.skip("no transparent huge pages here")
    with holdings(SIZE, file, "huge") as target:
        target.wait_ready().wait_paused()
        found = ledger(target.pid)
        huge = sum(m.AnonHugePages for m in ledgers.smaps(target.pid))
    check(found)
    if not huge:
        pytest.skip("the kernel had no huge page to give")
    assert sum(line.huge for line in found.leaves.values()) == huge


# ---- processes and threads -----------------------------------------------------------------------

def own_of(pid):
    """Anonymous bytes of each mapping that are this process's alone."""
    return [(m.start, m.Private_Dirty + m.Private_Clean) for m in ledgers.smaps(pid)
            if not m.inode]


def test_what_a_fork_left_shared(ledger):
    with targets.start_program(PYTHON, "forked.py", 16 * MIB) as target:
        target.wait_ready()
        pid, where = map(int, target.err.split())
        try:
            before = own_of(pid)
            found = ledger(pid)
            assert own_of(pid) == before  # what is shared stays shared
            truth = [m for m in ledgers.smaps(pid) if m.start <= where < m.end]
        finally:
            os.kill(pid, signal.SIGKILL)
    check(found)
    name = "0x%x-0x%x" % (truth[0].start, truth[0].end)
    line = found.named("anon.unknown")[name]
    assert line.shared == truth[0].Shared_Clean + truth[0].Shared_Dirty >= 12 * MIB
    assert line.present == truth[0].Rss


def stacks_of(target):
    return [tuple(map(int, row.split())) for row in target.err.splitlines()]


def own_between(pid, start, end):
    """Bytes of pages there that are in RAM and this process's alone, page by page: mappings of stacks merge."""
    with open("/proc/%d/pagemap" % pid, "rb") as table:
        table.seek(start // ledgers.PAGE * 8)
        entries = array.array("Q", table.read((end - start) // ledgers.PAGE * 8))
    return ledgers.PAGE * sum(entry >> 63 and entry >> 56 & 1 for entry in entries)


@pytest.mark.parametrize("python", [PYTHON, interpreters.with_debug_info()[-1]],
                         ids=str)
def test_stacks_of_threads(ledger, python):
    with targets.start_program(python, "threads.py", 5) as target:
        target.wait_ready().wait_paused()
        ledgers.settle(target.pid)
        found = ledger(target.pid)
        truth = {tid: (start, start + size) for tid, start, size in stacks_of(target)}
        resident = {tid: own_between(target.pid, *where) for tid, where in truth.items()}
    check(found)
    assert len(truth) == 5
    details = found.named("stack.threads")
    for tid, (start, end) in truth.items():
        line = next(line for name, line in details.items() if name.endswith("(%d)" % tid))
        assert line.present == resident[tid] > 0
        assert line.size - 4096 == end - start  # and a guard
    assert "threads that ended" in details
    others = [name for name in details if name != "threads that ended"]
    assert len(others) == 5


@pytest.mark.skipif(not system_has("flask") or not shutil.which("gunicorn"),
                    reason="no gunicorn with flask here")
def test_a_prefork_server(ledger, tmp_path):
    (tmp_path / "served.py").write_text(
        "from flask import Flask\napp = Flask(__name__)\nkept = ['x%d' % i for i in range(200000)]\n"
        "@app.route('/')\ndef index():\n    return 'hello'\n")
    socket = str(tmp_path / "socket")
    command = [SYSTEM, shutil.which("gunicorn"), "--preload", "-w", "2", "--bind",
               "unix:" + socket, "served:app"]
    with targets.start(command, cwd=str(tmp_path)) as target:
        try:
            target.wait_for(lambda: targets.read("/proc/%d/task/%d/children" % (
                target.pid, target.pid)).count(" ") >= 2 and os.path.exists(socket), "workers")
            time.sleep(1)
            for _ in range(50):
                subprocess.run(["curl", "-s", "--unix-socket", socket, "http://x/"], check=False,
                               capture_output=True)
            workers = targets.read("/proc/%d/task/%d/children" % (target.pid, target.pid)).split()
            found = ledger(int(workers[0]))
        finally:
            target.process.terminate()
            target.process.wait()
    check(found)
    shared = sum(line.shared for line in found.leaves.values())
    assert found["pymalloc.live"].present > 10 * MIB
    assert 0 < shared < found.rss


# ---- other allocators ----------------------------------------------------------------------------

def library(name):
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    return None


@pytest.mark.parametrize("name", ["libjemalloc.so.2", "libtcmalloc.so.4",
                                  "libtcmalloc_minimal.so.4"])
def test_memory_of_another_malloc(ledger, name):
    path = library(name)
    if not path:
        pytest.skip("no %s here" % name)
    code = ("import signal\nkept = [bytes([i % 251]) * 1000 for i in range(70000)]\n"
            "print('READY', flush=True)\nsignal.pause()")
    env = {"LD_PRELOAD": path, "PYTHONMALLOC": "malloc"}
    with targets.start([SYSTEM, "-c", code], env=env) as target:
        target.wait_ready().wait_paused()
        found = ledger(target.pid)
    check(found)
    assert found["malloc.opaque"].present > 60 * MIB
    real = os.path.realpath(path)
    assert real in found.named("malloc.opaque")
    for leaf in ("malloc.live", "malloc.top", "malloc.free_stuck"):
        assert found[leaf].size == 0


# ---- beside it -----------------------------------------------------------------------------------

def test_the_purse(ledger):
    with cgroup.memory() as group:
        group.set_limit(512 * MIB)
        code = "import signal; kept = bytearray(20 << 20); print('READY', flush=True); signal.pause()"
        with targets.start(group.wrap + [SYSTEM, "-c", code]) as target:
            target.wait_ready().wait_paused()
            found = ledger(target.pid)
            usage = group.number("usage")
    figures = found.figures
    assert figures["purse.version"] in (1, 2)
    assert figures["purse.limit"] == 512 * MIB
    assert abs(figures["purse.current"] - usage) < 2 * MIB
    assert figures["purse.peak"] is None or figures["purse.peak"] >= figures["purse.current"]
    assert figures["purse.oom_events"] == 0
    assert 512 * MIB - usage <= figures["purse.headroom"] + 2 * MIB
    assert figures["purse.headroom"] < 512 * MIB
    assert 900000 < figures["purse.share_ppm"] <= 1000000


def test_a_snapshot_tells_the_same(ledger, tmp_path):
    path = str(tmp_path / "saved")
    with targets.start_program(PYTHON, "mixed_heap.py", 0.5) as target:
        target.wait_paused()
        live = ledger("--exact", "--save=" + path, target.pid)
        again = ledger("--exact", target.pid)
    saved = ledger("--read", path)
    for leaf, line in live.leaves.items():
        assert again[leaf] == line, leaf
        assert saved[leaf] == line and saved.named(leaf) == live.named(leaf), leaf
    same = [key for key in live.figures if not key.startswith(("purse", "pss", "elapsed"))]
    for key in same:
        assert saved.figures[key] == live.figures[key], key
    assert saved.figures["purse.version"] == live.figures["purse.version"]
    assert saved.figures["purse.limit"] == live.figures["purse.limit"]


def test_a_core_knows_sizes_alone(ledger):
    cores.need_gcore()
    with cores.folder() as folder, targets.start_program(PYTHON, "mixed_heap.py", 0.5) as target:
        target.wait_paused()
        live = ledger(target.pid)
        subprocess.run(["gcore", "-o", os.path.join(folder, "core"), str(target.pid)], check=True,
                       capture_output=True)
        found = ledger("--core", os.path.join(folder, "core.%d" % target.pid))
    assert found.figures["has_residency"] == 0 and found.rss == 0
    assert found.figures["rss_kernel"] is None and found.figures["purse.version"] == 0
    for leaf in ("pymalloc.live", "pymalloc.free_blocks", "pymalloc.free_pools",
                 "pymalloc.overhead", "python.static"):
        assert found[leaf].size == live[leaf].size, leaf
    assert any("residency" in doubt for doubt in found.doubts)


