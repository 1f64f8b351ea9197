"""Makes references count in odd ways, says when it is done, and rests in pause(2).

Argument: "alone", or "threads": the same with other threads that hold, drop and forget what the main one has made. When
signalled it collects, and says how many of each class are still alive: "left NAME N".
"""
import ctypes
import gc
import os
import signal
import sys
import threading
import weakref

gc.collect()
gc.disable()
signal.signal(signal.SIGUSR1, lambda *_: None)
LIBC = ctypes.CDLL(None)
MAIN = "/proc/self/task/%d/syscall" % os.getpid()
ALIVE, WATCHED = {}, []


class Payload(object):
    pass


class Cycle(object):
    pass


class Shared(object):
    pass


class Grown(object):
    pass


class Lent(object):
    pass


class Queued(object):
    pass


def watch(thing):
    ALIVE.setdefault(type(thing).__name__, []).append(weakref.ref(thing))
    return thing


def forget_functions(n):
    """Of those that stand in no other, references are counted late without the GIL, and no longer at all once there was a second
    thread: from then on they are kept for ever."""
    for _ in range(n):
        space = {"of": watch(Payload())}
        exec("def forgotten(): pass", space)


def forget_cycles(n):
    for _ in range(n):
        one = watch(Cycle())
        one.own = one


def run(function, *arguments):
    """In a thread that has ended when this returns."""
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    thread.join()


def keep(n):
    SHARED.extend([Shared() for _ in range(n)])


def grow(n):
    for _ in range(n):
        GROWN.append(Grown())


def lend():
    for i in range(len(LOANS)):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(LOANS[i]))


def drop():
    """What the main thread has made, twice, while it cannot look: its counts are with it, and wait."""
    while not open(MAIN).read().startswith("34 "):
        pass
    del PILE[:]
    del OTHER_PILE[:]
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    while True:
        LIBC.pause()


def rest(depth):
    """Deep down, so that what earlier calls left on the C stack is written over; then up again."""
    if depth:
        return rest(depth - 1)
    return LIBC.malloc(1)


SHARED, GROWN, LOANS, PILE, OTHER_PILE = [], [], [], [], []
if sys.argv[1] == "threads":
    run(keep, 1000)
    grow(1000)
    run(grow, 1000)
    forget_cycles(500)
    run(forget_cycles, 500)
    LOANS.extend([watch(Lent()) for _ in range(500)])
    run(lend)
    for i in range(500):
        LOANS[i] = None
    PILE.extend([watch(Queued()) for _ in range(1000)])
    OTHER_PILE.extend(PILE)
    WATCHED.append(threading.Thread(target=drop))
    WATCHED[0].daemon = True
    WATCHED[0].start()
    forget_functions(200)
    rest(50)
else:
    forget_cycles(1000)
    forget_functions(200)
    rest(50)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
LIBC.pause()
gc.collect()
for name in sorted(ALIVE):
    sys.stdout.write("left %s %d\n" % (name, sum(one() is not None for one in ALIVE[name])))
sys.stdout.write("DONE\n")
sys.stdout.flush()
while True:
    LIBC.pause()
