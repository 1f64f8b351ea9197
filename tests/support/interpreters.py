"""
Every CPython that this machine has, found by looking.

    PATH        /usr/bin/python3.N and python3.Nd, and what PATH calls python*
    pyenv       $(pyenv root)/versions/*/bin/python
    chroots     $ARENASCOPE_INTERPRETERS or ${XDG_CACHE_HOME:-~/.cache}/arenascope/interpreters,
                filled by tools/interpreters; run through chroot, so only as root
    free-threaded   free-threaded/bin/python3.Nt beside those chroots, built when asked

Each is started once and asked what it is; the file that holds its runtime is read off its
mappings. Two names for one build (one build-id) count once. Run as a program, this file
prints the list, and what was left out and why.
"""

import functools
import glob
import os
import re
import shutil
import subprocess
import sys

PROBE = (
    "import sys, sysconfig\n"
    "sys.stdout.write('%d.%d.%d %s %d %d %s\\n' % (sys.version_info[:3] + ("
    "  sys.version_info[3], hasattr(sys, 'gettotalrefcount'),"
    "  bool(sysconfig.get_config_var('Py_GIL_DISABLED')),"
    "  getattr(getattr(sys, 'implementation', None), 'name', 'cpython'))))\n"
    "sys.stdout.flush(); sys.stdin.read()\n"
)

# The machine's own, one with file statics, one that describes itself.
SAMPLE = {"3.11.2-debian", "3.8.18-pyenv", "3.13.0-pyenv"}


class Interpreter:
    """One build of CPython and how to start it."""

    def __init__(self, command, root, origin, module, build_id, answer):
        version, level, debug, free_threaded, implementation = answer.split()
        self.command = command
        self.root = root  # what it sees as "/"
        self.module = module  # the file that holds the runtime, as seen from here
        self.build_id = build_id
        self.version_text = version
        self.version = tuple(int(part) for part in version.split("."))
        self.level = level
        self.debug = debug == "1"
        self.free_threaded = free_threaded == "1"
        self.implementation = implementation
        self.label = "%s%s%s-%s" % (
            version, "d" if self.debug else "", "t" if self.free_threaded else "", origin)

    def __repr__(self):
        return self.label

    @functools.cached_property
    def debug_file(self):
        """The file with its DWARF: the module itself or a debug file by build-id; None if neither."""
        if has_section(self.module, ".debug_info"):
            return self.module
        if self.build_id:
            path = os.path.join(self.root, "usr/lib/debug/.build-id",
                                self.build_id[:2], self.build_id[2:] + ".debug")
            if os.path.exists(path) and has_section(path, ".debug_info"):
                return path
        return None


def has_section(path, name):
    out = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=False)
    return bool(re.search(r"\s\.z?%s\b" % re.escape(name.lstrip(".")), out.stdout))


def build_id_of(path):
    out = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=False)
    found = re.search(r"Build ID: ([0-9a-f]+)", out.stdout)
    return found.group(1) if found else None


def module_of(pid):
    """The mapped file that holds the runtime: libpython if one is mapped, else the executable."""
    with open("/proc/%d/maps" % pid, encoding="utf-8", errors="replace") as maps:
        for line in maps:
            fields = line.split(None, 5)
            if len(fields) == 6 and re.search(r"/libpython[23][^/]*\.so", fields[5]):
                return fields[5].strip()
    return os.readlink("/proc/%d/exe" % pid)


def probe(command, root, origin):
    """An Interpreter, or the reason why it cannot be used."""
    try:
        process = subprocess.Popen(command + ["-c", PROBE], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError as failure:
        return str(failure)
    with process:
        answer = process.stdout.readline().decode()
        if not answer:
            return "does not start"
        module = module_of(process.pid)
        process.stdin.close()
    if not answer.split()[-1] == "cpython":
        return "is %s" % answer.split()[-1]
    return Interpreter(command, root, origin, module, build_id_of(module), answer)


def cache_folder():
    return os.environ.get("ARENASCOPE_INTERPRETERS") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
        "arenascope", "interpreters")


