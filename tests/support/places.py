"""Where a Python may run beside a plain process: inside a C program, in a container made by hand."""

import contextlib
import os
import shutil
import subprocess

import pytest

from support import interpreters, nobody, targets

MIXED = "import sys; sys.argv = ['mixed_heap.py', '1']\n" + targets.read(
    os.path.join(targets.PROGRAMS, "mixed_heap.py"))


def shared():
    """Interpreters outside of chroots whose runtime is a library of its own, oldest first."""
    return [it for it in interpreters.with_debug_info()
            if it.root == "/" and ".so" in os.path.basename(it.module) and it.version >= (3, 6)]


def prefix(python):
    return os.path.dirname(os.path.dirname(os.path.realpath(python.command[-1])))


def build_embed(path, *options):
    source = os.path.join(os.path.dirname(targets.PROGRAMS), "embed.c")
    subprocess.run(["gcc", "-O1", "-o", path, source, *options, "-ldl"], check=True)
    return path


def embedded(program, python, *arguments, code=MIXED, **options):
    """The program with a heap of that Python's in it; rests in pause."""
    env = {"PYTHONHOME": prefix(python), "EMBED_CODE": code}
    return targets.start([program, *arguments], env=env, **options)


class Inner:
    """A process behind some others that started it: the same questions as to a Target."""

    def __init__(self, outer, pid):
        self.outer, self.pid = outer, pid

    out = property(lambda self: self.outer.out)
    err = property(lambda self: self.outer.err)

    def status(self, key):
        for line in targets.read("/proc/%d/status" % self.pid).splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return value.strip()
        return None

    def alive(self):
        return os.path.exists("/proc/%d/exe" % self.pid)

    def paused(self):
        return targets.read("/proc/%d/syscall" % self.pid).split(" ")[0] == targets.PAUSE


def descendant(pid, name):
    """The process below pid whose command has that name, or None."""
    for child in targets.read("/proc/%d/task/%d/children" % (pid, pid)).split():
        if targets.read("/proc/%s/comm" % child).strip() == name:
            return int(child)
        found = descendant(int(child), name)
        if found:
            return found
    return None


# Runs in new namespaces: builds a root of its own below $ROOT, whose /opt/py is the prefix, and
# leaves nothing of the old one. $MORE is run before the change.
ENTER = """
set -e
mount --make-rprivate /
mount -t tmpfs none "$ROOT"
mkdir -p "$ROOT/usr" "$ROOT/opt/py" "$ROOT/proc" "$ROOT/etc" "$ROOT/tmp" "$ROOT/old" "$ROOT/dev"
for name in bin lib lib64; do ln -s usr/$name "$ROOT/$name"; done
mount --rbind /usr "$ROOT/usr"
mount --rbind "$PREFIX" "$ROOT/opt/py"
mount -t proc proc "$ROOT/proc"
eval "$MORE"
cd "$ROOT"
pivot_root . old
cd /
/usr/bin/umount -l /old
rmdir /old
exec "$@"
"""


@contextlib.contextmanager
def container(folder, prefix, command, name, more="", user=True, env=None):
    """A command as pid 1 of a pid namespace, behind pivot_root, with user=True as the root of a user
    namespace; yields the Inner process called `name` once it rests in pause."""
    nobody.need_root()
    root = str(folder / "root")
    os.mkdir(root)
    wrap = ["unshare", "--mount", "--pid", "--fork", "--kill-child"] + (
        ["--user", "--map-root-user"] if user else []) + ["sh", "-c", ENTER, "sh"]
    settings = dict({"ROOT": root, "PREFIX": prefix, "MORE": more, "PYTHONHOME": "/opt/py",
                     "LD_LIBRARY_PATH": "/opt/py/lib"}, **(env or {}))
    if subprocess.run(wrap[:-4] + ["true"], check=False).returncode:
        pytest.skip("namespaces cannot be made here")
    with targets.start(wrap + command, env=settings) as outer:
        outer.wait_for(lambda: descendant(outer.pid, name), "a process in the container")
        inner = Inner(outer, descendant(outer.pid, name))
        outer.wait_for(inner.paused, "pause in the container")
        yield inner
    shutil.rmtree(root, ignore_errors=True)
