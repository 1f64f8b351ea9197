"""What is recognised in blocks, against what the target says of its own objects; and our table of members against debug information."""

import bisect
import collections
import os
import re
import shutil
import subprocess

import pytest

from support import interpreters, targets, tool

PROBE = os.path.join(os.path.dirname(os.path.dirname(tool.BINARY)), "tests/unit/object/object-probe")
ALL = interpreters.discover()[0]
HOOKS = {"PYTHONMALLOC": "debug"}

# A member of struct shapes: how C says it; more spellings are other versions'. None of them: the version has none.
MEMBERS = {
    "ob_type": "PyObject.ob_type", "ob_size": "PyVarObject.ob_size",
    "type.name": "PyTypeObject.tp_name", "type.basicsize": "PyTypeObject.tp_basicsize",
    "type.itemsize": "PyTypeObject.tp_itemsize", "type.dealloc": "PyTypeObject.tp_dealloc",
    "type.flags": "PyTypeObject.tp_flags", "type.doc": "PyTypeObject.tp_doc",
    "type.weaklistoffset": "PyTypeObject.tp_weaklistoffset", "type.base": "PyTypeObject.tp_base",
    "type.dict": "PyTypeObject.tp_dict", "type.dictoffset": "PyTypeObject.tp_dictoffset",
    "type.mro": "PyTypeObject.tp_mro", "type.size": "sizeof(PyTypeObject)|sizeof(struct _typeobject)",
    "type.ht_name": "PyHeapTypeObject.ht_name", "type.ht_qualname": "PyHeapTypeObject.ht_qualname",
    "type.ht_cached_keys": "PyHeapTypeObject.ht_cached_keys", "type.ht_module": "PyHeapTypeObject.ht_module",
    "type.ht_tpname": "PyHeapTypeObject._ht_tpname", "type.heap_size": "sizeof(PyHeapTypeObject)",
    "dict.used": "PyDictObject.ma_used", "dict.keys": "PyDictObject.ma_keys|PyDictObject.ma_table",
    "dict.values": "PyDictObject.ma_values", "dict.mask": "PyDictObject.ma_mask",
    "dict.small_table": "PyDictObject.ma_smalltable", "dict.size": "sizeof(PyDictObject)",
    "keys.header": "struct _dictkeysobject.dk_indices", "keys.size": "struct _dictkeysobject.dk_size",
    "keys.log2_size": "struct _dictkeysobject.dk_log2_size",
    "keys.log2_index_bytes": "struct _dictkeysobject.dk_log2_index_bytes", "keys.kind": "struct _dictkeysobject.dk_kind",
    "keys.usable": "struct _dictkeysobject.dk_usable", "keys.nentries": "struct _dictkeysobject.dk_nentries",
    "list.items": "PyListObject.ob_item", "list.allocated": "PyListObject.allocated", "tuple.items": "PyTupleObject.ob_item",
    "set.fill": "PySetObject.fill", "set.used": "PySetObject.used", "set.mask": "PySetObject.mask",
    "set.table": "PySetObject.table", "set.small_table": "PySetObject.smalltable",
    "odict.first": "PyODictObject.od_first|struct _odictobject.od_first",
    "odict.fast_nodes": "PyODictObject.od_fast_nodes|struct _odictobject.od_fast_nodes",
    "odict.node_next": "struct _odictnode.next",
    "str.length": "PyASCIIObject.length|PyUnicodeObject.length", "str.state": "PyASCIIObject.state",
    "str.ascii_data": "sizeof(PyASCIIObject)", "str.compact_data": "sizeof(PyCompactUnicodeObject)",
    "str.legacy_data": "PyUnicodeObject.data|PyUnicodeObject.str", "str.wstr": "PyASCIIObject.wstr",
    "str.utf8": "PyCompactUnicodeObject.utf8", "str.utf8_length": "PyCompactUnicodeObject.utf8_length",
    "bytes.data": "PyBytesObject.ob_sval|PyStringObject.ob_sval", "bytearray.alloc": "PyByteArrayObject.ob_alloc",
    "bytearray.start": "PyByteArrayObject.ob_bytes", "bytearray.object": "PyByteArrayObject.ob_bytes_object",
    "integer.digits": "PyLongObject.ob_digit|PyLongObject.long_value.ob_digit",
    "integer.tag": "PyLongObject.long_value.lv_tag|PyVarObject.ob_size",
    "module.dict": "PyModuleObject.md_dict", "module.name": "PyModuleObject.md_name", "module.state": "PyModuleObject.md_state",
    "function.code": "PyFunctionObject.func_code", "function.globals": "PyFunctionObject.func_globals",
    "function.defaults": "PyFunctionObject.func_defaults", "function.kwdefaults": "PyFunctionObject.func_kwdefaults",
    "function.closure": "PyFunctionObject.func_closure", "function.name": "PyFunctionObject.func_name",
    "function.qualname": "PyFunctionObject.func_qualname", "function.dict": "PyFunctionObject.func_dict",
    "function.module": "PyFunctionObject.func_module",
    "code.name": "PyCodeObject.co_name", "code.qualname": "PyCodeObject.co_qualname",
    "code.filename": "PyCodeObject.co_filename", "code.first_line": "PyCodeObject.co_firstlineno",
    "code.varnames": "PyCodeObject.co_varnames", "code.freevars": "PyCodeObject.co_freevars",
    "code.cellvars": "PyCodeObject.co_cellvars", "code.localsplusnames": "PyCodeObject.co_localsplusnames",
    "code.n_locals": "PyCodeObject.co_nlocalsplus|PyCodeObject.co_nlocals",
    "method.function": "PyMethodObject.im_func", "method.self": "PyMethodObject.im_self", "cell.contents": "PyCellObject.ob_ref",
    "instance.class": "PyInstanceObject.in_class", "instance.dict": "PyInstanceObject.in_dict",
    "old_class.dict": "PyClassObject.cl_dict", "old_class.name": "PyClassObject.cl_name",
    "frame.code": "PyFrameObject.f_code|struct _PyInterpreterFrame.f_code|struct _PyInterpreterFrame.f_executable",
    "frame.locals": "PyFrameObject.f_localsplus|struct _PyInterpreterFrame.localsplus",
    "frame.previous": "struct _PyInterpreterFrame.previous|PyFrameObject.f_back",
    "frame.stack_top": "PyFrameObject.f_stacktop|PyFrameObject.f_stackdepth|struct _PyInterpreterFrame.stacktop|"
                       "struct _PyInterpreterFrame.stackpointer",
    "frame_object": "PyFrameObject.f_frame", "generator": "PyGenObject.gi_iframe|PyGenObject.gi_frame",
    "gc_size": "sizeof(PyGC_Head)",
}
# Of extension modules: in the interpreter's own debug information only where they are built in; 2.7's is asked of its module.
EXTENSIONS = {
    "deque.left": "dequeobject.leftblock", "deque.right": "dequeobject.rightblock", "deque.next": "struct BLOCK.rightlink",
    "deque.data": "struct BLOCK.data", "deque.block_size": "sizeof(struct BLOCK)", "deque.n_free": "dequeobject.numfreeblocks",
    "deque.free_blocks": "dequeobject.freeblocks", "array.items": "arrayobject.ob_item", "array.descr": "arrayobject.ob_descr",
    "buffered.buffer": "buffered.buffer",
}


