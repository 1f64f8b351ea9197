"""
What hangs on an attribute: of one object, of many, on one of two; and on a variable: of a closure, of what runs, of functions that
differ. Then it tells where some of each lie, and rests.
"""
import io
import os
import signal
import struct
import sys


class Service(object):
    def __init__(self):
        self.title, self.sessions, self.flights = None, {}, {}


class Pair(object):
    __slots__ = ("left", "right")


class Session(object):
    __slots__ = ("number",)


class Flight(Session):
    __slots__ = ()


class Member(Session):
    __slots__ = ()


class Guest(Session):
    __slots__ = ()


class Stray(Session):
    __slots__ = ()


class Left(Session):
    __slots__ = ()


class Enclosed(Session):
    __slots__ = ()


class Divided(Session):
    __slots__ = ()


class Running(Session):
    __slots__ = ()


class Halved(Session):
    __slots__ = ()


class Written(Session):
    __slots__ = ()


def fill(where, kind, count):
    for i in range(count):
        where[i] = kind()


def lot(kind):
    return [kind() for _ in range(10)]


def make(kept):
    size = 10

    def handle():
        return size, kept
    return handle


def make_other(other):
    def handle():
        return other
    return handle


def run(page):
    yield page


def run_other(rows):
    yield rows


def begun(generator):
    next(generator)
    return generator


ONE = Service()
fill(ONE.sessions, Session, 100)
fill(ONE.flights, Flight, 100)
MANY = [Service() for _ in range(100)]
for it in MANY:
    fill(it.sessions, Member, 10)
    fill(it.flights, Guest, 10)
MIXED = [Service() for _ in range(100)]
for i, it in enumerate(MIXED):
    fill(it.flights if i % 2 else it.sessions, Stray, 10)
PAIRS = [Pair() for _ in range(100)]
for it in PAIRS:
    it.left, it.right = [Left() for _ in range(10)], []
del it
# What they hold: in lists that are let go, so that nothing else leads there.
LOTS = dict((kind, [lot(kind) for _ in range(100)]) for kind in (Enclosed, Divided, Running, Halved))
HANDLERS = [make(it) for it in LOTS[Enclosed]]
SEVERAL = [(make_other if i % 2 else make)(it) for i, it in enumerate(LOTS[Divided])]
CURSORS = [begun(run(it)) for it in LOTS[Running]]
BOTH = [begun((run_other if i % 2 else run)(it)) for i, it in enumerate(LOTS[Halved])]
for kind in LOTS:
    for i in (2, 4, 7):
        sys.stdout.write("%s%d %d\n" % (kind.__name__, i, id(LOTS[kind][i][0])))
LOTS.clear()
# Bytes in a file's buffer that could pass for addresses: nearer than what holds.
DEEP = [[[[Written() for _ in range(1000)]]]]
JOURNAL = io.open(os.devnull, "wb")
for i, it in enumerate(DEEP[0][0][0]):
    JOURNAL.write(struct.pack("Q", id(it)))
    if i in (2, 4, 7):
        sys.stdout.write("Written%d %d\n" % (i, id(it)))
globals().pop("it", None)  # 2.7's comprehensions leave it

for i in (2, 4, 7):
    for at in (ONE.sessions[i], ONE.flights[i], MANY[i].sessions[i], MANY[i].flights[i],
               MIXED[i | 1].flights[i], PAIRS[i].left[i]):
        sys.stdout.write("%s%d %d\n" % (type(at).__name__, i, id(at)))
sys.stdout.flush()
del at
signal.pause()
