"""The target says the right answer: what arenascope reads is what the interpreter says of itself."""

import os
import shutil
import signal
import tempfile

import pytest

from support import figures, interpreters, targets

MODES = {
    "plain": ({}, ()),
    "debug": ({"PYTHONMALLOC": "debug"}, ()),
    "malloc": ({"PYTHONMALLOC": "malloc"}, ()),
    "tracemalloc": ({}, ("-X", "tracemalloc")),
    "dev": ({}, ("-X", "dev")),
    "debug+tracemalloc": ({"PYTHONMALLOC": "debug"}, ("-X", "tracemalloc")),
}
KNOWN = interpreters.with_debug_info()
MODERN = [it for it in KNOWN if it.version >= (3, 6)]
OLD = [it for it in KNOWN if it.version < (3, 0)]


def matrix():
    for it in MODERN:
        for mode in MODES:
            if mode == "dev" and it.version < (3, 7):
                continue  # the option came with 3.7
            yield pytest.param(it, mode, id="%s-%s" % (it, mode))


def check_text(text, truth, blocks):
    """Byte for byte; where hooks hide the table from the interpreter itself, its lists still are."""
    if "Small block threshold" in truth or blocks == 0:
        assert text == truth
        return
    assert text.startswith("# "), text
    assert text.endswith("\n" + truth)
    assert "Small block threshold = 512, in " in text.splitlines()[1]


def check_answer(arenascope, target, *options):
    """Text, JSON and the target's own account agree."""
    blocks = int(target.out.split()[-1])
    assert target.out.split()[-2:] == [str(blocks)] * 2
    result = arenascope.ok("stats", target.pid, *options)
    check_text(result.out, target.err, blocks)
    answer = arenascope.json("dump", target.pid, *options)
    assert answer["allocated_blocks"] == blocks
    figures.check(answer)
    return answer


@pytest.mark.parametrize("python, mode", matrix())
def test_stats_is_the_targets_own_text(arenascope, python, mode):
    env, options = MODES[mode]
    with targets.start_program(python, "mixed_heap.py", 3, env=env, options=options) as target:
        target.wait_paused()
        answer = check_answer(arenascope, target)
        assert answer["target"]["python"].startswith(python.version_text)
        assert answer["target"]["debug_build"] == python.debug
        assert answer["target"]["build_id"] == python.build_id
        assert answer["target"]["pid"] == target.pid
        assert ("tracemalloc" in answer["target"]["hooks"]) == mode.endswith("tracemalloc")
        if mode == "malloc":
            assert answer["target"]["allocator"] == "malloc"
        if mode == "plain":
            assert answer["target"]["allocator"] == "pymalloc"
            assert answer["target"]["debug_hooks"] == python.debug


@pytest.mark.parametrize("size", [0, 50])
@pytest.mark.parametrize("python", [it for it in MODERN if not it.debug], ids=str)
def test_heaps_of_all_sizes(arenascope, python, size):
    with targets.start_program(python, "mixed_heap.py", size) as target:
        check_answer(arenascope, target.wait_paused())


@pytest.mark.parametrize("python", MODERN, ids=str)
def test_layout_comes_from_dwarf_and_then_from_the_cache(arenascope, python, tmp_path):
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    with targets.start_program(python, "mixed_heap.py", 1) as target:
        target.wait_paused()
        first = arenascope.json("dump", target.pid, "--no-cache", env=env)
        assert first["symbols"]["layout"] == "dwarf"
        assert first["symbols"]["roots"] in ("symtab", "dwarf")
        assert not os.listdir(tmp_path)
        arenascope.ok("dump", target.pid, env=env)
        again = arenascope.json("dump", target.pid, env=env)
        assert again["symbols"]["layout"] == "cache"
        assert figures.without_residency(again) == figures.without_residency(first)


@pytest.mark.parametrize("kinds", [["isolated"], ["legacy"], ["isolated", "legacy", "isolated"]],
                         ids="+".join)
