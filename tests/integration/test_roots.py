"""What memory is held by, by the names that a program's author knows: the target plants things and says under which."""

import os
import shutil
import subprocess

import pytest

from support import interpreters, targets, tool

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests", "unit", "holders",
                       "show-roots")
SUPPORT = os.path.dirname(os.path.abspath(tool.__file__))
FIELDS = ("phase", "kind", "at", "size", "start", "label", "name")


class Root(dict):
    __getattr__ = dict.__getitem__


def roots_of(cache, pid, *seed):
    """Every root with a name of its own, in order; those without have that of the one before."""
    done = subprocess.run([PROGRAM, str(pid)] + [str(it) for it in seed], env=tool.environment(cache), capture_output=True,
                          timeout=tool.TIMEOUT, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    found = []
    for line in done.stdout.splitlines():
        one = Root(zip(FIELDS, line.split("\t")))
        if one.name == "-":
            one["name"] = found[-1].name
        found.append(Root(one, at=int(one.at), size=int(one.size)))
    assert [one.phase for one in found] == sorted(one.phase for one in found)
    return found


def first_at(roots, address):
    return next((one for one in roots if one.at == address and not one.size), None)


def told(target):
    lines = [line.split(" ", 3) for line in target.out.splitlines()]
    return {word: [line[1:] for line in lines if line[0] == word] for word in ("root", "never", "static")}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """{file name: what the variable is called} of a library with its symbols, and without."""
    folder = tmp_path_factory.mktemp("libraries")
    whole, bare = str(folder / "libhold.so"), str(folder / "libbare.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", whole, os.path.join(SUPPORT, "hold.c")], check=True)
    symbols = subprocess.run(["nm", whole], capture_output=True, text=True, check=True).stdout
    place = next(int(line.split()[0], 16) for line in symbols.splitlines() if line.endswith(" cache"))
    shutil.copy(whole, bare)
    subprocess.run(["strip", bare], check=True)
    return {whole: "libhold.so: cache", bare: "libbare.so+0x%x" % (place + 8)}


def check(roots, truth):
    wrong = []
    for address, kind, name in truth["root"]:
        one = first_at(roots, int(address))
        if not one or (one.kind, one.name) != (kind, name):
            wrong.append((kind, name, one))
    for address, kind in truth["never"]:
        wrong += [one for one in roots if one.at == int(address) and one.kind == kind]
    assert not wrong


@pytest.mark.parametrize("python", interpreters.discover()[0], ids=str)
def test_names_of_roots(cache, python):
    with targets.start_program(python, "rooted.py", "-") as target:
        target.wait_ready()
        roots, truth = roots_of(cache, target.pid), told(target)
        assert len(truth["root"]) >= 17
        check(roots, truth)
        tids = os.listdir("/proc/%d/task" % target.pid)
        for tid in tids:
            assert [one for one in roots if one.name.startswith("C stack of thread %s (" % tid)], tid
        assert len(tids) == 2
        thread = "thread %d (%s): " % (target.pid, targets.read("/proc/%d/comm" % target.pid).strip())
        states = [(one.kind, one.label) for one in roots if one.name.startswith(thread)]
        local = "dict" if python.version < (3, 13) else "_thread._localdummy"  # threading.local's
        assert ("thread", local) in states
        assert [one for one in roots if one.name.endswith(": interned strings")]


@pytest.mark.parametrize("bare", [False, True], ids=["symbols", "stripped"])
@pytest.mark.parametrize("python", [it for it in interpreters.discover()[0] if it.root == "/"], ids=str)
def test_static_data(cache, libraries, python, bare):
    path, name = list(libraries.items())[bare]
    with targets.start_program(python, "rooted.py", path) as target:
        target.wait_ready()
        [(address, _)] = told(target)["static"]
        names = [one.name for one in roots_of(cache, target.pid)
                 if one.at == int(address) and one.kind == "static"]
        assert names == [name]


HOLDS = """
import ctypes, signal, sys
class Thing(object):
    pass
library, one = ctypes.CDLL(sys.argv[1]), Thing()
library.hold.argtypes = ctypes.pythonapi.Py_IncRef.argtypes = [ctypes.py_object]
ctypes.pythonapi.Py_IncRef(one)
library.hold(one)
sys.stdout.write('%d\\nREADY\\n' % id(one))
sys.stdout.flush()
del one
signal.pause()
"""


@pytest.mark.parametrize("options", [(), ("--contents",)], ids=["redacted", "whole"])
@pytest.mark.parametrize("bare", [False, True], ids=["symbols", "stripped"])
@pytest.mark.parametrize("python", [it for it in interpreters.with_debug_info() if it.root == "/"][::2], ids=str)
def test_a_snapshot_has_the_names_of_static_data(arenascope, libraries, tmp_path, python, bare, options):
    """A library's, and the interpreter's own."""
    (path, name), saved = list(libraries.items())[bare], str(tmp_path / "saved")
    with targets.start(python.command + ["-c", HOLDS, path]) as target:
        target.wait_ready().wait_paused()
        address = target.out.split()[0]
        arenascope.ok("snapshot", target.pid, "-o", saved, *options)
        chains = [arenascope.json("object", where, address)["object"]["chain"] for where in (target.pid, saved)]
        held = [{it["root"] for it in arenascope.json("why", where)["why"]["holders"] if it["kind"] == "static"}
                for where in (target.pid, saved)]
    assert chains[0] == chains[1] and chains[0][0].startswith(name)
    assert held[0] == held[1] and len(held[0]) >= 3


@pytest.mark.parametrize("python", interpreters.discover()[0][::5], ids=str)
def test_damaged_memory_ends_well(cache, python):
    """One word in 1024 of what is copied is not what it was; the sanitizers see to the rest."""
    with targets.start_program(python, "rooted.py", "-") as target:
        target.wait_ready()
        found = {len(roots_of(cache, target.pid, seed)) for seed in range(1, 5)}
        assert len(found) > 1


@pytest.mark.parametrize("python", [it for it in interpreters.with_debug_info()][::3], ids=str)
def test_a_blanked_snapshot_has_the_names(arenascope, tmp_path, python):
    path = str(tmp_path / "blanked")
    with targets.start_program(python, "rooted.py", "-") as target:
        target.wait_ready()
        arenascope.ok("snapshot", target.pid, "-o", path)
        live, saved = arenascope.json("why", target.pid), arenascope.json("why", path)
    named = [[(it["root"], it["kind"]) for it in answer["why"]["holders"]
              if it["kind"] in ("module_global", "class_attribute", "frame_local")]
             for answer in (live, saved)]
    assert len(named[0]) > 100
    # Of roots that hold least not all are told; and some classes of C's have a pointer in native memory alone.
    assert len(set(named[0][:90]) - set(named[1])) <= 1 and len(set(named[1][:90]) - set(named[0])) <= 1
