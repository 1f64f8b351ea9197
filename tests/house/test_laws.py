"""
The laws of the house, executed. HACKING.md says why each is there.

Sources are read without their comments where a law is about code; object files are read from the
release build, because sanitizers add data of their own.
"""

import functools
import os
import re
import subprocess

import pytest

from support import tool

ROOMS = ["base", "symbols", "inspector", "ui"]  # each may include those before it
EXCEPTIONS = {
    # Writable by type only, since callers get a pointer that they may hand on; nothing writes to it:
    # error_out_of_memory() needs an error when there is no memory for one.
    ("base", "no_memory"),
    ("base", "no_memory_cause"),
}


@functools.lru_cache(maxsize=None)
def tracked(*suffixes):
    out = subprocess.run(["git", "ls-files"], cwd=tool.TREE, capture_output=True, text=True,
                         check=True).stdout.splitlines()
    return [path for path in out if path.endswith(suffixes)
            and os.path.isfile(os.path.join(tool.TREE, path))]


@functools.lru_cache(maxsize=None)
def text_of(path):
    with open(os.path.join(tool.TREE, path), encoding="utf-8", errors="replace") as file:
        return file.read()


@functools.lru_cache(maxsize=None)
def code_of(path):
    """The text with comments blanked out; string literals stay."""
    token = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.S)

    def blank(match):
        text = match.group(0)
        return text if text[0] in "\"'" else re.sub(r"[^\n]", " ", text)

    return token.sub(blank, text_of(path))


def room_of(path):
    first = path.split("/")[0]
    return first if first in ROOMS else None


def sources(*suffixes):
    return [path for path in tracked(*(suffixes or (".c", ".h", ".def"))) if room_of(path)]


def hits(pattern, paths):
    """["file:line: text"] wherever the code of those files matches."""
    found = []
    for path in paths:
        for number, line in enumerate(code_of(path).splitlines(), 1):
            if re.search(pattern, line):
                found.append("%s:%d: %s" % (path, number, line.strip()))
    return found


def outside(*folders):
    return [path for path in sources() if not path.startswith(folders)]


ONLY_IN = [
    ("ELF and DWARF", r'#include <(libelf|gelf|dwarf|elfutils/.*)\.h>', ("symbols/",)),
    ("ptrace", r'#include <(sys|linux)/ptrace\.h>|\bptrace\(', ("inspector/target/",)),
    ("/proc", r'^(?!.*strncmp\().*"/proc\b', ("inspector/target/",)),
    ("reading another process", r'\b(process_vm_readv|(SYS_|__NR_)?pidfd_open)\s*[(,]', ("inspector/target/",)),
    ("ncurses", r'#include <(ncursesw?/)?n?curses\.h>', ("ui/tui/screen.c",)),
    ("JSON", r'#include <jansson\.h>', ("ui/",)),
    ("printing", r'(?<!\(format\()\b(v?f?printf|v?dprintf|puts|fputs|putchar|perror|stdout|stderr|'
                 r'STD(OUT|ERR)_FILENO)\b', ("ui/",)),
]


@pytest.mark.parametrize("pattern, folders", [(p, f) for _, p, f in ONLY_IN],
                         ids=[name for name, _, _ in ONLY_IN])
def test_only_one_room_does_it(pattern, folders):
    assert not hits(pattern, outside(*folders))


def test_nothing_is_ever_written_to_a_target():
    assert not hits(r"PTRACE_(POKE|SETREG|SETFPREG|CONT_INJECT)|process_vm_writev", sources())


def includes(path):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', code_of(path), re.M)


def test_includes_are_rooted_and_go_one_way():
    wrong = []
    for path in sources():
        allowed = ROOMS[:ROOMS.index(room_of(path)) + 1]
        wrong += ["%s includes %s" % (path, name) for name in includes(path)
                  if name.split("/")[0] not in allowed]
    assert not wrong


def test_walkers_never_learn_where_memory_came_from():
    """heap/ and python/ take a space and a layout; only who makes the copy may know of a freeze."""
    wrong = ["%s includes %s" % (path, name)
             for path in sources() if path.startswith(("inspector/heap/", "inspector/python/"))
             for name in includes(path)
             if re.match(r"inspector/target/(?!space\.h|residency/residency\.h)", name)
             and not path.startswith("inspector/heap/pymalloc_copy")]
    assert not wrong


def library(room):
    """The room's object files in the release build."""
    base = os.path.dirname(os.path.dirname(tool.RELEASE))
    folder = os.path.join(base, room)
    found = []
    for where, _, names in os.walk(folder):
        found += [os.path.join(where, name) for name in names if name.endswith(".o")]
    assert found, "no object files below " + folder
    return found


def objects(room):
    """(object file, section, size, name) of every defined variable."""
    out = subprocess.run(["objdump", "-t"] + library(room), capture_output=True, text=True, check=True).stdout
    files = re.split(r"^(\S.*):\s+file format .*$", out, flags=re.M)[1:]
    assert files[::2] == library(room), out[:1000]
    for path, table in zip(files[::2], files[1::2]):
        for line in table.splitlines():
            match = re.match(r"^[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+) (?:\.hidden )?(\S+)$", line)
            if match and "O" in match.group(1):
                yield path, match.group(2), int(match.group(3), 16), match.group(4)


