"""
What a census tells beside its rows of types, against programs that know it: dicts by their keys, arrays by what they
hold, strings by what they say; the same from one worker or many, from a copy or in windows.
"""

import collections
import os
import subprocess

import pytest

from support import interpreters, targets, tool

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests", "unit", "census", "show_census")
ALL = interpreters.discover()[0]
ONE_OF_EACH = list({it.version[:2]: it for it in ALL if not it.debug and not it.free_threaded}.values())
END = "\nimport signal, sys\nsys.stdout.write('READY\\n')\nsys.stdout.flush()\nsignal.pause()\n"


def ask(cache, pid, *options, wrap=()):
    done = subprocess.run([*wrap, PROGRAM, "--tables", *options, str(pid)], env=tool.environment(cache),
                          capture_output=True, timeout=tool.TIMEOUT, check=False)
    assert done.returncode == 0 and b"Sanitizer" not in done.stderr, done.stderr.decode()
    return done.stdout.decode()


def tables_of(text):
    """{table: [fields]}"""
    found = collections.defaultdict(list)
    for line in text.splitlines():
        table, _, rest = line.partition("\t")
        found[table].append(rest.split("\t"))
    return found


def look(cache, python, code, *options):
    with targets.start(python.command + ["-c", code + END]) as target:
        target.wait_ready().wait_paused()
        return tables_of(ask(cache, target.pid, *options))


RECORDS = """
class Plain(object):
    def __init__(self, i):
        self.first_name = i
        self.last_name = i
# Before 3.11 and after: all have a dict, so that all versions have the same.
people = [Plain(i) for i in range(700)]
dicts = [p.__dict__ for p in people]
import json
rows = json.loads(json.dumps([{"wage": i, "title": None, "since": i} for i in range(900)]))
numbered = [{i: i, i + 1: i} for i in range(300)]
"""


@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_dicts_by_their_keys(cache, python):
    hidden = look(cache, python, RECORDS)["signature"]
    shown = look(cache, python, RECORDS, "--contents")["signature"]
    attributes = [it for it in hidden if sorted(it[4:]) == ["first_name", "last_name"]]
    assert [it[:3] for it in attributes] == [["1", "2", "700"]]
    assert int(attributes[0][3]) >= 700 * 48
    rows = [it for it in shown if sorted(it[4:]) == ["since", "title", "wage"]]
    assert [it[:3] for it in rows] == [["0", "3", "900"]]
    assert int(rows[0][3]) >= 900 * 184
    # Keys of records are secret: counted, not told.
    assert ["0", "3", "900"] in [it[:3] for it in hidden if len(it) == 4]
    assert not [it for it in hidden if "wage" in it or "title" in it]


ARRAYS = """
from array import array
kept = [array("d", [0.5] * 100) for _ in range(20)] + [array("b", b"x" * 7) for _ in range(3)]
class Own(array):
    pass
kept.append(Own("h", [1, 2, 3]))
"""


@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_arrays_by_what_they_hold(cache, python):
    rows = {tuple([it[0], it[1]] + it[4:]): (int(it[2]), int(it[3])) for it in look(cache, python, ARRAYS)["array"]}
    count, size = rows["array.array", "d", "100"]
    assert count == 20 and 20 * 800 <= size <= 20 * 1000
    count, size = rows["array.array", "b", "7"]
    assert count == 3 and 21 <= size <= 60
    assert rows["__main__.Own", "h", "3"][0] == 1


NUMPY = """
import numpy
kept = [numpy.zeros((300, 4)) for _ in range(5)] + [numpy.arange(1000, dtype="int16")]
kept.append(numpy.array(["ab", "cdef"]))
kept.append(kept[0][10:20])
kept.append(numpy.array([object(), None], dtype=object))
kept.append(numpy.zeros((1, 2, 3, 4, 5, 6, 1, 2, 1, 1), dtype="bool"))
"""


def has_numpy(python):
    return subprocess.run(python.command + ["-c", "import numpy"], capture_output=True, check=False).returncode == 0


def test_arrays_of_numpy(cache):
    pythons = [it for it in ALL if not it.debug and has_numpy(it)]
    if not pythons:
        pytest.skip("no interpreter here has numpy")
    for python in pythons:
        rows = {tuple(it[1:2] + it[4:]): (int(it[2]), int(it[3]))
                for it in look(cache, python, NUMPY)["array"] if it[0] == "numpy.ndarray"}
        assert rows["float64", "300", "4"] == (5, 5 * 300 * 4 * 8)
        assert rows["int16", "1000"] == (1, 2000)
        assert rows["U4", "2"] == (1, 32)
        assert rows["float64", "10", "4"] == (1, 0)  # a view: the data are another's
        assert rows["object", "2"] == (1, 16)
        assert rows["bool", "1", "2", "3", "4", "5", "6", "1", "2"] == (1, 1440)


