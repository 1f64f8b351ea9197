"""What the target could notice: measured inside it, and in the tool's own system calls."""

import collections
import contextlib
import ctypes
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from support import interpreters, targets, tool

LOOKS = {  # every verb that looks, with the options that change how
    "dump": ["dump"], "map": ["map"], "doctor": ["doctor"], "plan": ["doctor", "--plan"],
    "stats": ["stats"], "exact": ["dump", "--exact"], "no-pause": ["dump", "--no-pause"],
    "json": ["dump", "--json"],
}
STOPPING = {"stats", "exact"}
Seen = collections.namedtuple("Seen", "gap_ms signals interrupted")


@pytest.fixture(scope="session")
def harm(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("harm") / "harm.so")
    source = os.path.join(os.path.dirname(targets.PROGRAMS), "harm.c")
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-pthread", "-o", path, source], check=True)
    return path


@contextlib.contextmanager
def harmed(python, harm, megabytes, *parts):
    if python.root != "/":
        pytest.skip("needs an interpreter outside a chroot")
    with targets.start_program(python, "harmed.py", harm, megabytes, *parts) as target:
        yield target.wait_ready()


def ask(target):
    """What the target saw since it was asked last (signals and interruptions: since its start)."""
    before = target.out.count("gap")
    target.signal(signal.SIGUSR1)
    target.wait_for(lambda: target.out.count("gap") > before and target.out.endswith("\n"),
                    "an account")
    words = target.out.splitlines()[-1].split()
    return Seen(int(words[1]) / 1e6, int(words[3]), int(words[5]))


def run_free(target):
    """Nobody traces it, no thread of it stands in a tracing stop."""
    states = [targets.stat_field(target.pid, 3, task) for task in os.listdir(
        "/proc/%d/task" % target.pid)]
    return target.status("TracerPid") == "0" and "t" not in states


def test_the_longest_gap(release, python, harm, say):
    """Figures to read, and a bound so wide that only a real stall breaks it."""
    with harmed(python, harm, 150, "clock") as target:
        for options in LOOKS.values():
            release.run(*options[:1], target.pid, *options[1:])  # symbols are cached from here on
        ask(target)
        time.sleep(0.5)
        gaps = {"nobody looks": ask(target).gap_ms}
        for name, options in LOOKS.items():
            best = None
            for _ in range(3):
                ask(target)
                release.ok(options[0], target.pid, *options[1:])
                gap = ask(target).gap_ms
                best = gap if best is None else min(best, gap)
            gaps[name] = best
    say("longest gap in a target of 150 MB, best of 3, ms: " + ", ".join(
        "%s %.1f" % pair for pair in gaps.items()))
    assert max(gaps.values()) < 250 + gaps["nobody looks"]


def test_no_signal_is_lost(release, python, harm):
    """N real-time signals are queued while the target is stopped over and over: N arrive."""
    count, number = 3000, signal.SIGRTMIN + 3
    with harmed(python, harm, 30, "signals", "clock") as target:
        libc = ctypes.CDLL(None, use_errno=True)
        done = threading.Event()

        def look():
            while not done.is_set():
                release.ok("stats", target.pid)

        looker = threading.Thread(target=look)
        looker.start()
        try:
            sent = 0
            while sent < count:
                assert libc.sigqueue(target.pid, number, ctypes.c_void_p(sent)) == 0
                sent += 1
                time.sleep(0.001)
        finally:
            done.set()
            looker.join()
        target.wait_for(lambda: ask(target).signals >= count, "all signals")
        assert ask(target).signals == count
        assert run_free(target)


def test_a_quiet_target_sees_no_interrupted_call(release, python, harm, say):
    with harmed(python, harm, 20, "wait") as target:
        for name, options in LOOKS.items():
            if name not in STOPPING:
                release.ok(options[0], target.pid, *options[1:])
        assert ask(target).interrupted == 0
        release.ok("stats", target.pid)
        say("epoll_wait interrupted by one stats: %d" % ask(target).interrupted)


