"""glibc's malloc, walked from outside, against what mallinfo2() and malloc_trim(0) say inside."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from support import interpreters, savefiles, targets, tool

PROBE = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests/unit/malloc/malloc-probe")
WAYS = {  # how the target allocates: way, megabytes, threads, environment
    "small": ("small", 15, 0, {}), "threads": ("small", 8, 9, {}),
    "two-arenas": ("small", 8, 6, {"MALLOC_ARENA_MAX": "2"}), "middle": ("middle", 60, 0, {}),
    "crumbs": ("crumbs", 12, 4, {}), "mapped": ("mapped", 40, 3, {}),
    "blocked": ("blocked", 20, 0, {}), "blocked-threads": ("blocked", 12, 2, {}),
    "malloc": ("small", 10, 1, {"PYTHONMALLOC": "malloc"}),
    "thresholds": ("middle", 20, 1, {"MALLOC_TRIM_THRESHOLD_": "1048576000",
                                     "MALLOC_MMAP_THRESHOLD_": "65536"}),
}


@pytest.fixture(scope="session")
def truth(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("truth") / "malloc_truth.so")
    source = os.path.join(os.path.dirname(targets.PROGRAMS), "malloc_truth.c")
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-pthread", "-o", path, source], check=True)
    return path


def systems():
    """One interpreter for each root: each has a glibc of its own."""
    roots = {}
    for it in interpreters.discover()[0]:
        if it.version >= (3, 11) and not it.debug and not it.free_threaded and not it.label.endswith("pyenv"):
            roots[it.root] = it
    return [roots[root] for root in sorted(roots)]


PYENV = [it for it in interpreters.discover()[0] if it.label.endswith("pyenv")]


@contextlib.contextmanager
def allocating(python, truth, way, megabytes, n_threads, env=None):
    """A target of support/programs/allocating.py; what it loads must lie inside its root for a while."""
    with contextlib.ExitStack() as stack:
        if python.root != "/":
            folder = stack.enter_context(tempfile.TemporaryDirectory(
                prefix="arenascope-", dir=os.path.join(python.root, "tmp")))
            truth = "/" + os.path.relpath(shutil.copy(truth, folder), python.root)
        yield stack.enter_context(targets.start_program(
            python, "allocating.py", truth, way, megabytes, n_threads, env=env))


def probe(target, *how):
    done = subprocess.run([PROBE, str(target)] + list(how), capture_output=True, text=True,
                          env=tool.environment(), timeout=120, check=False)
    assert done.returncode == 0 and "Sanitizer" not in done.stderr, done
    return Account(done.stdout)


class Account:
    def __init__(self, text):
        lines = [line for line in text.splitlines() if "=" in line]
        self.text = text
        self.values = dict(line.split("=", 1) for line in lines if not line.startswith("arena="))
        self.arenas = [dict(word.split("=", 1) for word in line.split(" threads=")[0].split(" "))
                       for line in lines if line.startswith("arena=")]

    def info(self):
        return {key[5:]: int(value) for key, value in self.values.items()
                if key.startswith("info.")}

    def resident(self, leaf):
        return int(re.search(r"resident=(\d+)", self.values.get(leaf, "resident=0")).group(1))

    def all_verified(self):
        return bool(self.arenas) and all(arena["verified"] == "1" for arena in self.arenas)


def told(target):
    line = re.search(r"^truth (.*)$", target.out, re.M).group(1)
    return {key: int(value) for key, value in (word.split("=") for word in line.split())}


def anonymous(pid):
    text = targets.read("/proc/%d/smaps_rollup" % pid)
    return int(re.search(r"^Anonymous:\s+(\d+) kB", text, re.M).group(1)) * 1024


def wait_pause(pid):
    end = time.monotonic() + targets.DEADLINE
    while targets.read("/proc/%d/syscall" % pid).split(" ")[0] != targets.PAUSE:
        assert time.monotonic() < end
        time.sleep(0.005)


def fall(target):
    """By how much malloc_trim(0) lets its anonymous memory fall, tried in a child of its."""
    target.signal(signal.SIGUSR1)
    target.wait_for(lambda: re.search(r"^child \d+$", target.out, re.M), "a child")
    child = int(re.search(r"^child (\d+)$", target.out, re.M).group(1))
    try:
        wait_pause(child)
        before = anonymous(child)
        os.kill(child, signal.SIGUSR1)
        target.wait_for(lambda: "trimmed" in target.out.split(), "the trim")
        wait_pause(child)
        return before - anonymous(child)
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("python", systems(), ids=str)
def test_it_equals_mallinfo2_and_malloc_trim(python, truth, way):
    how, megabytes, n_threads, env = WAYS[way]
    with allocating(python, truth, how, megabytes, n_threads, env) as target:
        target.wait_paused()
        account = probe(target.pid)
        assert account.info() == told(target), account.text
        assert account.all_verified(), account.text
        assert int(account.values["trimmable"]) == fall(target), account.text
        assert account.resident("malloc.free_trimmable") == int(account.values["trimmable"])
        assert account.values["claims.dropped"] == "0"
        assert account.values["tcache_max"] == "1032"
        assert account.values["n_mmapped"] == str(told(target)["hblks"])


@pytest.mark.parametrize("how", ["stop", "look", "exact", "no-pause"])
def test_every_way_to_look_says_the_same(python, truth, how):
    with allocating(python, truth, "small", 10, 4) as target:
        target.wait_paused()
        account = probe(target.pid, how)
        assert account.info() == told(target) and account.all_verified(), account.text
        assert account.values["trimmable"] == probe(target.pid).values["trimmable"]
        assert how != "look" or account.values["stops"] == "0"
        assert how != "exact" or int(account.values["stops"]) >= 1


def ineffective(account):
    return sorted(re.findall(r"^ineffective=(.*)$", account.text, re.M), key=len)


def test_variables_that_have_no_effect(python, truth):
    env = {"MALLOC_ARENA_MAX": "3", "MALLOC_TRIM_THRESHOLD": "5", "MALLOC_TOP_PAD_": "many"}
    with allocating(python, truth, "small", 1, 0, env) as target:
        target.wait_paused()
        account = probe(target.pid)
        found = ineffective(account)
        assert account.values["arena_max"] == "3"
        assert "MALLOC_TRIM_THRESHOLD" in found and "MALLOC_ARENA_MAX" not in found


LATE = """
import os, signal, sys
secret = sys.argv[1]
os.environ.update({"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD": "5", "MALLOC_TOP_PAD": secret, "LATE": secret})
sys.stdout.write("READY")
sys.stdout.flush()
signal.pause()
"""


@pytest.mark.parametrize("python", systems() + [it for it in PYENV if it.version < (3, 9)], ids=str)
def test_variables_that_are_set_late(arenascope, python, tmp_path):
    """In the environment as it is now, and not as it was at the start. A blanked file keeps of them what is a number."""
    secret = "".join(chr(ord("a") + (byte & 15)) for byte in os.urandom(16))
    core, whole, blanked = (str(tmp_path / name) for name in ("core", "whole", "blanked"))
    with targets.start(python.command + ["-c", LATE, secret]) as target:
        target.wait_ready().wait_paused()
        arenascope.ok("snapshot", target.pid, "-o", blanked)
        arenascope.ok("snapshot", target.pid, "-o", whole, "--contents")
        subprocess.run(["gcore", "-o", core, str(target.pid)], capture_output=True, check=True)
        late = [ineffective(probe(it)) for it in (target.pid, whole, "%s.%d" % (core, target.pid), blanked)]
    numbers = ["MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD"]
    assert late == [["MALLOC_TOP_PAD"] + numbers] * 3 + [numbers]
    assert secret.encode() in savefiles.Savefile(whole).everything()
    assert secret.encode() not in savefiles.Savefile(blanked).everything()


def test_threads_that_never_rest(python, truth):
    """Every arena is proved, or said not to be."""
    with allocating(python, truth, "churn", 1, 3) as target:
        target.wait_ready()
        for how in (["look", "100"], ["no-pause"]):
            account = probe(target.pid, *how)
            moved = [arena for arena in account.arenas if arena["verified"] == "0"]
            assert bool(moved) == ("doubt" in account.values and
                                   "malloc_arena" in account.text), account.text
            assert int(account.values["total_us"]) < 250000
            for arena in account.arenas:
                parts = sum(int(arena[key]) for key in (
                    "in_use", "tcache", "fastbin", "free", "top", "overhead"))
                assert arena["verified"] == "0" or parts == int(arena["system"]), account.text


def test_files_say_what_the_process_said(arenascope, python, truth, tmp_path):
    with allocating(python, truth, "small", 6, 3) as target:
        target.wait_paused()
        live, at = probe(target.pid), str(tmp_path / "file")
        arenascope.ok("snapshot", target.pid, "-o", at)
        saved = probe(at)
        assert saved.info() == live.info() and saved.all_verified(), saved.text
        assert saved.arenas == live.arenas
        assert saved.values["trimmable"] == live.values["trimmable"]
        subprocess.run(["gcore", "-o", str(tmp_path / "core"), str(target.pid)],
                       capture_output=True, check=True)
        core = probe(str(tmp_path / ("core.%d" % target.pid)))
        assert core.info() == live.info() and core.all_verified(), core.text
        assert core.values["trimmable"] == "?"
        assert [arena["n_tcache"] for arena in core.arenas] == [
            arena["n_tcache"] for arena in live.arenas]
