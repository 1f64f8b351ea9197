"""Refers to things in every way there is, says how, and rests.

Lines on stdout: "edge FROM TO KIND NAME": the object at FROM refers to that at TO by an attribute, a local ... of that name;
"index", "key" and "key!" (told with contents only) have their number or text for a name, "-" is none. "text AT TEXT" and
"text! AT TEXT" (with contents) are what is said of one object.
"""
import collections
import ctypes
import functools
import sys

NEW = sys.version_info[0] > 2
CHARACTERS = "characters" if NEW else "bytes"
LINES = []
MARK = object()


class Thing(object):
    pass


def edge(source, value, kind, name="-"):
    LINES.append("edge %d %d %s %s" % (id(source), id(value), kind, name))


def text(value, said, contents=None):
    LINES.append("text %d %s" % (id(value), said))
    LINES.append("text! %d %s" % (id(value), contents or said))


# ---- containers

KEEP = [MARK]
THINGS = [Thing() for _ in range(3000)]
edge(THINGS, THINGS[0], "index", 0)
edge(THINGS, THINGS[2999], "index", 2999)
TUPLE = tuple(THINGS[:70])
edge(TUPLE, THINGS[69], "index", 69)
DEQUE = collections.deque(THINGS[:200])
DEQUE.popleft()
DEQUE.rotate(7)
edge(DEQUE, THINGS[50], "index", list(DEQUE).index(THINGS[50]))
edge(DEQUE, THINGS[199], "index", list(DEQUE).index(THINGS[199]))
SMALL_SET, LARGE_SET = set(THINGS[:3]), frozenset(THINGS[:100])
edge(SMALL_SET, THINGS[2], "element")
edge(LARGE_SET, THINGS[99], "element")
DICT = {"session-%d" % i: THINGS[i] for i in range(100)}
edge(DICT, THINGS[42], "key!", "session-42")
edge(DICT, THINGS[7], "key", "str of 9 " + CHARACTERS)
NUMBERED = {17: THINGS[17], THINGS[18]: None, (1, 2): THINGS[19], -5: THINGS[20]}
edge(NUMBERED, THINGS[17], "key!", "17")
edge(NUMBERED, THINGS[20], "key!", "-5")
edge(NUMBERED, THINGS[17], "key", "int")
edge(NUMBERED, THINGS[19], "key", "tuple of 2")
edge(NUMBERED, THINGS[18], "as_key")
ORDERED = collections.OrderedDict((str(i), THINGS[i]) for i in range(40))
edge(ORDERED, THINGS[33], "key!", "33")
DEFAULT = collections.defaultdict(list, there=THINGS[3])
edge(DEFAULT, THINGS[3], "key!", "there")
WIDE = {u"sch\u00f6n \u20ac": THINGS[4], u"\U0001f40d": THINGS[5]}
edge(WIDE, THINGS[4], "key!", "sch\\xf6n \\u20ac")
edge(WIDE, THINGS[5], "key!", "\\U0001f40d")

# ---- modules and classes

CACHE = Thing()
edge(sys.modules[__name__], CACHE, "global", "CACHE")
edge(globals(), CACHE, "global", "CACHE")
edge(sys, sys.modules, "global", "modules")


class Registry(object):
    items = Thing()

    def run(self, given=MARK):
        return given


edge(Registry, Registry.items, "attribute", "items")
edge(Registry, Registry.__dict__["run"], "attribute", "run")
edge(Registry, Registry.__mro__, "attribute", "__mro__")
REGISTRY = Registry()
edge(REGISTRY, Registry, "type")
BOUND = REGISTRY.run
edge(BOUND, REGISTRY, "attribute", "__self__")
FUNCTION = Registry.__dict__["run"]
edge(FUNCTION, FUNCTION.__defaults__, "attribute", "__defaults__")
edge(FUNCTION.__defaults__, MARK, "index", 0)
edge(FUNCTION, FUNCTION.__code__, "attribute", "__code__")
edge(FUNCTION, globals(), "attribute", "__globals__")
FUNCTION.tag = THINGS[90]
edge(FUNCTION, THINGS[90], "attribute", "tag")
edge(FUNCTION.__code__, FUNCTION.__code__.co_consts, "attribute", "co_consts")

# ---- attributes


class Plain(object):
    def __init__(self):
        self.first, self.second, self.third = THINGS[10], THINGS[11], THINGS[12]


PLAIN, OPENED, CHANGED, LATE = Plain(), Plain(), Plain(), Plain()
edge(PLAIN, THINGS[12], "attribute", "third")
edge(PLAIN, THINGS[10], "attribute", "first")
KEEP.append(OPENED.__dict__)
edge(OPENED, THINGS[11], "attribute", "second")
edge(OPENED, OPENED.__dict__, "attribute", "__dict__")
del CHANGED.first
CHANGED.first = THINGS[13]
edge(CHANGED, THINGS[13], "attribute", "first")
edge(CHANGED, THINGS[12], "attribute", "third")
LATE.__dict__ = {"else": THINGS[14]}
edge(LATE, THINGS[14], "attribute", "else")
MANY = Plain()
for number in range(200):
    setattr(MANY, "a%d" % number, THINGS[number + 100])