def strike(release, target, number):
    """Sends the tool a signal at a moment when the target is seen to be stopped; its status, or None."""
    process = release.start("stats", target.pid, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    struck = False
    while process.poll() is None and not struck:
        if target.state() == "t":
            process.send_signal(number)
            struck = True
    code = process.wait(timeout=tool.TIMEOUT)
    return code if struck else None


@pytest.mark.parametrize("number, codes", [
    (signal.SIGKILL, {-9}), (signal.SIGTERM, {143, -15, 0}), (signal.SIGINT, {130, -2, 0}),
    (signal.SIGSEGV, {-11, 139, 70, 0}),
], ids=lambda value: getattr(value, "name", ""))
def test_the_tool_dies_while_the_target_is_stopped(release, python, harm, number, codes):
    with harmed(python, harm, 250, "clock") as target:
        release.ok("stats", target.pid)
        struck = 0
        for _ in range(60):
            code = strike(release, target, number)
            struck += code is not None and code != 0
            assert code is None or code in codes, code
            target.wait_for(lambda: run_free(target), "running freely again")
            if struck == 4:
                break
        assert struck, "never met the target while it was stopped"
        ask(target)
        time.sleep(0.1)
        assert ask(target).gap_ms > 0  # its clock goes on


@pytest.mark.parametrize("options", [["stats"], ["dump", "--exact"]], ids=" ".join)
def test_a_stop_ends_when_its_time_is_up(release, python, harm, options):
    """Far too little time for a large heap: let go in time, and said so; the answer is partial."""
    with harmed(python, harm, 250) as target:
        arguments = [options[0], target.pid, *options[1:], "--max-pause", 1]
        runs = [release.run(*arguments, "--json") for _ in range(3)]
        quickest = min(runs, key=lambda run: run.json["pause"]["total_us"])
        pause = quickest.json["pause"]
        assert pause["mode"] == "partial" and pause["total_us"] < 8000, pause
        assert quickest.code == 7
        assert [d for d in quickest.json["doubts"] if d["severity"] != "note"]
        assert run_free(target)
        assert release.json(*arguments[:-1], 1000)["pause"]["mode"] == "stopped"


GROWN_AND_BUSY = """
grown = [(i,) for i in range(2000000)]
print("READY", flush=True)
while True:
    passing = [bytes(i % 480) for i in range(100000)]
    del passing[::3], passing
"""


def test_what_ran_on_after_its_time_is_not_called_damaged(release, python):
    """What a stop left uncopied is read live, and judged as such."""
    with targets.start(python.command + ["-c", GROWN_AND_BUSY]) as target:
        target.wait_ready()
        for _ in range(10):
            doubts = release.run("dump", "--exact", "--max-pause", 2, target.pid,
                                 "--json").json["doubts"]
            assert {"stop_expired", "not_stopped", "stopped_inside"} & {
                d["kind"] for d in doubts}, doubts
            assert not [d for d in doubts if "damaged" in d["detail"]], doubts
            assert all("limit of 2 ms" in d["detail"] for d in doubts
                       if d["kind"] == "stop_expired"), doubts


def test_a_thousand_looks_at_a_busy_target(release, python, say):
    """50 threads that allocate all the time; each look stops them all."""
    with targets.start_program(python, "busy.py", 50) as target:
        target.wait_ready()
        threads = len(os.listdir("/proc/%d/task" % target.pid))
        begin, codes = time.monotonic(), collections.Counter()
        while sum(codes.values()) < 1000:
            process = release.start("stats", target.pid, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
            codes[process.wait(timeout=tool.TIMEOUT)] += 1
        say("1000 stats of a busy 50-thread target: %.0f s, exits %s" % (
            time.monotonic() - begin, dict(codes)))
        assert set(codes) <= {0, 7}
        assert run_free(target)
        assert len(os.listdir("/proc/%d/task" % target.pid)) == threads
        before = int(targets.stat_field(target.pid, 14))
        target.wait_for(lambda: int(targets.stat_field(target.pid, 14)) > before + 5, "its work")


@pytest.mark.parametrize("name", list(LOOKS) + ["first look"])
def test_memory_of_the_target_is_the_same_before_and_after(release, python, name):
    keys = ("VmRSS", "VmSwap", "VmPTE", "RssAnon", "RssFile", "RssShmem", "VmSize")
    with targets.start_program(python, "mixed_heap.py", 30) as target:
        target.wait_paused()
        time.sleep(0.1)
        before = {key: target.status(key) for key in keys}
        options = LOOKS.get(name, ["dump", "--no-cache"])
        release.ok(options[0], target.pid, *options[1:])
        assert {key: target.status(key) for key in keys} == before


@pytest.mark.parametrize("python", [it for it in interpreters.with_debug_info()
                                    if it.version >= (3, 6)], ids=str)
def test_file_pages_that_the_kernel_took_back(release, python):
    """Under memory pressure a target's file pages go: they are read from the file, and stay away."""
    with targets.start_program(python, "mixed_heap.py", 1) as target:
        target.wait_paused()
        had = target.status("RssFile")
        targets.take_back_file_pages(target.pid)
        left = target.status("RssFile")
        if had == left:
            pytest.skip("other processes map the same pages: none went")
        # Not stopped: a thread that was goes on in code of its own, and needs that page again.
        for options in ([], ["--no-cache"]):
            assert release.ok("stats", target.pid, "--no-pause", *options).out == target.err
        assert target.status("RssFile") == left


def traced(release, tmp_path, *arguments):
    """The tool's system calls, children's included, one a line."""
    log = str(tmp_path / "strace")
    result = release.run(*arguments, wrap=["strace", "-f", "-y", "-qq", "-s", "200", "-o", log])
    assert result.code == 0, result
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read()


READ_ONLY = {"PTRACE_SEIZE", "PTRACE_INTERRUPT", "PTRACE_DETACH", "PTRACE_CONT", "PTRACE_LISTEN",
             "PTRACE_GETSIGINFO", "PTRACE_GETEVENTMSG", "PTRACE_GETREGSET", "PTRACE_GETREGS"}


def check_harmless(log, pid):
    """Nothing in it writes to the target or signals it."""
    assert "process_vm_writev" not in log
    assert set(re.findall(r"ptrace\((\w+)", log)) <= READ_ONLY
    opened = re.findall(r"^.*\bopen(?:at2?)?\([^\n]*/proc/%d\b.*$" % pid, log, re.M)
    assert opened
    assert not [line for line in opened if re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", line)]
    assert not re.search(r"\b(kill|tgkill|tkill|rt_sigqueueinfo|rt_tgsigqueueinfo)\(%d," % pid, log)
    assert not re.search(r"\b(process_madvise|pidfd_send_signal|kcmp)\(|\bprlimit64\(%d," % pid, log)
    assert "clear_refs" not in log and "/smaps_rollup" not in log
    # One mapping a read: more at once would hold the target's mmap lock for as long as all of them take.
    assert all(int(size) <= 256
               for size in re.findall(r"\bread\(\d+<[^>]*/smaps>.*, (\d+)\)", log))


@pytest.mark.parametrize("name", LOOKS)
def test_system_calls(release, quiet, tmp_path, name):
    options = LOOKS[name]
    log = traced(release, tmp_path, options[0], quiet.pid, *options[1:])
    assert "execve" in log
    check_harmless(log, quiet.pid)
    if name not in STOPPING:
        assert "ptrace(" not in log
    else:
        assert "PTRACE_SEIZE" in log and "PTRACE_ATTACH" not in log


def test_what_computes_stands_the_least(release, python, tmp_path):
    """The thread that runs is asked to stop after the one that sleeps, and let go before it."""
    with targets.start_program(python, "busy.py", 1) as target:
        target.wait_ready()
        sleeper, runner = sorted(map(int, os.listdir("/proc/%d/task" % target.pid)))

        def is_kind():
            log = traced(release, tmp_path, "stats", target.pid)
            asked = re.findall(r"PTRACE_INTERRUPT, (\d+)", log)
            freed = re.findall(r"PTRACE_DETACH, (\d+)", log)
            return asked[-2:] == [str(sleeper), str(runner)] and freed[-2:] == [str(runner), str(sleeper)]

        assert sleeper == target.pid
        # It may be in a system call just then, or the other may be awake.
        assert any(is_kind() for _ in range(8))


def test_no_room_is_made_between_the_pass_and_the_stop(release, python, tmp_path):
    """The pass leaves in the processor's caches what the stop reads; making and faulting in room would drive it out."""
    with targets.start_program(python, "mixed_heap.py", 60) as target:
        target.wait_paused()
        calls = traced(release, tmp_path, "stats", target.pid).splitlines()
    stop = next(i for i, call in enumerate(calls) if "PTRACE_SEIZE" in call)
    passed = [i for i, call in enumerate(calls[:stop]) if re.search(r"process_vm_readv\(.*\], \d\d+, 0\)", call)]
    assert passed
    assert not [call for call in calls[passed[-1]:stop] if "mremap(" in call]


def test_the_plan_reads_no_memory(release, quiet, tmp_path):
    log = traced(release, tmp_path, "doctor", quiet.pid, "--plan")
    assert "process_vm_readv" not in log and "/mem\"" not in log


@pytest.mark.parametrize("python", [it for it in interpreters.with_debug_info()
                                    if it.version < (3, 0)], ids=str)
def test_python_2_is_not_stopped_unasked(release, python, tmp_path):
    with targets.start_program(python, "mixed_heap.py", 1) as target:
        target.wait_for(target.paused, "pause")
        assert "ptrace(" not in traced(release, tmp_path, "stats", target.pid)
        log = traced(release, tmp_path, "stats", target.pid, "--exact")
        assert "PTRACE_SEIZE" in log
        check_harmless(log, target.pid)


@pytest.mark.parametrize("verb", ["stats", "dump"])
def test_a_stopped_target_stays_stopped(arenascope, python, verb):
    with targets.start_program(python, "mixed_heap.py", 2) as target:
        target.wait_paused()
        target.signal(signal.SIGSTOP)
        target.wait_for(lambda: target.state() == "T", "T")
        arenascope.ok(verb, target.pid, "--exact")
        time.sleep(0.05)
        assert target.state() == "T"
        assert target.status("TracerPid") == "0"
        target.signal(signal.SIGCONT)
        target.wait_for(target.paused, "its rest")
        assert arenascope.ok("stats", target.pid).out == target.err


@pytest.fixture
def dashboard(release):
    """Starts `top` on a terminal of its own; (process, what it has drawn)."""
    started = []

    def start(*arguments, size=(24, 80), term="xterm-256color", wrap=()):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))
        process = release.start("top", *arguments, stdin=slave, stdout=slave, stderr=slave,
                                env={"TERM": term}, start_new_session=True, wrap=wrap)
        os.close(slave)
        drawn = []

        def drain():
            with contextlib.suppress(OSError):
                while True:
                    drawn.append(os.read(master, 65536))

        reader = threading.Thread(target=drain, daemon=True)
        reader.start()
        started.append((process, master))
        return process, drawn, master

    yield start
    for process, master in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)