def expression(member):
    if member.startswith("sizeof"):
        return member
    kind, _, path = member.partition(".")
    return "(unsigned long)&((%s *)0)->%s" % (kind, path)


def ask_gdb(path, members):
    """{name: value} of what its debug information has, in the first spelling that it knows."""
    script = ["def ask(name, said):", "  for text in said:", "    try:",
              "      print('answer', name, int(gdb.parse_and_eval(text)))", "      return", "    except gdb.error:",
              "      pass"]
    script += ["ask(%r, %r)" % (name, [expression(one) for one in said.split("|")]) for name, said in members.items()]
    done = subprocess.run(["gdb", "-nx", "-q", "-batch", path, "-ex", "python exec(%r)" % "\n".join(script)],
                          capture_output=True, text=True, check=False)
    return {name: int(value) for name, value in re.findall(r"^answer (\S+) (\d+)$", done.stdout, re.M)}


def shapes_of(python):
    text = "%02x%02x%02x00" % python.version[:3]
    done = subprocess.run([PROBE, "shapes", text] + ["t"] * python.free_threaded, capture_output=True, text=True, check=True)
    return {name: int(value) for name, value in (line.split("=") for line in done.stdout.splitlines())}


@pytest.mark.skipif(not shutil.which("gdb"), reason="needs gdb")
@pytest.mark.parametrize("python", [it for it in ALL if it.debug_file], ids=str)
def test_members_lie_where_debug_information_says(python):
    ours = shapes_of(python)
    theirs = ask_gdb(python.debug_file, MEMBERS)
    assert len(theirs) > 60, "gdb reads nothing of it"
    if python.version < (3, 8) or python.free_threaded:
        del theirs["gc_size"], ours["gc_size"]  # it is not for the table to know
    wrong = {name: (ours[name], theirs.get(name, 0)) for name in MEMBERS
             if name in ours and ours[name] != theirs.get(name, 0)}
    assert not wrong, "ours, theirs"


def extension(python, name):
    """The module's own file, where it is one."""
    done = subprocess.run(python.command + ["-c", "import %s; print(%s.__file__)" % (name, name)], capture_output=True, text=True,
                          check=False)
    return os.path.join(python.root, done.stdout.strip().lstrip("/")) if done.returncode == 0 else python.debug_file