edge(MANY, THINGS[150], "attribute", "a50")
edge(MANY, THINGS[299], "attribute", "a199")
edge(MANY, THINGS[11], "attribute", "second")


class Slotted(object):
    __slots__ = ("one", "two", "__own")

    def __init__(self):
        self.one, self.two, self.__own = THINGS[20], THINGS[21], THINGS[22]


class Below(Slotted):
    pass


class Weak(Slotted):
    __slots__ = ("three", "__weakref__")


SLOTTED, BELOW, WEAK = Slotted(), Below(), Weak()
edge(SLOTTED, THINGS[21], "attribute", "two")
edge(SLOTTED, THINGS[22], "attribute", "_Slotted__own")
BELOW.free = THINGS[23]
edge(BELOW, THINGS[20], "attribute", "one")
edge(BELOW, THINGS[23], "attribute", "free")
WEAK.three = THINGS[24]
edge(WEAK, THINGS[24], "attribute", "three")
edge(WEAK, THINGS[21], "attribute", "two")


class Number(int):
    pass


class Row(tuple):
    pass


class Word(str):
    pass


class Stack(list):
    pass


class Trouble(ValueError):
    pass


for made in (Number(2 ** 61), Number(7), Row(THINGS[:5]), Word("abc"), Stack(), Trouble("x")):
    made.mark = THINGS[30]
    KEEP.append(made)
    edge(made, THINGS[30], "attribute", "mark")
edge(KEEP[-4], THINGS[4], "index", 4)

PARTIAL = functools.partial(FUNCTION, MARK)
edge(PARTIAL, FUNCTION, "attribute", "func")
PROPERTY = property(FUNCTION)
edge(PROPERTY, FUNCTION, "attribute", "fget")

# ---- what runs


def outer(shared):
    def inner():
        return shared
    return inner


CLOSURE = outer(THINGS[40])
edge(CLOSURE, CLOSURE.__closure__, "attribute", "__closure__")
edge(CLOSURE.__closure__, CLOSURE.__closure__[0], "index", 0)
edge(CLOSURE.__closure__[0], THINGS[40], "cell")


def generate(held, unused=None):
    taken, kind = THINGS[41], complex
    yield (lambda: held) and taken and kind


GENERATOR = generate(THINGS[42])
next(GENERATOR)
if sys.version_info < (3, 11):
    edge(GENERATOR, GENERATOR.gi_frame, "attribute", "gi_frame")
    edge(GENERATOR.gi_frame, THINGS[41], "local", "taken")
    edge(GENERATOR.gi_frame, complex, "local", "kind")
else:
    edge(GENERATOR, THINGS[41], "local", "taken")
    edge(GENERATOR, complex, "local", "kind")  # immortal: 3.14 marks the reference so
    KEEP.append(GENERATOR.gi_frame)
    edge(GENERATOR.gi_frame, THINGS[41], "local", "taken")


def run(buffer):
    other = THINGS[51]
    cell = lambda: other
    KEEP.append(cell)
    frame = sys._getframe()
    edge(frame, buffer, "local", "buffer")
    edge(cell.__closure__[0], other, "cell")
    edge(frame, cell.__closure__[0], "local", "other")
    rest()


if not NEW:
    exec("""
class Old:
    there = THINGS[60]
OLD = Old()
OLD.mine = THINGS[61]
""")
    edge(OLD, THINGS[61], "attribute", "mine")
    edge(Old, THINGS[60], "attribute", "there")
    edge(OLD, Old, "type")

# ---- what there is nothing to say of

edge(THINGS, MARK, "unknown")
edge(PLAIN, MARK, "unknown")
edge(DICT, MARK, "unknown")
edge(GENERATOR, MARK, "unknown")

# ---- what objects say

SECRET, NUMBER, FRACTION = "pass" + "word-" + str(len(LINES)), 10 ** 12 + 1, len(LINES) / 8.0
text(SECRET, "str of %d %s" % (len(SECRET), CHARACTERS), "'%s'" % SECRET)
text(NUMBER, "int", str(NUMBER))
text(FRACTION, "float", "%.17g" % FRACTION)
text(THINGS, "list of 3,000")
text(TUPLE, "tuple of 70")
text(DEQUE, "collections.deque of 199")
text(SMALL_SET, "set of 3")
if NEW:
    text(DICT, "dict of 100", "dict of 100, keys 'session-0', 'session-1', 'session-2'")
text(FUNCTION, "function __main__.Registry.run" if NEW else "function __main__.run")
text(Registry, "class __main__.Registry")
if NEW:
    text(sys, "module sys")
text(REGISTRY, "__main__.Registry")


def rest():
    sys.stdout.write("\n".join(LINES) + "\nREADY\n")
    sys.stdout.flush()
    ctypes.CDLL(None).pause()


run(THINGS[50])
