"""Makes known objects, writes what and where they are, and rests in pause(2).

A line for each object: "o", the kind that is a key below, its type's name, id(), sys.getrefcount(), sys.getsizeof(). Lists keep all of
them alive. For each object that the collector tracks a line that begins with "g". Nothing is made or freed after them but what
writing takes.
"""
import array
import collections
import ctypes
import datetime
import gc
import itertools
import os
import sys

N = int(sys.argv[1]) if len(sys.argv) > 1 else 200


class Plain(object):
    def __init__(self, i):
        self.number = i
        self.text = "text %d" % i


class Slotted(object):
    __slots__ = ("a", "b")

    def __init__(self, i):
        self.a = i
        self.b = None


class Meta(type):
    pass


Made = Meta("Made", (object,), {})


class MyStr(str):
    pass


class MyInt(int):
    pass


class MyTuple(tuple):
    pass


class MyList(list):
    pass


class MyDict(dict):
    pass


class MyError(ValueError):
    pass


class SlottedDict(object):
    __slots__ = ("a", "__dict__")


class Weak(object):
    __slots__ = ("a", "__weakref__")


class MyBytes(bytes):
    pass


class Deep(Plain):
    class Inner(object):
        pass


if sys.version_info[0] == 2:
    class Old:
        def __init__(self, i):
            self.number = i

Point = collections.namedtuple("Point", "x y")


def generate(i):
    yield i
    yield i + 1


def started(i):
    generator = generate(i)
    next(generator)
    return generator


def closed_over(i):
    def inner():
        return i
    return inner


def with_attributes(instance):
    instance.more = 1
    vars(instance)
    return instance


class Aware(datetime.tzinfo):
    def utcoffset(self, when):
        return datetime.timedelta(0)


aware = Aware()
letters = u"abc\u00e9"
makers = {
    "plain": Plain, "slotted": Slotted, "made": lambda i: Made(), "mystr": lambda i: MyStr("s%d" % i),
    "myint": lambda i: MyInt(i + 10 ** 6), "mytuple": lambda i: MyTuple((i, i)), "mylist": lambda i: MyList([i]),
    "mydict": lambda i: MyDict(a=i), "myerror": lambda i: MyError(i), "slotteddict": lambda i: SlottedDict(),
    "weak": lambda i: Weak(), "mybytes": lambda i: MyBytes(b"m" * (i % 50)), "inner": lambda i: Deep.Inner(),
    "dicted": lambda i: with_attributes(Plain(i)), "point": lambda i: Point(i, i), "generator": started,
    "function": closed_over, "method": lambda i: Plain(i).__init__, "float": lambda i: i * 1.5,
    "complex": lambda i: complex(i, 1), "int": lambda i: 2 ** (i % 200 + 40), "str": lambda i: "%d" % i * (i % 20 + 1),
    "wide": lambda i: letters + u"%d" % i, "wider": lambda i: u"\u20ac%d" % i, "widest": lambda i: u"\U0001f600 %d" % i,
    "bytes": lambda i: b"b" * (i % 90 + 2), "bytearray": lambda i: bytearray(i + 1), "list": lambda i: list(range(i % 30)),
    "tuple": lambda i: tuple(range(i % 30 + 2)), "dict": lambda i: dict((k, k) for k in range(i % 40)),
    "strdict": lambda i: dict((str(k), k) for k in range(i % 40)), "set": lambda i: set(range(i % 40)),
    "frozenset": lambda i: frozenset(range(i % 20 + 1)), "deque": lambda i: collections.deque(range(i % 90)),
    "odict": lambda i: collections.OrderedDict((k, k) for k in range(i % 20)),
    "defaultdict": lambda i: collections.defaultdict(list), "counter": lambda i: collections.Counter("abc"),
    "array": lambda i: array.array("d", [1.0] * (i % 20)), "naive": lambda i: datetime.datetime(2020, 1, 1 + i % 28),
    "aware": lambda i: datetime.datetime(2020, 1, 1 + i % 28, tzinfo=aware), "time": lambda i: datetime.time(i % 24),
    "date": lambda i: datetime.date(2020, 1, 1 + i % 28), "delta": lambda i: datetime.timedelta(i),
    "slice": lambda i: slice(i, i + 1000), "iterator": lambda i: iter([i]), "chain": lambda i: itertools.chain([i]),
    "object": lambda i: object(), "property": lambda i: property(None), "range": lambda i: range(i, i + 10),
    "class": lambda i: type("Class%d" % i, (object,), {}), "cell": lambda i: closed_over(i).__closure__[0],
    "memoryview": lambda i: memoryview(b"abc"), "code": lambda i: compile("x = %d" % i, "<made>", "exec"),
}
if sys.version_info[0] == 2:
    makers["old"] = Old
    del makers["range"]

made = dict((kind, [make(i) for i in range(N)]) for kind, make in sorted(makers.items()))


def name_of(kind):
    if sys.version_info[0] == 2 and kind is getattr(sys.modules["__main__"], "Old", None):
        return "%s.%s" % (kind.__module__, kind.__name__)
    name = getattr(kind, "__qualname__", kind.__name__)
    module = kind.__module__
    if module in ("builtins", "__builtin__") or not isinstance(module, str):
        return name
    return "%s.%s" % (module, name)


def type_of(thing):
    return thing.__class__ if sys.version_info[0] == 2 and type(thing).__name__ == "instance" else type(thing)


pause = ctypes.CDLL(None).pause
lines = []
for kind in sorted(made):
    for thing in made[kind]:
        lines.append("o %s %s 0x%x %d %d" % (kind, name_of(type_of(thing)).replace(" ", "_"), id(thing),
                                             sys.getrefcount(thing), sys.getsizeof(thing)))
gc.collect()
for thing in gc.get_objects():
    if thing is not lines:
        lines.append("g - %s 0x%x 0 0" % (name_of(type_of(thing)).replace(" ", "_"), id(thing)))
os.write(1, ("\n".join(lines) + "\n").encode("utf-8", "replace"))
pause()