@pytest.mark.parametrize("room", ["base", "symbols", "inspector"])
def test_no_mutable_globals_below_ui(room):
    writable = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")
    wrong = ["%s: %s (%d bytes in %s)" % (os.path.basename(path), name, size, section)
             for path, section, size, name in objects(room)
             if size and writable.match(section) and (room, name) not in EXCEPTIONS]
    assert not wrong


def needed_functions(room):
    """(object file, name) of every function that it has from elsewhere."""
    out = subprocess.run(["nm", "-A", "-u"] + library(room), capture_output=True, text=True, check=True).stdout
    needed = {tuple(re.match(r"^(.*\.o):\s+\w (\S+?)(?:@.*)?$", line).groups()) for line in out.splitlines()}
    assert {path for path, _ in needed} <= set(library(room)) and needed, out[:1000]
    return needed


@pytest.mark.parametrize("room", ROOMS)
def test_nobody_exits_but_main(room):
    forbidden = {"exit", "abort", "quick_exit", "err", "errx", "error", "__assert_fail"}
    if room != "symbols":
        forbidden.add("_exit")  # the child that reads DWARF leaves by it
    assert not ["%s calls %s" % (os.path.basename(path), name)
                for path, name in sorted(needed_functions(room))
                if name in forbidden and not (room == "ui" and re.search(r"[/_]main\.c\.o$", path))]


def functions(paths):
    """(path, name, lines) of every function."""
    out = subprocess.run(["ctags", "-x", "--c-kinds=f", "--fields=+ne", "--_xformat=%F %N %n %e"] + paths,
                         cwd=tool.TREE, capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        path, name, start, end = line.split()
        yield path, name, int(end) - int(start) + 1


def test_functions_have_at_most_60_lines():
    lengths = list(functions(tracked(".c")))
    assert lengths or not tracked(".c")
    assert not ["%s: %s has %d lines" % it for it in lengths if it[2] > 60]
    own = sorted(lines for path, _, lines in lengths if room_of(path))
    assert own[len(own) // 2] <= 16, "median %d lines" % own[len(own) // 2]
    assert own[len(own) * 95 // 100] <= 45, "p95 %d lines" % own[len(own) * 95 // 100]


def test_files_stay_under_500_lines():
    long = {path: text_of(path).count("\n") for path in tracked(".c", ".h", ".def", ".py")}
    assert not {path: lines for path, lines in long.items() if lines >= 500}


def test_every_file_opens_with_its_idea():
    silent = [path for path in tracked(".c", ".h", ".def") if not text_of(path).startswith("/*")]
    silent += [path for path in tracked(".py")
               if text_of(path).strip() and not re.match(r'(#![^\n]*\n)?"""', text_of(path))]
    assert not silent


def test_no_path_of_one_machine():
    homes = "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me/[a-z]"])
    pattern = re.compile(r"(?:^|[^A-Za-z0-9_.~*}%-])/(?:" + homes + ")/", re.M)
    assert not [path for path in tracked("") if pattern.search(text_of(path))]


def test_nothing_is_left_for_later():
    words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK", "not " + "implemented",
             "place" + "holder", "st" + "ub"]
    pattern = re.compile(r"\b(" + "|".join(words) + r")\b", re.I)
    found = []
    for path in tracked(".c", ".h", ".def", ".py", ".build", ".md", ".scd") + [
            path for path in tracked("") if path.startswith("tools/")]:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if pattern.search(line):
                found.append("%s:%d: %s" % (path, number, line.strip()))
    assert not found


PROTOTYPE = re.compile(r"^(?!static|typedef|#|\}|struct \w+ \{|enum|union|extern)[a-z_][\w \*]*?"
                       r"\b(\w+)\(")
UNIFORM = re.compile(r"_(fini|free|close|init|finip|closep|freep)$")  # idioms that HACKING.md explains


def undocumented(path):
    """Names of prototypes that neither follow a comment, nor a prototype that does, nor end in one."""
    documented, inside = False, False
    code = code_of(path).splitlines()
    for number, line in enumerate(text_of(path).splitlines()):
        stripped = line.strip()
        if not stripped:
            documented = inside
        elif not code[number].strip():
            documented = True
        match = PROTOTYPE.match(code[number])
        if not match:
            continue
        last = next((n for n in range(number, len(code)) if ";" in code[n]), number)
        aside = "/*" in "".join(text_of(path).splitlines()[number:last + 1])
        if not documented and not aside and not UNIFORM.search(match.group(1)):
            yield match.group(1)


def test_prototypes_say_what_they_promise():
    assert not ["%s: %s" % (path, name) for path in sources(".h") for name in undocumented(path)]


def test_no_error_is_dropped():
    """Every function of a header that returns an error has the compiler see that it is looked at."""
    pattern = re.compile(r"^struct error \*(\w+)\(([^;{]*)[;{]", re.M)
    careless = []
    for path in sources(".h"):
        for match in pattern.finditer(code_of(path)):
            taken_back = path == "base/error.h"
            if "MUST_CHECK" not in match.group(2) and not taken_back:
                careless.append("%s: %s" % (path, match.group(1)))
    assert not careless
