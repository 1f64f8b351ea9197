"""
Objects that nobody can reach, and that are there.

    unreached.py garbage|frozen|leaked
"""
import array
import ctypes
import gc
import weakref

import rest

COUNT, MASK = 110000, 0x5a5a5a5a5a5a5a5a
HIDDEN = array.array("Q")  # addresses, so that no pointer is seen


class Node(object):
    made = weakref.WeakSet()  # a registry that holds none, and whose references lie among them

    def __init__(self, i):
        self.itself, self.body = self, bytes(bytearray(400))
        self.made.add(self)


class Record(object):
    def __init__(self, i):
        self.number, self.body = i + 1000, bytes(bytearray(400))


def garbage():
    """Cycles, and the collector is off."""
    gc.disable()
    for i in range(COUNT):
        Node(i)
    rest.say("READY")
    rest.for_good()


def frozen():
    """Cycles that gc.freeze() has put aside before they were forgotten: to collect helps only once they are back."""
    gc.disable()
    nodes = [Node(i) for i in range(COUNT)]
    gc.collect()
    gc.freeze()
    del nodes
    rest.say("READY")
    if gc.collect() > COUNT // 100:
        raise SystemExit("a collection has found what is frozen")
    gc.unfreeze()
    rest.for_good()


def leaked():
    """An extension that took a reference and forgot it."""
    take, drop = ctypes.pythonapi.Py_IncRef, ctypes.pythonapi.Py_DecRef
    take.argtypes, drop.argtypes = [ctypes.py_object], [ctypes.c_void_p]
    take.restype = drop.restype = None
    for i in range(COUNT):
        record = Record(i)
        take(record)
        HIDDEN.append(id(record) ^ MASK)
    del record
    rest.until_told()
    for hidden in HIDDEN:
        drop(hidden ^ MASK)
    rest.for_good()


rest.run([garbage, frozen, leaked])
