"""How a culprit rests: ready to be looked at, then, told by SIGUSR1 and the advice followed, for good."""
import gc
import signal
import sys

signal.signal(signal.SIGUSR1, lambda *_: None)


def say(word):
    sys.stdout.write(word + "\n")
    sys.stdout.flush()
    signal.pause()


def until_told():
    """All is there: look at it."""
    gc.collect()
    say("READY")


def for_good():
    """What the advice says was done: see what it brought."""
    gc.collect()
    say("DONE")


def run(scenarios):
    """The scenario that the program's argument names."""
    by_name = {scenario.__name__: scenario for scenario in scenarios}
    by_name[sys.argv[1]]()
