"""What every test may ask for: the tool, interpreters, a quiet target; and that nothing is left over."""

import os
import re
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from support import interpreters, targets, tool  # noqa: E402  (after the path is set)

# A shell has its background jobs ignore it, and whoever they start: programs under test are to be told by it to end.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header(config):
    return "arenascope: %s; interpreters: %s" % (
        tool.BINARY, ", ".join(str(it) for it in interpreters.discover()[0]))


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache folder for layouts, shared by all tests that do not test the cache itself."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def arenascope(cache):
    """The sanitized tool."""
    assert os.path.exists(tool.BINARY), tool.BINARY + " is not built: use tools/check"
    return tool.Tool(cache)


@pytest.fixture(scope="session")
def release(cache):
    """The release build: for runs under strace, and where time is looked at."""
    assert os.path.exists(tool.RELEASE), tool.RELEASE + " is not built: use tools/check"
    return tool.Tool(cache, tool.RELEASE)


@pytest.fixture(scope="session")
def python():
    """One interpreter with debug information, the machine's own where it has it."""
    found = interpreters.plain()
    if not found:
        pytest.skip("no CPython with debug information on this machine")
    return found


@pytest.fixture(scope="session")
def quiet(python):
    """A quiet target, shared by tests that only look."""
    with targets.start_program(python, "mixed_heap.py", 4) as target:
        yield target.wait_paused()


# What goes into every block costs minutes on every interpreter: unless all are asked for (ARENASCOPE_ALL=1), these
# files run on a sample of them, and on these.
EDGES = {"2.7.18-pyenv", "3.15.2-sid"}
THREADED = {str(it) for it in interpreters.free_threaded()}
DEEP = {
    "test_census.py": set(), "test_census_tables.py": set(), "test_frames.py": set(), "test_hostile.py": set(),
    "test_plot.py": set(), "test_roots.py": THREADED, "test_types.py": set(), "test_holders.py": EDGES | THREADED,
    "test_objects.py": EDGES, "test_references.py": EDGES, "test_redaction.py": {"2.7.18-pyenv"} | THREADED,
    "test_snapshots.py": EDGES, "test_why.py": set()}
CULPRITS = {str(interpreters.plain())}  # each is planted, looked at and let go


def is_sampled(item, names):
    mine = [name for name in names if re.search(r"(^|[\[-])%s($|[\]-])" % re.escape(name), item.name)]
    wanted = CULPRITS if item.path.name == "test_why.py" else interpreters.SAMPLE | DEEP[item.path.name]
    return not mine or mine[0] in wanted


def pytest_collection_modifyitems(config, items):
    if interpreters.all_are_asked():
        return
    names = [str(it) for it in interpreters.discover()[0]]
    left = [item for item in items if item.path.name in DEEP and not is_sampled(item, names)]
    items[:] = [item for item in items if item not in set(left)]
    config.hook.pytest_deselected(items=left)


def children():
    mine = "/proc/self/task/%d/children" % os.getpid()
    return set(targets.read(mine).split())


@pytest.fixture(autouse=True)
def nothing_left_behind(request):
    """Every child that a test started has ended with it."""
    shared = [name for name in request.fixturenames if name == "quiet"]
    for name in shared:
        request.getfixturevalue(name)
    before = children()
    yield
    left = children() - before
    assert not left, "left running: %s" % [targets.read("/proc/%s/cmdline" % pid) for pid in left]


@pytest.fixture
def say(request):
    """Adds a measured figure to the end of the report, whichever process measured it."""
    return lambda text: request.node.user_properties.append(
        ("measured", "%s: %s" % (request.node.name, text)))


def pytest_terminal_summary(terminalreporter):
    reports = [report for group in terminalreporter.stats.values() for report in group
               if getattr(report, "when", None) == "teardown" or getattr(report, "failed", False)]
    lines = {value for report in reports for key, value in getattr(report, "user_properties", ())
             if key == "measured"}
    for line in sorted(lines):
        terminalreporter.write_line("measured: " + line)
