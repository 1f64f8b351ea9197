"""A parent with private memory and a child that has written a quarter of it; the child's number on stderr."""
import ctypes
import mmap
import os
import signal
import sys

SIZE, PAGE = int(sys.argv[1]), 4096
memory = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(15)
for at in range(0, SIZE, PAGE):
    memory[at:at + 1] = b"\x01"
child = os.fork()
if child == 0:
    for at in range(0, SIZE // 4, PAGE):
        memory[at:at + 1] = b"\x02"
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    sys.stderr.write("%d %d\n" % (os.getpid(), address))
    sys.stderr.flush()
    print("READY", flush=True)
    signal.pause()
signal.pause()
