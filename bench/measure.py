"""What the benchmarks share: targets with a clock of their own, and one measured run of a tool."""
import atexit
import ctypes
import glob
import mmap
import os
import signal
import struct
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "..", "build", "ui", "arenascope")
TIMEOUT = 300


def die_with_parent():
    """A busy target that outlives a killed benchmark would spoil the next one: prctl(PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Target:
    """A running bench/target.py and the clock it keeps."""

    def __init__(self, python, megabytes, threads, quiet=False, environment=None, mixed=False):
        self.file = tempfile.NamedTemporaryFile()
        self.file.write(b"\0" * 4096)
        self.file.flush()
        self.shared = mmap.mmap(self.file.fileno(), 4096)
        command = [python, os.path.join(HERE, "target.py"), self.file.name, str(megabytes), str(threads)]
        if quiet:
            command.append("--quiet")
        if mixed:
            command.append("--mixed")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self.process = subprocess.Popen(command, env=dict(clean, **(environment or {})), stderr=subprocess.DEVNULL,
                                        preexec_fn=die_with_parent)
        atexit.register(self.end)
        deadline = time.time() + TIMEOUT
        while self.shared[17:18] != b"\x01":
            if self.process.poll() is not None or time.time() > deadline:
                raise RuntimeError("target did not start: %s" % command)
            time.sleep(0.05)
        self.pid = self.process.pid

    def turns(self):
        return struct.unpack_from("<Q", self.shared, 8)[0]

    def reset(self):
        self.shared[16:17] = b"\x01"
        deadline = time.time() + 10
        while self.shared[16:17] == b"\x01" and time.time() < deadline:
            time.sleep(0.001)

    def longest_ms(self):
        before = self.turns()
        deadline = time.time() + 2
        while self.turns() <= before + 16 and time.time() < deadline:
            time.sleep(0.005)
        return struct.unpack_from("<d", self.shared, 0)[0] * 1000

    def lock_ms(self):
        return struct.unpack_from("<d", self.shared, 24)[0] * 1000

    def alive(self):
        """Running, and its clock goes on, within some seconds at the most: a stop of many threads lingers."""
        before, deadline = self.turns(), time.time() + 5
        while self.process.poll() is None and time.time() < deadline:
            time.sleep(0.1)
            if self.turns() > before:
                return self.process.poll() is None
        return False

    def rss_mib(self):
        with open("/proc/%d/status" % self.pid) as status:
            for line in status:
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) / 1024
        return 0

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def run_tool(command, target):
    """One run: seconds, peak MiB, the target's longest gap and wait for its lock in ms, exit status, standard output."""
    target.reset()
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.NamedTemporaryFile() as peak:
        # A process begins with its parent's peak, and ours is large: so a small one stands between.
        process = subprocess.Popen(["/usr/bin/time", "-q", "-f", "%M", "-o", peak.name] + command,
                                   stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        status = process.wait()
        seconds = time.perf_counter() - start
        out.seek(0)
        return {
            "seconds": seconds,
            "peak_mib": int(peak.read()) / 1024,
            "gap_ms": target.longest_ms(),
            "lock_ms": target.lock_ms(),
            "exit": status,
            "text": out.read(),
        }


def version_of(python):
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def default_pythons():
    """3.8, 3.11 and 3.13, wherever pyenv keeps them; else the system's."""
    found = []
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    for minor in ("3.8", "3.11", "3.13"):
        found += sorted(glob.glob(os.path.join(root, "versions", minor + ".*", "bin", "python")))[:1]
    return found or ["/usr/bin/python3"]


def program_of(path):
    """The program to measure, or an end with what to do."""
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        raise SystemExit("no program at %s: build it (meson setup build --buildtype=release), "
                         "or name it with --program" % path)
    return path
