"""
It is freed, and an allocator keeps it. Which, and why, differs.

    freed.py free_pools|trimmable|stuck|per_thread|threshold|set_late|mimalloc
"""
import ctypes
import os
import threading

import rest

LIBC = ctypes.CDLL(None)
KEPT = []


def trim():
    LIBC.malloc_trim(0)


def filled(size):
    return b"x" * size


def free_pools():
    """No arena is nearly empty: each is half full of full pools, and the other half is free."""
    freed = [None] * 75000
    for i in range(len(freed)):
        KEPT.extend((i + 0.5, i + 0.25, i + 0.75, i + 0.125, i + 1.5, i + 1.25, i + 1.75, i + 1.125))
        freed[i] = bytes(bytearray(350))
    del freed
    rest.until_told()


def between_pins(count, size, pin, kept):
    """Large pieces, each with a small one behind it that is kept."""
    large = []
    for _ in range(count):
        large.append(filled(size))
        kept.append(filled(pin))


def trimmable():
    between_pins(2000, 30000, 600, KEPT)
    rest.until_told()
    trim()
    rest.for_good()


def stuck():
    """Holes that hold no whole page."""
    between_pins(20000, 3000, 560, KEPT)
    rest.until_told()


def per_thread():
    """Each thread has an arena of its own, and its free memory outlives it."""
    count = 10
    together = threading.Barrier(count)

    def work():
        mine = []
        together.wait()
        between_pins(200, 30000, 600, mine)
        together.wait()
        KEPT.append(mine)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del threads, thread
    rest.until_told()
    trim()
    rest.for_good()


def threshold():
    """One large block was mapped and freed: from then on blocks as large come from the heap, whose end stays."""
    block = filled(30 << 20)
    del block
    blocks = [filled(10 << 20) for _ in range(5)]
    del blocks
    rest.until_told()
    trim()
    rest.for_good()


def set_late():
    """malloc read its settings before this was set."""
    os.environ["MALLOC_TRIM_THRESHOLD_"] = "131072"
    threshold()


class Session(object):
    def __init__(self, i):
        self.user, self.blob = i + 1000, bytes(bytearray(200))


def mimalloc():
    peak = [Session(i) for i in range(150000)]
    KEPT.extend(peak[::100])
    del peak
    rest.until_told()


rest.run([free_pools, trimmable, stuck, per_thread, threshold, set_late, mimalloc])
