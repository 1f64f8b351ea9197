"""`types` and `why` as people ask them: order and limits, what is told apart, how much memory of ours, and what they leave."""

import os
import re
import subprocess
import time

import pytest

from support import closures, culprits, interpreters, ledgers, targets

MIB = 1 << 20
SYSTEM = "/usr/bin/python3"
REST = "\nimport signal, sys\nsys.stdout.write('READY\\n')\nsys.stdout.flush()\nsignal.pause()\n"
PYTHONS = [it for it in interpreters.with_debug_info()
           if it.root == "/" and not it.debug and it.version[:2] in ((2, 7), (3, 8), (3, 11), (3, 13))]
KEYS = ("type", "count", "bytes", "buffer_bytes", "arenas")

# Runs a command and says how much anonymous memory it had at the most, as far as looking tells.
PEAK = """
import os, re, sys, time
pid = os.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
most = 0
while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
    try:
        text = open('/proc/%d/status' % pid).read()
        most = max(most, int((re.findall(r'RssAnon:\\s+(\\d+)', text) or [0])[0]))
    except OSError:
        pass
    time.sleep(0.0005)
sys.stderr.write('\\nPEAK %d\\n' % most)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def running(code, python=None):
    return targets.start((python.command if python else [SYSTEM]) + ["-c", code + REST])


def peak_of(tool, *arguments):
    """(the answer, MiB of anonymous memory that the tool had at most)"""
    done = tool.run(*arguments, wrap=[SYSTEM, "-c", PEAK])
    assert done.code == 0, done
    return done, int(re.findall(r"^PEAK (\d+)$", done.err, re.M)[-1]) / 1024


# ---- order and limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["count", "bytes", "arenas"])
def test_rows_are_sorted_as_asked(arenascope, quiet, key):
    rows = arenascope.json("types", quiet.pid, "--sort", key)["types"]
    figures = [row[key] for row in rows]
    assert len(rows) > 30 and figures == sorted(figures, reverse=True)
    assert set(KEYS) <= set(rows[0])


def test_a_limit_cuts_rows_and_nothing_else(arenascope, quiet):
    whole = arenascope.json("types", quiet.pid)
    cut = arenascope.json("types", quiet.pid, "--limit", "5")
    assert cut["types"] == whole["types"][:5] and cut["census"] == whole["census"]
    lines = [len(arenascope.ok("types", quiet.pid, "-l", n).out.splitlines()) for n in (5, 15)]
    assert 0 < lines[1] - lines[0] <= 10


def test_an_unknown_order_is_refused(arenascope, quiet):
    result = arenascope.run("types", quiet.pid, "--sort", "colour")
    assert result.code == 2 and "colour" in result.err


def test_dump_holds_the_same_census(arenascope, quiet):
    whole, part = arenascope.json("dump", quiet.pid), arenascope.json("types", quiet.pid)
    assert part["census"]["blocks"] == whole["allocated_blocks"]
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
        rows = arenascope.json("types", target.pid)["types"]
        text = arenascope.ok("types", target.pid, "--contents").out
    counts = {row["type"]: row["count"] for row in rows}
    if python.version < (3, 13):  # from then on an instance has none until someone asks for it
        assert counts["dict of __main__.Owner"] == 3000
    assert counts["dict"] >= 4000
    assert "id" in text and "label" in text and re.search(r"4,?000", text)


@pytest.mark.skipif(not culprits.has_numpy(), reason="no numpy here")
def test_arrays_are_told_by_what_they_hold(arenascope):
    code = ("import numpy\nkept = [numpy.zeros((300, 7), dtype='float32') for _ in range(20)]\n"
            "kept += [numpy.ones(12345, dtype='int64') for _ in range(30)]\n")
    with running(code) as target:
        target.wait_ready().wait_paused()
        rows = {row["type"]: row for row in arenascope.json("types", target.pid)["types"]}
        text = arenascope.ok("types", target.pid).out
    arrays = rows["numpy.ndarray"]
    assert arrays["count"] >= 50
    assert arrays["buffer_bytes"] >= 20 * 300 * 7 * 4 + 30 * 12345 * 8
    assert re.search(r"float32.*300.{1,4}7", text) and re.search(r"int64.*12,?345", text), text


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_strings_that_are_there_often_are_shown(arenascope, python):
    code = ("kept = ['twice told \\x1b[31m %d' % (i % 2) for i in range(6000)]\n"
            "large = 'a very long one ' * 40000\n")
    with running(code, python) as target:
        target.wait_ready().wait_paused()
        shown = arenascope.ok("types", target.pid, "--contents").out
        hidden = arenascope.ok("types", target.pid).out
    assert "twice told" in shown and re.search(r"3,?000", shown) and "a very long one" in shown
    assert "\x1b" not in shown
    assert "twice told" not in hidden and "very long" not in hidden


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


def told(answer):
    return answer["census"], {(row["type"], row["count"], row["bytes"]) for row in answer["types"]}


@pytest.mark.parametrize("python", [it for it in PYTHONS if it.version >= (3, 8)], ids=str)
def test_with_little_memory_the_answer_is_the_same(release, python, say):
    """Streamed, and it says so."""
    with closures.start(python, 1) as (pid, _):
        free, most = peak_of(release, "types", pid, "--json")
        tight, little = peak_of(release, "types", pid, "--json", "--max-memory", "40M")
    say("%s: %.0f MiB, streamed %.0f MiB" % (python, most, little))
    assert told(free.json) == told(tight.json)
    assert little <= 40 < most
    assert any("stream" in it["kind"] + it["detail"] for it in tight.json["doubts"]), tight.json["doubts"]


def test_large_leaves_are_never_copied(release, say):
    """300 MB of strings, and a few objects."""
    with running("kept = [bytes(bytearray(b'x') * (1 << 20)) for _ in range(300)]") as target:
        target.wait_ready().wait_paused()
        for verb in ("types", "why"):
            answer, most = peak_of(release, verb, target.pid, "--json")
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
