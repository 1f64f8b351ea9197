"""
A heap of many known kinds of objects, and the truth about it: each object that the collector can reach.

    closure.py SIZE FOLDER      SIZE 1 makes about a million blocks

To tell the truth needs memory, so the process forks. The child rests in pause(2) as it was at that moment: it is the one
to look at. Its parent writes FOLDER/truth (for each type a line "NAME ADDRESS COUNT" and so many addresses of eight bytes)
and FOLDER/known (lines "NAME COUNT": of a class of this file there are exactly so many, of any other kind at least), then
the child's number to stdout. The fork is libc's own: CPython's hooks around os.fork() change the heap of both.
"""
import array
import collections
import ctypes
import datetime
import decimal
import functools
import gc
import io
import itertools
import os
import random
import re
import struct
import sys
import threading
import types
import weakref

for name in ("argparse calendar csv difflib email.message fractions hashlib heapq html.parser json logging.handlers optparse "
             "pickle platform pprint shlex shutil socket string subprocess tempfile textwrap timeit traceback unittest "
             "uuid xml.dom.minidom zipfile asyncio contextvars dataclasses enum pathlib typing").split():
    try:
        __import__(name)
    except ImportError:  # not in that version
        pass

SIZE, FOLDER = float(sys.argv[1]), sys.argv[2]
OLD = sys.version_info[0] == 2
KEPT, KNOWN = [], {}
number = int if not OLD else long  # noqa: F821
char = chr if not OLD else unichr  # noqa: F821


class User(object):
    def __init__(self, i):
        self.name, self.number, self.tags = "user-%d" % i, i + 1000, [i]


class Slotted(object):
    __slots__ = ("left", "right")

    def __init__(self, i):
        self.left, self.right = float(i), None


class Wide(Slotted):
    """Slots above, a dict below, and not all instances have the same attributes."""

    def __init__(self, i):
        Slotted.__init__(self, i)
        setattr(self, "only_%d" % (i % 90), i)


class Watched(object):
    __slots__ = ("__weakref__", "other")


class Bare(object):
    pass


class Finalized(object):
    def __del__(self):
        pass


class Meta(type):
    pass


class MyStr(str):
    pass


class MyInt(int):
    pass


class MyFloat(float):
    pass


class MyTuple(tuple):
    pass


class Pair(tuple):
    __slots__ = ()


class MyList(list):
    pass


class MyDict(dict):
    pass


class MySet(set):
    pass


class MyBytes(bytes):
    pass


class MyArray(array.array):
    pass


class MyDeque(collections.deque):
    pass


class MyLocal(threading.local):
    pass


class MyError(ValueError):
    pass


class MyDate(datetime.datetime):
    pass


class Outer(object):
    class Inner(object):
        def __init__(self, i):
            self.i = i


Point = collections.namedtuple("Point", "x y z")


def keep(kind, count, make):
    """Makes that many and notes what they are, or hold one of."""
    count = max(int(count * SIZE), 3)
    made = [make(i) for i in range(count)]
    KEPT.append(made)
    if kind:
        KNOWN[kind] = KNOWN.get(kind, 0) + count
    return made


def closing(i):
    value = [i]

    def inner(more=i):
        return value, more
    return inner


def counting(i):
    yield i
    yield i + 1


def started(i):
    generator = counting(i)
    next(generator)
    return generator


def failing(i):
    local = "local %d" % i
    raise MyError(local, i)


def caught(i):
    try:
        failing(i)
    except MyError as error:
        return error, sys.exc_info()[2]


def grown(i):
    """A dict that has split off: deletions, keys of several types."""
    made = {"key %d" % k: k for k in range(i % 40)}
    made[i], made[(i,)] = None, float(i)
    for k in range(0, i % 40, 3):
        del made["key %d" % k]
    return made


def ordered(i):
    made = collections.OrderedDict((("k", i), (i, "v")))
    made.move_to_end("k") if not OLD else None
    return made


def own_dicts():
    keep("__main__.User", 40000, User)
    keep("__main__.Slotted", 40000, Slotted)
    keep("__main__.Wide", 4000, Wide)
    keep("__main__.Watched", 3000, lambda i: Watched())
    keep("__main__.Bare", 5000, lambda i: Bare())
    keep("__main__.Finalized", 1000, lambda i: Finalized())
    keep("__main__.MyError", 1000, lambda i: MyError(str(i)))
    keep("__main__.Point", 10000, lambda i: Point(i, i + 300, None))
    keep("__main__.MyLocal", 300, lambda i: MyLocal())
    inner = keep("__main__.Outer.Inner" if not OLD else "__main__.Inner", 1000, Outer.Inner)
    for i, one in enumerate(inner):
        one.next = inner[i - 1]
    keep("__main__.Meta", 150, lambda i: Meta("Made%d" % (i % 7), (object,), {"value": i, "name": str(i)}))
    exec("class Odd: pass\n", globals())  # in 2.7 of the old style
    keep("__main__.Odd" if not OLD else None, 2000, lambda i: Odd())  # noqa: F821


