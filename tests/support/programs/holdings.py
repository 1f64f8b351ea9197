"""Holds memory of one cause after the other, as told by signals, and rests in between.

Arguments: a size in bytes, a file of that size, then steps: file, shm, anon, numpy, none, end, zeros, lazy, huge, private.
Each SIGUSR1 lets go of what is held and takes the next step. Every step's address and size are written to stderr.
"""
import ctypes
import gc
import mmap
import signal
import sys

SIZE, PATH, STEPS = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
PAGE = 4096
MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE = 8, 14, 15


def address_of(buffer):
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def touch(memory):
    for at in range(0, SIZE, PAGE):
        memory[at:at + 1] = b"\x01"


def anonymous(advice=MADV_NOHUGEPAGE):
    memory = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(advice)
    return memory


def of_file(flags):
    with open(PATH, "r+b") as file:
        memory = mmap.mmap(file.fileno(), SIZE, flags=flags)
    touch(memory)
    return memory


def numpy_ones():
    import numpy
    return numpy.ones(SIZE // 8)


def take(step):
    if step == "file":
        return of_file(mmap.MAP_SHARED)
    if step == "private":
        return of_file(mmap.MAP_PRIVATE)
    if step == "shm":
        memory = mmap.mmap(-1, SIZE)
        touch(memory)
        return memory
    if step == "numpy":
        return numpy_ones()
    if step in ("none", "end"):
        return None
    memory = anonymous(MADV_HUGEPAGE if step == "huge" else MADV_NOHUGEPAGE)
    if step == "zeros":
        sum(memory[at] for at in range(0, SIZE, PAGE))
        return memory
    touch(memory)
    if step == "lazy":
        memory.madvise(MADV_FREE, 0, SIZE // 2)
    return memory


signal.signal(signal.SIGUSR1, lambda *_: None)
if "numpy" in STEPS:
    numpy_ones()
for i, name in enumerate(STEPS):
    held = take(name)
    gc.collect()
    at = address_of(held) if held is not None and name != "numpy" else 0
    sys.stderr.write("%s %d %d\n" % (name, at, SIZE))
    sys.stderr.flush()
    if i == 0:
        print("READY", flush=True)
    signal.pause()
    del held
signal.pause()
