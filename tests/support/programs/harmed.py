"""
A target with a clock of its own and a quiet heap.

    harmed.py HARM.SO MEGABYTES PART...     PART: clock, signals, wait

Writes READY; then a line "gap NS signals N interrupted N" for each SIGUSR1.
"""
import ctypes
import os
import signal
import sys
import threading

harm = ctypes.CDLL(sys.argv[1])
for name in ("harm_longest_gap", "harm_signals", "harm_interrupted"):
    getattr(harm, name).restype = ctypes.c_int64

kept = [(i, {"k": i}, "x" * (i % 300)) for i in range(int(float(sys.argv[2]) * 2300))]
for i in range(0, len(kept), 3):
    kept[i] = None
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
if "signals" in sys.argv[3:]:
    harm.harm_count_signal(signal.SIGRTMIN + 3)
if "clock" in sys.argv[3:]:
    threading.Thread(target=harm.harm_clock, daemon=True).start()
if "wait" in sys.argv[3:]:
    threading.Thread(target=harm.harm_wait, daemon=True).start()
os.write(1, b"READY\n")
while True:
    signal.sigwait([signal.SIGUSR1])
    os.write(1, b"gap %d signals %d interrupted %d\n" % (
        harm.harm_longest_gap(), harm.harm_signals(), harm.harm_interrupted()))
