"""Rests, then as many calls deep as the first argument says, then back again; SIGUSR1 leads on.

The second argument says who calls: main, thread (three of them at once), subinterpreter. Frames are all that grows: they
hold nothing of their own. Before each rest a word is written to stderr.
"""
import itertools
import signal
import sys
import threading

DEPTH, WHO = int(sys.argv[1]), sys.argv[2]
SUBINTERPRETER = """
import itertools, signal, sys
sys.setrecursionlimit(2 * %d + 1000)
def deep(steps):
    for _ in steps:
        return deep(steps)
    rest("deep")
def rest(word):
    sys.stderr.write(word + "\\n")
    sys.stderr.flush()
    signal.pause()
rest("there")
deep(itertools.repeat(None, %d))
rest("back")
""" % (DEPTH, DEPTH)


def rest(word):
    sys.stderr.write(word + "\n")
    sys.stderr.flush()
    signal.pause()


def deep(steps, at_bottom):
    for _ in steps:
        return deep(steps, at_bottom)
    at_bottom()


def run(begun, bottom, go_on):
    begun.wait()
    deep(itertools.repeat(None, DEPTH), lambda: (bottom.wait(), go_on.wait()))
    bottom.wait()
    threading.Event().wait()


def by_threads():
    begun, bottom, go_on = threading.Event(), threading.Barrier(4), threading.Event()
    for _ in range(3):
        threading.Thread(target=run, args=(begun, bottom, go_on), daemon=True).start()
    rest("there")
    begun.set()
    bottom.wait()
    rest("deep")
    go_on.set()
    bottom.wait()
    rest("back")


def by_subinterpreter():
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    one = interpreters.create()
    (getattr(interpreters, "run_string", None) or interpreters.exec)(one, SUBINTERPRETER)


def by_main():
    steps = itertools.repeat(None, DEPTH)
    rest("there")
    deep(steps, lambda: rest("deep"))
    rest("back")


sys.setrecursionlimit(2 * DEPTH + 1000)
signal.signal(signal.SIGUSR1, lambda *_: None)
{"main": by_main, "thread": by_threads, "subinterpreter": by_subinterpreter}[WHO]()
