"""Greenlets that wait, have ended, were never started; one that runs, and rests in pause(2). Says which object its reader asks about.

Lines "NAME id". How many of what is where: tests/integration/test_greenlets.py.
"""
import ctypes
import gc
import sys
import threading

import greenlet

gc.collect()
gc.disable()
LIBC = ctypes.CDLL(None)
DEPTH = 500  # calls: more frames than one chunk of a data stack holds


class Session(object):
    def __init__(self, number):
        self.number = number + 1000000


class Local(object):
    pass


class Ended(object):
    pass


class Waiting(object):
    pass


class OfMain(object):
    pass


class OfRunning(object):
    pass


class OfGenerator(object):
    pass


class OfThread(object):
    pass


class Deep(object):
    pass


class Derived(greenlet.greenlet):
    """As gevent's."""
    started = None


def back():
    return greenlet.getcurrent().parent.switch()


def inner(number):
    local = [Local() for _ in range(5)]
    back()
    return local


def handle(number):
    data = bytearray(50000)
    sessions = [Session(number * 20 + i) for i in range(20)]
    if number == 7:
        say("session", sessions[3])
    inner(number)
    return data, sessions


def end(number):
    ended = [Ended() for _ in range(10)]
    back()
    return len(ended)


def wait(waiting):
    return waiting


def generate():
    mine = [OfGenerator() for _ in range(30)]
    yield len(mine)
    back()
    yield mine


def through_generator():
    return [one for one in generate()]


def dive(depth):
    deep = Deep()
    if depth:
        dive(depth - 1)
    else:
        back()
    return deep


def in_thread(ready):
    of_thread = [OfThread() for _ in range(50)]
    other = greenlet.greenlet(dive)
    other.switch(10)
    child = greenlet.greenlet(rest)
    child.switch(ready)
    return of_thread, other


def rest(ready):
    ready.set()
    LIBC.pause()


def say(name, thing):
    sys.stdout.write("%s %d\n" % (name, id(thing)))
    sys.stdout.flush()


def plant():
    greenlets = [(Derived if i % 2 else greenlet.greenlet)(handle) for i in range(100)]
    for i, one in enumerate(greenlets):
        one.switch(i)
    ended = [greenlet.greenlet(end) for _ in range(40)]
    for one in ended:
        one.switch(0)
    for one in ended:
        one.switch()
    never = []
    for _ in range(20):
        waiting = Waiting()
        never.append(greenlet.greenlet(lambda waiting=waiting: waiting))
    one = greenlet.greenlet(through_generator)
    one.switch()
    deep = greenlet.greenlet(dive)
    deep.switch(DEPTH)
    return greenlets, ended, never, one, deep


def run():
    of_running = [OfRunning() for _ in range(60)]
    LIBC.pause()
    return of_running


def main():
    of_main = [OfMain() for _ in range(70)]
    ready = threading.Event()
    thread = threading.Thread(target=in_thread, args=(ready,))
    thread.daemon = True
    thread.start()
    ready.wait()
    greenlet.greenlet(run).switch()
    return of_main


PLANTED = plant()
main()
