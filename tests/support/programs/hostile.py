"""
A heap made to harm who reads it: names that steer terminals or fill pages, and words that lead nowhere or in circles.

    hostile.py names|shapes|links
"""
import array
import collections
import ctypes
import gc
import sys

OLD = sys.version_info[0] == 2
ESCAPE = "\x1b[2J\x1b]0;owned\x07\r\nWHY\x08\x7f"
KEPT = []


def word_at(address):
    return ctypes.c_ssize_t.from_address(address)


def poke(address, value):
    word_at(address).value = value


def names():
    """Of classes, modules, attributes, globals, keys: with control characters, and of ten million characters."""
    wide = ESCAPE if OLD else ESCAPE + "\u202e\udc80\U0001f600"
    for name in [wide, "x" * 10000000, "", " ", "a\nb", "%s%n", "</script>", "=1+1"]:
        try:
            kind = type(name, (object,), {"__module__": name})
        except (ValueError, UnicodeError):  # no surrogates in names
            kind = type(ESCAPE, (object,), {"__module__": ESCAPE})
        KEPT.append([kind() for _ in range(500)])
        for one in KEPT[-1]:
            one.__dict__[name[:1000]] = name
        globals()[name[:1000] + "g"] = [kind() for _ in range(500)]
    for module in (None, 7, [1], b"\xff" * 99):
        kind = type("Odd", (object,), {})
        kind.__module__ = module
        KEPT.append([kind() for _ in range(200)])
    KEPT.append([{ESCAPE: i, "b" * 5000: i} for i in range(300)])


def shapes():
    """Sizes that cannot be: of lists, tuples, strings, numbers, bytearrays, dicts, sets, deques, arrays."""
    size = 16
    for value in (-1, -2 ** 63, 2 ** 63 - 1, 2 ** 40, 2 ** 32, 2 ** 61):
        for make in (lambda: [1, 2], lambda: (KEPT, 2), lambda: "text of %d" % value, lambda: 7 ** 40,
                     lambda: bytearray(9), lambda: {1: 2}, lambda: set([1, 2, 3]), lambda: collections.deque([1]),
                     lambda: array.array("d", [1.5]), lambda: b"bytes %d" % 7 if not OLD else b"b" * 9):
            for _ in range(20):
                one = make()
                KEPT.append(one)
                poke(id(one) + size, value)
    for value in (0, 8, id(KEPT), 2 ** 47, -8, 2 ** 63 - 8):
        for make in (lambda: [1, 2], lambda: {1: 2, "a": 3}, lambda: set(range(50)), lambda: collections.deque([1]),
                     lambda: bytearray(9)):
            for offset in (24, 32, 40):
                one = make()
                KEPT.append(one)
                poke(id(one) + offset, value)
    if not OLD:
        for _ in range(50):  # the head of a dict's keys: sizes as powers of two
            one = {"k%d" % i: i for i in range(20)}
            KEPT.append(one)
            ctypes.memset(word_at(id(one) + 32).value + 8, 0xff, 24)


class Base(object):
    pass


class Link(object):
    __slots__ = ("next",)


def links():
    """Circles: a metaclass of itself, bases that are each other's, containers in themselves; and a very long way."""
    first, second = type("First", (Base,), {}), type("Second", (Base,), {})
    KEPT.append([first() for _ in range(500)] + [second() for _ in range(500)])
    own, base, mro, bases = type("Own", (Base,), {}), 256, 344, 336
    KEPT.append([own() for _ in range(500)])
    poke(id(own) + 8, id(own))
    poke(id(first) + base, id(second))
    poke(id(second) + base, id(first))
    for name, offset, value in (("NoMro", mro, 0), ("WildMro", mro, id(KEPT) + 3), ("WildBases", bases, 8),
                                ("WildName", 24, 16), ("WildFlags", 168, -1), ("WildSize", 32, -1)):
        kind = type(name, (Base,), {})
        KEPT.append([kind() for _ in range(200)])
        poke(id(kind) + offset, value)
    inner = []
    inner.append(inner)
    table = {}
    table["self"] = table
    head = None
    for _ in range(300000):
        link = Link()
        link.next, head = head, link
    KEPT.append((inner, table, head))
    for value in (0, -1, 2 ** 62, 1):
        one = Base()
        KEPT.append(one)
        poke(id(one), value)


gc.disable()
{"names": names, "shapes": shapes, "links": links}[sys.argv[1]]()
pause = ctypes.PyDLL(None).pause
sys.stdout.write("READY\n")
sys.stdout.flush()
pause()
