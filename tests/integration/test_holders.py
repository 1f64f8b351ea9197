"""Who holds what: a target plants it, and says how much there is of each."""

import os
import re
import signal
import subprocess

import pytest

from support import cores, interpreters, targets, tool

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests/unit/holders/show_holders")
PYTHONS = interpreters.discover()[0]


class Holders:
    """What show_holders says."""

    def __init__(self, text):
        self.roots, self.objects, self.rows = {}, [], []
        self.sums = dict(re.findall(r"^(\w+)=(.*)$", text, re.M))
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word == "root":
                kind, size, count, name = rest.split(" ", 3)
                self.roots[name] = self.last = {"kind": kind, "bytes": int(size), "count": int(count),
                                                "types": {}, "chains": []}
            elif word == "type":
                size, count, name = rest.split(" ", 2)
                self.last["types"][name] = int(count)
            elif word == "chain":
                size, count, links = rest.split(" ", 2)
                self.last["chains"].append((int(count), links.split(" > ")))
            elif word == "object":
                self.objects.append(dict(re.findall(r"(\w+)=(\d+)", rest), referrers=[]))
            elif word == "object.referrer":
                self.objects[-1]["referrers"].append(rest.split(" ", 1)[1])
            elif word.startswith("object."):
                self.objects[-1][word[7:]] = rest
            elif word in ("garbage", "frozen", "leaked", "lost", "doubt"):
                self.rows.append((word, rest))

    def of(self, word):
        """{type: count} of garbage, frozen and leaked; {size: count} of lost."""
        rows = [rest.split(" ") for what, rest in self.rows if what == word]
        if word == "lost":
            return {int(size): int(count) for size, count in rows}
        return {name: int(count) for _, count, name in rows}

    def __getattr__(self, name):
        return int(self.sums[name])


def holders_of(cache, target, *arguments):
    done = subprocess.run([PROGRAM] + list(arguments) + [str(target)], env=tool.environment(cache),
                          capture_output=True, encoding="utf-8", timeout=tool.TIMEOUT, check=False)
    assert done.returncode == 0 and "Sanitizer" not in done.stderr, done
    return Holders(done.stdout)


def told(target):
    return {name: int(at) for name, at in (line.split(" ") for line in target.out.splitlines())}


def nearly(count, expected, most=0.04):
    """Nothing is counted twice; a few are reached by old words: on a stack, behind the last of a free list, at a block's end."""
    return expected * (1 - most) <= count <= expected


def check_roots(holders, python):
    cache = holders.roots["__main__.CACHE"]
    assert cache["kind"] == "module_global"
    assert cache["types"]["__main__.Session"] == 3000
    count, links = cache["chains"][0]
    assert count == 3000
    assert links[0] == "__main__.CACHE" and links[1].startswith("dict") and links[2] == "__main__.Session"
    head = holders.roots["__main__.HEAD"]
    assert head["types"]["__main__.Node"] == 2000
    # 2.7 keeps floats in memory of its own, many to a chunk.
    assert head["types"].get("float") == (2000 if python.version >= (3, 0) else None)
    assert holders.roots["__main__.TEXTS"]["count"] == 1501
    kept = holders.roots["__main__.Session.kept"]
    assert kept["kind"] == "class_attribute" and nearly(kept["types"]["str"], 2000, 0.005)
    local = holders.roots["__main__.main() local"]
    assert (local["kind"], local["count"]) == ("frame_local", 1201)
    assert holders.roots["__main__.GENERATOR"]["types"]["str"] >= 1000


def check_rest(holders):
    assert nearly(holders.of("garbage")["__main__.Garbage"], 2000)
    assert nearly(holders.of("leaked")["__main__.Leaked"], 500)
    assert nearly(holders.of("leaked")["list"], 500)
    assert nearly(holders.of("lost")[1000], 1000)
    assert not [size for size in holders.of("lost") if 3000 <= size <= 3016]
    assert holders.lost_bytes < 1000 * 1000 + 100000
    assert holders.unreached_bytes < 10000
    assert holders.leaked_count < 2100
    assert holders.complete == 1 and holders.gc_enabled == 0