@pytest.mark.skipif(not shutil.which("gdb"), reason="needs gdb")
@pytest.mark.parametrize("python", [it for it in ALL if it.debug_file], ids=str)
def test_members_of_extensions_lie_where_debug_information_says(python):
    ours, theirs = shapes_of(python), {}
    for path in {extension(python, module) for module in ("_collections", "array", "_io")}:
        theirs.update(ask_gdb(path, EXTENSIONS))
    assert "deque.left" in theirs or python.free_threaded
    assert not {name: (ours[name], value) for name, value in theirs.items() if ours[name] != value}, "ours, theirs"


# ---- recognition -----------------------------------------------------------------------------


Part = collections.namedtuple("Part", "at before leaf kind")


class Thing:
    """A line of the probe about an object."""

    def __init__(self, words, types):
        self.chunk = words[1] == "c"
        self.at = int(words[2], 16)
        self.type = types[words[3]]
        self.refcount, self.size, self.before, self.block_size = (int(word) for word in words[4:8])
        self.block = self.at - self.before
        self.parts = []


class Heap:
    """All that the probe says of a target."""

    def __init__(self, pid):
        done = subprocess.run([PROBE, str(pid), "parts"], capture_output=True, text=True, env=tool.environment(), check=False,
                              timeout=300)
        assert done.returncode == 0 and "Sanitizer" not in done.stderr, done.stderr
        lines = [line.split(" ") for line in done.stdout.splitlines()]
        types = {words[1]: " ".join(words[5:]) for words in lines if words[0] == "t"}
        self.things = {int(words[2], 16): Thing(words, types) for words in lines if words[0] == "o"}
        self.others = {int(words[2], 16): int(words[3]) for words in lines if words[0] == "u"}
        self.sizes = {thing.block: thing.block_size for thing in self.things.values()}
        self.sizes.update(self.others)
        self.starts = sorted(self.sizes)
        self.figures = dict(words[0].split("=") for words in lines if "=" in words[0])
        for words in lines:
            if words[0] == "p":
                self.things[int(words[1], 16)].parts.append(Part(int(words[2], 16), int(words[3]), words[4] == "1",
                                                                   " ".join(words[5:])))

    def in_block(self, at):
        i = bisect.bisect_right(self.starts, at) - 1
        return i >= 0 and at < self.starts[i] + self.sizes[self.starts[i]]


Said = collections.namedtuple("Said", "what kind type at refcount size")


def said(target):
    for line in target.out.splitlines():
        what, kind, name, at, refcount, size = line.split(" ")
        yield Said(what, kind, name, int(at, 16), int(refcount), int(size))


def known(python, hooks):
    with targets.start_program(python, "known_objects.py", env=HOOKS if hooks else None) as target:
        target.wait_paused()
        return python, list(said(target)), Heap(target.pid)


def in_int_blocks(python, one):
    """2.7 keeps many of those in one chunk of malloc's."""
    return python.version < (3,) and one.type in ("int", "float")


CASES = [pytest.param((it, hooks), id="%s%s" % (it, "-hooks" * hooks)) for it in ALL for hooks in (False, True)
         if not hooks or it.version >= (3, 7)]


@pytest.fixture(scope="module", params=CASES)
def seen(request):
    """What a target says, and what we see: once for all that is asked of both."""
    return known(*request.param)


@pytest.fixture(scope="module", params=[it for it in ALL if not it.debug], ids=str)
def seen_plain(request):
    """The same without hooks, with which blocks are larger."""
    return known(request.param, False)


def test_objects_are_what_they_say(seen):
    python, lines, heap = seen
    wrong, right = collections.Counter(), 0
    for one in lines:
        thing = heap.things.get(one.at)
        if not heap.in_block(one.at) or in_int_blocks(python, one):
            continue
        if thing and thing.type.replace(" ", "_") == one.type:
            right += 1
        else:
            wrong[one.what, one.kind, one.type, thing.type if thing else "unrecognised"] += 1
    assert right > 9500
    assert not [key for key in wrong if key[0] == "o"], wrong
    # gc's own list says what was there some moments ago: a temporary object or two are gone.
    assert sum(wrong.values()) <= 3, wrong


def test_no_object_is_missed_nor_made_up(seen):
    """Each class of the program as often as it made it."""
    _, lines, heap = seen
    counts = collections.Counter(thing.type for thing in heap.things.values() if thing.refcount)
    made = collections.Counter(one.type for one in lines if one.what == "o")
    exact = [name for name in made if name.startswith("__main__.")]
    assert len(exact) > 12
    extra = {"__main__.Plain": 200, "__main__.Aware": 1}  # those of bound methods; not in a list
    assert {name: counts[name] for name in exact} == {name: made[name] + extra.get(name, 0) for name in exact}


