"""Tables of pandas and tensors of torch, against what the libraries say themselves, in a process and in what was saved of it."""

import os
import subprocess

import pytest

from support import savefiles, targets

SYSTEM = "/usr/bin/python3"
PROGRAM = os.path.join(targets.PROGRAMS, "tabled.py")
MODULES = {"pandas": ("pandas.", "__main__."), "torch": ("torch.",)}


def has(library):
    return subprocess.run([SYSTEM, "-c", "import " + library], capture_output=True, check=False).returncode == 0


LIBRARIES = [pytest.param(it, marks=pytest.mark.skipif(not has(it), reason="no %s here" % it)) for it in MODULES]


def truth(target):
    rows = {}
    for line in target.out.splitlines():
        if "\t" in line:
            kind, dtype, shape, count, size = line.split("\t")
            rows[kind, dtype, tuple(map(int, shape.split()))] = (int(count), int(size))
    return rows


def told(answer, library):
    return {(it["type"], it["dtype"], tuple(it["shape"])): (it["count"], it["data_bytes"])
            for it in answer["census"]["arrays"] if it["type"].startswith(MODULES[library])}


@pytest.mark.parametrize("library", LIBRARIES)
def test_they_are_told_by_dtype_and_shape(arenascope, library, tmp_path):
    saved = {option: str(tmp_path / ("saved" + option)) for option in ("", "--contents")}
    secret = os.urandom(10).hex()
    with targets.start([SYSTEM, PROGRAM, library, secret]) as target:
        target.wait_ready().wait_paused()
        answer = arenascope.json("types", target.pid)
        text = arenascope.ok("types", target.pid, "--limit", 50).out
        for option, path in saved.items():
            arenascope.ok("snapshot", target.pid, "-o", path, *filter(None, [option]))
        rows = truth(target)
    assert len(rows) >= 10 and told(answer, library) == rows
    line = {"pandas": "pandas.core.frame.DataFrame, 1234 x 5 of 5 float64", "torch": "torch.Tensor of float32, 300 x 700"}
    assert line[library] in text
    for option, path in saved.items():
        again = arenascope.json("types", path)
        assert told(again, library) == rows
        assert again["census"]["arrays"] == answer["census"]["arrays"]
        assert (secret.encode() in savefiles.Savefile(path).everything()) == (option == "--contents")
