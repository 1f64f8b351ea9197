"""
Nothing is kept: it is in use, and more than anybody wants. By whom differs.

    live.py history|seen|tasks|log_buffer|outputs|lists|bodies
"""
import asyncio
import ctypes
import gc
import logging
import logging.handlers

import rest

HISTORY, SEEN, Out, LISTS, KEPT = [], {}, {}, [], []
MALLOC_TRIM = ctypes.CDLL(None).malloc_trim


class Event(object):
    def __init__(self, i):
        self.number, self.body = i + 1000, bytes(bytearray(300))


class Ring(object):
    def __init__(self):
        self.itself = self


class Bus(object):
    def __init__(self):
        self._pending = set()


BUS = Bus()


def history():
    HISTORY.extend(Event(i) for i in range(100000))
    rest.until_told()
    del HISTORY[:]
    rest.for_good()


def seen():
    SEEN.update(("key %0300d" % i, None) for i in range(120000))
    rest.until_told()
    SEEN.clear()
    rest.for_good()


async def wait(body):
    await asyncio.get_running_loop().create_future()
    return body


async def begin(count):
    for i in range(count):
        BUS._pending.add(asyncio.ensure_future(wait(bytes(bytearray(440)))))
    await asyncio.sleep(0)


def tasks():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin(30000))
    rest.until_told()
    for task in BUS._pending:
        task._log_destroy_pending = False
    del task
    BUS._pending.clear()
    rest.for_good()


def log_to_buffer():
    """A handler that waits for an error before it writes, and none comes."""
    log = logging.getLogger("app")
    log.propagate = False
    log.addHandler(logging.handlers.MemoryHandler(10 ** 9, flushLevel=logging.CRITICAL))
    for i in range(40000):
        log.warning("message %s", "%0300d" % i)


def log_buffer():
    """Only logging itself refers to the handler."""
    log_to_buffer()
    rest.until_told()
    del logging.getLogger("app").handlers[0].buffer[:]
    rest.for_good()


def outputs():
    """What IPython keeps of every answer."""
    for i in range(1, 20):
        Out[i] = [Event(k) for k in range(80000 if i == 17 else 10)]
    rest.until_told()
    Out.clear()
    rest.for_good()


def lists():
    """Other objects lie between them by the thousand, and such as a full collection frees: dead ones in free lists, and cycles."""
    passing = []
    gc.collect()
    for i in range(12):
        LISTS.append([])
        for k in range(10000):
            LISTS[i].append(Event(k))
            if k % 800 == 0:
                passing.append([{"number": k}, [k], (k, i), Ring()])
        KEPT.append([Event(k) for k in range(1000)])
    del passing[:]
    rest.say("READY")
    del LISTS[:]
    rest.for_good()


def bodies():
    """Most of it too large for arenas, in malloc's heap, and something else above it."""
    for i in range(60):
        LISTS.extend([bytes(bytearray(700)), Event(k)] for k in range(1000))
        KEPT.append([bytes(bytearray(600 + k)) for k in range(20)])
    rest.until_told()
    del LISTS[:]
    gc.collect()
    MALLOC_TRIM(0)
    rest.for_good()


rest.run([history, seen, tasks, log_buffer, outputs, lists, bodies])
