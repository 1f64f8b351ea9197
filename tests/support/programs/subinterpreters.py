"""
Subinterpreters, each with its own account, then silence. 3.12 onwards.

    subinterpreters.py FOLDER KIND...        KIND: isolated or legacy

Each lives in a thread of its own, builds a heap, writes what sys._debugmallocstats() says in it and
sleeps; stderr is turned to FOLDER/stats-N before each and to FOLDER/stats-main for the main
interpreter, which comes last and pauses. Writes sys.getallocatedblocks() to stdout.
"""
import os
import signal
import sys
import threading
import time

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

INSIDE = """
import sys, time
kept = [(i, float(i), {"k": [i]}, "x" * (i % 300)) for i in range(COUNT)]
del kept[100:800]
scratch = [{} for _ in range(15)], [float(i) for i in range(9)]
del scratch
account, sleep = sys._debugmallocstats, time.sleep
account()
sleep(1000000.0)
"""


def create(kind):
    if sys.version_info < (3, 13):
        return interpreters.create(isolated=(kind == "isolated"))
    return interpreters.create(kind)


def run(number, code):
    if hasattr(interpreters, "exec"):
        interpreters.exec(number, code)
    else:
        interpreters.run_string(number, code)


def turn_stderr(name):
    fd = os.open(os.path.join(sys.argv[1], name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(fd, 2)
    os.close(fd)


def written(name):
    with open(os.path.join(sys.argv[1], name)) as file:
        return file.read()


def report_blocks():
    write(1, b"%d\n" % getblocks())


kept = []
for position, kind in enumerate(sys.argv[2:]):
    number = create(kind)
    kept.append(number)  # 3.12 ends an interpreter whose id object goes
    turn_stderr("stats-%d" % number)
    threading.Thread(target=run, args=(number, INSIDE.replace("COUNT", str(2000 * (position + 1)))),
                     daemon=True).start()
    while "PyTupleObject" not in written("stats-%d" % number):
        time.sleep(0.01)
    time.sleep(0.05)

write, pause, getblocks, account = os.write, signal.pause, sys.getallocatedblocks, \
    sys._debugmallocstats
turn_stderr("stats-main")
report_blocks()  # no loop: its iterator would be one block more than there is at rest
report_blocks()
report_blocks()
report_blocks()
account()
pause()
