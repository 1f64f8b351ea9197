"""A process that declared itself not dumpable, as after setuid; rests in pause(2)."""
import ctypes
import os
import signal

ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
os.write(1, b"READY\n")
signal.pause()
