"""Each verb as a person and as a script meets it: what it prints, how wide, in what colour, to where."""

import contextlib
import functools
import itertools
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import time
import unicodedata

import jsonschema
import pytest

from support import figures, targets, tool

LOOKS = ["dump", "ledger", "malloc", "map", "doctor", "stats"]


def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF"
               else 1 for c in line)


def check_page(text, trailing_blanks=True):
    """Plain text that fits an 80-column terminal."""
    assert "\x1b" not in text
    wide = [line for line in text.splitlines() if columns(line) > 80 and " " in line.strip()]
    assert not wide, "\n".join(wide)  # a path is not broken: it will be copied
    if trailing_blanks:
        assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert text.endswith("\n") and not text.endswith("\n\n")


@pytest.mark.parametrize("arguments", [["dump"], ["ledger"], ["malloc"], ["map"], ["doctor"], ["doctor", "--plan"],
                                       ["dump", "--ascii"], ["map", "--ascii"],
                                       ["ledger", "--ascii"], ["malloc", "--units", "bytes"],
                                       ["dump", "--exact"], ["dump", "--units", "bytes"]],
                         ids=" ".join)
def test_pages_are_plain_and_fit(arenascope, quiet, arguments):
    result = arenascope.ok(arguments[0], quiet.pid, *arguments[1:])
    check_page(result.out)
    if "--ascii" in arguments:
        assert result.out.isascii()


@pytest.mark.parametrize("verb", ["ps", "dump", "why", "ledger", "types", "object", "malloc", "map",
                                  "diff", "doctor", "stats", "top", "snapshot"])
def test_help_ends_with_an_example(arenascope, verb):
    result = arenascope.ok(verb, "--help")
    check_page(result.out, trailing_blanks=False)  # argp's usage lines have them
    assert "arenascope " + verb in "\n".join(result.out.splitlines()[-12:])
    assert arenascope.ok("help", verb).out == result.out


def test_top_level_help_and_version(arenascope):
    for arguments in (["--help"], ["help"]):
        text = arenascope.ok(*arguments).out
        check_page(text, trailing_blanks=False)
        for verb in ("ps", "top", "dump", "why", "ledger", "types", "object", "malloc", "stats",
                     "map", "diff", "snapshot", "doctor"):
            assert re.search(r"^ +%s\b" % verb, text, re.M), text
        for verb in ("record", "tree"):
            assert not re.search(r"^ +%s\b" % verb, text, re.M), verb + " is not there yet"
    assert re.match(r"arenascope \d+\.\d+\.\d+\n", arenascope.ok("--version").out)


def test_colour_only_where_asked(arenascope, quiet):
    assert "\x1b" not in arenascope.ok("dump", quiet.pid).out
    assert "\x1b[" in arenascope.ok("dump", quiet.pid, "--color", "always").out
    assert "\x1b[" in arenascope.ok("dump", quiet.pid, env={"CLICOLOR_FORCE": "1"}).out
    assert "\x1b" not in arenascope.ok("dump", quiet.pid, "--color", "never",
                                       env={"CLICOLOR_FORCE": "1"}).out


def test_dump_says_what_matters(arenascope, python, quiet):
    text = arenascope.ok("dump", quiet.pid).out
    head = "\n".join(text.splitlines()[:4])
    assert str(quiet.pid) in head and python.version_text in head
    assert re.search(r"(not|never)\s+stopped", head)
    assert "RSS" in text and "peak" in text
    for word in ("live", "kept", "overhead", "size", "arena"):
        assert re.search(word, text, re.I), word


def test_stats_prints_the_text_alone(arenascope, quiet):
    result = arenascope.ok("stats", quiet.pid)
    assert result.out == quiet.err
    assert "stopped" in result.err or "pause" in result.err, result
    assert "arenascope" not in result.out


@pytest.mark.parametrize("verb", ["dump", "ledger", "malloc", "map", "stats"])
def test_json_fits_the_schema(arenascope, quiet, verb):
    answer = arenascope.json(verb, quiet.pid)
    assert answer["schema"] == "arenascope/1" and answer["verb"] == verb
    assert answer["target"]["pid"] == quiet.pid
    assert answer["target"]["cmdline"] is None
    with_contents = arenascope.json(verb, quiet.pid, "--contents")
    assert "mixed_heap.py" in " ".join(with_contents["target"]["cmdline"])


