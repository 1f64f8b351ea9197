"""Maps a file of a very long name so often that the text of its mappings passes any sane size.

crowded.py FOLDER: writes READY, or the reason why it cannot, and waits."""

import ctypes
import os
import sys
import time

TEXT = 140 << 20

os.chdir(sys.argv[1])
length = len(os.getcwd())
while length < 3600:
    name = "x" * 240
    os.mkdir(name)
    os.chdir(name)
    length += len(name) + 1
file = os.open("f", os.O_RDWR | os.O_CREAT, 0o600)
os.ftruncate(file, 4096)

mmap = ctypes.CDLL(None).mmap
mmap.restype = ctypes.c_void_p
mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
for i in range(TEXT // length):
    # All of the same page: no neighbours that the kernel could join.
    if mmap(None, 4096, 1, 1, file, 0) == ctypes.c_void_p(-1).value:
        print("TOO FEW", flush=True)
        break
print("READY", flush=True)
time.sleep(600)
