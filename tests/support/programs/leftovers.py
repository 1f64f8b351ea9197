"""
Lists and dicts that were taken out of free lists: where each lay there, a word still says so. All are garbage.

    leftovers.py        writes READY, with the collector off
"""
import gc
import signal
import sys

gc.disable()
ROOM = 80  # of such a free list


class InList(object):
    pass


class InDict(object):
    pass


def fill_free_lists():
    kept = [[] for _ in range(ROOM)], [{} for _ in range(ROOM)]
    del kept


def take_out():
    for _ in range(ROOM):
        one = [InList()]
        one.append(one)
        other = {"held": InDict()}
        other["itself"] = other


fill_free_lists()
take_out()
sys.stdout.write("READY\n")
sys.stdout.flush()
signal.pause()
