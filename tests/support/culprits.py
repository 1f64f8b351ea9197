"""
Planted culprits: programs whose memory has one cause, and what `why` must say of each.

    program, scenario   support/programs/culprits/PROGRAM.py SCENARIO
    cause               comes first; of a calm one it is the only one
    type                of the objects that are it, None: no Python object
    roots               words that the name of the root which holds them contains, all of them; () where it has none
    gain                whether the program follows the advice when told so, and lets the gain be measured
    env                 it needs
    since               versions of CPython that have it
"""

import collections
import contextlib
import os
import shutil
import subprocess
import tempfile

import pytest

from support import interpreters, stripped, targets

FOLDER = os.path.join(targets.PROGRAMS, "culprits")
SYSTEM = "/usr/bin/python3"


class Culprit(collections.namedtuple("Culprit", "program scenario cause type roots gain env since")):
    __slots__ = ()

    def __str__(self):
        return self.program + "-" + self.scenario + ("-misspelt" if self.env == MISSPELT else "")


def of(program, scenario, cause, type=None, roots=(), gain=True, env=None, since=(3, 7)):
    return Culprit(program, scenario, cause, type, tuple(roots), gain, env or {}, since)


# Without the underscore at its end malloc does not know it.
MISSPELT = {"MALLOC_TRIM_THRESHOLD": "131072"}
MIMALLOC = {"PYTHONMALLOC": "mimalloc"}
SESSION, EVENT = "__main__.Session", "__main__.Event"

TABLE = [
    of("pinned", "module_dict", "pymalloc_pinned", SESSION, ["__main__.CACHE"]),
    of("pinned", "class_attribute", "pymalloc_pinned", SESSION, ["Registry", "instances"]),
    of("pinned", "frame_local", "pymalloc_pinned", SESSION, ["frame_local", "sessions"]),
    of("pinned", "closure_cell", "pymalloc_pinned", SESSION, ["__main__.HANDLER"]),
    of("pinned", "lru_cache", "pymalloc_pinned", SESSION, ["__main__.load"]),
    of("pinned", "default_argument", "pymalloc_pinned", SESSION, ["__main__.remember"]),
    of("pinned", "thread_local", "pymalloc_pinned", SESSION, ["LOCAL"]),
    of("pinned", "no_common_holder", "pymalloc_pinned", "str"),
    of("pinned", "free_lists", "pymalloc_pinned", SESSION, ["__main__.CACHE"]),
    of("pinned", "cycles", "pymalloc_pinned", SESSION, ["__main__.CACHE"]),
    of("live", "history", "live_objects", EVENT, ["__main__.HISTORY"]),
    of("live", "seen", "live_objects", "str", ["__main__.SEEN"]),
    of("live", "tasks", "live_objects", "_asyncio.Task", ["__main__.BUS"]),
    of("live", "log_buffer", "live_objects", "logging.LogRecord", ["logging"]),
    of("live", "lists", "live_objects", EVENT, ["__main__.LISTS"]),
    of("live", "bodies", "live_objects", EVENT, ["__main__.LISTS"]),
    of("live", "outputs", "live_objects", EVENT, ["__main__.Out"]),
    of("freed", "free_pools", "pymalloc_free_pools", gain=False),
    of("freed", "trimmable", "malloc_free_trimmable"),
    of("freed", "stuck", "malloc_free_stuck", gain=False),
    of("freed", "per_thread", "malloc_arena_per_thread"),
    of("freed", "threshold", "malloc_threshold_raised"),
    of("freed", "set_late", "malloc_env_ineffective"),
    of("freed", "threshold", "malloc_env_ineffective", env=MISSPELT),
    of("freed", "mimalloc", "mimalloc_retained", SESSION, gain=False, env=MIMALLOC, since=(3, 13)),
    of("native", "held", "native_live", roots=["__main__.POINTERS"]),
    of("native", "lost", "native_lost", gain=False),
    of("mapped", "stacks", "thread_stacks"),
    of("mapped", "file", "file_mappings"),
    of("mapped", "shared", "shared_memory"),
    of("mapped", "huge", "huge_pages", gain=False, since=(3, 8)),
    of("mapped", "swapped", "swapped_out", gain=False, since=(3, 8)),
    of("worker", "reads", "fork_private_copies", gain=False),
    of("worker", "holds", "fork_private_copies", gain=False),
    of("unreached", "garbage", "uncollected_garbage", "__main__.Node"),
    of("unreached", "frozen", "frozen_garbage", "__main__.Node"),
    of("unreached", "leaked", "leaked_references", "__main__.Record"),
]
CALM = [of("calm", name, "nothing_wrong", gain=False) for name in ("server", "cache", "array", "over")]