def pyenv_roots():
    roots = [os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")]
    if shutil.which("pyenv"):
        out = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False)
        roots.append(out.stdout.strip())
    return sorted({os.path.realpath(root) for root in roots if root})


def candidates():
    """(command, root, origin, real file) of all that looks like an interpreter."""
    name = re.compile(r"python([23](\.\d+)?[dt]*)?$")
    distribution = "debian" if os.path.exists("/etc/debian_version") else "system"
    for folder in ["/usr/bin", "/usr/local/bin"]:
        for path in sorted(glob.glob(folder + "/python*"), key=len, reverse=True):
            if name.match(os.path.basename(path)):
                yield [path], "/", distribution, os.path.realpath(path)
    for root in pyenv_roots():
        for path in sorted(glob.glob(root + "/versions/*/bin/python")):
            yield [path], "/", "pyenv", os.path.realpath(path)
    for path in sorted(glob.glob(cache_folder() + "/free-threaded/bin/python3.*t")):
        yield [path], "/", "built", os.path.realpath(path)
    for root in sorted(glob.glob(cache_folder() + "/*/usr/bin")):
        root = root[: -len("/usr/bin")]
        for path in sorted(glob.glob(root + "/usr/bin/python*")):
            if name.match(os.path.basename(path)) and not os.path.islink(path):
                inside = path[len(root):]
                yield ["chroot", root, inside], root, os.path.basename(root), path


@functools.lru_cache(maxsize=None)
def discover():
    """(interpreters, [(name, why it was left out)]), each build once, oldest first."""
    found, skipped, seen_files, seen_builds = [], [], set(), {}
    for command, root, origin, real in candidates():
        if real in seen_files:
            continue
        seen_files.add(real)
        if root != "/" and os.geteuid() != 0:
            skipped.append((" ".join(command), "chroot needs root"))
            continue
        result = probe(command, root, origin)
        if isinstance(result, str):
            skipped.append((" ".join(command), result))
        elif result.build_id and result.build_id in seen_builds:
            skipped.append((result.label, "same build as " + seen_builds[result.build_id]))
        else:
            seen_builds[result.build_id] = result.label
            found.append(result)
    found.sort(key=lambda it: (it.version, it.debug, it.label))
    return found, skipped


def with_debug_info():
    """Those that arenascope can be exact about: with debug information, and not free-threaded."""
    return [it for it in discover()[0] if it.debug_file and not it.free_threaded]


def free_threaded():
    """Those without the GIL."""
    return [it for it in discover()[0] if it.free_threaded]


def with_mimalloc():
    """Those with the GIL in which PYTHONMALLOC=mimalloc is known, whose debug information is here."""
    return [it for it in with_debug_info() if it.version >= (3, 13)]


@functools.lru_cache(maxsize=None)
def all_are_asked():
    """Of everything; else what takes minutes on every interpreter asks those of SAMPLE, where they are here."""
    here = {str(it) for it in discover()[0]}
    return bool(os.environ.get("ARENASCOPE_ALL")) or not here & (SAMPLE - {"3.11.2-debian"})


def is_asked_all(it):
    return str(it) in SAMPLE or all_are_asked()


@functools.lru_cache(maxsize=None)
def plain():
    """The one interpreter for tests that need any: the machine's own python3 if it has debug info."""
    usable = [it for it in with_debug_info() if it.version >= (3, 6)]
    own = [it for it in usable if it.root == "/" and not it.debug]
    preferred = [it for it in own if it.command[0].startswith("/usr/bin/")]
    return (preferred or own or usable or [None])[0]


def python_of(minor=(3, 11)):
    """One of that version, with debug information; else the newest of the machine's own."""
    own = [it for it in with_debug_info() if it.root == "/" and not it.debug and it.version >= (3, 8)]
    return next((it for it in reversed(own) if it.version[:2] == minor), own[-1])


def report():
    found, skipped = discover()
    lines = ["%-22s %s%s" % (it.label, " ".join(it.command),
                             "" if it.debug_file else "   (no debug information)") for it in found]
    lines += ["left out: %s: %s" % pair for pair in skipped]
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(report()) + "\n")