STRINGS = """
kept = ["one and the same %d" % (i // i) for i in range(1, 501)]
wide = [u"\\u20ac %d" % (i // i) for i in range(1, 61)]
alone = ["only once %d" % i for i in range(500)]
large = "L" * 300000
"""


@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_strings_by_what_they_say(cache, python):
    hidden = look(cache, python, STRINGS)
    assert not hidden["duplicate"] and not hidden["largest"]
    shown = look(cache, python, STRINGS, "--contents")
    duplicates = {it[3]: it[:3] for it in shown["duplicate"] if len(it) == 4}
    length, count, size = duplicates["one and the same 1"]
    assert (length, count) == ("18", "500") and int(size) >= 500 * 18
    if python.version >= (3, 0):  # 2.7's unicode is not what is called str there
        assert duplicates["\u20ac 1"][:2] == ["3", "60"]
    assert not [text for text in duplicates if text.startswith("only once")]
    largest = [it for it in shown["largest"] if it[0] == "300000"]
    assert largest and largest[0][3].startswith("LLLL") and len(largest[0][3]) < 1000
    sizes = [int(it[2]) for it in shown["largest"]]
    assert sizes == sorted(sizes, reverse=True)


# ---- the same, however it is worked out --------------------------------------------------------------------


MIXED = """
import collections, decimal, re
class Node(object):
    pass
nodes = []
for i in range(20000):
    node = Node()
    node.number = i
    node.parts = [str(i), (i, float(i)), {"k": [i]}]
    nodes.append(node)
kept = [collections.deque(range(200)), re.compile("a+b"), [decimal.Decimal(i) for i in range(100)]]
"""


def lasting(text):
    """Without what is of the moment: times, bytes copied."""
    passing = ("elapsed_us", "burst_us", "copied", "read_again", "streamed", "doubt")
    return [line for line in text.splitlines() if not line.startswith(passing)]


@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_one_worker_and_many_say_the_same(cache, python):
    with targets.start(python.command + ["-c", MIXED + END]) as target:
        target.wait_ready().wait_paused()
        many = lasting(ask(cache, target.pid))
        assert lasting(ask(cache, target.pid)) == many
        alone = ask(cache, target.pid, wrap=("taskset", "-c", "0"))
        assert lasting(alone) == many and "streamed=0" in alone.splitlines()


@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_windows_say_the_same_as_a_copy(cache, python):
    with targets.start(python.command + ["-c", MIXED + END]) as target:
        target.wait_ready().wait_paused()
        whole = ask(cache, target.pid)
        windows = ask(cache, target.pid, "--max-memory=22000000")
        assert "streamed=0" in whole.splitlines() and "streamed=1" in windows.splitlines()
        assert any(line.startswith("doubt census_streamed") for line in windows.splitlines())
        assert lasting(windows) == lasting(whole)


def test_too_little_memory_is_no_census(cache):
    python = ONE_OF_EACH[-1]
    with targets.start(python.command + ["-c", MIXED + END]) as target:
        target.wait_ready().wait_paused()
        text = ask(cache, target.pid, "--max-memory=12000000")
        assert "filled=0" in text.splitlines() and "blocks=0" in text.splitlines()
        assert any(line.startswith("doubt objects_unknown") for line in text.splitlines())


# ---- memory of an allocator that is not walked ---------------------------------------------------------------


JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"


@pytest.mark.skipif(not os.path.exists(JEMALLOC), reason="no jemalloc here")
@pytest.mark.parametrize("malloc", ["pymalloc", "malloc"])
@pytest.mark.parametrize("python", [it for it in ONE_OF_EACH if it.root == "/"][::2], ids=str)
def test_objects_in_memory_of_jemalloc(cache, python, malloc):
    """Large ones, or all: nothing tells where they are but what refers to them."""
    code = MIXED + "\nlarge = [tuple(range(100, 200)) for _ in range(300)]\nclass Tall(tuple):\n    pass\n" \
                   "tall = [Tall(range(100)) for _ in range(200)]\n"
    env = {"LD_PRELOAD": JEMALLOC, "PYTHONMALLOC": malloc}
    with targets.start(python.command + ["-c", code + END], env=env) as target:
        target.wait_ready().wait_paused()
        counts = {it[0]: int(it[1]) for it in tables_of(ask(cache, target.pid))["type"]}
    assert counts["__main__.Node"] == 20000
    assert counts["__main__.Tall"] == 200
    assert counts["decimal.Decimal" if python.version >= (3, 3) else "__main__.Node"] >= 100
