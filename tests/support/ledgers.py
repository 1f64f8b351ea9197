"""The ledger as the test program prints it, and what smaps says of the same process."""

import os
import re
import subprocess
import time

from support import targets, tool

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests", "unit", "ledger",
                       "show-ledger")
PAGE = 4096
FIGURES = ("present", "swapped", "file", "huge", "shared", "size")


class Line(dict):
    __getattr__ = dict.__getitem__


def line_of(words):
    return Line(zip(FIGURES, map(int, words)))


class Ledger:
    def __init__(self, text):
        self.text, self.leaves, self.details = text, {}, {}
        self.figures, self.doubts = {}, []
        for row in text.splitlines():
            if row.startswith("detail "):
                words = row.split(" ", 8)
                self.details.setdefault(words[1], []).append((words[8], line_of(words[2:8])))
            elif row.startswith("doubt "):
                self.doubts.append(row[6:])
            else:
                key, _, value = row.partition("=")
                words = value.split()
                if len(words) == 7:
                    self.leaves[key] = line_of(words)
                    self.leaves[key]["lazy"] = None if words[6] == "?" else int(words[6])
                else:
                    self.figures[key] = int(value) if value.isdigit() else None
        self.rss = self.figures["rss"]

    def __getitem__(self, leaf):
        return self.leaves[leaf]

    def present(self, *leaves):
        return sum(self.leaves[leaf].present for leaf in leaves)

    def named(self, leaf):
        return dict(self.details.get(leaf, []))

    def lasting(self):
        """All but what another look must find different."""
        return [row for row in self.text.splitlines() if not row.startswith("elapsed_us=")]


def run(cache, *arguments):
    done = subprocess.run([PROGRAM] + [str(a) for a in arguments], env=tool.environment(cache),
                          capture_output=True, timeout=tool.TIMEOUT, check=False)
    assert done.returncode == 0 and b"Sanitizer" not in done.stderr, done.stderr.decode()
    return Ledger(done.stdout.decode())


class Mapping(dict):
    """One of smaps: its bounds, permissions, label, and figures in bytes."""

    __getattr__ = dict.__getitem__


def smaps(pid):
    found = []
    for row in targets.read("/proc/%d/smaps" % pid).splitlines():
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ (\S+) (\d+) *(.*)", row)
        if head:
            found.append(Mapping(start=int(head[1], 16), end=int(head[2], 16), perms=head[3],
                                 inode=int(head[5]), label=head[6]))
            continue
        key, _, value = row.partition(":")
        if value.endswith(" kB"):
            found[-1][key] = int(value.split()[0]) * 1024
    return found


def held(pid):
    """What a look must leave as it is."""
    text = targets.read("/proc/%d/smaps" % pid)
    text = re.sub(r"(?m)^(Pss.*|Shared_.*|Private_.*|Referenced:.*)\n", "", text)
    status = [row for row in targets.read("/proc/%d/status" % pid).splitlines()
              if row.startswith(("VmRSS", "VmPTE", "VmSwap", "RssAnon", "RssFile", "RssShmem"))]
    return text, status


def settle(pid):
    """Until none of its threads has run for a while: they, too, come to rest some time after READY."""
    switches = lambda: [row for task in os.listdir("/proc/%d/task" % pid) for row in
                        targets.read("/proc/%d/task/%s/status" % (pid, task)).splitlines()
                        if "ctxt_switches" in row]
    before = None
    while before != switches():
        before = switches()
        time.sleep(0.3)