def check_objects(holders, python):
    session, rows, third, text, local, kept = holders.objects
    for one in holders.objects:
        assert one["found"] == "1" and one["dead"] == "0"
        assert int(one["references"]) >= int(one["refcount"]) >= 1
    assert session["type"] == "__main__.Session"
    assert re.match(r"\d+ 1 __main__\.CACHE > dict.* > __main__\.Session$", session["chain"])
    attribute = "__main__.Session .rows" if python.version >= (3, 11) else "dict .rows"
    if python.version >= (3, 0): # in 2.7 which dict is an instance's is not seen from the dict
        assert attribute in rows["referrers"]
    assert rows["type"] == "list" and rows["preview"].startswith("list of 2")
    assert third["chain"].endswith("__main__.Node.following > __main__.Node.following > __main__.Node")
    assert "list [5]" in text["referrers"]
    assert local["chain"].split(" ", 2)[2] == "__main__.main() local > list"
    assert kept["chain"].split(" ", 2)[2] == "__main__.Session.kept > list"


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_what_was_planted(cache, python):
    with targets.start_program(python, "held.py") as target:
        target.wait_paused()
        asked = ["--object=%d" % at for at in told(target).values()]
        holders = holders_of(cache, target.pid, *asked)
        check_roots(holders, python)
        check_rest(holders)
        check_objects(holders, python)


def row_of(holders, name, expected):
    """What follows the root's name in the row that most of those asked are on: so many hang there, but for one or two of which
    some old word on a stack is nearer."""
    rows = [one["path"].split(" ", 2)[1:] for one in holders.objects if one["type"] == "__main__." + name]
    count, links = max(rows, key=lambda row: int(row[0]))
    assert nearly(int(count), expected), rows
    return links.split(" > ")[1:-1]


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_rows_name_the_attribute_that_all_hang_on(cache, python):
    """And none where some hang on another. 2.7's dicts do not tell whose attributes they are."""
    service = ["__main__.Service"] if python.version >= (3, 11) else ["__main__.Service.__dict__", "dict"]
    sessions, flights = (service[:-1] + [service[-1] + name] if python.version >= (3, 0) else service
                         for name in (".sessions", ".flights"))
    with targets.start_program(python, "rows.py") as target:
        target.wait_paused()
        holders = holders_of(cache, target.pid, *["--object=%d" % at for at in told(target).values()])
    assert row_of(holders, "Session", 100) == sessions + ["dict"]
    assert row_of(holders, "Flight", 100) == flights + ["dict"]
    assert row_of(holders, "Member", 1000) == ["list"] + sessions + ["dict"]
    assert row_of(holders, "Guest", 1000) == ["list"] + flights + ["dict"]
    assert row_of(holders, "Stray", 1000) == ["list"] + service + ["dict"]
    assert row_of(holders, "Left", 1000) == ["list", "__main__.Pair.left", "list"]


