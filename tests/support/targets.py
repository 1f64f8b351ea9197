"""
Targets: programs started under some interpreter, told apart by what they promise.

A target says when it may be looked at in one of two ways: it writes the line READY, or (where even
that would change its heap) it comes to rest in the pause(2) system call. Every target is killed by
its own pid when its `with` block ends.
"""

import contextlib
import ctypes
import functools
import mmap
import os
import re
import platform
import subprocess
import tempfile
import time

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
PAUSE = {"x86_64": "34"}.get(platform.machine())
DEADLINE = 60  # seconds until a target must be ready, on the slowest machine


PR_SET_THP_DISABLE = 41
LIBC = ctypes.CDLL(None, use_errno=True)


def without_huge_pages():
    """A preexec_fn. Where a program asks for huge pages, as 3.15 does for its arenas, the kernel's khugepaged joins its
    pages while it rests, some time or other: AnonHugePages and Rss rise, and nobody has done anything."""
    LIBC.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


@functools.lru_cache(maxsize=None)
def kernel_shares_zeros():
    """Whether all who only read memory share one page of zeros; some kernels of virtual machines give each a page of its own,
    which then counts as the reader's."""
    area = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    assert area[0] == 0
    view = ctypes.c_char.from_buffer(area)
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        entry = os.pread(pagemap.fileno(), 8, ctypes.addressof(view) // mmap.PAGESIZE * 8)
    mapped_once = 1 << 56  # Documentation/admin-guide/mm/pagemap.rst
    return not int.from_bytes(entry, "little") & mapped_once


class Target:
    """A started process; stdout and stderr go to files, so that it never waits for a reader."""

    def __init__(self, command, folder, env=None, cwd=None, **popen):
        self.out_path = os.path.join(folder, "stdout")
        self.err_path = os.path.join(folder, "stderr")
        environment = dict(os.environ, **(env or {}))
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err, env=environment, cwd=cwd, **popen)
        self.pid = self.process.pid
        self.folder = folder

    @property
    def out(self):
        return read(self.out_path)

    @property
    def err(self):
        return read(self.err_path)

    def status(self, key):
        """The value of a line of /proc/PID/status, or None."""
        for line in read("/proc/%d/status" % self.pid).splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return value.strip()
        return None

    def state(self):
        return stat_field(self.pid, 3)

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_for(self, condition, what):
        end = time.monotonic() + DEADLINE
        while not condition():
            if not self.alive():
                raise AssertionError("target ended with %s before %s:\n%s" % (
                    self.process.returncode, what, self.err[-2000:]))
            if time.monotonic() > end:
                raise AssertionError("target never reached: %s" % what)
            time.sleep(0.005)

    def wait_ready(self):
        """Until it has written the line READY."""
        self.wait_for(lambda: "READY" in self.out.split(), "READY")
        return self

    def wait_paused(self):
        """Until it rests in pause(2), having written something."""
        self.wait_for(self.paused, "pause")
        return self

    def paused(self):
        if PAUSE is None:
            return bool(self.out) and self.state() == "S"
        return read("/proc/%d/syscall" % self.pid).split(" ")[0] == PAUSE

    def end(self):
        if self.alive():
            self.process.kill()
        self.process.wait()


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def catches(pid, number):
    """Whether a process has said what is to happen on a signal: it has begun, or has ended."""
    with open("/proc/%d/status" % pid) as status:
        caught = re.search(r"SigCgt:\s*(\w+)|State:\s*Z", status.read()).group(1)
    return not caught or int(caught, 16) >> (number - 1) & 1


def stat_field(pid, number, task=None):
    """Field `number` of /proc/PID/stat, counted from 1 as in proc(5); None when it is gone."""
    text = read("/proc/%d/task/%s/stat" % (pid, task) if task else "/proc/%d/stat" % pid)
    if not text:
        return None
    return text[text.rindex(")") + 2:].split()[number - 3]


@contextlib.contextmanager
def start(command, **options):
    """Any command as a target."""
    with tempfile.TemporaryDirectory(prefix="arenascope-target-") as folder:
        target = Target(command, folder, **options)
        try:
            yield target
        finally:
            target.end()


def start_program(interpreter, program, *arguments, options=(), **rest):
    """A program of support/programs under an interpreter.

    Inside a chroot the program's text travels as an argument: nothing is written there."""
    path = os.path.join(PROGRAMS, program)
    if interpreter.root == "/":
        code = [path]
    else:
        code = ["-c", read(path)]
    command = interpreter.command + list(options) + code + [str(a) for a in arguments]
    return start(command, **rest)


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


PROCESS_MADVISE, MADV_PAGEOUT = 440, 21


def take_back_file_pages(pid):
    """What memory pressure does: the kernel takes back file pages that only this process maps."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        for line in read("/proc/%d/maps" % pid).splitlines():
            fields = line.split(None, 5)
            if len(fields) < 6 or not fields[5].startswith("/"):
                continue
            start, end = (int(bound, 16) for bound in fields[0].split("-"))
            libc.syscall(PROCESS_MADVISE, pidfd, ctypes.byref(IoVec(start, end - start)),
                         ctypes.c_size_t(1), MADV_PAGEOUT, 0)
    finally:
        os.close(pidfd)
