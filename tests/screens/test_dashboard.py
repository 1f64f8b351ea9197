"""The dashboard end to end: the built program in a real terminal, which tmux plays."""

import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

from support import interpreters, targets, tool

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")

DEADLINE = 60  # seconds until a screen must show what is waited for, sanitizers included
RULES = "─-"


class Terminal:
    """A tmux server of its own, with one window in which a shell runs."""

    def __init__(self, folder, width, height, **env):
        self.folder = str(folder)
        self.name = "arenascope-%d-%d" % (os.getpid(), time.monotonic_ns())
        self.env = tool.environment(**env)
        self.env.pop("TMUX", None)
        self.tmux("new-session", "-d", "-x", str(width), "-y", str(height), "-c", self.folder,
                  "sh")
        self.tmux("set-option", "-g", "window-size", "manual")
        self.resize(width, height)

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-u", "-L", self.name, "-f", "/dev/null"] + list(arguments),
                              env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=30, check=False, cwd=self.folder)
        assert done.returncode == 0, done
        return done.stdout.decode("utf-8", "replace")

    def close(self):
        with contextlib.suppress(AssertionError):
            self.tmux("kill-server")

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def key(self, *names):
        self.tmux("send-keys", *names)

    def shell(self, line):
        self.type(line)
        self.key("Enter")

    @property
    def screen(self):
        return self.tmux("capture-pane", "-p")

    @property
    def colors(self):
        return self.tmux("capture-pane", "-p", "-e")

    def wait(self, pattern, what=None):
        """Until the screen matches; returns it."""
        end = time.monotonic() + DEADLINE
        while True:
            screen = self.screen
            if re.search(pattern, screen, re.M):
                return screen
            assert time.monotonic() < end, "never shown: %s\n%s" % (what or pattern, screen)
            time.sleep(0.05)

    def wait_not(self, pattern):
        end = time.monotonic() + DEADLINE
        while re.search(pattern, self.screen, re.M):
            assert time.monotonic() < end, "still shown: %s\n%s" % (pattern, self.screen)
            time.sleep(0.05)

    def child(self):
        """The pid of the dashboard that the shell runs."""
        shell = int(self.tmux("display-message", "-p", "#{pane_pid}"))
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            pids = targets.read("/proc/%d/task/%d/children" % (shell, shell)).split()
            if pids:
                return int(pids[-1])
            time.sleep(0.05)
        raise AssertionError("nothing runs in the terminal\n" + self.screen)


@pytest.fixture
def terminal(tmp_path):
    """Makes terminals; all of them are closed at the end."""
    made = []

    def make(width=80, height=24, **env):
        made.append(Terminal(tmp_path, width, height, **env))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def target(python):
    with targets.start_program(python, "mixed_heap.py", 4) as started:
        yield started.wait_paused()


def start(terminal, arenascope, pid, *options):
    terminal.env["XDG_CACHE_HOME"] = arenascope.cache
    terminal.shell("XDG_CACHE_HOME='%s' '%s' top %d %s; echo ended=$?" % (
        arenascope.cache, arenascope.binary, pid, " ".join(options)))


def check_clean(terminal):
    """The terminal is as it was before: the shell echoes and edits lines, the dashboard is gone."""
    assert "never stopped" not in terminal.screen
    terminal.shell("stty -a | tr ';' ' ' > stty.txt; clear; echo mode''s=done")
    terminal.wait("^modes=done")
    with open(os.path.join(terminal.folder, "stty.txt"), encoding="ascii") as file:
        modes = file.read().split()
    for mode in ("icanon", "echo", "isig", "icrnl", "opost", "onlcr"):
        assert mode in modes, modes


def lines_of(screen):
    return screen.rstrip("\n").split("\n")


@pytest.mark.parametrize("width, height", [(80, 24), (120, 40), (100, 30), (40, 10)])
def test_overview_fills_the_screen(terminal, arenascope, target, width, height):
    window = terminal(width, height)
    start(window, arenascope, target.pid)
    screen = window.wait("never stopped")
    lines = lines_of(screen)
    assert len(lines) == height
    assert max(len(line) for line in lines) <= width
    assert str(target.pid) in lines[0]
    assert "[1 Overview]" in lines[1]
    assert set(lines[2].strip()) <= set(RULES)
    assert re.search(r"RSS [\d.]+ [KMG]iB", screen)
    assert re.search(r"MAP  1 cell = ", screen)
    if width >= 80:
        figure = int(re.search(r"([\d,]+) +\S+$", [line for line in lines
                                                  if "75-100%" in line][0]).group(1)
                     .replace(",", ""))
        assert figure > 0
        assert "q" in lines[-1]
    window.type("q")
    window.wait("^ended=0")
    check_clean(window)


MIMALLOC = [pytest.param(it, {} if it.free_threaded else {"PYTHONMALLOC": "mimalloc"},
                         id=str(it))
            for it in interpreters.free_threaded()[:1] + interpreters.with_mimalloc()[:1]]