@pytest.mark.parametrize("options", [[], ["--plan"]], ids=["doctor", "plan"])
def test_findings_fit_the_schema(arenascope, quiet, options):
    answer = arenascope.json("doctor", quiet.pid, *options)
    assert answer["verb"] == "doctor" and answer["pid"] == quiet.pid
    assert {finding["kind"] for finding in answer["findings"]} <= {"ok", "note"}


@pytest.mark.parametrize("name", ["dump-pinned", "ledger", "ledger-core", "ledger-absent", "malloc",
                                  "malloc-core", "malloc-jemalloc", "malloc-absent"])
def test_committed_answers_fit_the_schema(name):
    """Situations that no process of these tests is in."""
    path = os.path.join(tool.TREE, "tests", "golden", "text", name + ".json")
    with open(path, encoding="utf-8") as file:
        answer = json.load(file)
    tool.validate(answer)
    for key in ("ledger", "cgroup", "malloc"):
        if answer.get(key):
            answer[key].popitem()
            with pytest.raises(AssertionError):
                tool.validate(answer)
            break


def test_ledger_prints_what_its_json_says(arenascope, quiet):
    """Every leaf with its bytes, which add up to the sum that is printed and to what JSON tells."""
    text = arenascope.ok("ledger", quiet.pid, "--units", "bytes").out
    ledger = arenascope.json("ledger", quiet.pid)["ledger"]
    printed = {key: int(amount.replace(",", "")) for amount, key in
               re.findall(r"^  \S +([\d,]+) +<?[\d.]+ %.*? ([a-z]+\.[a-z_]+)\b", text, re.M)}
    told = {entry["key"]: entry["resident_bytes"] for entry in ledger["entries"]
            if entry["resident_bytes"]}
    assert printed == told
    assert sum(told.values()) == ledger["rss_bytes"]
    total = re.search(r"add up\s+to\s+([\d,]+)\s+bytes", text).group(1)
    assert int(total.replace(",", "")) == ledger["rss_bytes"]


def test_malloc_prints_what_its_json_says(arenascope, quiet):
    text = arenascope.ok("malloc", quiet.pid, "--units", "bytes").out
    account = arenascope.json("malloc", quiet.pid)["malloc"]
    assert account["implementation"] == "glibc" and account["arenas"]
    assert sum(arena["trimmable_bytes"] for arena in account["arenas"]) == \
        account["trimmable_bytes"]
    said = re.search(r"malloc_trim\(0\) would give back (?:only )?(nothing|[\d,]+)", text).group(1)
    assert int(said.replace(",", "").replace("nothing", "0")) == account["trimmable_bytes"]
    assert "%d of %d arenas" % (sum(arena["verified"] for arena in account["arenas"]),
                                len(account["arenas"])) in re.sub(r"\s+", " ", text)


def test_dump_holds_the_ledger(arenascope, quiet):
    answer = arenascope.json("dump", quiet.pid)
    assert answer["ledger"]["rss_bytes"] and answer["malloc"]["arenas"]
    text = arenascope.ok("dump", quiet.pid).out
    largest = max(answer["ledger"]["entries"], key=lambda entry: entry["resident_bytes"])
    assert largest["key"] in text and "arenascope ledger tells all" in text


def test_rss_is_the_ledger(arenascope, quiet):
    assert arenascope.json("rss", quiet.pid)["verb"] == "ledger"
    assert arenascope.json(quiet.pid, "rss")["verb"] == "ledger"


def test_the_schema_can_refuse(arenascope, quiet):
    """A schema that takes everything would prove nothing."""
    answer = arenascope.json("dump", quiet.pid)
    for break_it in (lambda a: a.pop("target"), lambda a: a.update(schema="arenascope/2"),
                     lambda a: a["pause"].update(mode="asleep"),
                     lambda a: a["interpreters"][0].update(id="zero"),
                     lambda a: a["interpreters"][0]["pymalloc"]["arena_list"][0].update(
                         address=7)):
        broken = json.loads(json.dumps(answer))
        break_it(broken)
        with pytest.raises(AssertionError):
            tool.validate(broken)


