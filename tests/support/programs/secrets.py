"""A target that holds secrets in every kind of object that can hold one, then rests.

Each secret is made at run time from its name, so that neither this text nor its constants hold it:

    secrets.py SEED [ARGUMENT...]      the arguments are secrets, too, and so is $SECRET
"""
import array
import hashlib
import signal
import sys
import threading


def of(name):
    """24 characters that only SEED and the name lead to."""
    text = SEED + ":" + name
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:24]


def number(name, bits):
    return int(int(of(name), 16) % (1 << (bits - 1)) + (1 << (bits - 1)))


SEED = sys.argv[1]
OLD = sys.version_info[0] == 2
text = (lambda s: s.decode("latin-1")) if OLD else (lambda s: s)
wide = unichr if OLD else chr  # noqa: F821


class Holder(object):
    def __init__(self):
        self.attribute = of("attribute")
        self.count = number("attribute-number", 60)


class Slotted(object):
    __slots__ = ("slot",)

    def __init__(self):
        self.slot = of("slot")


def holding(local):
    mine = of("local") + local
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    signal.pause()
    return mine


keep = {
    "ascii": of("ascii"),
    "latin1": text(of("latin1")) + wide(0xe9),
    "ucs2": text(of("ucs2")) + wide(0x20ac),
    "ucs4": text(of("ucs4")) + (u"\U0001f600" if OLD else wide(0x1f600)),
    "bytes": of("bytes").encode("ascii"),
    "bytearray": bytearray(of("bytearray").encode("ascii")),
    "memoryview": memoryview(bytearray(of("memoryview").encode("ascii"))),
    "array": array.array("B", bytearray(of("array").encode("ascii"))),
    "doubles": array.array("d", [number("doubles", 70) / 3.0]),
    "int": number("int", 60),
    "long": number("long", 200),
    "float": number("float", 70) / 3.0,
    "complex": complex(number("real", 70) / 3.0, number("imaginary", 70) / 3.0),
    "large": of("large") * 40,
    "mapped": of("mapped") * 20000,
    "list": [of("list"), number("list-number", 60)],
    "tuple": (of("tuple"), number("tuple-number", 60)),
    "set": set([of("set"), of("set2")]),
    "holder": Holder(),
    "slotted": Slotted(),
    of("key"): 1,
    number("key-number", 60): 2,
}
class Named(object):
    """Its name and its fields are no secret."""
    __slots__ = ("one", "two")


def in_a_thread():
    """Large strings of another thread lie in a heap of its own."""
    keep["thread"] = [of("thread-%d" % i) * 30 for i in range(40)]


thread = threading.Thread(target=in_a_thread)
thread.start()
thread.join()
known = {
    "str": of("known"), "bytes": of("known").encode("ascii"), "list": [1, 2, 3],
    "tuple": (1, 2), "dict": {1: 2, 3: 4}, "set": set([5, 6, 7]), "int": number("known", 200),
    "type": Named, "instance": Named(), "long list": list(range(3000)),
}
known["instance"].one = known["list"]
sys.stdout.write("".join("%s=%d\n" % (key.replace(" ", "-"), id(known[key])) for key in known))
many = [of("many-%d" % i) for i in range(4000)]
freed = [of("freed-%d" % i) for i in range(4000)]
del freed[::2]
large = [of("chunk-%d" % i) * 30 for i in range(200)]
del large[::2]
holding(of("argument"))