def below_builtins():
    keep("__main__.MyStr", 2000, lambda i: MyStr("mine %d" % i))
    keep("__main__.MyInt", 2000, lambda i: MyInt(i << i % 30))
    keep("__main__.MyFloat", 2000, MyFloat)
    keep("__main__.MyTuple", 2000, lambda i: MyTuple(range(i % 9)))
    keep("__main__.Pair", 2000, lambda i: Pair((i, i)))
    keep("__main__.MyList", 2000, lambda i: MyList(range(i % 9)))
    keep("__main__.MyDict", 2000, lambda i: MyDict({i: i, "a": i}))
    keep("__main__.MySet", 2000, lambda i: MySet(range(i % 20)))
    keep("__main__.MyBytes", 2000, lambda i: MyBytes(b"mine" * (i % 9)))
    keep("__main__.MyArray", 500, lambda i: MyArray("i", range(i % 50)))
    keep("__main__.MyDeque", 300, lambda i: MyDeque(range(i % 200)))
    keep("__main__.MyDate", 500, lambda i: MyDate(2000 + i % 90, 1, 1))
    for one in KEPT[-1]:
        one.label = "a date"


def plain_data():
    keep(None, 30000, lambda i: "text of number %d" % i)
    keep(None, 3000, lambda i: u"caf\xe9 %d" % i)
    keep(None, 3000, lambda i: u"%d \u20ac" % i)
    keep(None, 1000, lambda i: char(0x1f600 if sys.maxunicode > 65536 else 0x2603) * (i % 50 + 1))
    keep(None, 10000, lambda i: b"bytes" * (i % 130))
    keep(None, 20000, lambda i: i + 100000)
    keep(None, 3000, lambda i: number(7) ** (i % 600 + 40))
    keep(None, 30000, lambda i: i / 3.0)
    keep("complex", 2000, lambda i: complex(i, 1))
    keep(None, 20000, lambda i: tuple(range(i % 22)) + (i,))
    keep(None, 20000, lambda i: list(range(i % 13)))
    keep(None, 200, lambda i: list(range(i * 7)))
    keep(None, 10000, lambda i: {"id": i, "name": "n", "tag": None})
    keep(None, 3000, grown)
    keep(None, 5000, lambda i: {i: i, i + 1: i})
    keep(None, 5000, lambda i: set(range(i % 6)))
    keep(None, 500, lambda i: set(range(i % 300)))
    keep(None, 2000, lambda i: frozenset((i, str(i))))
    keep("bytearray", 3000, lambda i: bytearray(i % 700))
    keep("memoryview", 1000, lambda i: memoryview(bytearray(30)))
    keep("slice", 1000, lambda i: slice(i, None))


def code():
    keep(None, 3000, closing)
    keep(None, 1000, lambda i: lambda: i)
    keep("__main__.User", 3000, lambda i: User(i).__init__)
    keep(None, 1000, lambda i: [i].append)
    keep("generator", 2000, counting)
    keep("generator", 1000, started)
    keep("__main__.MyError", 500, caught)
    keep("classmethod", 500, lambda i: classmethod(counting))
    keep("staticmethod", 500, lambda i: staticmethod(counting))
    keep(None, 1000, lambda i: property(counting, None, None, "doc %d" % i))
    keep(None, 150, lambda i: compile("a = %d\ndef f(x): return x + %d" % (i, i), "file", "exec"))
    keep(None, 300, lambda i: types.ModuleType("module_%d" % i, "its text"))
    targets = keep("__main__.Watched", 2000, lambda i: Watched())
    keep(None, 2000, lambda i: weakref.ref(targets[i % len(targets)], lambda ref: ref))
    keep(None, 500, lambda i: weakref.proxy(targets[i % len(targets)]))
    keep("listiterator" if OLD else "list_iterator", 1000, lambda i: iter([i]))
    keep("enumerate", 500, lambda i: enumerate([i]))
    keep(None, 500, lambda i: reversed([i]))
    if not OLD:
        keep("map", 500, lambda i: map(str, [i]))
        keep("zip", 500, lambda i: zip([i], [i]))
        exec("async def waiting(i):\n    return i\nasync def giving(i):\n    yield i\n", globals())
        keep("coroutine", 1000, waiting)  # noqa: F821
        keep("async_generator", 500, giving)  # noqa: F821


