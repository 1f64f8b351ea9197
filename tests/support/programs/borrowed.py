"""Leaves in the interpreter's own tables what is garbage by now, says how much, and rests in pause(2).

"NAME N": so many of that class hang on a function in a cycle that nothing holds any more.
"""
import gc
import signal
import sys

gc.collect()
gc.disable()


class Served(object):
    pass


class Called(object):
    pass


class Service(object):
    pass


def serve(n):
    """A method that was found in its class, and then taken out of it."""
    held = [Served() for _ in range(n)]

    def run(self):
        return run, held
    Service.run = run
    one = Service()
    for _ in range(100):
        one.run()
    del Service.run


def call(n):
    held = [Called() for _ in range(n)]

    def run():
        return run, held
    for _ in range(100):
        run()


def sweep(depth):
    """Deep down, so that what earlier calls left on the C stack is written over; then up again."""
    nest = []
    for _ in range(depth):
        nest = [nest]
    return len(repr(nest))


list(map(serve, [500])) # each from C, so that its frame is none of those that stay
list(map(call, [700]))
sweep(100)
sys.stdout.write("Served 500\nCalled 700\nREADY\n")
sys.stdout.flush()
while True:
    signal.pause()
