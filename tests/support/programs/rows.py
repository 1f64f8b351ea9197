"""
What hangs on an attribute: of one object, of many, on one of two. Then it tells where some of each lie, and rests.
"""
import signal
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


def fill(where, kind, count):
    for i in range(count):
        where[i] = kind()


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

for i in (2, 4, 7):
    for at in (ONE.sessions[i], ONE.flights[i], MANY[i].sessions[i], MANY[i].flights[i],
               MIXED[i | 1].flights[i], PAIRS[i].left[i]):
        sys.stdout.write("%s%d %d\n" % (type(at).__name__, i, id(at)))
sys.stdout.flush()
del at
signal.pause()
