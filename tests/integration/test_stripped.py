"""Production's interpreters: no symbols, no debug files, sometimes no section headers. The same exact answers."""

import os
import re
import shutil
import signal
import tempfile

import pytest

from support import figures, interpreters, stripped, targets

MODES = {
    "plain": ({}, ()),
    "debug": ({"PYTHONMALLOC": "debug"}, ()),
    "malloc": ({"PYTHONMALLOC": "malloc"}, ()),
    "tracemalloc": ({}, ("-X", "tracemalloc")),
    "debug+tracemalloc": ({"PYTHONMALLOC": "debug"}, ("-X", "tracemalloc")),
}
KNOWN = [it for it in interpreters.discover()[0] if not it.free_threaded]
MODERN = [it for it in KNOWN if it.version >= (3, 6)]
OLD = [it for it in KNOWN if it.version < (3, 0)]
ONE_OF_EACH = list({it.version[:2]: it for it in MODERN if not it.debug}.values())
NAMED = ("dwarf", "symtab", "cache")


def matrix():
    for it in MODERN:
        for way in stripped.WAYS:
            for mode in ("plain", "debug", "malloc") if interpreters.is_asked_all(it) else ("plain",):
                yield pytest.param(it, way, mode, id="%s-%s-%s" % (it, way, mode))
    for it in filter(interpreters.is_asked_all, ONE_OF_EACH):
        for mode in ("tracemalloc", "debug+tracemalloc"):
            yield pytest.param(it, "stripped", mode, id="%s-stripped-%s" % (it, mode))


def check_text(text, truth, blocks):
    """Byte for byte; where hooks hide the table from the interpreter itself, its lists still are."""
    if "Small block threshold" in truth or blocks == 0:
        assert text == truth
        return
    assert text.startswith("# hidden by allocator hooks"), text
    assert text.endswith("\n" + truth)
    assert "Small block threshold = 512, in " in text.splitlines()[1]


def check_provenance(answer):
    """Nothing came from symbols or debug information, and nothing pretends to."""
    symbols = answer["symbols"]
    assert symbols["layout"] not in NAMED and symbols["roots"] not in NAMED, symbols
    assert symbols["layout"] != "absent" and symbols["debug_file"] is None, symbols
    worst = [doubt for doubt in answer["doubts"] if doubt["severity"] != "note"]
    assert not worst, worst


@pytest.mark.parametrize("python, way, mode", matrix())
def test_stats_is_the_targets_own_text(arenascope, python, way, mode):
    env, options = MODES[mode]
    with stripped.copy_of(python, way) as copy, \
            copy.start("mixed_heap.py", 3, env=env, options=options) as target:
        target.wait_paused()
        blocks = int(target.out.split()[-1])
        result = arenascope.ok("stats", target.pid, "--no-cache")
        check_text(result.out, target.err, blocks)
        answer = arenascope.json("dump", target.pid, "--no-cache")
        check_provenance(answer)
        figures.check(answer)
        assert answer["allocated_blocks"] == blocks
        assert answer["target"]["python"].startswith(python.version_text)
        assert answer["target"]["debug_build"] == python.debug
        # 3.6 with "debug" puts the hooks before malloc, on a release build.
        no_pools = mode == "malloc" or (blocks == 0 and python.version < (3, 7))
        assert answer["target"]["allocator"] == ("malloc" if no_pools else "pymalloc")
        assert answer["target"]["debug_hooks"] == (
            mode.startswith("debug") or (python.debug and mode != "malloc"))
        assert bool(answer["target"]["hooks"]) == mode.endswith("tracemalloc")


@pytest.mark.parametrize("size", [0, 40])
@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_heaps_of_all_sizes(arenascope, python, size):
    with stripped.copy_of(python, "sectionless") as copy, \
            copy.start("mixed_heap.py", size) as target:
        target.wait_paused()
        assert arenascope.ok("stats", target.pid, "--no-cache").out == target.err


def kept(text):
    """Lengths of free lists, as the target prints them."""
    return [int(n) for n in re.findall(r"^ *(\d+) free .*Py\w+ \* \d+ bytes each", text, re.M)]


@pytest.mark.parametrize("python", [it for it in ONE_OF_EACH if it.version >= (3, 13)], ids=str)
def test_empty_free_lists_lie_where_they_are_recorded(arenascope, python):
    """They have no members that could bear them out: a collection was full, and the target rests."""
    with stripped.copy_of(python, "stripped") as copy, copy.start("mixed_heap.py", 1, "collected") as target:
        target.wait_paused()
        assert kept(target.err) == [0] * 24
        assert arenascope.ok("stats", target.pid, "--no-cache").out == target.err
        assert arenascope.run("why", target.pid, "--no-cache").code == 0