@pytest.mark.parametrize("python", [it for it in MODERN if it.version >= (3, 12)], ids=str)
def test_subinterpreters(arenascope, python, kinds):
    folder = tempfile.mkdtemp(dir=os.path.join(python.root, "tmp"), prefix="arenascope-")
    inside = "/" + os.path.relpath(folder, python.root)
    try:
        with targets.start_program(python, "subinterpreters.py", inside, *kinds) as target:
            target.wait_paused()
            expected = targets.read(folder + "/stats-main")
            for position, kind in enumerate(kinds):
                if kind == "isolated":
                    expected += "# interpreter %d\n" % (position + 1)
                    expected += targets.read("%s/stats-%d" % (folder, position + 1))
            assert arenascope.ok("stats", target.pid).out == expected
            answer = arenascope.json("dump", target.pid)
            assert answer["allocated_blocks"] == int(target.out.split()[-1])
            shares = [it["shares_main"] for it in answer["interpreters"]]
            assert shares == [False] + [kind == "legacy" for kind in kinds]
            figures.check(answer)
    finally:
        shutil.rmtree(folder)


CONTAINER = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             'mount --bind "$0" "$0" && cd "$0" && pivot_root . . && exec "$@"']


@pytest.mark.parametrize("python", [it for it in MODERN if it.root != "/" and not it.debug],
                         ids=str)
def test_in_a_mount_namespace_of_its_own(arenascope, python):
    """As in a container: its paths mean nothing here, and its debug files lie in its own root."""
    program = targets.read(os.path.join(targets.PROGRAMS, "mixed_heap.py"))
    command = CONTAINER + [python.root, python.command[-1], "-c", program, "1"]
    with targets.start(command) as target:
        target.wait_paused()
        assert arenascope.ok("stats", target.pid, "--no-cache").out == target.err
        answer = arenascope.json("dump", target.pid, "--no-cache")
        assert answer["symbols"]["layout"] == "dwarf"
        assert answer["target"]["build_id"] == python.build_id


@pytest.mark.parametrize("python", MODERN[-1:] + MODERN[:1], ids=str)
def test_a_busy_target_is_exact_under_a_stop(arenascope, python):
    """Consistent by itself, although nobody can say what the moment's truth was."""
    with targets.start_program(python, "busy.py", 4) as target:
        target.wait_ready()
        for _ in range(3):
            answer = arenascope.run("dump", target.pid, "--exact", "--json").json
            assert answer["pause"]["mode"] == "stopped", answer["pause"]
            assert answer["pause"]["stops"] >= 1
            if not [d for d in answer["doubts"] if d["severity"] != "note"]:
                figures.check(answer)


def heap_of(arenascope, target):
    answer = arenascope.json("dump", target.pid)
    figures.check(answer)
    return answer["interpreters"][0]["pymalloc"]


@pytest.mark.parametrize("python", OLD, ids=str)
def test_python_2_by_exact_deltas(arenascope, python):
    """2.7 gives no account of itself: what is added must appear, in its class."""
    count = 10007
    with targets.start_program(python, "steps.py", count) as target:
        target.wait_paused()
        heap = heap_of(arenascope, target)
        before, unit = figures.blocks_of(heap), heap["alignment"]
        gc_head = 32  # three words, padded to the alignment of a long double
        for position, size in enumerate([16, gc_head + 24 + 25 * 8, 37 + 5]):
            target.signal(signal.SIGUSR1)
            done = position + 1
            target.wait_for(lambda: target.out.count("DONE") == done and target.paused(), "step")
            after = figures.blocks_of(heap_of(arenascope, target))
            grown = {c: after[c] - before.get(c, 0) for c in after if after[c] != before.get(c, 0)}
            assert grown.pop((size + unit - 1) // unit * unit) == count
            assert sum(map(abs, grown.values())) <= 2  # argument tuples of the calls between
            before = after


@pytest.mark.parametrize("python", OLD, ids=str)
def test_python_2_gets_the_same_table(arenascope, python):
    with targets.start_program(python, "mixed_heap.py", 3) as target:
        target.wait_for(target.paused, "pause")
        text = arenascope.ok("stats", target.pid).out
        answer = arenascope.json("dump", target.pid)
    figures.check(answer)
    heap = answer["interpreters"][0]["pymalloc"]
    assert text.startswith("Small block threshold = 512, in %d size classes.\n" % (
        512 // heap["alignment"]))
    rows = [line.split() for line in text.splitlines() if len(line.split()) == 5
            and line.split()[0].isdigit()]
    assert [(int(r[1]), int(r[2]), int(r[3]), int(r[4])) for r in rows] == [
        (c["size"], c["pools"], c["used_blocks"], c["free_blocks"])
        for c in heap["classes"] if c["pools"]]
