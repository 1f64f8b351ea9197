"""
Threads that never rest: they allocate and free all the time.

    busy.py THREADS [SECONDS]       writes READY; ends by itself after SECONDS (default 600)
"""
import sys
import threading
import time

end = time.time() + (float(sys.argv[2]) if len(sys.argv) > 2 else 600)
begin = threading.Event()


def churn(seed):
    kept = []
    n = seed
    begin.wait()  # else the first ones would hardly let the others start
    while time.time() < end:
        n += 1
        kept.append((n, float(n), {"n": [n]}, "x" * (n % 400)))
        if len(kept) > 3000:
            del kept[: n % 3000]


for number in range(int(sys.argv[1])):
    thread = threading.Thread(target=churn, args=(number,))
    thread.daemon = True
    thread.start()
begin.set()
sys.stdout.write("READY\n")
sys.stdout.flush()
while time.time() < end:
    time.sleep(0.5)
