"""Holds things under names of every kind, says which, and rests in a thread.

Argument: a library whose variable "cache" is to hold something, too; none: "-". Lines on stdout: "root ADDRESS KIND NAME": that
is the first name for what is at ADDRESS. "never ADDRESS KIND": no root of that kind leads there.
"""
import ctypes
import sys
import threading
import types

LINES, KEEP = [], []


class Thing(object):
    pass


def root(value, kind, name):
    LINES.append("root %d %s %s" % (id(value), kind, name))


def never(value, kind):
    LINES.append("never %d %s" % (id(value), kind))


def module(name):
    made = types.ModuleType(name)
    sys.modules[name] = made
    return made.__dict__


# ---- modules: one that imports, the one that makes, and one that imports later

FIRST, MIDDLE, LAST = module("first"), module("pack.middle"), module("last")
sys.modules["middle"] = sys.modules["pack.middle"]
exec("""
import threading
class Kept(object):
    there = [1]
    class Inner(object):
        deep = [2]
def helper(): pass
SHARED = {"made": "here"}
ALONE = Kept()
TEXT = "long " * 100
NUMBER = 1.5
""", MIDDLE)
exec("""
import json
from middle import SHARED, helper, Kept
from threading import Thread
mine = [SHARED]
def own(): pass
OTHER = Kept
""", FIRST)
exec("""
from middle import SHARED, ALONE
from json import loads
def own(): pass
LATER = [1]
""", LAST)
if sys.version_info[0] > 2:  # 2.7 keeps no order
    root(MIDDLE["SHARED"], "module_global", "pack.middle.SHARED")
    root(MIDDLE["ALONE"], "module_global", "pack.middle.ALONE")
root(MIDDLE["TEXT"], "module_global", "pack.middle.TEXT")
root(MIDDLE["helper"], "module_global", "pack.middle.helper")
root(MIDDLE["Kept"], "module_global", "pack.middle.Kept")
root(FIRST["mine"], "module_global", "first.mine")
root(LAST["LATER"], "module_global", "last.LATER")
root(threading, "module_global", "module threading")
never(MIDDLE["NUMBER"], "module_global")

# ---- classes

root(MIDDLE["Kept"].there, "class_attribute", "pack.middle.Kept.there")
inner = "pack.middle.Kept.Inner" if sys.version_info[0] > 2 else "pack.middle.Inner"
root(MIDDLE["Kept"].Inner.deep, "class_attribute", inner + ".deep")
root(MIDDLE["Kept"].Inner, "class_attribute", "class " + inner)

# ---- IPython's

Out = {17: Thing(), 3: Thing()}
_oh = Out
root(Out[17], "module_global", "Out[17]")
root(Out[3], "module_global", "Out[3]")
CACHE = Thing()
root(CACHE, "module_global", "__main__.CACHE")

# ---- static data

if sys.argv[-1] != "-":
    LIBRARY = ctypes.PyDLL(sys.argv[-1])
    LIBRARY.hold.argtypes = [ctypes.py_object]
    LIBRARY.hold.restype = None
    HELD = [Thing()]
    LIBRARY.hold(HELD[0])
    LINES.append("static %d cache" % id(HELD[0]))

# ---- frames

LOCALS = threading.local()
LOCALS.there = Thing()
LOCK, READY = threading.Lock(), threading.Event()
LOCK.acquire()


def qualified(name):
    return name if sys.version_info >= (3, 11) else name.split(".")[-1]


def wait(job):
    data = Thing()
    root(job, "frame_local", "__main__.wait() job")
    root(data, "frame_local", "__main__.wait() data")
    READY.set()
    LOCK.acquire()


def generate():
    waiting = Thing()
    never(waiting, "frame_local")
    yield waiting


class Server(object):
    def run(self, buffer):
        shared = Thing()
        title = "__main__." + qualified("Server.run") + "() "
        root(self, "frame_local", title + "self")
        root(buffer, "frame_local", title + "buffer")
        KEEP.append(lambda: shared)
        root(KEEP[-1].__closure__[0], "frame_local", title + "shared")
        space, names = {"__name__": "made", "rest": self.rest}, {"kept": Thing()}
        root(names, "frame_local", title + "names")
        exec("rest()", space, names)

    def rest(self):
        LINES.append("READY\n")
        sys.stdout.write("\n".join(LINES))
        sys.stdout.flush()
        ctypes.CDLL(None).pause()


WORKER = threading.Thread(target=wait, args=([1, 2],))
WORKER.daemon = True
WORKER.start()
READY.wait()
GENERATOR = generate()
next(GENERATOR)
for one in (Server(),):
    pass
del one
(lambda: Server().run([Thing()]))()
