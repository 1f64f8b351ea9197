"""Debug files decide: true ones are believed, doctored ones show, others and broken ones are refused."""

import os
import random
import re
import shutil
import stat
import subprocess

import pytest

from support import interpreters, targets, tool


def usable():
    """The machine's own interpreter and, if there is one, a 3.12 or 3.13 with its state in a struct."""
    own = [it for it in interpreters.with_debug_info()
           if it.root == "/" and not it.debug and (3, 9) <= it.version < (3, 14)]
    newest = [it for it in own if it.version >= (3, 12)][-1:]
    plain = [it for it in [interpreters.plain()] if it in own]
    return sorted(set(plain + newest), key=str)


@pytest.fixture(scope="session")
def patcher(tmp_path_factory):
    """dwarf_patch, which moves fields in a debug file."""
    path = str(tmp_path_factory.mktemp("patch") / "dwarf_patch")
    source = os.path.join(os.path.dirname(targets.PROGRAMS), "dwarf_patch.c")
    subprocess.run(["gcc", "-O1", "-o", path, source, "-ldw", "-lelf"], check=True)
    return path


class Bench:
    """A target whose own file has no DWARF, and a true debug file for it."""

    def __init__(self, python, folder):
        self.python = python
        self.folder = folder
        self.truth = str(folder / "true.debug")
        subprocess.run(["objcopy", "--decompress-debug-sections", python.debug_file, self.truth],
                       check=True)
        self.env = {}
        self.command = python.command
        if python.debug_file == python.module:
            self.strip()

    def strip(self):
        real = os.path.realpath(self.python.command[-1])
        copy = str(self.folder / "python-copy")
        subprocess.run(["objcopy", "--strip-debug", real, copy], check=True)
        os.chmod(copy, 0o755)
        self.env = {"PYTHONHOME": os.path.dirname(os.path.dirname(real))}
        if self.python.module != real:
            library = str(self.folder / os.path.basename(self.python.module))
            subprocess.run(["objcopy", "--strip-debug", self.python.module, library], check=True)
            self.env["LD_PRELOAD"] = library
        self.command = [copy]

    def start(self):
        program = os.path.join(targets.PROGRAMS, "mixed_heap.py")
        return targets.start(self.command + [program, "2"], env=self.env)

    def file_by_build_id(self, file):
        """A folder in which `file` is found by build-id."""
        root = self.folder / ("by-id-" + os.path.basename(file))
        path = root / ".build-id" / self.python.build_id[:2] / (self.python.build_id[2:] + ".debug")
        path.parent.mkdir(parents=True)
        shutil.copy(file, path)
        return str(root), str(path)

    def doctored(self, patcher, name, *changes):
        file = str(self.folder / name)
        shutil.copy(self.truth, file)
        old = []
        for change in changes:
            done = subprocess.run([patcher, file] + [str(part) for part in change], check=True,
                                  capture_output=True, text=True)
            old.append(int(done.stdout.split()[0]))
        return file, old


@pytest.fixture(params=usable(), ids=str)
def bench(request, tmp_path):
    return Bench(request.param, tmp_path)


@pytest.fixture
def target(bench):
    with bench.start() as started:
        yield started.wait_paused()


def test_a_true_debug_file_is_believed(arenascope, bench, target):
    root, path = bench.file_by_build_id(bench.truth)
    for symbols in (bench.truth, root):
        result = arenascope.ok("stats", target.pid, "--no-cache", "--symbols", symbols)
        assert result.out == target.err
    answer = arenascope.json("dump", target.pid, "--no-cache", "--symbols", root)
    assert answer["symbols"]["layout"] == "dwarf"
    assert os.path.realpath(answer["symbols"]["debug_file"]) == os.path.realpath(path)


def test_a_padded_type_changes_the_answer(arenascope, bench, target, patcher):
    """DWARF says that dicts are 8 bytes larger: so does the line about free dicts, and only it."""
    file, old = bench.doctored(patcher, "padded.debug", ("PyDictObject", "-", 56))
    assert old == [48]
    root, _ = bench.file_by_build_id(file)

    def padded(match):
        count = int(match.group(1))
        return ("%d free PyDictObjects * 56 bytes each" % count).rjust(48) + " =" + (
            "{:,}".format(count * 56).rjust(21))

    expected = re.sub(r"^ *(\d+) free PyDictObjects \* 48 bytes each =.*$", padded, target.err,
                      flags=re.M)
    assert expected != target.err
    result = arenascope.ok("stats", target.pid, "--no-cache", "--symbols", root)
    assert result.out == expected
    assert arenascope.ok("stats", target.pid, "--no-cache", "--symbols", bench.truth
                         ).out == target.err


