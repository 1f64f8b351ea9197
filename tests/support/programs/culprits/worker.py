"""
A prefork worker that only reads what its parent loaded, and so has written every page of it. Its number on stderr.

    worker.py reads
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


def reads():
    table = [Event(i) for i in range(120000)]
    gc.collect()
    prctl = ctypes.CDLL(None).prctl
    child = os.fork()
    if child:
        while True:
            signal.pause()
    prctl(1, 9, 0, 0, 0)  # it ends with its parent
    kept = [event.body for event in table]
    kept += [event.number for event in table]
    del kept
    sys.stderr.write("%d\n" % os.getpid())
    sys.stderr.flush()
    rest.say("READY")


rest.run([reads])
