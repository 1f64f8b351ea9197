"""The plot of a heap numbers the blocks that the allocator says are in use, and finds each by any address inside."""

import os
import re
import subprocess

import pytest

from support import cores, interpreters, targets, tool

UNIT = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests/unit")
PROBE = os.path.join(UNIT, "census/plot-probe")
MALLOC = os.path.join(UNIT, "malloc/malloc-probe")
MODERN = [it for it in interpreters.discover()[0] if it.version >= (3, 6)]
WITH_GIL = [it for it in MODERN if not it.free_threaded]


def run(program, *arguments):
    done = subprocess.run([program] + [str(a) for a in arguments], capture_output=True, text=True,
                          env=tool.environment(), timeout=120, check=False)
    assert done.returncode == 0 and "Sanitizer" not in done.stderr, done
    return done.stdout


def probe(target, *arguments):
    """target: a process, or the name of a file."""
    out = run(PROBE, getattr(target, "pid", target), *arguments)
    assert "wrong=" not in out, out
    return {key: int(value) for key, value in re.findall(r"^([\w.]+)=(\d+)$", out, re.M)}


def blocks_in_use(text):
    """By sys._debugmallocstats(): blocks, and their bytes."""
    rows = re.findall(r"^ +\d+ +(\d+) +\d+ +(\d+) +\d+$", text, re.M)
    return sum(int(n) for _, n in rows), sum(int(size) * int(n) for size, n in rows)


def check_plot(plot):
    """What must hold whatever the target is."""
    assert plot["bits"] == plot["plot.used"] == plot["arena_sum"]
    assert plot["burst_whole"] == 1


@pytest.mark.parametrize("mode", ["plain", "debug"])
@pytest.mark.parametrize("python", WITH_GIL, ids=str)
def test_blocks_of_pymalloc(python, mode):
    env = {"PYTHONMALLOC": "debug"} if mode == "debug" else {}
    with targets.start_program(python, "mixed_heap.py", 3, env=env) as target:
        target.wait_paused()
        plot = probe(target)
        check_plot(plot)
        assert plot["plot.damaged"] == 0
        used, size = blocks_in_use(target.err)
        if mode == "plain" and not python.debug: # hooks hide the table from the interpreter
            assert used > 10000
            assert (plot["plot.used"], plot["plot.used_bytes"]) == (used, size)
        assert (plot["plot.used"], plot["plot.used_bytes"]) == \
            (plot["walk.used"], plot["walk.used_bytes"])
        assert plot["windowed"] < 4000000


@pytest.mark.parametrize("python", [it for it in MODERN if it.version >= (3, 13)], ids=str)
def test_blocks_of_mimalloc(python):
    env = {} if python.free_threaded else {"PYTHONMALLOC": "mimalloc"}
    for where in ("main", "crossed"):
        with targets.start_program(python, "mimalloc_heap.py", where, env=env) as target:
            target.wait_paused()
            plot = probe(target)
            check_plot(plot)
            assert plot["plot.damaged"] == 0 and plot["walk.used"] > 1000
            assert (plot["plot.used"], plot["plot.used_bytes"]) == \
                (plot["walk.used"], plot["walk.used_bytes"])
            assert int(target.out.split()[-1]) <= plot["plot.used"]


def chunks_in_use(target):
    """By the walk that test_malloc.py compares with mallinfo2(): bytes of chunks of arenas, and of mapped ones."""
    out = run(MALLOC, target.pid, "live")
    arenas = sum(int(n) for n in re.findall(r" in_use=(\d+)", out))
    fields = dict(re.findall(r"^(\w+)=(\d+)$", out, re.M))
    return arenas + int(fields["mmapped"]), int(fields["n_mmapped"])


@pytest.mark.parametrize("python", MODERN, ids=str)
def test_chunks_of_malloc(python):
    env = {} if python.free_threaded else {"PYTHONMALLOC": "malloc"} # it knows no such allocator
    with targets.start_program(python, "mixed_heap.py", 3, env=env) as target:
        target.wait_paused()
        plot = probe(target)
        check_plot(plot)
        assert plot["plot.chunks"] > (1000 if python.free_threaded else 10000)
        total, mapped = chunks_in_use(target)
        assert plot["chunk_bytes"] + plot["plot.chunks"] * 8 + mapped * 8 == total
        assert plot["plot.damaged"] == 0


@pytest.mark.parametrize("python", [WITH_GIL[0], WITH_GIL[-1]], ids=str)
def test_with_little_memory_the_plot_is_the_same(python):
    with targets.start_program(python, "mixed_heap.py", 20) as target:
        target.wait_paused()
        whole, streamed = probe(target), probe(target, 4)
        assert streamed["burst_whole"] == 0 and streamed["burst_copied"] <= 4 << 20
        for key in ("plot.used", "plot.used_bytes", "plot.chunks", "plot.blocks", "plot.damaged"):
            assert streamed[key] == whole[key]


KEYS = ("plot.arenas", "plot.runs", "plot.used", "plot.used_bytes", "plot.chunks", "chunk_bytes", "plot.blocks",
        "plot.damaged")


@pytest.mark.parametrize("mode", ["pymalloc", "malloc"])
@pytest.mark.parametrize("python", [it for it in WITH_GIL if it.root == "/"][::3], ids=str)
def test_files_have_the_same_plot(arenascope, python, mode):
    with cores.folder() as folder, \
            targets.start_program(python, "mixed_heap.py", 3, env={"PYTHONMALLOC": mode}) as target:
        target.wait_paused()
        files = [os.path.join(folder, "blanked"), os.path.join(folder, "whole")]
        arenascope.ok("snapshot", target.pid, "-o", files[0])
        arenascope.ok("snapshot", target.pid, "-o", files[1], "--contents")
        files.append(cores.gcore(target, folder))
        live = probe(target)
        for file in files:
            saved = probe(file)
            assert [saved[key] for key in KEYS] == [live[key] for key in KEYS], file
            assert saved["burst_whole"] == 1


@pytest.mark.parametrize("python", [it for it in WITH_GIL if it.root == "/"][2::3], ids=str)
def test_a_heap_in_motion(python):
    """Pools that change under the reader are told as damaged; hardly any are."""
    with targets.start_program(python, "busy.py", 30) as target:
        target.wait_ready()
        for _ in range(3):
            plot = probe(target)
            check_plot(plot)
            assert plot["plot.runs"] > 100
            assert plot["plot.damaged"] <= 2 + plot["plot.runs"] / 100
            assert abs(plot["plot.used"] - plot["walk.used"]) < plot["walk.used"] / 4