def test_refcounts_are_those_that_it_says(seen):
    _, lines, heap = seen
    wrong = collections.Counter()
    for one in lines:
        thing = heap.things.get(one.at)
        if one.what != "o" or not thing or one.refcount > 2 ** 30:
            continue
        beside = one.refcount - thing.refcount  # the loop's variable and the argument
        if thing.refcount == 2 ** 64 - 1 or not 0 <= beside <= 2:
            wrong[one.kind, beside] += 1
    assert not wrong


OWNERS = ("list", "mylist", "dict", "strdict", "mydict", "set", "frozenset", "deque", "bytearray", "array", "odict", "str", "wide",
          "wider", "widest", "bytes", "tuple", "int", "complex", "object", "slotted")


def test_parts_make_up_the_size_that_it_says(seen_plain):
    """Blocks are larger than what was asked for by less than 16 bytes, and by a quarter where something shrank."""
    python, lines, heap = seen_plain
    wrong, n, with_parts = collections.Counter(), 0, 0
    for one in lines:
        thing = heap.things.get(one.at)
        if one.kind not in OWNERS or not thing or in_int_blocks(python, one):
            continue
        if python.version >= (3, 15) and one.kind == "bytearray":
            continue  # its bytes are an object of their own
        if python.version < (3,) and one.kind == "odict":
            continue  # a class of Python's
        if python.version >= (3, 13) and one.kind.startswith("my"):
            continue  # sys.getsizeof() forgets their inline values (cpython issue 128762)
        blocks = [heap.sizes.get(part.at - part.before, 0) for part in thing.parts if part.kind != "attribute dict"]
        total = thing.block_size + sum(blocks)
        n += 1
        with_parts += any(blocks)
        if not one.size <= total <= one.size * 4 // 3 + 24 * (1 + len(blocks)):
            wrong[one.kind, one.size, total, len(blocks)] += 1
    assert n > 3000 and with_parts > 1000
    assert not wrong, wrong.most_common(10)


NUMPY = """
import ctypes, os, numpy
made = {"own": [numpy.ones(i + 3) for i in range(50)], "of objects": [numpy.array([made, None], dtype=object) for made in range(9)],
        "of records": [numpy.zeros(7, dtype=[("x", "f8"), ("y", "O")])]}
made["a view"] = [one[1:] for one in made["own"]]
pause = ctypes.CDLL(None).pause
os.write(1, "".join("%s,%d,%d\\n" % (kind, id(one), one.ctypes.data) for kind in made for one in made[kind]).encode())
pause()
"""


def test_arrays_of_numpy_own_their_data():
    pythons = [it for it in ALL if subprocess.run(it.command + ["-c", "import numpy"], stderr=subprocess.DEVNULL,
                                                  check=False).returncode == 0]
    if not pythons:
        pytest.skip("needs numpy")
    with targets.start(pythons[0].command + ["-c", NUMPY]) as target:
        target.wait_paused()
        heap = Heap(target.pid)
    for kind, at, data in (line.split(",") for line in target.out.splitlines()):
        own = [part for part in heap.things[int(at)].parts if part.kind == "ndarray data"]
        assert [part.at for part in own] == [int(data)] * (kind != "a view"), kind
        assert all(part.leaf == (kind == "own") for part in own), kind


FREED = """
import ctypes, sys
pause = ctypes.CDLL(None).pause
floats, lists, tuples = [i * 1.5 for i in range(90)], [[i] for i in range(60)], [(i, i) for i in range(15)]
dicts = [{i: i} for i in range(40)]
del floats, lists, tuples, dicts
sys._debugmallocstats()
pause()
"""


@pytest.mark.parametrize("python", [it for it in ALL if it.version >= (3, 6) and not it.debug and not it.free_threaded], ids=str)
def test_dead_objects_are_as_many_as_free_lists_have(python):
    """Up to 3.13 dead floats have lost their type: they are none."""
    with targets.start(python.command + ["-c", FREED]) as target:
        target.wait_for(target.paused, "pause")
        heap = Heap(target.pid)
        printed = re.findall(r"(\d+) free (?:\d+-sized )?Py(\w+)Objects \*", target.err)
    free = collections.Counter()
    for count, kind in printed:
        free[kind.lower()] += int(count)
    dead = collections.Counter(thing.type for thing in heap.things.values() if thing.refcount == 0 and not thing.chunk)
    kinds = ["list", "tuple", "dict"] + ["float"] * (python.version >= (3, 14))
    assert free["list"] >= 40 and free["float"] >= 90
    assert {kind: dead[kind] for kind in kinds} == {kind: free[kind] for kind in kinds}
