"""
A heap in mimalloc: small, medium, large and huge blocks, freed ones between them.

    mimalloc_heap.py WHERE

WHERE is main (one thread), live (four threads that wait), exited (four that have ended, their objects not), or
crossed (live ones, of whose objects another thread frees every third). Writes sys.getallocatedblocks() to stdout
and what sys._debugmallocstats() says to stderr, and rests in pause(2).
"""
import gc
import os
import signal
import sys
import threading
import time

WHERE = sys.argv[1]
THREADS = 4


class Point:
    def __init__(self, x):
        self.x = x


def fill():
    kept = [
        [Point(i) for i in range(9000)],
        [bytes(100 + i % 3000) for i in range(5000)],
        [{i: i} for i in range(4000)],
        [bytes(20000 + i * 3000) for i in range(40)],
        [bytes(17 << 20), bytes(40 << 20), bytes(1 << 20)],
    ]
    for part in kept[:3]:
        del part[::3]
    return kept


def work(place):
    kept[place] = fill()
    filled.release()
    if WHERE != "exited":
        end.wait()


kept = [None] * THREADS
filled, end = threading.Semaphore(0), threading.Event()
if WHERE == "main":
    kept[0] = fill()
else:
    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        filled.acquire()
        if WHERE == "exited":
            thread.join()
    while WHERE != "exited" and len(end._cond._waiters) < THREADS:
        time.sleep(0.01)
    time.sleep(0.1)  # from there a waiting thread has a few instructions to go
if WHERE == "crossed":
    for one in kept:
        del one[0][::3], one[1][::5]
gc.collect()
write, rest = os.write, signal.pause
account, blocks = sys._debugmallocstats, sys.getallocatedblocks
account()
number = blocks()
write(1, b"%d\n" % number)
account()
rest()
