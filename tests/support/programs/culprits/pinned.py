"""
A peak is over, and in every arena a few objects of it are left. Who holds them differs.

    pinned.py module_dict|class_attribute|frame_local|closure_cell|lru_cache|default_argument|thread_local|no_common_holder|
              free_lists|cycles
"""
import functools
import gc
import threading

import rest

N, EVERY = 150000, 200
CACHE, LOCAL = {}, threading.local()


class Session(object):
    def __init__(self, i):
        self.user, self.blob = i + 1000, bytes(bytearray(200))


class Registry(object):
    instances = []


def survivors(make=Session):
    """One in two hundred of a peak, spread over all of its arenas."""
    peak = [None] * N
    for i in range(N):
        peak[i] = make(i)
    return peak[::EVERY]


def module_dict():
    CACHE.update(enumerate(survivors()))
    rest.until_told()
    CACHE.clear()
    rest.for_good()


def class_attribute():
    Registry.instances.extend(survivors())
    rest.until_told()
    del Registry.instances[:]
    rest.for_good()


def frame_local():
    sessions = survivors()
    rest.until_told()
    del sessions[:]
    rest.for_good()


def handler_of():
    sessions = survivors()

    def handler():
        return sessions
    return handler


def closure_cell():
    global HANDLER
    HANDLER = handler_of()
    rest.until_told()
    del HANDLER()[:]
    rest.for_good()


LOADED = []


@functools.lru_cache(maxsize=None)
def load(number):
    return LOADED.pop()


def lru_cache():
    LOADED.extend(survivors())
    for number in range(len(LOADED)):
        load(number)
    rest.until_told()
    load.cache_clear()
    rest.for_good()


def remember(session, seen=[]):
    seen.append(session)


def default_argument():
    for session in survivors():
        remember(session)
    del session
    rest.until_told()
    del remember.__defaults__[0][:]
    rest.for_good()


def thread_local():
    LOCAL.sessions = survivors()
    rest.until_told()
    del LOCAL.sessions[:]
    rest.for_good()


def no_common_holder():
    """Strings, each of them a global of its own."""
    names = []
    for i, text in enumerate(survivors(lambda i: "%0300d" % i)):
        names.append("name_%d" % i)
        globals()[names[-1]] = text
    del text
    rest.until_told()
    for name in names:
        del globals()[name]
    rest.for_good()


def survivors_among(make):
    """In CACHE; and between them others, which are returned. Nobody collects by himself what is let go."""
    others = []

    def make_both(i):
        if i % EVERY == EVERY // 2:
            others.append(make(i))
        return Session(i)
    gc.disable()
    CACHE.update(enumerate(survivors(make_both)))
    return others


def forget_cache():
    rest.say("READY")
    CACHE.clear()
    rest.for_good()


def free_lists():
    """The others are dead, and the interpreter keeps them for the next of their type."""
    others = survivors_among(lambda i: [i + 0.5, {"number": i}, (i, i)])
    del others[:]
    forget_cache()


class Node(object):
    def __init__(self, i):
        self.number, self.itself = i + 1000, self


def cycles():
    """The others wait for the collector."""
    others = survivors_among(Node)
    del others[:]
    forget_cache()


rest.run([module_dict, class_attribute, frame_local, closure_cell, lru_cache, default_argument, thread_local,
          no_common_holder, free_lists, cycles])