@pytest.mark.parametrize("python", [it for it in ONE_OF_EACH if it.version >= (3, 13)], ids=str)
def test_mimalloc_is_walked(arenascope, python):
    """By structure alone: the shape of a page is the one with which whole segments make sense."""
    with stripped.copy_of(python, "stripped") as copy, \
            copy.start("mixed_heap.py", 1, env={"PYTHONMALLOC": "mimalloc"}) as target:
        target.wait_paused()
        answer = arenascope.run("dump", target.pid, "--no-cache", "--json").json
        assert answer["target"]["allocator"] == "mimalloc"
        heaps = answer["interpreters"][0]["mimalloc"]["heaps"]
        assert [heap["kind"] for heap in heaps] == ["mem"]
        printed = dict(re.findall(r"Allocated (Blocks|Bytes w/ Overhead): (\d+)", target.err))
        assert heaps[0]["used_blocks"] == int(printed["Blocks"])
        assert heaps[0]["used_bytes"] == int(printed["Bytes w/ Overhead"])
        check_provenance(answer)
        counts = kept(target.err)
        assert len(counts) == 24 and [it["count"] for it in answer["interpreters"][0]["free_lists"]] == counts
        assert arenascope.run("stats", target.pid, "--no-cache").code == 5
        assert all(arenascope.run(verb, target.pid, "--no-cache").code == 0 for verb in ("types", "why"))


@pytest.mark.parametrize("python", interpreters.free_threaded(), ids=str)
def test_without_the_gil(arenascope, python):
    """What it says of itself, and the shapes of objects and pages, are enough."""
    with stripped.copy_of(python, "stripped") as copy, copy.start("held.py") as target:
        target.wait_paused()
        answer = arenascope.json("types", target.pid, "--no-cache")
        check_provenance(answer)
        assert {row["type"]: row["count"] for row in answer["types"]}["__main__.Session"] == 3000
        roots = {root["root"] for root in arenascope.json("why", target.pid, "--no-cache")["why"]["holders"]}
        assert {"__main__.CACHE", "__main__.Session.kept", "__main__.main() local"} <= roots


@pytest.mark.parametrize("kinds", [["isolated"], ["legacy"], ["isolated", "legacy", "isolated"]],
                         ids="+".join)
@pytest.mark.parametrize("python", [it for it in MODERN if it.version >= (3, 12)], ids=str)
def test_subinterpreters(arenascope, python, kinds):
    folder = tempfile.mkdtemp(dir=os.path.join(python.root, "tmp"), prefix="arenascope-")
    inside = "/" + os.path.relpath(folder, python.root)
    try:
        with stripped.copy_of(python, "stripped") as copy, \
                copy.start("subinterpreters.py", inside, *kinds) as target:
            target.wait_paused()
            expected = targets.read(folder + "/stats-main")
            for position, kind in enumerate(kinds):
                if kind == "isolated":
                    expected += "# interpreter %d\n" % (position + 1)
                    expected += targets.read("%s/stats-%d" % (folder, position + 1))
            assert arenascope.ok("stats", target.pid, "--no-cache").out == expected
            answer = arenascope.json("dump", target.pid, "--no-cache")
            check_provenance(answer)
            assert answer["allocated_blocks"] == int(target.out.split()[-1])
            shares = [it["shares_main"] for it in answer["interpreters"]]
            assert shares == [False] + [kind == "legacy" for kind in kinds]
            figures.check(answer)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_a_busy_target_is_found_too(arenascope, python):
    """What changes under the scan is tried again: each time the one answer, and consistent."""
    with stripped.copy_of(python, "stripped") as copy, copy.start("busy.py", 4) as target:
        target.wait_ready()
        for _ in range(5):
            result = arenascope.run("dump", target.pid, "--exact", "--json", "--no-cache")
            assert result.code in (0, 7), result
            answer = result.json
            assert answer["interpreters"][0]["pymalloc"]["arena_list"]
            if not [d for d in answer["doubts"] if d["severity"] != "note"]:
                figures.check(answer)


@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_doctor_tells_what_was_found_and_what_was_not(arenascope, python):
    with stripped.copy_of(python, "sectionless") as copy, \
            copy.start("mixed_heap.py", 0) as target:
        target.wait_paused()
        text = " ".join(arenascope.ok("doctor", target.pid, "--no-cache").out.split())
        for expected in ("no debug information in it", "scan: pool table: at 0x",
                         "32 size classes", "refused", "scan: allocators: 1 sets of records"):
            assert expected in text, (expected, text)
        file = ("32 size classes", ", as the module tells, ") if python.version < (3, 13) else (
            "0 found, 0 of another length; from 3.13 on it is made at run time",)
        assert "pool table in the file's " in text, text
        assert all(part in text for part in file), text
        where = "scan: arenas: 1 found" if python.version < (3, 12) else "of the main interpreter"
        assert where in text, text
        dump = " ".join(arenascope.ok("dump", target.pid, "--no-cache").out.split())
        assert "found by structure in memory" in dump, dump


@pytest.mark.parametrize("python", [it for it in ONE_OF_EACH if it.version < (3, 12)
                                    and it.module.endswith(".so.1.0")], ids=str)
