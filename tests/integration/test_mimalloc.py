"""
mimalloc's heaps, against what the interpreter says of them.

Without the GIL sys.getallocatedblocks() counts every block of every thread, ended ones included; with it the caller's,
and sys._debugmallocstats() then has its bytes, too (there it would ask a heap that nobody uses). Both are taken before
the number itself becomes an object.
"""

import os
import re

import pytest

from support import cores, culprits, interpreters, savefiles, targets

THREADED = interpreters.free_threaded()
WITH_GIL = interpreters.with_mimalloc()
WHERE = ["main", "live", "exited", "crossed"]
MIMALLOC = {"PYTHONMALLOC": "mimalloc"}
GIL_LESS = pytest.mark.skipif(not THREADED, reason="tools/interpreters --free-threaded builds one")


def heaps_of(answer):
    """Those of the only interpreter, after what must hold of any answer."""
    assert answer["target"]["allocator"] == "mimalloc"
    assert not [it for it in answer["doubts"] if it["severity"] != "note"], answer["doubts"]
    heaps = answer["interpreters"][0]["mimalloc"]["heaps"]
    assert len({(heap["thread"], heap["kind"]) for heap in heaps}) == len(heaps)
    assert all(heap["pages"] > 0 for heap in heaps)
    return heaps


def total(heaps, key="used_blocks"):
    return sum(heap[key] for heap in heaps)


def printed(target):
    """What sys._debugmallocstats() said last."""
    return {name: int(value) for name, value in re.findall(r"^ +([^:\n]+): (\d+)$", target.err, re.M)}


def threads_of(pid):
    return {int(name) for name in os.listdir("/proc/%d/task" % pid)}


@GIL_LESS
@pytest.mark.parametrize("options", [(), ("--exact",)], ids=["live", "exact"])
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("python", THREADED, ids=str)
def test_blocks_without_the_gil(arenascope, python, where, options):
    with targets.start_program(python, "mimalloc_heap.py", where) as target:
        target.wait_paused()
        answer = arenascope.json("dump", target.pid, *options)
        heaps = heaps_of(answer)
        assert total(heaps) == int(target.out) + 1
        assert answer["allocated_blocks"] == int(target.out) + 1
        alive = {heap["thread"] for heap in heaps if heap["kind"] != "abandoned"}
        assert alive == threads_of(target.pid)
        kinds = [heap["kind"] for heap in heaps if heap["thread"] == target.pid]
        assert kinds == ["mem", "object", "gc", "gc_pre"]
        abandoned = [heap for heap in heaps if heap["kind"] == "abandoned"]
        assert len(abandoned) == (where == "exited")
        if abandoned:
            assert abandoned[0]["thread"] is None
            assert abandoned[0]["used_bytes"] > 4 * (57 << 20)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("python", WITH_GIL, ids=str)
def test_figures_with_the_gil(arenascope, python, where):
    with targets.start_program(python, "mimalloc_heap.py", where, env=MIMALLOC) as target:
        target.wait_paused()
        answer = arenascope.json("dump", target.pid)
        heaps = heaps_of(answer)
        said = printed(target)
        main, = [heap for heap in heaps if heap["thread"] == target.pid]
        assert main["used_blocks"] == said["Allocated Blocks"]
        assert main["used_bytes"] == said["Allocated Bytes w/ Overhead"]
        assert main["used_bytes"] + main["free_bytes"] == said["Bytes Committed"]
        assert answer["allocated_blocks"] == said["Allocated Blocks"]
        assert {heap["thread"] for heap in heaps} - {None} == threads_of(target.pid)
        assert [heap["kind"] for heap in heaps if heap["thread"] is None] == \
            ["abandoned"] * (where == "exited")


def some_of_each():
    """One that is not encoded, one that is, of each edition of mimalloc that is here."""
    chosen = {}
    for it in WITH_GIL:
        chosen[it.version[:2], it.debug] = it
    return [(it, MIMALLOC) for it in chosen.values()] + [(it, {}) for it in THREADED]


@pytest.mark.parametrize("where", ["crossed", "exited"])
@pytest.mark.parametrize("python, env", some_of_each(), ids=lambda it: str(it) if it else "")
def test_files_say_the_same(arenascope, python, env, where):
    cores.need_gcore()
    with targets.start_program(python, "mimalloc_heap.py", where, env=env) as target, \
            cores.folder() as folder:
        target.wait_paused()
        live = arenascope.json("dump", target.pid, "--exact")
        arenascope.ok("snapshot", target.pid, "--output", folder + "/snapshot")
        core = cores.gcore(target, folder)
        snapshot = arenascope.json("dump", folder + "/snapshot")
        dead = arenascope.json("dump", core, "--exe", python.module)
        heaps_of(live)
        for other in (snapshot, dead):
            for mine, its in zip(live["interpreters"], other["interpreters"]):
                assert mine["mimalloc"] == its["mimalloc"]
            assert other["allocated_blocks"] == live["allocated_blocks"]


@GIL_LESS
@pytest.mark.parametrize("python", THREADED, ids=str)
def test_stats_says_who_can(arenascope, python):
    with targets.start_program(python, "mimalloc_heap.py", "main") as target:
        target.wait_paused()
        result = arenascope.run("stats", target.pid)
        assert result.code == 5
        assert "arenascope dump" in result.err
        assert not result.out


def objects_of(release, what, places):
    """Of `types`, `why` and `object`, what is of the heap and not of the moment."""
    types = release.json("types", what)
    assert not [it for it in types["doubts"] if it["kind"] == "objects_unknown"]
    rows = {row["type"]: (row["count"], row["bytes"]) for row in types["types"]}
    causes = [(it["cause"], it["bytes"]) for it in release.json("why", what)["why"]["causes"]]
    told = {name: release.json("object", what, place)["object"] for name, place in places.items()}
    return rows, causes, {name: [it[key] for key in ("type", "preview", "bytes", "total_bytes", "refcount", "chain")]
                          for name, it in told.items()}


@pytest.mark.parametrize("python", THREADED[:1] + WITH_GIL[:1], ids=str)
def test_a_blanked_snapshot_tells_of_objects(release, tmp_path, python):
    """What is held, waits for the collector, or was leaked, in mimalloc's blocks as elsewhere."""
    blanked = str(tmp_path / "blanked")
    env = {} if python.free_threaded else MIMALLOC
    with targets.start_program(python, "held.py", env=env) as target:
        target.wait_paused()
        places = {name: at for name, at in map(str.split, target.out.splitlines()) if name in ("session", "kept")}
        release.ok("snapshot", target.pid, "-o", blanked)
        live = objects_of(release, target.pid, places)
    rows, causes, told = objects_of(release, blanked, places)
    assert (rows, causes, told) == live
    assert rows["__main__.Session"][0] == 3000 and rows["__main__.Leaked"][0] == 500
    assert "__main__.CACHE" in told["session"][-1][0]
    assert b"row 7" not in savefiles.Savefile(blanked).everything()


@pytest.mark.parametrize("python", WITH_GIL[:1], ids=str)
def test_a_blanked_snapshot_names_what_mimalloc_keeps(release, tmp_path, python):
    culprit, = (it for it in culprits.TABLE if it.cause == "mimalloc_retained")
    blanked = str(tmp_path / "blanked")
    with culprits.start(culprit, python) as planted:
        release.ok("snapshot", planted.pid, "-o", blanked)
        live = release.json("why", planted.pid)["why"]["causes"][0]
    red = release.json("why", blanked)["why"]["causes"][0]
    assert red["cause"] == live["cause"] == culprit.cause
    assert red["bytes"] == live["bytes"]
