"""
What `why` advises: in the words of who wrote the program, and only what would help.
"""

import pytest

from support import culprits, targets
from support.interpreters import python_of


def cause_of(arenascope, pid, *options):
    return arenascope.json("why", pid, *options)["why"]["causes"][0]


@pytest.mark.parametrize("framework", ["celery", "gunicorn", "dask"])
def test_advice_is_worded_for_the_framework(arenascope, tmp_path, framework):
    """Seen in its command line only: the same program, called by that name."""
    python = python_of()
    program = tmp_path / framework
    program.write_text("import sys\nsys.path.insert(0, %r)\nsys.argv[1:] = ['module_dict']\nimport pinned\n"
                       % culprits.FOLDER)
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    with targets.start(python.command + [str(program), "worker"], env=env) as target:
        target.wait_ready().wait_paused()
        text = arenascope.ok("why", target.pid).out
    assert framework in text.split("DO ", 1)[1], text


NESTED = """
import signal, sys
class Registry(object):
    def __init__(self):
        self.size, self._items = 3, None
class Session(object):
    def __init__(self, i):
        self.number, self.user = i + 1000, 'user %0200d' % i
class Slotted(object):
    __slots__ = ('tables',)
APP = Registry()
APP.state = Slotted()
APP.state.tables = [None, {'the secret': Registry()}]
APP.state.tables[1]['the secret']._items = [Session(i) for i in range(60000)]
sys.stdout.write('READY\\n')
sys.stdout.flush()
signal.pause()
"""


@pytest.mark.parametrize("minor", [(3, 8), (3, 11), (3, 13)], ids="3.{0[1]}".format)
def test_advice_names_the_nearest_container(release, minor):
    """As far as names lead to it, and to keys of dicts only with contents; and what brings memory back at once."""
    with targets.start(python_of(minor).command + ["-c", NESTED]) as target:
        target.wait_ready().wait_paused()
        cause, told = (cause_of(release, target.pid, *options) for options in ((), ("--contents",)))
    assert cause["cause"] == "live_objects"
    assert "__main__.APP.state.tables[1], " in cause["advice"][0] and "secret" not in cause["advice"][0]
    assert "__main__.APP.state.tables[1]['the secret']._items, " in told["advice"][0]
    assert "gc.collect() and ctypes.CDLL(None).malloc_trim(0)" in cause["advice"][1]


KEPT = """
import code, io, signal, sys
class Job(object):
    def run(self, rows):
        rows = ['%0300d' % i for i in range(rows)]
        self.check(rows)
    def check(self, rows):
        raise ValueError(len(rows))
errors = []
for _ in range(100):
    try:
        Job().run(1000 if sys.argv[1] == 'errors' else 0)
    except ValueError as error:
        errors.append(error)
if sys.argv[1] == 'last':
    del errors[:]
    sys.stderr = io.StringIO()
    code.InteractiveInterpreter({'Job': Job}).runsource('Job().run(100000)')
sys.stdout.write('READY\\n')
sys.stdout.flush()
signal.pause()
"""
KEPT_BYTES = 100000 * 300


@pytest.mark.parametrize("minor", [(3, 8), (3, 12)], ids="3.{0[1]}".format)
def test_a_kept_exception_is_told_as_what_keeps_variables(release, minor):
    """And the function whose they are is named; of the last that nobody caught also what to delete."""
    for what, holder, words in (("errors", "__main__.errors", "do not keep exceptions as they are"),
                                ("last", "sys.last_", "del sys.last_traceback, sys.last_value")):
        with targets.start(python_of(minor).command + ["-c", KEPT, what]) as target:
            target.wait_ready().wait_paused()
            found = release.json("why", target.pid)["why"]
        cause = found["causes"][0]
        assert cause["cause"] == "live_objects" and cause["holder"].startswith(holder)
        assert cause["evidence"]["traceback_bytes"] > KEPT_BYTES
        assert cause["advice"][0].startswith(words)
        function = "__main__.Job.run() rows" if minor >= (3, 11) else "__main__.run() rows"
        chain = next(it for it in found["holders"] if it["root"] == cause["holder"])["chains"][0]["chain"]
        assert "frame " + function in chain, chain


SEVERAL = """
import functools, signal, sys
class Report(object):
    def __init__(self):
        self.rows = [[str(i) * 9, str(-i) * 9, 'row %020d' % i] for i in range(50000)]
        self.first = self.rows[0]
class Store(object):
    @functools.lru_cache(None)
    def find(self, key):
        return {'key': key, 'text': 'x' * 300 + str(key)}
def memoize(function):
    hits, cache = 0, {}
    @functools.wraps(function)
    def wrapper(key):
        if key not in cache:
            cache[key] = function(key)
        return cache[key], hits
    return wrapper
@memoize
def load(key):
    return {'key': key, 'text': 'x' * 300 + str(key)}
if sys.argv[1] == 'report':
    REPORT = Report()
elif sys.argv[1] == 'memo':
    for i in range(60000):
        load(i)
else:
    store = Store()
    for i in range(60000):
        store.find(i)
sys.stdout.write('READY\\n')
sys.stdout.flush()
signal.pause()
"""


@pytest.mark.parametrize("minor", [(3, 8), (3, 13)], ids="3.{0[1]}".format)
def test_who_is_to_be_bounded_is_named_as_its_author_would(release, minor):
    """Not the dict in which an object's attributes lie, nor a closure for its variable; and a cache that drops nothing is not
    taken for one that does."""
    for what, root, words in (("report", "__main__.REPORT", "bound __main__.REPORT"),
                              ("store", "__main__.Store.find", "give __main__.Store.find a maxsize, or call its cache_clear()"),
                              ("memo", "__main__.load", "bound __main__.load() cache, ")):
        with targets.start(python_of(minor).command + ["-c", SEVERAL, what]) as target:
            target.wait_ready().wait_paused()
            cause = cause_of(release, target.pid)
        assert (cause["cause"], cause["holder"]) == ("live_objects", root)
        assert cause["advice"][0].startswith(words) and "__dict__" not in cause["advice"][0], cause
