"""`types` and `why` as people ask them: order and limits, what is told apart, how much memory of ours, and what they leave."""

import os
import re
import subprocess
import time

import pytest

from support import closures, cores, culprits, interpreters, ledgers, targets

MIB = 1 << 20
SYSTEM = "/usr/bin/python3"
REST = "\nimport signal, sys\nsys.stdout.write('READY\\n')\nsys.stdout.flush()\nsignal.pause()\n"
PYTHONS = [it for it in interpreters.with_debug_info()
           if it.root == "/" and not it.debug and it.version[:2] in ((2, 7), (3, 8), (3, 11), (3, 13))]
KEYS = ("type", "count", "bytes", "buffer_bytes", "arenas")


def running(code, python=None):
    return targets.start((python.command if python else [SYSTEM]) + ["-c", code + REST])


def told(answer):
    return [answer["census"][key] for key in ("blocks", "objects", "buffers", "free_listed", "unexplained")], {(row["type"], row["count"], row["bytes"]) for row in answer["types"]}


# ---- order and limits ----------------------------------------------------------------------------------


def rows_of(text):
    """Figures of the table of types in a text, column by column."""
    table = text.split("TYPES", 1)[1].split("BUFFERS", 1)[0]
    return [line.split() for line in table.splitlines() if re.match(r" +[\d,]+ +[\d,]+ +[\d,]+ +[\d,-]+  \S", line)]


@pytest.mark.parametrize("key, column", [("count", 0), ("bytes", 1), (None, 2), ("arenas", 3)])
def test_rows_are_sorted_as_asked(arenascope, quiet, key, column):
    options = ("--sort", key) if key else ()
    rows = rows_of(arenascope.ok("types", quiet.pid, "--units", "bytes", "--limit", "40", *options).out)
    figures = [int(row[column].replace(",", "").replace("-", "0")) for row in rows]
    assert len(figures) > 20 and figures == sorted(figures, reverse=True)


def test_text_and_json_tell_the_same(arenascope, quiet):
    told = {row["type"]: row for row in arenascope.json("types", quiet.pid)["types"]}
    assert all(set(KEYS) <= set(row) for row in told.values())
    rows = rows_of(arenascope.ok("types", quiet.pid, "--units", "bytes").out)
    assert len(rows) >= 20
    for count, own, total, _, *name in rows:
        name = " ".join(name)
        if name not in told:  # it is cut at the page's edge, and dots stand for the rest
            continue
        row = told[name]
        assert [int(figure.replace(",", "")) for figure in (count, own, total)] == [
            row["count"], row["bytes"], row["bytes"] + row["buffer_bytes"]]


def test_a_limit_cuts_rows_and_nothing_else(arenascope, quiet):
    whole = arenascope.json("types", quiet.pid)
    cut = arenascope.json("types", quiet.pid, "--limit", "5")
    assert cut["types"] == whole["types"][:5] and told(cut)[0] == told(whole)[0]
    lines = [len(arenascope.ok("types", quiet.pid, "-l", n).out.splitlines()) for n in (5, 15)]
    assert 10 <= lines[1] - lines[0] <= 60  # each of its tables


def test_an_unknown_order_is_refused(arenascope, quiet):
    result = arenascope.run("types", quiet.pid, "--sort", "colour")
    assert result.code == 2 and "colour" in result.err


def test_dump_holds_the_same_census(arenascope, quiet):
    whole, part = arenascope.json("dump", quiet.pid), arenascope.json("types", quiet.pid)
    assert part["census"]["blocks"] > 10000
    if whole.get("census"):
        assert whole["census"] == part["census"] and whole["types"] == part["types"]


