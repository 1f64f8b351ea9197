"""
Threads that never rest: they allocate and free all the time.

    busy.py THREADS [SECONDS]       writes READY when all have what they keep; ends by itself after SECONDS (default 600)
"""
import sys
import threading
import time

end = time.time() + (float(sys.argv[2]) if len(sys.argv) > 2 else 600)
begin = threading.Event()
full = []


def churn(seed):
    kept = []
    n = seed * 97  # each at another point of its round: together they keep about as much all the time
    begin.wait()  # else the first ones would hardly let the others start
    while time.time() < end:
        n += 1
        kept.append((n, float(n), {"n": [n]}, "x" * (n % 400)))
        if len(kept) == 3000 and seed not in full:
            full.append(seed)
        if len(kept) > 3000:
            del kept[: n % 3000]


count = int(sys.argv[1])
for number in range(count):
    thread = threading.Thread(target=churn, args=(number,))
    thread.daemon = True
    thread.start()
begin.set()
while len(full) < count and time.time() < end:
    time.sleep(0.01)
sys.stdout.write("READY\n")
sys.stdout.flush()
while time.time() < end:
    time.sleep(0.5)
