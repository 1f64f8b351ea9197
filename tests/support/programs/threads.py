"""Threads that run, as many as the argument says, and twice as many that have ended.

Each that runs writes its number, the address and the size of its stack, as pthread_getattr_np(3) tells.
"""
import ctypes
import signal
import sys
import threading

N = int(sys.argv[1])
libc = ctypes.CDLL(None)
libc.pthread_self.restype = ctypes.c_ulong
ready, written = threading.Barrier(N + 1), []


def stack():
    attributes = ctypes.create_string_buffer(64)
    start, size = ctypes.c_void_p(), ctypes.c_size_t()
    libc.pthread_getattr_np(ctypes.c_ulong(libc.pthread_self()), attributes)
    libc.pthread_attr_getstack(attributes, ctypes.byref(start), ctypes.byref(size))
    return start.value, size.value


def run():
    written.append((threading.get_native_id(),) + stack())
    ready.wait()
    threading.Event().wait()


def end():
    deep(150)


def deep(n):
    return n and sorted([n], key=lambda _: deep(n - 1))


for _ in range(N):
    threading.Thread(target=run, daemon=True).start()
ready.wait()
ended = [threading.Thread(target=end) for _ in range(2 * N)]
for thread in ended:
    thread.start()
for thread in ended:
    thread.join()
for line in written:
    sys.stderr.write("%d %d %d\n" % line)
sys.stderr.flush()
print("READY", flush=True)
signal.pause()