@pytest.mark.parametrize("python", [it for it in PYTHONS if not it.free_threaded], ids=str)
def test_what_free_lists_have_let_go_they_do_not_hold(cache, python):
    with targets.start_program(python, "leftovers.py") as target:
        target.wait_for(lambda: "READY" in target.out and target.paused(), "pause")
        garbage = holders_of(cache, target.pid).of("garbage")
    assert nearly(garbage.get("__main__.InList", 0), 80) and nearly(garbage.get("__main__.InDict", 0), 80), garbage


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_rows_name_the_variable_that_all_hang_on(cache, python):
    """With its function, whether that has ended and left a closure, or runs; none where functions differ. What a code object is
    called with all around it is known from 3.11 on, and generators have frames of their own up to 3.10."""
    new = python.version >= (3, 11)
    function = "function __main__.make.<locals>.handle() kept" if new else "function __main__.handle() kept"
    running, either = (["generator __main__.run() page"], ["generator"]) if new else (
        ["generator.gi_frame", "frame __main__.run() page"], ["generator.gi_frame", "frame"])
    with targets.start_program(python, "rows.py") as target:
        target.wait_paused()
        at = told(target)
        holders = holders_of(cache, target.pid, *["--object=%d" % it for it in at.values()])
    assert row_of(holders, "Enclosed", 1000) == ["list", function, "list"]
    assert row_of(holders, "Running", 1000) == ["list"] + running + ["list"]
    assert row_of(holders, "Halved", 1000) == ["list"] + either + ["list"]
    assert row_of(holders, "Divided", 1000) == ["list", "function.__closure__", "tuple", "cell", "list"]
    for root, links in ("HANDLERS", [function]), ("CURSORS", running):  # not at the hundred functions, and what runs them
        assert holders.roots["__main__." + root]["chains"][0][1][1:] == ["list"] + links + ["list"]
    chains = [one["chain"] for one in holders.objects if one["type"] == "__main__.Enclosed"]
    assert any(one.endswith("] > %s > list[0] > __main__.Enclosed" % function) for one in chains), chains


FREEZING = [it for it in PYTHONS if it.version >= (3, 7)]
PLANTED = ("Early", "Hung", "Late", "Held", "Known")


def start_frozen(python):
    return targets.start_program(python, "frozen.py", 1000)


def wait_frozen(target):
    target.wait_for(lambda: "READY" in target.out and target.paused(), "pause")
    return target


def planted(holders):
    """{(what, class): count} of garbage, frozen or not."""
    return {(what, name): holders.of(what).get("__main__." + name, 0) for what in ("frozen", "garbage") for name in PLANTED}


def lives(target, when):
    return {name: int(n) for name, n in re.findall(r"^%s (\w+) (\d+)$" % when, target.out, re.M)}


@pytest.mark.parametrize("python", FREEZING, ids=str)
def test_what_is_frozen_no_collection_frees(cache, python):
    """Nor what hangs on it; what is frozen and hangs on garbage alone goes with that. The target collects, and counts what is left."""
    with start_frozen(python) as target:
        found = holders_of(cache, wait_frozen(target).pid)
        target.signal(signal.SIGUSR1)
        target.wait_for(lambda: "DONE" in target.out, "collection")
        left, then = lives(target, "left"), lives(target, "then")
    assert not [row for row in found.rows if row[0] == "doubt" and row[1].startswith("frozen")], found.rows
    counts = planted(found)
    for name in PLANTED[:4]:
        stays, goes = ("frozen", "garbage") if left[name] else ("garbage", "frozen")
        assert left[name] in (0, 1000) and then[name] == 0
        assert nearly(counts[stays, name], 1000) and counts[goes, name] <= 40, counts
    assert left["Known"] == then["Known"] == 1000 and not counts["frozen", "Known"] + counts["garbage", "Known"]


@pytest.mark.parametrize("python", [it for it in FREEZING if it.root == "/" and it.version >= (3, 11)
                                    and not it.free_threaded], ids=str)
def test_files_tell_what_is_frozen(arenascope, cache, python):
    with start_frozen(python) as target, cores.folder() as folder:
        live = planted(holders_of(cache, wait_frozen(target).pid))
        whole, blanked = os.path.join(folder, "whole"), os.path.join(folder, "blanked")
        arenascope.ok("snapshot", target.pid, "-o", whole, "--contents")
        arenascope.ok("snapshot", target.pid, "-o", blanked)
        files = [("--read", whole), ("--read", blanked), ("--core", cores.gcore(target, folder))]
        saved = [planted(holders_of(cache, file, option)) for option, file in files]
    assert nearly(live["frozen", "Early"], 1000)
    for one in saved:  # a core has other old words on its stacks
        assert all(abs(one[key] - live[key]) <= 5 for key in live), (one, live)


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_what_a_file_is_to_be_told_holds_nothing(cache, python):
    """Addresses in its buffer, of bytes that are written to it or of what was in that memory before."""
    with targets.start_program(python, "rows.py") as target:
        target.wait_paused()
        holders = holders_of(cache, target.pid, *["--object=%d" % it for it in told(target).values()])
    assert row_of(holders, "Written", 1000) == ["list", "list"]  # those between are one: lists in lists
    # 2.7's id() leaves its number in memory of ints.
    assert holders.roots["__main__.JOURNAL"]["types"].get("__main__.Written", 0) <= (2 if python.version < (3, 0) else 0)


