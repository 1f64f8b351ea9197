"""
A heap that grows by known steps, for versions that cannot tell of it themselves (2.7).

    steps.py COUNT

Rests in pause(2); each SIGUSR1 adds COUNT blocks of one kind, in this order: object(),
a 25-tuple (no free list keeps those), a 5-character string; then it rests again.
"""
import os
import signal
import sys

COUNT = int(sys.argv[1])
kept = [[None] * COUNT for kind in range(3)]
signal.signal(signal.SIGUSR1, lambda number, frame: None)
numbers = range(COUNT)


def add_objects(row):
    for i in numbers:
        row[i] = object()


def add_tuples(row):
    for i in numbers:
        row[i] = (row,) * 25


def add_strings(row):
    for i in numbers:
        row[i] = "%05d" % i


steps = [add_objects, add_tuples, add_strings]
scratch = [None] * COUNT
for step in steps:
    step(scratch)  # whatever a first run keeps, it keeps now
for i in numbers:
    scratch[i] = None
os.kill(os.getpid(), signal.SIGUSR1)  # and the handler's frame
os.write(1, b"READY\n")
for step, row in zip(steps, kept):
    signal.pause()
    step(row)
    os.write(1, b"DONE\n")
while True:
    signal.pause()
