"""How one object refers to another, in words: the target plants references of every kind and says what each is."""

import os
import re
import subprocess

import pytest

from support import interpreters, targets, tool

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests", "unit", "object",
                       "show-edges")


def ask(cache, pid, questions, *seed):
    done = subprocess.run([PROGRAM, str(pid)] + [str(it) for it in seed], input="".join(it + "\n" for it in questions),
                          env=tool.environment(cache), capture_output=True, timeout=tool.TIMEOUT,
                          check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == len(questions)
    return answers


def expected(line):
    """(question, answer) of a line the target wrote."""
    if line.startswith("text"):
        word, at, said = line.split(" ", 2)
        return "%s %s" % (word, at), said
    _, source, value, kind, name = line.split(" ", 4)
    name = re.sub(r"\\u(\w{4})|\\U(\w{8})|\\x(\w\w)", lambda it: chr(int(it[it.lastindex], 16)), name)
    question = "edge%s %s %s" % ("!" if kind.endswith("!") else "", source, value)
    kind = kind.rstrip("!")
    return question, "index %s -" % name if kind == "index" else "%s 0 %s" % (kind, name)


@pytest.mark.parametrize("python", interpreters.discover()[0], ids=str)
def test_names_of_references(cache, python):
    with targets.start_program(python, "references.py") as target:
        target.wait_ready()
        told = [expected(line) for line in target.out.splitlines() if line != "READY"]
        assert len(told) > 90
        answers = ask(cache, target.pid, [question for question, _ in told])
        wrong = [(question, answer, truth) for answer, (question, truth) in zip(answers, told)
                 if answer != truth]
        assert not wrong


@pytest.mark.parametrize("python", interpreters.discover()[0][::5], ids=str)
def test_damaged_memory_ends_well(cache, python):
    """One word in 256 is not what it was; the sanitizers see to the rest."""
    with targets.start_program(python, "references.py") as target:
        target.wait_ready()
        questions = [expected(line)[0] for line in target.out.splitlines() if line != "READY"]
        answers = {tuple(ask(cache, target.pid, questions, seed)) for seed in range(1, 9)}
        assert len(answers) > 1
