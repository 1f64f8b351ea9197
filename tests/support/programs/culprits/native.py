"""
Memory of native code, to which Python has the pointers, or nobody has.

    native.py held|lost
"""
import ctypes

import rest

LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p
LIBC.free.argtypes = [ctypes.c_void_p]
COUNT, SIZE = 60000, 1000
POINTERS = (ctypes.c_void_p * COUNT)()


def made():
    """A piece whose first word points into libc, as that of a C++ object does into its library."""
    piece = LIBC.malloc(SIZE)
    ctypes.memset(piece, 1, SIZE)
    ctypes.memmove(piece, ctypes.byref(ctypes.c_void_p(ctypes.cast(LIBC.free, ctypes.c_void_p).value)), 8)
    return piece


def held():
    for i in range(COUNT):
        POINTERS[i] = made()
    rest.until_told()
    for i in range(COUNT):
        LIBC.free(POINTERS[i])
        POINTERS[i] = None
    LIBC.malloc_trim(0)
    rest.for_good()


def lost():
    for _ in range(COUNT):
        made()
    rest.until_told()


rest.run([held, lost])