def test_moved_fields_change_the_answer(arenascope, bench, target, patcher):
    """Two counters change places in the DWARF: their figures change places in the text."""
    if bench.python.version < (3, 12):
        pytest.skip("up to 3.11 these counters are variables, found by symbol")
    names = ("ntimes_arena_allocated", "narenas_highwater")
    offsets = bench.doctored(patcher, "same.debug", *[("_obmalloc_mgmt", n, 0) for n in names])[1]
    file, _ = bench.doctored(patcher, "swapped.debug",
                             ("_obmalloc_mgmt", names[0], offsets[1]),
                             ("_obmalloc_mgmt", names[1], offsets[0]))

    def figure(text, label):
        return int(re.search(r"^# arenas %s +=\s+([\d,]+)$" % label, text, re.M).group(1).replace(
            ",", ""))

    text = arenascope.run("stats", target.pid, "--no-cache", "--symbols", file).out
    assert figure(text, "allocated total") == figure(target.err, "highwater mark")
    assert figure(text, "highwater mark") == figure(target.err, "allocated total")
    assert figure(text, "allocated current") == figure(target.err, "allocated current")


@pytest.mark.parametrize("change", [
    ("arena_object", "nfreepools", 200), ("pool_header", "szidx", 250), ("pool_header", "-", 8),
], ids=lambda change: "%s.%s" % change[:2])
def test_an_impossible_layout_is_refused(arenascope, bench, target, patcher, change):
    """Nothing of such a file is used: the answer comes from elsewhere, or there is none."""
    file, _ = bench.doctored(patcher, "impossible.debug", change)
    result = arenascope.run("stats", target.pid, "--no-cache", "--symbols", file)
    if result.code == 0:  # without that file, memory has told
        assert result.out == target.err, result
        assert "debug_info" in result.err or not bench.env, result
    else:
        assert result.code in (6, 7), result
        assert result.code == 7 or not result.out
    told = arenascope.run("doctor", target.pid, "--json", "--no-cache", "--symbols", file)
    assert "impossible.debug is corrupt" in told.out, told


@pytest.mark.parametrize("changes", [
    [("arena_object", "nfreepools", "ntotalpools")], [("pool_header", "szidx", "arenaindex")],
    [("arena_object", "address", "pool_address")], [("pool_header", "ref", "nextpool")],
], ids=lambda changes: "%s-at-%s" % changes[0][1:])
def test_a_layout_that_memory_contradicts_is_noticed(arenascope, bench, target, patcher, changes):
    """Possible in itself, but not what is there: no answer passes for a good one."""
    moved = []
    for struct, member, other in changes:
        where = bench.doctored(patcher, "asked.debug", (struct, other, 0))[1][0]
        moved.append((struct, member, where))
    file, _ = bench.doctored(patcher, "contradicted.debug", *moved)
    result = arenascope.run("stats", target.pid, "--no-cache", "--symbols", file)
    assert result.code in (6, 7), result


def test_a_debug_file_of_another_build_is_refused(arenascope, bench, target):
    others = [it for it in interpreters.with_debug_info() if it.build_id != bench.python.build_id]
    if not others:
        pytest.skip("needs a second interpreter with debug information")
    other = others[-1].debug_file
    root, _ = bench.file_by_build_id(other)  # under the right name, with the wrong id inside
    for symbols in (other, root):
        result = arenascope.run("doctor", target.pid, "--no-cache", "--symbols", symbols)
        assert re.search("another build|build-id", result.out + result.err), result
        answer = arenascope.run("stats", target.pid, "--no-cache", "--symbols", symbols)
        # Something else has its layout: its own debug file, or memory.
        assert answer.code == 6 and not answer.out or answer.out == target.err, answer
        sources = arenascope.run("dump", target.pid, "--no-cache", "--symbols", symbols, "--json")
        if bench.env and sources.code == 0:
            assert sources.json["symbols"]["layout"] == "scanned", sources


def test_broken_debug_files(arenascope, bench, target):
    """Cut off and bitten into: refused or read, never a crash; the target never notices."""
    dice = random.Random(99)
    whole = open(bench.truth, "rb").read()
    file = str(bench.folder / "broken.debug")
    for attempt in range(12):
        if attempt < 5:
            content = whole[:[0, 3, 64, 5000, len(whole) // 2][attempt]]
        else:
            content = bytearray(whole)
            for _ in range(2000):
                content[dice.randrange(len(content))] = dice.randrange(256)
            content[:0x300] = whole[:0x300] if attempt % 2 else content[:0x300]
        with open(file, "wb") as out:
            out.write(content)
        result = arenascope.run("stats", target.pid, "--no-cache", "--symbols", file)
        assert result.code in (0, 6, 7), result
        assert result.code != 6 or result.err.startswith("arenascope: ")
    assert target.paused()


def cache_files(folder):
    return [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]


@pytest.fixture
def cached(arenascope, quiet, tmp_path):
    """A cache folder with one table in it: (environment, file)."""
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    arenascope.ok("stats", quiet.pid, env=env)
    files = cache_files(tmp_path)
    assert len(files) == 1
    return env, files[0]


def provenance(arenascope, target, env):
    answer = arenascope.json("dump", target.pid, env=env)
    assert answer["allocated_blocks"] == int(target.out.split()[-1])
    return answer["symbols"]["layout"]


def test_the_cache_is_private(arenascope, quiet, cached):
    env, file = cached
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(file)).st_mode) == 0o700
    assert provenance(arenascope, quiet, env) == "cache"