def open_files(process):
    return sorted(os.listdir("/proc/%d/fd" % process.pid))


def test_a_long_dashboard_leaks_nothing(dashboard, python, say):
    with targets.start_program(python, "busy.py", 4) as target:
        target.wait_ready()
        process, drawn, master = dashboard(target.pid, "-i", "0.2")
        time.sleep(2)
        assert process.poll() is None, b"".join(drawn)
        files, rss = open_files(process), targets.read("/proc/%d/statm" % process.pid).split()[1]
        time.sleep(4)
        assert open_files(process) == files
        assert not targets.read("/proc/%d/task/%d/children" % (process.pid, process.pid)).split()
        say("dashboard at 5 Hz: %s pages resident after 2 s, %s after 6 s" % (
            rss, targets.read("/proc/%d/statm" % process.pid).split()[1]))
        os.write(master, b"q")
        assert process.wait(timeout=20) == 0


def test_the_dashboard_never_stops_its_target(dashboard, python, tmp_path):
    log = str(tmp_path / "strace")
    with targets.start_program(python, "busy.py", 4) as target:
        target.wait_ready()
        process, drawn, master = dashboard(target.pid, "-i", "0.3", wrap=[
            "strace", "-f", "-y", "-qq", "-o", log])
        time.sleep(4)
        os.write(master, b"q")
        assert process.wait(timeout=30) == 0, b"".join(drawn)
        text = targets.read(log)
        assert "ptrace(" not in text and "/smaps" not in text
        assert text.count("process_vm_readv") > 2
        check_harmless(text, target.pid)