BREAKINGS = [lambda parent, key: parent.pop(key), lambda parent, key: parent.__setitem__(key, -1),
             lambda parent, key: parent.__setitem__(key, ["another"]),
             lambda parent, key: parent.update(unheard_of=1) if isinstance(parent, dict) else parent.append({})]


def members(answer, path=(), seen=None):
    """Paths of members, of those that differ in an index alone the first."""
    seen = set() if seen is None else seen
    for key, value in answer.items() if isinstance(answer, dict) else enumerate(answer):
        place = tuple("*" if isinstance(part, int) else part for part in path + (key,))
        if place not in seen:
            seen.add(place)
            yield path + (key,)
        if isinstance(value, (dict, list)):
            yield from members(value, path + (key,), seen)


def test_the_schema_is_read_as_jsonschema_reads_it(arenascope, quiet):
    """jsonschema knows the whole standard, and is slow: whatever is wrong in an answer, both must see it, or neither."""
    kind = jsonschema.validators.validator_for(tool.schema())
    kind.check_schema(tool.schema())
    answer, refused = arenascope.json("dump", quiet.pid), {True: 0, False: 0}
    for path, break_it in list(itertools.product(members(answer), BREAKINGS))[::5]:
        broken = json.loads(json.dumps(answer))
        break_it(functools.reduce(lambda node, key: node[key], path[:-1], broken), path[-1])
        refuses = not kind(tool.schema()).is_valid(broken)
        with pytest.raises(AssertionError) if refuses else contextlib.nullcontext():
            tool.validate(broken)
        refused[refuses] += 1
    assert refused[True] > 100 and refused[False], refused


def test_dump_counts_what_the_kernel_counts(arenascope, quiet):
    answer = arenascope.json("dump", quiet.pid)
    figures.check(answer)
    heap = answer["interpreters"][0]["pymalloc"]
    resident = sum(arena["resident_bytes"] for arena in heap["arena_list"])
    assert 0 < resident <= int(quiet.status("VmRSS").split()[0]) * 1024
    assert resident >= heap["bytes"]["allocated"] * 0.9
    assert answer["target"]["threads"] == 1
    assert answer["pause"] == {"mode": "none", "stops": 0, "longest_us": 0, "total_us": 0}


def test_pause_is_told(arenascope, quiet):
    answer = arenascope.json("dump", quiet.pid, "--exact")
    assert answer["pause"]["mode"] == "stopped" and answer["pause"]["stops"] >= 1
    assert answer["pause"]["total_us"] >= answer["pause"]["longest_us"] > 0
    without = arenascope.json("dump", quiet.pid)
    assert figures.without_residency(answer) == figures.without_residency(without)


@pytest.mark.parametrize("verb", ["dump", "ledger", "malloc", "map", "stats"])
def test_verb_and_target_in_either_order(arenascope, quiet, verb):
    first, second = arenascope.ok(verb, quiet.pid), arenascope.ok(quiet.pid, verb)
    explicit = arenascope.ok(verb, "--pid", quiet.pid)
    assert len({len(it.out.splitlines()) for it in (first, second, explicit)}) == 1
    if verb == "stats":
        assert first.out == second.out == explicit.out


def test_a_bare_target_dumps_when_piped(arenascope, quiet):
    assert "arena" in arenascope.ok(quiet.pid).out
    assert not arenascope.ok(quiet.pid).out.startswith("Small block")


@pytest.mark.parametrize("arguments", [["ps"], []], ids=["ps", "nothing"])
def test_ps_lists_python_processes(arenascope, python, quiet, arguments):
    text = arenascope.ok(*arguments).out
    check_page(text)
    row = [line for line in text.splitlines() if line.split()[:1] == [str(quiet.pid)]]
    assert len(row) == 1, text
    assert python.version_text in row[0]
    with targets.start(["sleep", "60"]) as other:
        text = arenascope.ok(*arguments).out
        assert not re.search(r"^ *%d\b" % other.pid, text, re.M)


