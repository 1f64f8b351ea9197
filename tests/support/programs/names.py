"""A target full of names, which are no secret, and of secrets beside them, then rests.

    names.py SEED

Secrets are made at run time from SEED, so that neither this text nor its constants hold them.
"""
import functools
import hashlib
import signal
import sys

SEED = sys.argv[1]
OLD = sys.version_info[0] == 2


def of(name):
    """24 characters that only SEED and the name lead to."""
    return hashlib.sha256((SEED + ":" + name).encode("ascii")).hexdigest()[:24]


class Plain(object):
    of_the_class = []

    def __init__(self, i):
        self.colour = [of("list-%d" % i)]
        self.weight = {of("weight-%d" % i): i}

    def method(self, argument):
        inner = argument
        return lambda: inner


class Slotted(object):
    __slots__ = ("first_slot", "second_slot")

    def __init__(self, i):
        self.first_slot = [of("slot-%d" % i)]
        self.second_slot = {}


class Wide(object):
    """More attributes than instances share keys for, one more for each."""

    def __init__(self, i):
        for n in range(40):
            setattr(self, "field_%d" % n, None)
        setattr(self, "own_%d" % (i % 5), [i])


class Open(object):
    """Data as attributes: keys that nobody interned."""

    def __init__(self, i):
        for n in range(40):
            setattr(self, "open_%d" % n, None)
        self.__dict__[of("entry-%d" % i)] = [i]


class Loose(object):
    """The same one for all: a key that instances share, and that nobody interned."""

    def __init__(self, i):
        self.open_kind = i
        self.__dict__[of("loose")] = [i]


class Text(str):
    pass


class Mapping(dict):
    pass


class Error(Exception):
    pass


if not OLD:
    intern = sys.intern

if OLD:
    class Ancient:
        of_the_ancient = []

        def __init__(self):
            self.rust = [1.5]


def decorate(function):
    @functools.wraps(function)
    def inside(*arguments):
        return function(*arguments)
    inside.made_of = [function]
    return inside


@decorate
def decorated(i):
    return i


class Outer(object):
    class Inner(object):
        pass


CACHE = {}
REGISTRY = []
RECORDS = []
INTERNED = []
MANY = []


def fill():
    for i in range(800):
        CACHE[of("cache-%d" % i)] = Plain(i)
        REGISTRY.append(Slotted(i))
    for i in range(50):
        MANY.append(Wide(i))
        MANY.append(Open(i))
        MANY.append(Loose(i))
        MANY.append(Outer.Inner())
        MANY[-1].late = Error(of("error-%d" % i))
        MANY[-1].late.detail = [i]
        text = Text(of("text-%d" % i))
        text.note = [of("note-%d" % i)]
        mapping = Mapping({of("mapping-%d" % i): [1]})
        mapping.label = [2]
        MANY.extend((text, mapping))
        if OLD:
            MANY.append(Ancient())  # noqa: F821
        RECORDS.append({of("record-one"): 1, of("record-two"): str(i)})
        INTERNED.append(intern(of("interned-%d" % i)))
        RECORDS.append({intern(of("interned-key-%d" % i)): [i]})
    Plain.of_the_class.extend(Slotted(i) for i in range(100))


def generate():
    in_a_generator = [Plain(i) for i in range(30)]
    yield 1
    yield in_a_generator


def hold(in_an_argument):
    in_a_local = [Plain(i) for i in range(300)]
    tell(in_a_local)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    signal.pause()
    return in_an_argument, in_a_local


def tell(plain):
    """No id() of them: in 2.7 an int that was an address still looks like a reference when it is gone."""
    for name, value in (("items", plain[3].colour), ("of-slot", REGISTRY[7].first_slot), ("function", fill),
                        ("of-wide", MANY[0].own_0)):
        sys.stdout.write("%s=%s\n" % (name, object.__repr__(value).split(" at ")[1].rstrip(">")))


fill()
GENERATOR = generate()
next(GENERATOR)
hold([of("argument")])
