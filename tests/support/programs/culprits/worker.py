"""
A prefork worker that only reads what its parent loaded, and so has written every page of it. Its number on stderr.

    worker.py reads|holds       it lets go again of what it took, or has it still
"""
import ctypes
import gc
import os
import signal
import sys

import rest


class Event(object):
    def __init__(self, i):
        self.number, self.body = i + 1000, bytes(bytearray(150))


TABLE, HELD = [], []


def take():
    """One reference more to each object."""
    for event in TABLE:
        HELD.extend((event, event.body, event.number))


def work(again):
    TABLE.extend(Event(i) for i in range(120000))
    gc.collect()
    prctl = ctypes.CDLL(None).prctl
    child = os.fork()
    if child:
        while True:
            signal.pause()
    prctl(1, 9, 0, 0, 0)  # it ends with its parent
    take()
    if again:
        del HELD[:]
    sys.stderr.write("%d\n" % os.getpid())
    sys.stderr.flush()
    rest.say("READY")


def reads():
    work(True)


def holds():
    work(False)


rest.run([reads, holds])
