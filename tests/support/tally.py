"""
Adds up what tools/check ran: the steps, the unit tests one by one, the pytest suites.

    tally.py RESULTS        prints "N passed, N failed, N skipped"; exits 1 if anything failed

A test program or a suite that broke off counts as a failure, even if none of its tests does.
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


def unit_tests(path):
    """Meson's log has one JSON object a line, with what cmocka printed."""
    with open(path, encoding="utf-8") as file:
        for program in map(json.loads, file):
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


def suite(path):
    """A pytest suite that left no or a broken file has failed."""
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except xml.etree.ElementTree.ParseError:
        yield "failed", 1
        return
    for element in root.iter("testsuite"):
        failed = int(element.get("failures")) + int(element.get("errors"))
        skipped = int(element.get("skipped"))
        yield "failed", failed
        yield "skipped", skipped
        yield "passed", max(int(element.get("tests")) - failed - skipped, 0)


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