# ---- counts of references ----------------------------------------------------------------------------------

THREADS = interpreters.free_threaded() + [it for it in PYTHONS if it.version[:2] == (3, 13) and not it.debug
                                          and not it.free_threaded and it.root == "/"][:1]


def counted(cache, python, mode):
    """What is said of them, and then {class: how many a collection has left}."""
    with targets.start_program(python, "counted.py", mode) as target:
        target.wait_for(lambda: "READY" in target.out and target.paused(), "pause")
        holders = holders_of(cache, target.pid)
        target.signal(signal.SIGUSR1)
        target.wait_for(lambda: "DONE" in target.out, "collection")
        return holders, {name: int(n) for name, n in re.findall(r"^left (\w+) (\d+)$", target.out, re.M)}


@pytest.mark.parametrize("python", THREADS, ids=str)
def test_what_the_collector_would_free_is_garbage(cache, python):
    """Without the GIL functions have one reference that nobody holds: that is no leak."""
    holders, left = counted(cache, python, "alone")
    assert left == {"Cycle": 0, "Payload": 0}
    garbage = holders.of("garbage")
    assert garbage["__main__.Cycle"] == 1000
    assert holders.leaked_count == 0, holders.rows
    if python.free_threaded:  # with it the last ones to run are kept in a table of the interpreter's own
        assert nearly(garbage["__main__.Payload"], 200) and nearly(garbage["dict"], 200)
        assert garbage["function"] >= 192


@pytest.mark.parametrize("python", THREADS, ids=str)
def test_references_of_many_threads_are_one_count(cache, python):
    """Made by one thread, held, dropped and forgotten by others."""
    holders, left = counted(cache, python, "threads")
    assert left["Cycle"] == left["Queued"] == 0 and left["Lent"] == 500
    assert holders.of("garbage")["__main__.Cycle"] == 1000
    assert nearly(holders.of("leaked")["__main__.Lent"], 500)
    assert holders.leaked_count <= 510, holders.rows
    assert holders.roots["__main__.SHARED"]["types"]["__main__.Shared"] == 1000
    assert holders.roots["__main__.GROWN"]["types"]["__main__.Grown"] == 2000
    assert (left["Payload"] > 0) == python.free_threaded
    if not python.free_threaded:
        return
    # What other threads have dropped waits for the one that made it.
    queued = {name.split(": ")[1]: root for name, root in holders.roots.items() if "__main__.Queued" in root["types"]}
    assert {root["kind"] for root in queued.values()} == {"thread"}
    assert sum(root["types"]["__main__.Queued"] for root in queued.values()) == 1000
    # Old words in the tables of lists that were emptied, freed but not yet, lead to them as well.
    assert set(queued) <= {"objects that wait for it", "freed memory that waits"}
    assert "objects that wait for it" in queued
    freed = [root for name, root in holders.roots.items() if name.endswith(": freed memory that waits")]
    assert sum(root["bytes"] for root in freed) >= 2 * 8 * 1000
    # And functions are kept for ever, with all that hangs on them: no collection would give them back.
    assert not {"__main__.Payload", "function"} & set(holders.of("garbage"))
    assert left["Payload"] == 200 and holders.unreached_count >= 200
