"""Plants what is held, what waits for the collector, what is leaked and lost; says where, and rests in pause(2).

Lines "NAME id": of objects that tests ask about.
"""
import ctypes
import gc
import sys

gc.collect()
gc.disable()
LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p
LIBC.malloc.argtypes = [ctypes.c_size_t]


class Session(object):
    kept = ["of the class %d" % i for i in range(2000)]

    def __init__(self, i):
        self.number = i + 1000000
        self.rows = [i + 2000000, "row %d" % i]


class Node(object):
    __slots__ = ("following", "value")


class Garbage(object):
    pass


class Leaked(object):
    pass


CACHE = dict((i + 500000, Session(i)) for i in range(3000))
TEXTS = [u"caf\u00e9 %d" % i for i in range(1500)]


def chain(n):
    last = None
    for i in range(n):
        node = Node()
        node.following, node.value = last, i + 0.5
        last = node
    return last


def make_garbage():
    for i in range(1000):
        one, other = Garbage(), Garbage()
        one.other, other.other = other, one
        one.text = "garbage %d" % i


def leak():
    for i in range(500):
        one = Leaked()
        one.load = ["leaked %d" % i]
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))


def lose():
    for i in range(1000):
        ctypes.memset(LIBC.malloc(1000), 0, 1000)


def generate():
    mine = ["of a generator %d" % i for i in range(1000)]
    yield len(mine)
    yield mine


def rest(depth):
    """Deep down, so that what earlier calls left on the C stack is written over; then up again."""
    if depth:
        return rest(depth - 1)
    return LIBC.malloc(1)


HEAD = chain(2000)
make_garbage()
leak()
lose()
HELD = (ctypes.c_void_p * 100)(*[LIBC.malloc(3000) for i in range(100)])
GENERATOR = generate()
next(GENERATOR)


def main():
    local = ["of a frame %d" % i for i in range(1200)]
    for name, thing in (("session", CACHE[500007]), ("rows", CACHE[500007].rows), ("third", HEAD.following.following),
                        ("text", TEXTS[5]), ("local", local), ("kept", Session.kept)):
        sys.stdout.write("%s %d\n" % (name, id(thing)))
    sys.stdout.flush()
    del name, thing
    rest(50)
    LIBC.pause()


main()
