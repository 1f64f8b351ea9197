"""
A target that uses malloc, in one of several ways, and then says what malloc says of itself.

    allocating.py TRUTH.SO WAY MEGABYTES [THREADS]

WAY: small, middle (a large free middle below a pin), crumbs (what is free is smaller than a page), mapped
(blocks with mappings of their own), blocked (brk cannot grow), churn (threads that never rest). Threads do the
same as the main one, each in its own arena, and wait.
"""
import ctypes
import os
import random
import sys
import threading

truth = ctypes.CDLL(sys.argv[1])
way, size = sys.argv[2], int(float(sys.argv[3]) * 1000000)
n_threads = int(sys.argv[4]) if len(sys.argv) > 4 else 0
kept, done, end = [], threading.Semaphore(0), threading.Event()


def blocks(total, low, high, dice):
    found = []
    while total > 0:
        found.append(bytes(dice.randrange(low, high)))
        total -= len(found[-1])
    return found


def allocate(seed):
    dice = random.Random(seed)
    if way == "middle":
        found = blocks(size, 40000, 100000, dice)
        pin = bytes(60000)
        del found[1:]
        found.append(pin)
    elif way == "crumbs":
        found = blocks(size, 600, 1500, dice)
        found[::2] = [None] * len(found[::2])
    elif way == "mapped":
        found = [bytearray(dice.randrange(140000, 900000)) for _ in range(size // 500000)]
        found[::3] = [None] * len(found[::3])
    else:
        found = blocks(size, 520, 9000, dice)
        for i in range(0, len(found) - 50, 70):
            for k in range(dice.randrange(50)):
                found[i + k] = None
    kept.append(found)


def work(seed):
    allocate(seed)
    done.release()
    end.wait()


if way == "blocked":
    assert truth.truth_block_break()
threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(n_threads)]
for thread in threads:
    thread.start()
for thread in threads:
    done.acquire()
if way == "churn":
    for i in range(n_threads or 4):
        threading.Thread(target=truth.truth_churn, args=(i + 1,), daemon=True).start()
    os.write(1, b"READY\n")
    threading.Event().wait()
allocate(99)
truth.truth_rest()
