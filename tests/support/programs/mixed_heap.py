"""
A heap of many kinds of objects, its own account of it, then silence.

    mixed_heap.py MEGABYTES [collected]

Writes sys.getallocatedblocks() to stdout, then what sys._debugmallocstats() says to stderr, and
pauses; collected: right after a full collection, which empties its free lists. Between that account and the pause nothing is allocated: even "ready" is not written; who
waits sees it by the system call that the process rests in. Runs on 2.7 and 3.6 onwards.
"""
import gc
import os
import signal
import sys


class Session(object):
    def __init__(self, key):
        self.key = key
        self.data = {"id": key, "tags": [key, key + 1.5], "name": "session %d" % key}


class Slotted(object):
    __slots__ = ("a", "b", "c")

    def __init__(self, a):
        self.a = a
        self.b = (a, float(a))
        self.c = b"x" * (a % 700)


def build(megabytes):
    kept = []
    for i in range(200 + int(megabytes * 700)):
        kept.append([Session(i), Slotted(i), tuple(range(i % 40)), set([i]), "s" * (i % 600),
                     complex(i, i), lambda: i, {"k": i}, i + (1 << 40)])
    # Holes of every kind: whole stretches of pools, single blocks, single members.
    stretch = len(kept) // 10
    del kept[3 * stretch:5 * stretch]
    for i in range(0, len(kept), 3):
        kept[i] = None
    for i in range(1, len(kept), 3):
        kept[i][1] = kept[i][4] = None
    return kept


def deep(depth):
    return depth and deep(depth - 1)


def fill_free_lists():
    deep(60)
    for kind in range(3):
        scratch = [[float(i) for i in range(30 + kind)], [{} for _ in range(20)],
                   [[] for _ in range(25)], [(i,) * (i % 22) for i in range(90)],
                   [{"k": i}.get for i in range(12)]]
        del scratch


def report_blocks():
    write(1, b"%d\n" % getblocks())


kept = build(float(sys.argv[1]))
fill_free_lists()
write, pause = os.write, signal.pause
if hasattr(sys, "_debugmallocstats"):
    getblocks, account = sys.getallocatedblocks, sys._debugmallocstats
    # Each report leaves the heap as it found it, once warmed up: the last lines are equal.
    report_blocks()
    report_blocks()
    report_blocks()
    report_blocks()
    if "collected" in sys.argv:
        gc.collect()
    account()
pause()