def need(culprit):
    """Skips what this machine cannot have."""
    if culprit.scenario == "swapped" and len(targets.read("/proc/swaps").splitlines()) < 2:
        pytest.skip("no swap here")
    if culprit.scenario == "huge" and "[never]" in targets.read("/sys/kernel/mm/transparent_hugepage/enabled"):
        pytest.skip("no huge pages here")


def chosen(culprit):
    """Interpreters to plant it under, and how each is stripped: 3.8, 3.11, 3.13, and 3.12 stripped; what came later, all
    that have it and the newest stripped; what has nothing to do with arenas also without the GIL."""
    newest = {}
    for it in interpreters.discover()[0]:
        if not it.debug and not it.free_threaded and it.version >= culprit.since:
            newest[it.version[:2]] = newest.get(it.version[:2], it) if it.root != "/" else it
    if culprit.scenario == "array":
        return [(it, None) for it in newest.values() if has_numpy() and it.command[0].startswith(SYSTEM)] or [
            (it, None) for it in interpreters.discover()[0]
            if has_numpy() and it.command[0].startswith(SYSTEM) and not it.debug]
    if culprit.since >= (3, 13):
        return [(it, None) for it in newest.values()] + [(it, "stripped") for it in list(newest.values())[-1:]]
    wanted = [(minor, None) for minor in ((3, 8), (3, 11), (3, 13))] + [((3, 12), "stripped")]
    threaded = interpreters.free_threaded() if culprit.program in ("live", "native", "unreached") else []
    return [(newest[minor], way) for minor, way in wanted if minor in newest] + [(it, None) for it in threaded]


def has_numpy():
    return subprocess.run([SYSTEM, "-c", "import numpy"], check=False, capture_output=True).returncode == 0


def matrix(table):
    for culprit in table:
        for python, way in chosen(culprit):
            yield pytest.param(culprit, python, way, id="%s-%s%s" % (culprit, python, "-" + way if way else ""))


class Planted:
    """A culprit at rest. pid: of the process to look at."""

    def __init__(self, target, pid):
        self.target, self.pid = target, pid

    def rss(self):
        """Bytes, counted page by page."""
        for line in targets.read("/proc/%d/smaps_rollup" % self.pid).splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no smaps_rollup")

    def follow_advice(self):
        """Bytes by which its memory then falls."""
        before = self.rss()
        self.target.signal(10)
        self.target.wait_for(lambda: "DONE" in self.target.out.split() and self.target.paused(), "DONE")
        return before - self.rss()


@contextlib.contextmanager
def start(culprit, python, way=None):
    """The Planted culprit. Its programs lie in the interpreter's root for a while."""
    need(culprit)
    with contextlib.ExitStack() as stack:
        copy = stack.enter_context(stripped.copy_of(python, way)) if way else None
        folder = tempfile.mkdtemp(prefix="arenascope-", dir=os.path.join(python.root, "tmp"))
        stack.callback(shutil.rmtree, folder)
        shutil.copytree(FOLDER, folder + "/culprits", ignore=shutil.ignore_patterns("__pycache__"))
        inside = "/" + os.path.relpath(folder, python.root)
        # Files in memory would be shared memory: those of this one lie on a disk.
        disk = stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")) if python.root == "/" else inside
        command = (copy or python).command + ["%s/culprits/%s.py" % (inside, culprit.program), culprit.scenario]
        env = dict(copy.env if copy else {}, CULPRIT_FOLDER=disk, PYTHONDONTWRITEBYTECODE="1", **culprit.env)
        target = stack.enter_context(targets.start(command, env=env))
        target.wait_ready()
        if culprit.program == "worker":
            pid = int(target.err)
            target.wait_for(lambda: targets.read("/proc/%d/syscall" % pid).split(" ")[0] == targets.PAUSE, "pause")
            yield Planted(target, pid)
        else:
            target.wait_for(target.paused, "pause")
            yield Planted(target, target.pid)