def test_the_cache_folder_is_made(arenascope, quiet, tmp_path):
    """A fresh account has no ~/.cache yet: the first look makes it, for its owner only."""
    for env in ({"XDG_CACHE_HOME": str(tmp_path / "one")},
                {"XDG_CACHE_HOME": None, "HOME": str(tmp_path)}):
        arenascope.ok("stats", quiet.pid, env=env)
        assert provenance(arenascope, quiet, env) == "cache"
    assert stat.S_IMODE(os.stat(tmp_path / ".cache").st_mode) == 0o700


def damage_empty(content):
    return b""


def damage_short(content):
    return content[:len(content) // 2]


def damage_long(content):
    return content + b"\0" * 100000


def damage_noise(content):
    return bytes(random.Random(1).randrange(256) for _ in content)


def damage_bits(content):
    broken = bytearray(content)
    for at in range(0, len(broken), 97):
        broken[at] ^= 0x40
    return bytes(broken)


@pytest.mark.parametrize("damage", [damage_empty, damage_short, damage_long, damage_noise,
                                    damage_bits], ids=lambda f: f.__name__)
def test_a_damaged_cache_is_as_good_as_none(arenascope, quiet, cached, damage):
    env, file = cached
    content = open(file, "rb").read()
    with open(file, "wb") as out:
        out.write(damage(content))
    assert arenascope.ok("stats", quiet.pid, env=env).out == quiet.err
    assert provenance(arenascope, quiet, env) == "cache"  # it was written anew
    assert open(file, "rb").read() == content


def test_a_single_wrong_byte_in_the_cache_is_noticed(arenascope, quiet, cached):
    env, file = cached
    content = open(file, "rb").read()
    for at in range(len(content) - 1, 0, -max(1, len(content) // 12)):
        broken = bytearray(content)
        broken[at] ^= 0x01
        with open(file, "wb") as out:
            out.write(broken)
        assert arenascope.ok("stats", quiet.pid, env=env).out == quiet.err


def test_a_cache_that_somebody_else_could_write_is_not_read(arenascope, quiet, cached):
    env, file = cached
    os.chmod(file, 0o666)
    assert provenance(arenascope, quiet, env) == "dwarf"
    if os.geteuid() == 0:
        os.chmod(file, 0o600)
        os.chown(file, 65534, 65534)
        assert provenance(arenascope, quiet, env) == "dwarf"


@pytest.mark.parametrize("where", ["file", "missing", "read-only", "none"])
def test_no_cache_can_be_written(arenascope, quiet, tmp_path, where):
    env = {"HOME": None, "XDG_CACHE_HOME": None}
    if where == "file":
        (tmp_path / "file").write_text("")
        env["XDG_CACHE_HOME"] = str(tmp_path / "file")
    elif where == "missing":
        env["XDG_CACHE_HOME"] = "/proc/no/such"
    elif where == "read-only":
        env["XDG_CACHE_HOME"] = "/proc"
    result = arenascope.ok("stats", quiet.pid, env=env)
    assert result.out == quiet.err


def test_a_second_interpreter_does_not_use_the_first_ones_table(arenascope, tmp_path):
    two = [it for it in interpreters.with_debug_info() if it.version >= (3, 6)]
    two = [two[0], two[-1]] if len(two) > 1 else pytest.skip("needs two interpreters")
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    for it in two:
        with targets.start_program(it, "mixed_heap.py", 0) as target:
            target.wait_paused()
            assert arenascope.ok("stats", target.pid, env=env).out == target.err
    first, second = cache_files(tmp_path)
    shutil.copy(first, second)
    with targets.start_program(two[1], "mixed_heap.py", 0) as target:
        target.wait_paused()
        assert arenascope.ok("stats", target.pid, env=env).out == target.err
    with targets.start_program(two[0], "mixed_heap.py", 0) as target:
        target.wait_paused()
        assert arenascope.ok("stats", target.pid, env=env).out == target.err


def test_tool_and_schema_agree_on_the_version(arenascope, quiet):
    version = arenascope.ok("--version").out.split()
    assert arenascope.json("dump", quiet.pid)["tool"] in version
    assert tool.schema()
