"""A heap made to harm its reader (support/programs/hostile.py): each answer ends in time, and is fit for a terminal."""

import json
import re

import pytest

from support import interpreters, targets

PYTHONS = list({it.version[:2]: it for it in interpreters.discover()[0]
                if not it.free_threaded and not it.debug}.values())
VERBS = [("types",), ("why",), ("types", "--contents"), ("why", "--contents"), ("dump",)]
FORMS = [(), ("--json",)]
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")


def check_text(text):
    assert not CONTROL.search(text), CONTROL.search(text)
    assert max(map(len, text.splitlines())) < 4000
    assert len(text) < 1 << 20


def check_json(verb, text):
    answer = json.loads(text)
    strings = []

    def walk(value):
        if isinstance(value, str):
            strings.append(value)
        elif isinstance(value, (list, dict)):
            for it in value if isinstance(value, list) else value.values():
                walk(it)

    walk(answer)
    assert max(map(len, strings)) < 100000
    if verb == "types":
        census = answer["census"]
        assert census["blocks"] > 5000
        assert census["unexplained"] <= census["blocks"] * 0.02


def questions(*subjects):
    """In each form of each; by default one form of the process, the other of the file."""
    for i, (verb, *options) in enumerate(VERBS):
        for j, subject in enumerate(subjects):
            for form in FORMS if interpreters.all_are_asked() else [FORMS[(i + j) % 2]]:
                yield subject, verb, options, form


@pytest.mark.parametrize("how", ["names", "shapes", "links"])
@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_no_heap_harms_its_reader(arenascope, tmp_path, python, how):
    path = str(tmp_path / "saved")
    with targets.start_program(python, "hostile.py", how) as target:
        target.wait_ready().wait_for(target.paused, "pause")
        arenascope.run("snapshot", target.pid, "-o", path)
        for subject, verb, options, form in questions(target.pid, path):
            result = arenascope.run(verb, subject, *options, *form)
            assert result.code in (0, 7), result
            if form:
                check_json(verb, result.out)
            else:
                check_text(result.out + result.err)
        assert target.alive()
