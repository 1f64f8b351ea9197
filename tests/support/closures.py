"""
What support/programs/closure.py says of its heap, and how near a census comes to it.

The process to look at is a child of the one started; it lives as long as that.
"""

import bisect
import collections
import contextlib
import os
import shutil
import struct
import subprocess
import tempfile

from support import targets, tool

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests", "unit", "census",
                       "show_census")
EVERYWHERE = ("builtins.", "__builtin__.", "exceptions.")  # modules whose classes need no name of a module


def plain(name):
    """One spelling for a class of the builtins, whatever their module is called."""
    for module in EVERYWHERE:
        if name.startswith(module):
            return name[len(module):]
    return name


class Truth:
    """names {address: type}, kinds {type: how many}, type_at {address: address of its type}; known: see the program."""

    def __init__(self, folder):
        self.names, self.kinds, self.type_at = {}, collections.Counter(), {}
        with open(os.path.join(folder, "truth"), "rb") as file:
            for line in file:
                name, kind, count = line.decode().rsplit(" ", 2)
                addresses = struct.unpack("<%dQ" % int(count), file.read(8 * int(count)))
                self.names.update(dict.fromkeys(addresses, plain(name)))
                self.type_at.update(dict.fromkeys(addresses, int(kind)))
                self.kinds[plain(name)] += len(addresses)
        with open(os.path.join(folder, "known"), encoding="ascii") as file:
            self.known = {name: int(count) for name, count in map(str.split, file)}


@contextlib.contextmanager
def start(python, size, copy=None, **options):
    """(pid of the process to look at, the Truth about it); under a stripped copy of that interpreter if one is given."""
    folder = tempfile.mkdtemp(prefix="arenascope-closure-", dir=os.path.join(python.root, "tmp"))
    inside = "/" + os.path.relpath(folder, python.root)
    run = copy.start if copy else lambda *rest, **more: targets.start_program(python, *rest, **more)
    try:
        with run("closure.py", size, inside, **options) as target:
            target.wait_paused()
            yield int(target.out), Truth(folder)
    finally:
        shutil.rmtree(folder)


class Block(collections.namedtuple("Block", "address size kind label")):
    """An allocated block. Of an object, the address is that of the object: what id() gives."""


def blocks_of(cache, pid, folder):
    """What the test program tells of each block of the process, of malloc's chunks too; and its sums."""
    path = os.path.join(str(folder), "blocks")
    done = subprocess.run([PROGRAM, str(pid), path], env=tool.environment(cache), capture_output=True,
                          timeout=tool.TIMEOUT, check=False)
    assert done.returncode == 0 and b"Sanitizer" not in done.stderr, done.stderr.decode()
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            address, size, kind, *label = line.rstrip("\n").split(" ", 3)
            found.append(Block(int(address, 16), int(size), kind, plain(label[0]) if label else ""))
    os.unlink(path)
    sums = dict(line.split("=", 1) for line in done.stdout.decode().splitlines() if "=" in line)
    return found, {key: int(value) for key, value in sums.items() if value.isdigit()}


class Judgement:
    """right, wrong [(block, truth)], missing [(block, truth)]: objects of the truth that lie in a block told;
    extra: objects told, among the first n blocks, that the collector cannot reach. Those are the small-object allocator's;
    behind them stand chunks of malloc's and objects in files' data, of which many are C's alone."""

    def __init__(self, truth, blocks, n):
        objects = {it.address: it for it in blocks if it.kind == "object"}
        others = sorted(it for it in blocks if it.kind != "object")
        starts = [it.address for it in others]
        self.right, self.wrong, self.missing = 0, [], []
        for address, name in truth.names.items():
            if address in objects:
                if same(objects[address].label, name):
                    self.right += 1
                else:
                    self.wrong.append((objects[address], name))
                continue
            at = bisect.bisect_right(starts, address) - 1
            if at >= 0 and address < starts[at] + others[at].size:
                self.missing.append((others[at], name))
        self.extra = [it for it in blocks[:n] if it.kind == "object" and it.address not in truth.names]

    def share_right(self):
        return self.right / (self.right + len(self.wrong) + len(self.missing))

    def __repr__(self):
        faults = collections.Counter(("wrong", it.label, name) for it, name in self.wrong)
        faults.update(("missing", it.kind, name) for it, name in self.missing)
        return "%d right, %d wrong, %d missing: %s" % (
            self.right, len(self.wrong), len(self.missing), faults.most_common(12))


def same(label, name):
    """A census says of a dict, and of one of a subclass, whose attributes it holds; and of 2.7's old instances, which
    Python calls all the same, their class."""
    if name == "instance":
        return not is_dict(label)
    return label.replace(" ", "_") == name or label.startswith(name + " of ")


def is_dict(label):
    return label == "dict" or label.startswith("dict of ")
