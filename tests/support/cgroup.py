"""A memory cgroup made for one test: version 2 where its controller is there, else version 1."""

import contextlib
import os
import time

import pytest

from support import nobody, targets

WORDS = {
    1: {"limit": "memory.limit_in_bytes", "usage": "memory.usage_in_bytes",
        "events": "memory.oom_control", "none": "-1"},
    2: {"limit": "memory.max", "usage": "memory.current", "events": "memory.events", "none": "max"},
}


def mounts():
    """(version, where the memory controller is mounted)."""
    for line in targets.read("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        point = before.split()[4]
        if kind == "cgroup2" and "memory" in targets.read(point + "/cgroup.subtree_control").split():
            yield 2, point
        elif kind == "cgroup" and "memory" in options.split(","):
            yield 1, point


class Cgroup:
    def __init__(self, version, folder):
        self.folder, self.words = folder, WORDS[version]
        self.wrap = ["sh", "-c", 'echo $$ > "$0"; exec "$@"', folder + "/cgroup.procs"]

    def number(self, what):
        return int(targets.read(os.path.join(self.folder, self.words[what])).strip())

    def set_limit(self, value):
        with open(os.path.join(self.folder, self.words["limit"]), "w", encoding="ascii") as file:
            file.write(str(value))

    def leave(self, headroom):
        """Lets what is in it grow by so many bytes."""
        self.set_limit(self.number("usage") + headroom)

    def oom_kills(self):
        for line in targets.read(os.path.join(self.folder, self.words["events"])).splitlines():
            if line.split()[0] == "oom_kill":
                return int(line.split()[1])
        return None


@contextlib.contextmanager
def memory():
    nobody.need_root()
    found = sorted(mounts(), reverse=True)
    if not found:
        pytest.skip("no memory controller is mounted here")
    folder = os.path.join(found[0][1], "arenascope-test-%d" % os.getpid())
    try:
        os.mkdir(folder)
    except OSError as failure:
        pytest.skip("no memory cgroup can be made here: %s" % failure)
    group = Cgroup(found[0][0], folder)
    try:
        yield group
    finally:
        group.set_limit(group.words["none"])
        for _ in range(200):  # until its last process is gone
            with contextlib.suppress(OSError):
                os.rmdir(folder)
                break
            time.sleep(0.02)
