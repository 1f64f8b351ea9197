"""A process that gives itself a name with control characters; rests in pause(2)."""
import os
import signal

with open("/proc/self/comm", "w") as comm:
    comm.write("c\x1b[2Jm\x07")
os.write(1, b"READY\n")
signal.pause()
