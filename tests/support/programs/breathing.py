"""
A heap that is at work: arenas and chunks come and go all the time, beside what stays.

    breathing.py SEED       writes READY; ends by itself after ten minutes

Kept are a list of 100,000 tuples and 200 long texts, each of a word that only the seed tells; some of these are
replaced in every round.
"""
import hashlib
import random
import sys
import time


def long_text(i):
    return hashlib.sha256(("%s:%d" % (sys.argv[1], i)).encode()).hexdigest()[:24] * 40


def breathe(kept, texts, end):
    dice = random.Random(1)
    while time.time() < end:
        passing = [("x" * 300, i) for i in range(dice.randrange(10000, 40000))]
        kept[dice.randrange(len(kept))] = (1, "y" * 100)
        texts[dice.randrange(len(texts))] = long_text(dice.randrange(200))
        del passing


KEPT = [(i, str(i)) for i in range(100000)]
TEXTS = [long_text(i) for i in range(200)]
sys.stdout.write("READY\n")
sys.stdout.flush()
breathe(KEPT, TEXTS, time.time() + 600)