# ---- what is told apart --------------------------------------------------------------------------------


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_dicts_are_told_by_what_they_are_of(arenascope, python):
    """Those of instances and of modules from those that programs make; all have keys in common with others."""
    code = ("class Owner(object):\n    pass\nowners = []\nfor i in range(3000):\n    owners.append(Owner())\n"
            "    owners[-1].__dict__['a'] = i\n    vars(owners[-1])\n"
            "rows = [dict([('id', i), ('label', None)]) for i in range(4000)]\n")
    with running(code, python) as target:
        target.wait_ready().wait_paused()
        answer = arenascope.json("types", target.pid)
        opened = arenascope.json("types", target.pid, "--contents")["census"]
    counts = {row["type"]: row["count"] for row in answer["types"]}
    if python.version < (3, 13):  # from then on an instance has none until someone asks for it
        assert counts["dict of __main__.Owner"] == 3000
    assert counts["dict"] >= 4000
    dicts = [it for it in answer["census"]["dicts"] if it["n_keys"] == 2 and not it["attributes"]]
    assert dicts[0]["count"] >= 4000 and not dicts[0]["keys"]
    named = [it for it in opened["dicts"] if sorted(it["keys"]) == ["id", "label"]]
    assert len(named) == 1 and named[0]["count"] == 4000


@pytest.mark.skipif(not culprits.has_numpy(), reason="no numpy here")
def test_arrays_are_told_by_what_they_hold(arenascope):
    code = ("import numpy\nkept = [numpy.zeros((300, 7), dtype='float32') for _ in range(20)]\n"
            "kept += [numpy.ones(12345, dtype='int64') for _ in range(30)]\n")
    with running(code) as target:
        target.wait_ready().wait_paused()
        answer = arenascope.json("types", target.pid)
    rows = {row["type"]: row for row in answer["types"]}
    assert rows["numpy.ndarray"]["count"] >= 50
    assert rows["numpy.ndarray"]["buffer_bytes"] >= 20 * 300 * 7 * 4 + 30 * 12345 * 8
    told = {(it["type"], it["dtype"], tuple(it["shape"])): (it["count"], it["data_bytes"])
            for it in answer["census"]["arrays"]}
    assert told["numpy.ndarray", "float32", (300, 7)] == (20, 20 * 300 * 7 * 4)
    assert told["numpy.ndarray", "int64", (12345,)] == (30, 30 * 12345 * 8)


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_strings_that_are_there_often_are_shown(arenascope, python):
    code = ("kept = ['twice told \\x1b[31m %d' % (i % 2) for i in range(6000)]\n"
            "large = 'a very long one ' * 40000\n")
    with running(code, python) as target:
        target.wait_ready().wait_paused()
        shown = arenascope.json("types", target.pid, "--contents")["census"]
        text = arenascope.ok("types", target.pid, "--contents").out
        hidden = arenascope.ok("types", target.pid).out
        closed = arenascope.json("types", target.pid)["census"]
    often = {it["text"]: it["count"] for it in shown["duplicates"]}
    assert sorted(count for words, count in often.items() if words.startswith("twice told")) == [3000, 3000]
    assert shown["largest"][0]["length"] == 16 * 40000 and shown["largest"][0]["text"].startswith("a very long")
    assert "twice told" in text and "\x1b" not in text
    assert "twice told" not in hidden and "very long" not in hidden
    assert not closed["duplicates"] and not any(it["text"] for it in closed["largest"])


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_large_objects_are_counted_too(arenascope, python):
    """Above 512 bytes they lie in malloc's memory."""
    code = ("class Big(object):\n    __slots__ = ['s%d' % i for i in range(100)]\nbig = [Big() for _ in range(2000)]\n"
            "class Row(tuple):\n    __slots__ = ()\nrows = [Row(range(90)) for _ in range(1000)]\n")
    with running(code, python) as target:
        target.wait_ready().wait_paused()
        answer = arenascope.json("types", target.pid)
    rows = {row["type"]: row for row in answer["types"]}
    assert rows["__main__.Big"]["count"] == 2000 and rows["__main__.Big"]["bytes"] >= 2000 * 816
    assert rows["__main__.Row"]["count"] == 1000
    assert answer["census"]["large_objects"] >= 3000