def test_ps_in_json_is_one_object_a_line(arenascope, python, quiet):
    lines = [json.loads(line) for line in arenascope.ok("ps", "--json").out.splitlines()]
    mine = [line for line in lines if line["pid"] == quiet.pid]
    assert len(mine) == 1 and mine[0]["python"].startswith(python.version_text)
    assert mine[0]["refused"] is None
    for line in lines:
        tool.validate(line)


@pytest.mark.parametrize("verb", ["dump", "ledger", "malloc", "map", "ps", "doctor"])
def test_foreign_names_move_no_cursor(arenascope, python, tmp_path, verb):
    """A script, a comm and arguments full of control characters."""
    if python.root != "/":
        pytest.skip("needs an interpreter outside a chroot")
    evil = "e\x1b[31mv\x07i\nl\u202e.py"
    path = str(tmp_path / evil)
    shutil.copy(os.path.join(targets.PROGRAMS, "named.py"), path)
    with targets.start(python.command + [path, "\x1b]0;owned\x07"]) as target:
        target.wait_paused()
        arguments = [verb] if verb == "ps" else [verb, target.pid, "--contents"]
        for result in (arenascope.ok(*arguments), arenascope.ok(*arguments, "--json")):
            bad = [c for c in result.out if unicodedata.category(c) == "Cc" and c != "\n"]
            assert not bad, (bad, result)
            assert verb == "doctor" or "\\x1b" in result.out, result


@pytest.mark.parametrize("verb", LOOKS)
def test_output_files_are_private_and_whole(arenascope, quiet, tmp_path, verb):
    path = tmp_path / "answer-%p"
    result = arenascope.ok(verb, quiet.pid, "-o", path)
    assert not result.out
    written = tmp_path / ("answer-%d" % quiet.pid)
    assert stat.S_IMODE(os.stat(written).st_mode) == 0o600
    assert os.listdir(tmp_path) == [written.name]
    text = written.read_text()
    assert "\x1b" not in text and text
    if verb == "stats":
        assert text == quiet.err
    arenascope.ok(verb, quiet.pid, "-o", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_failed_look_leaves_an_output_file_as_it_was(arenascope, tmp_path):
    path = tmp_path / "answer"
    path.write_text("before")
    with targets.start(["sleep", "60"]) as target:
        assert arenascope.run("dump", target.pid, "-o", path).code == 5
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["answer"]


def test_limit_shortens_tables_only(arenascope, quiet):
    short = arenascope.ok("dump", quiet.pid, "--limit", 2).out
    assert len(short.splitlines()) < len(arenascope.ok("dump", quiet.pid).out.splitlines())
    whole = arenascope.json("dump", quiet.pid)
    figures.check(whole)


def test_doctor_names_its_sources(arenascope, python, quiet):
    text = arenascope.ok("doctor", quiet.pid, "--no-cache").out
    assert python.build_id[:12] in text
    assert re.search("dwarf", text, re.I)
    plan = arenascope.ok("doctor", quiet.pid, "--plan").out
    assert "process_vm_readv" in plan or "read" in plan
    for word in ("stop", "memory", "file"):
        assert re.search(word, plan, re.I), plan


@pytest.mark.parametrize("term", ["dumb", "no-such-terminal", "xterm-256color"])
def test_top_needs_a_terminal(arenascope, quiet, term):
    """Into a pipe, or on a terminal that cannot move its cursor: status 9 (screens/ has the rest)."""
    result = arenascope.run("top", quiet.pid, env={"TERM": term})
    assert result.code == 9, result
    assert result.err.startswith("arenascope: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_ends_it_with_128_and_its_number(arenascope, python, number):
    """Wherever it was in its work; the target goes on."""
    with targets.start_program(python, "busy.py", 2) as target:
        target.wait_ready()
        codes = set()
        for step in range(8):
            process = arenascope.start("stats", target.pid, "--no-cache",
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.04 * (step + 1))
            if process.poll() is None:
                process.send_signal(number)
            codes.add(process.wait(timeout=tool.TIMEOUT))
        assert codes <= {0, 7, 128 + number, -number}, codes
        assert codes - {0, 7}, "never met it at work"
        assert target.status("TracerPid") == "0" and target.state() != "t"