def test_a_file_and_memory_that_disagree_are_no_answer(arenascope, python):
    """The program is not told which of two places is right: it does not choose one."""
    with stripped.copy_of(python, "sectionless") as copy:
        with copy.start("mixed_heap.py", 0) as target:
            target.wait_paused()
            assert arenascope.run("stats", target.pid, "--no-cache").code == 0
            assert stripped.move_pool_table(copy.module, 64) >= 64
            result = arenascope.run("stats", target.pid, "--no-cache")
            assert result.code == 6, result
            assert "in memory pymalloc's table of pools is at 0x" in result.err, result
            assert "by the module's relocations or data at 0x" in result.err, result


@pytest.mark.parametrize("python", MODERN, ids=str)
def test_symbols_are_checked_against_memory(arenascope, python):
    with targets.start_program(python, "mixed_heap.py", 0) as target:
        target.wait_paused()
        text = " ".join(arenascope.ok("doctor", target.pid, "--no-cache").out.split())
        assert "cross-check in memory: usedpools and arenas look as they must" in text, text


def table_of(text):
    """The lines before those of the free lists."""
    lines = text.splitlines()
    first = [number for number, line in enumerate(lines) if " free " in line and "Py" in line][0]
    return lines[:first]


@pytest.mark.parametrize("python", [it for it in ONE_OF_EACH if (3, 11) <= it.version < (3, 15)],
                         ids=str)
def test_a_version_that_nobody_knows(arenascope, python):
    """One that says to be 3.17: memory is believed as far as it goes, and it is said how far."""
    major, minor, micro = python.version
    old = major << 24 | minor << 16 | micro << 8 | 0xf0
    with stripped.copy_of(python, "stripped") as copy:
        assert stripped.pretend_version(copy.module, old, 0x031100f0)
        with copy.start("mixed_heap.py", 2) as target:
            target.wait_paused()
            result = arenascope.run("stats", target.pid, "--no-cache")
            assert result.code == 7, result
            assert table_of(result.out) == table_of(target.err)
            rest = result.out.splitlines()[len(table_of(target.err)):]
            assert rest and all("?" in line for line in rest), rest
            answer = arenascope.run("dump", target.pid, "--no-cache", "--json").json
            assert answer["target"]["python"] == "3.17.0"
            said = [d for d in answer["doubts"] if d["kind"] == "layout_unverified"]
            assert len(said) == 1 and "unverified layout" in said[0]["detail"], answer["doubts"]
            figures.check(answer)
            for verb, severity in (("dump", "partial"), ("ledger", "note")):  # which tells of no lengths
                doubts = arenascope.run(verb, target.pid, "--no-cache", "--json").json["doubts"]
                assert [it["severity"] for it in doubts if "free lists" in it["detail"]] == [severity], doubts


def heap_of(arenascope, target):
    answer = arenascope.json("dump", target.pid, "--no-cache")
    figures.check(answer)
    check_provenance(answer)
    return answer["interpreters"][0]["pymalloc"]


@pytest.mark.parametrize("way", stripped.WAYS)
@pytest.mark.parametrize("python", OLD, ids=str)
def test_python_2_by_exact_deltas(arenascope, python, way):
    """2.7 gives no account of itself: what is added must appear, in its class."""
    count = 10007
    with stripped.copy_of(python, way) as copy, copy.start("steps.py", count) as target:
        target.wait_paused()
        heap = heap_of(arenascope, target)
        before, unit = figures.blocks_of(heap), heap["alignment"]
        for position, size in enumerate([16, 32 + 24 + 25 * 8, 37 + 5]):
            target.signal(signal.SIGUSR1)
            done = position + 1
            target.wait_for(lambda: target.out.count("DONE") == done and target.paused(), "step")
            after = figures.blocks_of(heap_of(arenascope, target))
            grown = {c: after[c] - before.get(c, 0) for c in after if after[c] != before.get(c, 0)}
            assert grown.pop((size + unit - 1) // unit * unit) == count
            assert sum(map(abs, grown.values())) <= 2  # argument tuples of the calls between
            before = after


@pytest.mark.parametrize("way", stripped.WAYS)
@pytest.mark.parametrize("python", OLD, ids=str)
def test_python_2_gets_the_same_table(arenascope, python, way):
    """Stripped or not, the text is the same but for what differs between two processes' addresses."""
    with stripped.copy_of(python, way) as copy, copy.start("mixed_heap.py", 3) as target:
        target.wait_for(target.paused, "pause")
        text = arenascope.ok("stats", target.pid, "--no-cache").out
        heap = heap_of(arenascope, target)
    assert "?" not in text
    rows = [line.split() for line in text.splitlines() if len(line.split()) == 5
            and line.split()[0].isdigit()]
    assert [(int(r[1]), int(r[2]), int(r[3]), int(r[4])) for r in rows] == [
        (c["size"], c["pools"], c["used_blocks"], c["free_blocks"])
        for c in heap["classes"] if c["pools"]]
