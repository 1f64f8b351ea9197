"""Forgets cycles that gc.freeze() has put aside, and others, says when it is done, and rests in pause(2).

    Early    cycles, forgotten after gc.freeze(): no collection looks at them
    Hung     made after it, and held by one of those each
    Late     cycles made after it
    Held     frozen, no cycle, and held by one of the Late each: goes with it
    Known    frozen, and still known: no garbage

When signalled it collects, says how many of each class are alive, "left NAME N", unfreezes, collects again, and says it again:
"then NAME N". Argument: how many of each.
"""
import ctypes
import gc
import signal
import sys
import weakref

signal.signal(signal.SIGUSR1, lambda *_: None)
LIBC = ctypes.CDLL(None)
ALIVE = {}


class Early(object):
    pass


class Hung(object):
    pass


class Late(object):
    pass


class Held(object):
    pass


class Known(object):
    pass


def watch(thing):
    ALIVE.setdefault(type(thing).__name__, []).append(weakref.ref(thing))
    return thing


def cycle(kind):
    one = watch(kind())
    one.own = one
    return one


def freeze(n):
    early, held = [cycle(Early) for _ in range(n)], [watch(Held()) for _ in range(n)]
    KNOWN.extend([cycle(Known) for _ in range(n)])
    gc.freeze()
    for one, other in zip(early, held):
        one.later = cycle(Hung)
        cycle(Late).held = other


def rest(depth):
    """Deep down, so that what earlier calls left on the C stack is written over; then up again."""
    if depth:
        return rest(depth - 1)
    return LIBC.malloc(1)


def tell(when):
    gc.collect()
    for name in sorted(ALIVE):
        sys.stdout.write("%s %s %d\n" % (when, name, sum(one() is not None for one in ALIVE[name])))


KNOWN = []
gc.collect()
gc.disable()
freeze(int(sys.argv[1]))
rest(50)
sys.stdout.write("READY\n")
sys.stdout.flush()
LIBC.pause()
tell("left")
gc.unfreeze()
tell("then")
sys.stdout.write("DONE\n")
sys.stdout.flush()
while True:
    LIBC.pause()
