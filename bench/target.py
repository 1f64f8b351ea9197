"""A target that is never idle, and keeps its own clock.

It fills its heap with small objects of mixed sizes, drops a quarter of them at random, and then
allocates and frees at full speed for ever, and maps, touches and unmaps memory meanwhile. Between any two turns of that loop it looks at the
clock: the longest gap it saw is what a tool cost it. The figures lie in a shared file, so that
asking for them disturbs nothing:

    bytes 0-7    longest gap since the last reset, seconds (double)
    bytes 8-15   turns of the loop (u64)
    byte  16     set to 1 by the reader: reset the longest gap
    byte  17     1 once the heap is built
    bytes 24-31  longest wait for the lock of its address space since the last reset, seconds (double)

    python bench/target.py SHARED_FILE MEGABYTES THREADS [--quiet] [--mixed]

--mixed: objects of many types, about sixty bytes each, instead of strings of bytes; there are no holes.
"""
import gc
import mmap
import random
import struct
import sys
import threading
import time


SIZES = [8, 24, 40, 56, 88, 120, 200, 328, 440] * 455
random.Random(3).shuffle(SIZES)


def fill(megabytes):
    """About `megabytes` of pymalloc memory in lists of small objects; a quarter of it is holes."""
    rng = random.Random(4)
    wanted = megabytes * 1024 * 1024 * 6 // 5
    keep, built = [], 0
    while built < wanted:
        batch = [bytes(size) for size in SIZES]
        built += sum(SIZES) + 40 * len(SIZES)
        for index in rng.sample(range(len(batch)), len(batch) // 4):
            batch[index] = None
        keep.append(batch)
    return keep


class Row(object):
    __slots__ = ("name", "value", "pair", "number", "more")

    def __init__(self, i):
        self.name, self.value, self.number = "the row of number %d" % i, i / 3.0, i + 1000
        self.pair = (self.value, self.number)
        self.more = {"id": i} if i % 8 == 0 else [i] if i % 4 == 0 else None


def fill_mixed(megabytes):
    """About `megabytes` of pymalloc memory in instances, strings, numbers, tuples, dicts and lists: about 16 blocks a KiB."""
    gc.disable()
    rows = megabytes * 1024 * 16 * 10 // 54
    keep = [[Row(at + i) for i in range(len(SIZES))] for at in range(0, rows, len(SIZES))]
    gc.enable()
    gc.collect()
    return keep


def idle(count):
    forever = threading.Event()
    for _ in range(count):
        thread = threading.Thread(target=forever.wait)
        thread.daemon = True
        thread.start()


def processor_wait():
    """Seconds that this thread was ready to run and had no processor."""
    with open("/proc/thread-self/schedstat") as stat:
        return int(stat.read().split()[1]) / 1e9


def with_lock(clock):
    """Map, touch, unmap: needs the lock of the address space, which a reader may hold. Seconds it took."""
    waited, start = processor_wait(), clock()
    page = mmap.mmap(-1, 65536)
    page[0:1] = b"x"
    page.close()
    return clock() - start - (processor_wait() - waited)


def run(shared, keep, quiet):
    clock = time.perf_counter if hasattr(time, "perf_counter") else time.time
    longest, locked, turns, position = 0.0, 0.0, 0, 0
    before = clock()
    while True:
        if quiet:
            time.sleep(0.0002)
        else:
            batch, slot = keep[position % len(keep)], turns % len(SIZES)
            if batch[slot] is not None:
                batch[slot] = type(batch[slot])(SIZES[slot])
            (turns, [turns], str(turns))
            position += 7
            if turns & 1023 == 0:
                locked = max(locked, with_lock(clock))
        now = clock()
        if now - before > longest:
            longest = now - before
        before = now
        turns += 1
        if turns & 15 == 0:
            if shared[16:17] == b"\x01":
                shared[16:17] = b"\x00"
                longest, locked = 0.0, 0.0
            struct.pack_into("<dQ", shared, 0, longest, turns)
            struct.pack_into("<d", shared, 24, locked)


def main():
    path, megabytes, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with open(path, "r+b") as handle:
        shared = mmap.mmap(handle.fileno(), 4096)
    keep = fill_mixed(megabytes) if "--mixed" in sys.argv else fill(megabytes)
    idle(threads - 1)
    shared[17:18] = b"\x01"
    run(shared, keep, "--quiet" in sys.argv)


main()