@pytest.mark.parametrize("python, env", MIMALLOC)
def test_mimalloc_is_shown_as_pymalloc_is(terminal, arenascope, python, env):
    """The blocks of all segments are those that the interpreter counts."""
    with targets.start_program(python, "mimalloc_heap.py", "live", env=env) as target:
        target.wait_paused()
        counted = sum(heap["used_blocks"] for heap in
                      arenascope.json("dump", target.pid)["interpreters"][0]["mimalloc"]["heaps"])
        if not env:
            assert counted == int(target.out) + 1
        window = terminal(120, 40)
        start(window, arenascope, target.pid)
        window.wait("SEGMENTS BY USE")
        window.type("3")
        window.wait("SEGMENTS  [0-9]+ of [0-9]+: all")
        time.sleep(0.5)  # the title is drawn first
        screen = window.screen
        rows = re.findall(r"^ (0x[0-9a-f]+) .* (\d+)/(\d+) +([\d,]+) ", screen, re.M)
        assert len(rows) == int(re.search(r"of (\d+): all", screen).group(1)) > 10
        assert sum(int(row[3].replace(",", "")) for row in rows) == counted
        window.type("/%x" % (int(rows[0][0], 16) + 0x10010))
        window.key("Enter")
        window.wait("SEGMENT %s .* pages free" % rows[0][0])
        window.wait("page at 0x%x: .* blocks of" % (int(rows[0][0], 16) + 0x10000))
        window.type("q")
        window.wait("^ended=0")


def test_resize_while_it_runs(terminal, arenascope, target):
    window = terminal(80, 24)
    start(window, arenascope, target.pid)
    window.wait("never stopped")
    for width, height in ((120, 40), (20, 5), (200, 50), (41, 11), (5, 2), (80, 24)):
        window.resize(width, height)
        if width < 20:
            time.sleep(0.5)
            continue
        screen = window.wait("too small" if width < 40 else "^ .*never stopped *$|1 Overview")
        assert max(len(line) for line in lines_of(screen)) <= width
    screen = window.wait("BY USE")
    assert len(lines_of(screen)) == 24
    window.type("q")
    window.wait("^ended=0")


def test_too_small_says_so_and_quits(terminal, arenascope, target):
    window = terminal(20, 5)
    start(window, arenascope, target.pid)
    screen = window.wait("40x10")
    assert "too small" in screen
    window.type("q")
    window.wait("nded=0")


def test_keys_lead_through_all_screens(terminal, arenascope, target):
    window = terminal(100, 30)
    start(window, arenascope, target.pid)
    window.wait("never stopped")
    window.type("3")
    window.wait(r"ARENAS  \d+ of \d+")
    window.key("Enter")
    window.wait("ARENA 0x")
    window.type("G")
    window.type("g")
    window.key("Enter")
    if "no used block" not in window.screen:
        window.wait("POOL 0x|no used block")
    window.key("Escape", "Escape")
    time.sleep(0.3)
    window.key("Escape")
    window.wait(r"\[3 Arenas\]")
    window.type("4")
    window.wait("SIZE CLASSES")
    window.key("Tab")
    window.wait(r"\[5 Malloc\]")
    window.key("Tab")
    window.wait(r"\[6 Types\]")
    window.key("Tab")
    window.wait(r"\[7 Pins\]")
    window.key("Tab")
    window.wait(r"\[1 Overview\]")
    window.type("2")
    window.wait(r"\[2 Ledger\]")
    window.type("1")
    window.type("m")
    window.wait("SINCE MARK")
    window.type("?")
    window.wait("KEYS")
    window.key("Escape")
    window.wait_not("^ KEYS")
    window.type(" ")
    window.wait("HELD")
    window.type(" +")
    window.wait("live 2 s")
    window.type("q")
    window.wait("^ended=0")


def test_search_finds_an_object_by_its_id(terminal, arenascope, target):
    answer = arenascope.ok("dump", target.pid, "--json").json
    arenas = answer["interpreters"][0]["pymalloc"]["arena_list"]
    arena = max(arenas, key=lambda one: one["used_bytes"])["address"]
    window = terminal(100, 30)
    start(window, arenascope, target.pid)
    window.wait("never stopped")
    for typed in (arena, str(int(arena, 16) + (1 << 17))):
        window.type("/")
        window.wait("find address")
        window.type(typed)
        window.key("Enter")
        window.wait("POOL 0x|ARENA %s" % arena)
    window.type("/nonsense")
    window.key("Enter")
    window.wait("not an address")
    window.type("q")
    window.wait("^ended=0")


def test_ledger_and_malloc_have_screens(terminal, arenascope, target):
    window = terminal(100, 30)
    start(window, arenascope, target.pid)
    window.wait(r"live [\d.]+[KMG] .*kept by Python .*by malloc .*files .*rest")
    window.type("2")
    window.wait(r"LEDGER  [\d.]+ [KMG]iB seen in RAM, kernel says")
    window.wait(r"pymalloc\.live +[\d.]+[KMG] +[\d.]+ %")
    window.key("Enter")
    window.wait(r"> leaf")
    window.key("Escape")
    window.type("5")
    window.wait(r"MALLOC  glibc \d")
    window.wait(r"^ main +[\d.]+[KMG]")
    window.type("q")
    window.wait("^ended=0")