# ---- our memory ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", [it for it in PYTHONS if it.version >= (3, 8)], ids=str)
def test_with_little_memory_the_answer_is_the_same(release, python, say):
    """Streamed, and it says so."""
    with closures.start(python, 1) as (pid, _):
        free, most = release.weigh("types", pid, "--json")
        tight, little = release.weigh("types", pid, "--json", "--max-memory", "40M")
    say("%s: %.0f MiB, streamed %.0f MiB" % (python, most, little))
    assert told(free.json) == told(tight.json)
    assert little <= 40 < most
    assert tight.json["census"]["streamed"] and not free.json["census"]["streamed"]


def test_holders_keep_to_the_budget(release, python):
    """Or they are not sought, which is said."""
    found = []
    with closures.start(python, 1) as (pid, _):
        for budget in (24, 32, 48):
            answer, most = release.weigh("why", pid, "--json", "--max-memory", "%dM" % budget,
                                   codes=(0, 7))
            assert most <= budget
            holders = answer.json["why"]["holders"]
            doubts = {it["kind"] for it in answer.json["doubts"]} & {"holders_partial", "objects_unknown"}
            assert answer.code == (7 if doubts else 0) and bool(doubts) != bool(holders)
            found.append(bool(holders))
    assert found == sorted(found) and found[-1]


def test_large_leaves_are_never_copied(release, say):
    """300 MB of strings, and a few objects."""
    with running("kept = [bytes(bytearray(b'x') * (1 << 20)) for _ in range(300)]") as target:
        target.wait_ready().wait_paused()
        for verb in ("types", "why"):
            answer, most = release.weigh(verb, target.pid, "--json")
            say("%s: %.0f MiB" % (verb, most))
            assert most < 100
        rows = {row["type"]: row for row in answer.json.get("types") or []}
    assert not rows or rows["bytes"]["bytes"] + rows["bytes"]["buffer_bytes"] > 300 * MIB


# ---- what they leave ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["types", "why"])
@pytest.mark.parametrize("options", [(), ("--exact",), ("--no-pause",)], ids=["live", "exact", "no pause"])
def test_the_target_is_as_it_was(arenascope, python, verb, options):
    with targets.start(python.command + [culprits.FOLDER + "/pinned.py", "module_dict"],
                       preexec_fn=targets.without_huge_pages, env={"PYTHONDONTWRITEBYTECODE": "1"}) as target:
        target.wait_ready().wait_paused()
        ledgers.settle(target.pid)
        before = ledgers.held(target.pid)
        for _ in range(2):
            result = arenascope.run(verb, target.pid, *options)
            assert result.code in (0, 7), result
            target.wait_for(target.paused, "its rest")
            assert ledgers.held(target.pid) == before


@pytest.mark.parametrize("verb", ["types", "why"])
def test_nothing_is_traced_without_a_pause(release, quiet, verb):
    log = release.run(verb, quiet.pid, "--no-pause", wrap=["strace", "-f", "-qq", "-e", "trace=ptrace"])
    assert log.code in (0, 7) and "ptrace(" not in log.err, log.err[:2000]


def test_a_target_that_ends_meanwhile(arenascope, python):
    with closures.start(python, 1) as (pid, _):
        process = arenascope.start("why", pid, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with process:
            time.sleep(0.3)
            os.kill(pid, 9)
            error = process.stderr.read().decode()
        assert process.returncode in (0, 4, 7), error
        assert "Sanitizer" not in error


# ---- what several own ------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", [it for it in PYTHONS if it.version >= (3, 8)], ids=str)
def test_what_several_own_has_the_same_owner_each_time(release, python, tmp_path):
    """Tables of keys that dicts of two classes and of none share: whichever worker comes to which first."""
    with targets.start_program(python, "shared.py", 600) as target:
        target.wait_ready().wait_paused()
        rows = [release.json("types", target.pid)["types"] for _ in range(8)]
        file, core = str(tmp_path / "file"), cores.gcore(target, str(tmp_path))
        release.ok("snapshot", target.pid, "-o", file)
        rows += [release.json("types", it)["types"] for it in (file, core)]
    of = {row["type"]: row["buffer_count"] for row in rows[0] if row["type"].startswith("dict of __main__.O")}
    assert len(of) == 2 and sum(of.values()) >= 600, of  # a table for each family, never a copy's
    assert all(each == rows[0] for each in rows)
