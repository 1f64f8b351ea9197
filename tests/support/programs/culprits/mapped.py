"""
It is in no heap at all.

    mapped.py stacks|file|shared|huge|swapped
"""
import ctypes
import mmap
import os
import tempfile
import threading
import time

import rest

SIZE, PAGE, HUGE = 60 << 20, 4096, 2 << 20
MADV_HUGEPAGE, MADV_PAGEOUT = 14, 21
LIBC = ctypes.CDLL(None)
LIBC.pthread_self.restype = ctypes.c_void_p


def use_stack(size):
    """Touches that much at the far end of the calling thread's stack."""
    attributes = ctypes.create_string_buffer(64)
    LIBC.pthread_getattr_np(ctypes.c_void_p(LIBC.pthread_self()), attributes)
    base, whole = ctypes.c_void_p(), ctypes.c_size_t()
    LIBC.pthread_attr_getstack(attributes, ctypes.byref(base), ctypes.byref(whole))
    assert whole.value > 2 * size
    ctypes.memset(base.value, 1, size)


def stacks():
    count = 20
    ready, end = threading.Semaphore(0), threading.Event()

    def work():
        use_stack(3 << 20)
        ready.release()
        end.wait()

    threading.stack_size(8 << 20)
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    rest.until_told()
    end.set()
    for thread in threads:
        thread.join()
    # Up to 3.12 join() returns before the system's thread has ended, and given back its stack.
    while len(os.listdir("/proc/self/task")) > 1:
        time.sleep(0.01)
    rest.for_good()


def touch(memory, step=PAGE):
    for at in range(0, len(memory), step):
        memory[at:at + 1] = b"x"


def held(memory):
    touch(memory)
    rest.until_told()
    memory.close()
    rest.for_good()


def file():
    with tempfile.TemporaryFile(dir=os.environ.get("CULPRIT_FOLDER")) as of:
        of.truncate(SIZE)
        held(mmap.mmap(of.fileno(), SIZE))


def shared():
    held(mmap.mmap(-1, SIZE))


def private():
    return mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def huge():
    """One page in five hundred is used, and all are there."""
    memory = private()
    memory.madvise(MADV_HUGEPAGE)
    touch(memory, HUGE)
    rest.until_told()


def swapped():
    memory = private()
    touch(memory)
    memory.madvise(MADV_PAGEOUT)
    rest.until_told()


rest.run([stacks, file, shared, huge, swapped])