def of_libraries():
    keep("collections.deque", 2000, lambda i: collections.deque(range(i % 200)))
    keep(None, 3000, ordered)
    keep("collections.defaultdict", 1000, lambda i: collections.defaultdict(list, {i: [i]}))
    keep("array.array", 2000, lambda i: array.array("d", range(i % 80)))
    keep(None, 3000, lambda i: datetime.datetime(2000 + i % 90, 1 + i % 12, 3, 4, 5, 6))
    keep(None, 1000, lambda i: datetime.date(2000 + i % 90, 1 + i % 12, 3))
    keep(None, 1000, lambda i: datetime.timedelta(i, 5))
    keep(None, 1000, lambda i: datetime.time(i % 24, 5))
    keep(None, 3000, lambda i: decimal.Decimal(i) / 7)
    keep(None, 500, lambda i: struct.Struct("<%dI4s" % (i % 20)))
    keep(None, 60, lambda i: re.compile(r"(a%d)+[b-y]*?(?P<n>\d+)" % i))
    keep(None, 500, lambda i: re.match("(.)(.)", "ab%d" % i))
    keep("functools.partial", 2000, lambda i: functools.partial(counting, i, key=i))
    if not OLD:
        def cached(i):
            made = functools.lru_cache(maxsize=4)(lambda n: n)
            return [made(i), made(i + 1), made]
        keep("functools._lru_cache_wrapper", 500, cached)
    keep("_io.StringIO", 500, lambda i: io.StringIO(u"text %d" % i))
    keep("_io.BytesIO", 500, lambda i: io.BytesIO(b"bytes %d" % i if not OLD else b"bytes"))
    keep(None, 1000, lambda i: threading.Lock())
    keep(None, 500, lambda i: threading.RLock())
    keep("itertools.chain", 500, lambda i: itertools.chain([i], (i,)))
    keep("itertools.count", 500, lambda i: itertools.count(i))
    keep("itertools.cycle", 500, lambda i: itertools.cycle([i]))
    keep("itertools.islice", 500, lambda i: itertools.islice([i], 3))
    keep(None, 60, lambda i: random.Random(i))
    keep(None, 500, lambda i: ctypes.c_int(i))
    keep(None, 300, lambda i: (ctypes.c_char * (i % 90 + 1))())


def name_of(kind):
    """As the interpreter itself names a class: module and qualified name, builtins bare."""
    part = "__name__" if OLD else "__qualname__"
    name = type.__dict__[part].__get__(kind)
    try:
        module = type.__dict__["__module__"].__get__(kind)
    except AttributeError:
        module = None
    if not isinstance(module, str) or module in ("builtins", "__builtin__"):
        return name
    return module + "." + name


def closure(child):
    """{address of a type: (the type, addresses)} of all that gc tracks, and of what only they refer to; but not of what
    this function makes."""
    found, tracked, reached = {}, gc.get_objects(), []
    mine = set(map(id, (found, tracked, reached, child, sys._getframe(), sys._getframe(1))))
    for it in tracked:
        if id(it) not in mine:
            reached.append(it)
    seen = set(map(id, tracked))
    seen.update(mine, (id(seen), id(mine)))
    at = 0
    while at < len(reached):
        for it in reached[at:at + 1000]:
            kind = type(it)
            if id(kind) not in found:
                found[id(kind)] = (kind, array.array("L"))
            found[id(kind)][1].append(id(it))
        for it in gc.get_referents(*reached[at:at + 1000]):
            if id(it) not in seen:
                seen.add(id(it))
                reached.append(it)
        at += 1000
    return found


def tell(child):
    found = closure(child)
    with open(os.path.join(FOLDER, "truth"), "wb") as out:
        for address, (kind, addresses) in found.items():
            head = "%s %d %d\n" % (name_of(kind).replace(" ", "_"), address, len(addresses))
            out.write(head.encode("utf-8"))
            addresses.tofile(out)
    with open(os.path.join(FOLDER, "known"), "w") as out:
        out.writelines("%s %d\n" % it for it in sorted(KNOWN.items()))
    sys.stdout.write("%d\n" % child)
    sys.stdout.flush()


def main():
    for part in (own_dicts, below_builtins, plain_data, code, of_libraries):
        part()
    libc = ctypes.PyDLL(None)  # keeps the GIL, in both
    fork, pause, prctl = libc.fork, libc.pause, libc.prctl
    gc.collect()
    gc.disable()
    child = fork()
    if child == 0:
        prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: it ends with its parent
        pause()
    tell(child)
    pause()


main()
