"""
Adds up what tools/check ran: the steps, the unit tests one by one, the pytest suites.

    tally.py RESULTS        prints "N passed, N failed, N skipped"; exits 1 if anything failed
    tally.py --failed LOG   prints the names of the programs that failed in one of Meson's logs

A test program or a suite that broke off counts as a failure, even if none of its tests does. What
was run once more (LOG.again) counts as it then ended.
"""

import glob
import json
import os
import re
import sys
import xml.etree.ElementTree

OUTCOMES = ("passed", "failed", "skipped")


def steps(folder):
    with open(os.path.join(folder, "steps"), encoding="utf-8") as file:
        for line in file:
            yield line.split("\t")[0], 1


def programs(path):
    """Meson's log has one JSON object a line, with what cmocka printed: by name, as it ended last."""
    found = {}
    for log in (path, path + ".again"):
        if os.path.exists(log):
            with open(log, encoding="utf-8") as file:
                found.update((it["name"], it) for it in map(json.loads, file))
    return found.values()


def unit_tests(path):
    for program in programs(path):
        text = program.get("stdout", "") + program.get("stderr", "")
        passed = len(re.findall(r"^\[ +OK +\]", text, re.M))
        failed = len(re.findall(r"^\[ +(?:FAILED|ERROR) +\] \w+$", text, re.M))
        skipped = len(re.findall(r"^\[ +SKIPPED +\] \w+$", text, re.M))
        if program["result"] == "SKIP":
            skipped = skipped or 1
        elif program["result"] == "OK":
            passed = passed or 1
        else:
            failed = failed or 1
        yield "passed", passed
        yield "failed", failed
        yield "skipped", skipped


def outcome(case):
    """A skip is no failure, and a test whose end went wrong is one, though it passed."""
    kinds = {child.tag for child in case}
    return "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def cases(path):
    found = {}
    for log in (path, path + ".again"):
        if os.path.exists(log):
            last = {}
            for case in xml.etree.ElementTree.parse(log).getroot().iter("testcase"):
                key = case.get("classname"), case.get("name")
                last[key] = "failed" if last.get(key) == "failed" else outcome(case)
            found.update(last)
    return found


def suite(path):
    """A pytest suite that left no or a broken file has failed."""
    try:
        for result in cases(path).values():
            yield result, 1
    except xml.etree.ElementTree.ParseError:
        yield "failed", 1


def main(folder):
    total = dict.fromkeys(OUTCOMES, 0)
    counts = list(steps(folder))
    for path in glob.glob(folder + "/unit-*.json"):
        counts += unit_tests(path)
    for path in glob.glob(folder + "/pytest-*.xml"):
        counts += suite(path)
    for outcome, count in counts:
        total[outcome] += count
    print(", ".join("%d %s" % (total[outcome], outcome) for outcome in OUTCOMES))
    return 1 if total["failed"] else 0


def print_failed(path):
    for program in programs(path):
        if program["result"] not in ("OK", "SKIP", "EXPECTEDFAIL"):
            print(program["name"].rpartition(" / ")[2])
    return 0


if __name__ == "__main__":
    sys.exit(print_failed(sys.argv[2]) if sys.argv[1] == "--failed" else main(sys.argv[1]))