def test_export_is_what_is_shown_and_private(terminal, arenascope, target):
    window = terminal(80, 24)
    start(window, arenascope, target.pid)
    window.wait("never stopped")
    window.type("3")
    window.wait(r"ARENAS  \d+ of \d+")
    window.type("e")
    name = re.search(r"written: (\S+\.txt)", window.wait("written: ")).group(1)
    path = os.path.join(window.folder, name)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(path, encoding="utf-8") as file:
        assert "ARENAS" in file.read()
    window.type("q")
    window.wait("^ended=0")


def test_the_targets_end_leaves_the_last_picture(terminal, arenascope, python):
    window = terminal(80, 24)
    with targets.start_program(python, "mixed_heap.py", 4) as target:
        target.wait_paused()
        start(window, arenascope, target.pid)
        window.wait("never stopped")
    window.wait("TARGET ENDED")
    assert "BY USE" in window.screen
    window.type("3")
    window.wait(r"ARENAS  \d+ of \d+")
    window.key("Enter")
    window.wait("ARENA 0x")
    window.type("q")
    window.wait("^ended=0")
    check_clean(window)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_clean(terminal, arenascope, target, number):
    window = terminal(80, 24)
    start(window, arenascope, target.pid)
    window.wait("never stopped")
    if number == signal.SIGINT:
        window.key("C-c")
        window.wait("^(ended=%d|\\^C|[$#] *$)" % (128 + number))
    else:
        os.kill(window.child(), number)
        window.wait("ended=%d" % (128 + number))
    check_clean(window)
    assert target.alive()


def test_a_crash_leaves_the_terminal_clean(terminal, release, target):
    window = terminal(80, 24)
    start(window, release, target.pid)
    window.wait("never stopped")
    os.kill(window.child(), signal.SIGSEGV)
    window.wait("ended=%d" % (128 + signal.SIGSEGV))
    check_clean(window)


def test_suspend_and_go_on(terminal, arenascope, target):
    window = terminal(80, 24, SHELL="/bin/sh")
    window.shell("set -m; clear")
    start(window, arenascope, target.pid)
    window.wait("never stopped")
    window.key("C-z")
    window.wait("[Ss]topped|Suspended")
    window.wait_not("never stopped")
    check_clean(window)
    window.shell("fg")
    window.wait("never stopped")
    window.type("3")
    window.wait(r"ARENAS  \d+ of \d+")
    window.type("q")
    window.wait_not("never stopped")
    check_clean(window)


@pytest.mark.parametrize("term", ["dumb", "no-such-terminal", ""])
def test_unusable_terminals_are_refused(terminal, arenascope, target, term):
    window = terminal(100, 24)
    window.shell("TERM='%s'; export TERM; clear" % term)
    start(window, arenascope, target.pid)
    screen = window.wait("^ended=9")
    assert "arenascope dump" in screen.replace("\n", " ")


def test_no_terminal_is_refused(arenascope, target):
    result = arenascope.run("top", target.pid)
    assert result.code == 9
    assert "arenascope dump" in result.err


def test_without_unicode_and_without_colors(terminal, arenascope, target):
    window = terminal(80, 24)
    start(window, arenascope, target.pid, "--ascii", "--color", "never")
    screen = window.wait("never stopped")
    assert screen.isascii(), screen
    assert not re.search("\x1b\\[[0-9;]*(3[0-7]|38;5;[0-9]+)m", window.colors)
    window.type("q")
    window.wait("^ended=0")


def test_a_locale_without_unicode_gets_ascii(terminal, arenascope, target):
    window = terminal(80, 24)
    window.shell("LC_ALL=C; export LC_ALL; clear")
    start(window, arenascope, target.pid)
    assert window.wait("never stopped").isascii()
    window.type("q")
    window.wait("^ended=0")


@pytest.mark.parametrize("term", ["xterm-256color", "xterm", "linux", "vt100", "screen"])
def test_colors_of_many_terminals(terminal, arenascope, target, term):
    if subprocess.run(["infocmp", term], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                      check=False).returncode:
        pytest.skip("terminfo has no " + term)
    window = terminal(100, 30)
    window.shell("TERM=%s; export TERM; clear" % term)
    start(window, arenascope, target.pid, "--color", "always")
    window.wait("never stopped")
    found = re.search("\x1b\\[[0-9;]*3[0-8][0-9;]*m", window.colors)
    assert bool(found) == (term != "vt100"), window.colors
    window.type("q")
    window.wait("ended=0")


def test_count_ends_by_itself(terminal, arenascope, target):
    window = terminal(80, 24)
    start(window, arenascope, target.pid, "-n", "2", "-i", "0.2")
    window.wait("^ended=0")
    check_clean(window)
