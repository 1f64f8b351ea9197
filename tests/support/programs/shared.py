"""Dicts of several owners that share tables of keys, and rests in pause(2).

Keys are those of a class that is no more: its instances became another's, each of one of two classes, and every other dict of
theirs has a copy with the same keys.
"""
import gc
import signal
import sys

N = int(sys.argv[1]) if len(sys.argv) > 1 else 1000


class One(object):
    pass


class Other(object):
    pass


def family(i):
    """Three objects whose attributes have one table of keys, and a copy of the second's."""
    short = type("Short", (object,), {})
    kept = [short(), short(), short()]
    for each in kept:
        each.name, each.number, each.more = "name", i, None
    kept.append(vars(kept[1]).copy())
    for k, each in enumerate(kept[:3]):
        vars(each)
        each.__class__ = (One, Other)[(i + k) % 2]
    return kept


KEPT = [family(i) for i in range(N)]
gc.collect()
sys.stdout.write("READY\n")
sys.stdout.flush()
signal.pause()
