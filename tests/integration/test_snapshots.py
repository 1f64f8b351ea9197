"""A snapshot is the process: the same answers, elsewhere and later, and without its secrets."""

import hashlib
import os
import random
import signal
import stat
import struct
import subprocess
import tempfile
import time

import pytest

from support import interpreters, savefiles, targets, tool

KNOWN = interpreters.with_debug_info()
SAME = ("interpreters", "free_lists", "allocated_blocks", "symbols")
SEED = "17"
EXACT = ("--exact", "--max-pause", "20000")  # a busy machine may take its time


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="arenascope-snapshot-") as path:
        yield path


def rested(python, program, *arguments, **options):
    return targets.start_program(python, program, *arguments, **options)


def rest(target):
    return target.wait_ready().wait_paused()


def kinds(answer):
    return sorted((d["kind"], d["severity"], d["count"]) for d in answer["doubts"]
                  if d["kind"] != "eintr_risk")  # a stop's, and a file is not stopped


def check_same(live, saved):
    for key in SAME:
        assert saved[key] == live[key], key
    assert kinds(saved) == kinds(live)
    assert saved["target"]["kind"] == "snapshot" and saved["pause"] is None
    for key in ("pid", "python", "allocator", "debug_hooks", "hooks", "build_id", "threads",
                "rss_bytes", "peak_rss_bytes", "swap_bytes", "system_memory_bytes"):
        assert saved["target"].get(key) == live["target"].get(key), key


def snapshot(arenascope, target, path, *options):
    return arenascope.ok("snapshot", target.pid, "-o", path, *options)


# ---- the same answers ------------------------------------------------------------------------


@pytest.mark.parametrize("python", KNOWN, ids=str)
def test_a_snapshot_is_the_process(arenascope, folder, python):
    blanked, whole = os.path.join(folder, "blanked"), os.path.join(folder, "whole")
    with rested(python, "secrets.py", SEED, of("argv"), env={"SECRET": of("environ")}) as target:
        rest(target)
        arenascope.ok("dump", target.pid)  # from now on the table comes from the cache
        snapshot(arenascope, target, blanked, *EXACT)
        snapshot(arenascope, target, whole, *EXACT, "--contents")
        live = arenascope.json("dump", target.pid, *EXACT)
        text = arenascope.ok("stats", target.pid, *EXACT[1:]).out
        drawing = arenascope.json("map", target.pid, *EXACT)
        out = target.out
    for path in (blanked, whole):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        check_same(live, arenascope.json("dump", path))
        assert arenascope.ok("stats", path).out == text
        assert arenascope.json("map", path)["interpreters"] == drawing["interpreters"]
    assert savefiles.Savefile(blanked).redacted and not savefiles.Savefile(whole).redacted
    check_secrets(savefiles.Savefile(blanked).everything(), python, False)
    check_secrets(savefiles.Savefile(whole).everything(), python, True)
    check_kept(Memory(blanked), Memory(whole), python, out)


# ---- what is kept ------------------------------------------------------------------------------


class Memory:
    """The words of a snapshot file."""

    def __init__(self, path):
        self.pieces = list(savefiles.Savefile(path).pages())

    def read(self, address, size):
        found = None
        for start, data in self.pieces:  # a later one lies over an earlier one
            if start <= address and address + size <= start + len(data):
                found = data[address - start:address - start + size]
        return found

    def word(self, address):
        return struct.unpack("<Q", self.read(address, 8))[0]


def check_kept(blanked, whole, python, out):
    """Types, sizes and links of objects are the same in both files; ob_type lies at 8 throughout."""
    ids = dict(line.split("=") for line in out.split() if "=" in line)
    ids = {name: int(address) for name, address in ids.items()}
    counts = {"str": [16], "bytes": [16], "list": [16, 24, 32], "tuple": [16], "set": [16, 24, 32],
              "dict": [24 if python.version < (3, 0) else 16], "int": [16], "long-list": [16, 24, 32],
              "type": [24, 32, 40, 168, 256, 344], "instance": [16]}
    for name, offsets in counts.items():
        for offset in [0, 8] + offsets:
            value = blanked.word(ids[name] + offset)
            assert value == whole.word(ids[name] + offset), (name, offset)
            assert value or offset == 40, (name, offset)  # tp_itemsize is 0
    assert blanked.word(ids["instance"] + 16) == ids["list"]
    assert blanked.word(ids["list"] + 16) == 3 and blanked.word(ids["long-list"] + 16) == 3000
    assert blanked.read(blanked.word(ids["type"] + 24), 6) == b"Named\0"
    assert blanked.word(ids["instance"] + 8) == ids["type"]


# ---- secrets -----------------------------------------------------------------------------------


def of(name):
    return hashlib.sha256((SEED + ":" + name).encode()).hexdigest()[:24]


def number(name, bits):
    return int(of(name), 16) % (1 << (bits - 1)) + (1 << (bits - 1))


def digits(value):
    """The digits of 30 bits that CPython keeps of an int."""
    out = b""
    while value:
        out += struct.pack("<I", value & ((1 << 30) - 1))
        value >>= 30
    return out


def planted(python):
    """{name: the bytes that memory holds of it}"""
    narrow = ("ascii bytes bytearray memoryview array large mapped list tuple set attribute slot key "
              "local argument argv environ latin1 ucs2 ucs4 many-3 chunk-1 chunk-7 "
              "thread-1 thread-39").split()
    found = {name: of(name).encode() for name in narrow}
    if python.version < (3, 0):
        wide = {"latin1": "utf-32-le", "ucs2": "utf-32-le", "ucs4": "utf-32-le"}
    else:
        wide = {"ucs2": "utf-16-le", "ucs4": "utf-32-le"}
    for name, encoding in wide.items():
        found[name] = of(name).encode(encoding)
    for name in ("int", "list-number", "tuple-number", "attribute-number", "key-number"):
        value = number(name, 60)
        found[name] = struct.pack("<Q", value) if python.version < (3, 0) else digits(value)
    found["long"] = digits(number("long", 200))[:12]
    for name in ("float", "real", "imaginary", "doubles"):
        found[name] = struct.pack("<d", number(name, 70) / 3.0)
    return found


def check_secrets(memory, python, kept):
    """Blanked: not even eight bytes of one are left anywhere; else each is there, whole."""
    for name, secret in planted(python).items():
        if kept:
            assert memory.find(secret[:24]) >= 0, "%s was not saved" % name
            continue
        piece = 16 if secret[1:4] == b"\0\0\0" else 8  # in UCS4: two characters are any two words
        for at in range(len(secret) - piece + 1):
            assert memory.find(secret[at:at + piece]) < 0, "%s was saved" % name


def test_hooks_and_other_allocators_hide_nothing(arenascope, folder, python):
    path = os.path.join(folder, "blanked")
    for value in ("debug", "malloc", "pymalloc_debug"):
        with rested(python, "secrets.py", SEED, of("argv"),
                    env={"SECRET": of("environ"), "PYTHONMALLOC": value}) as target:
            rest(target)
            arenascope.ok("dump", target.pid)
            snapshot(arenascope, target, path, *EXACT)
            live = arenascope.json("dump", target.pid, *EXACT)
        check_same(live, arenascope.json("dump", path))
        check_secrets(savefiles.Savefile(path).everything(), python, False)


def test_each_interpreter_of_several(arenascope, folder):
    path = os.path.join(folder, "snapshot")
    python = next((it for it in KNOWN if it.version >= (3, 12) and it.root == "/"), None)
    if python is None:
        pytest.skip("no CPython 3.12 with interpreters of their own")
    with rested(python, "subinterpreters.py", folder, "isolated", "legacy", "isolated") as target:
        target.wait_paused()
        arenascope.ok("dump", target.pid)
        snapshot(arenascope, target, path, *EXACT)
        live = arenascope.json("dump", target.pid, *EXACT)
    assert len(live["interpreters"]) == 4
    check_same(live, arenascope.json("dump", path))


# ---- how it is taken ---------------------------------------------------------------------------


def test_of_a_running_process(arenascope, folder, python):
    """It moves all the time: still every figure of the file agrees with the others in it."""
    path = os.path.join(folder, "busy")
    with rested(python, "busy.py", 20) as target:
        target.wait_ready()
        for options in (("--no-pause",), (), EXACT):
            result = arenascope.run("snapshot", target.pid, "-o", path, "--json", *options)
            assert result.code in (0, 7), result
            pause = result.json["pause"]
            assert (pause["stops"] > 0) == ("--exact" in options) or not options, result
            answer = arenascope.run("dump", path, "--json")
            assert answer.code in (0, 7), answer
            severe = [d for d in answer.json["doubts"] if d["severity"] == "inconsistent"]
            if "--exact" in options:
                assert not severe, severe
                assert arenascope.ok("stats", path).out
            for interpreter in answer.json["interpreters"]:
                total = interpreter["pymalloc"]["bytes"]
                assert sum(total[key] for key in total if key != "total") == total["total"]


def test_what_was_stopped_wins(arenascope, folder, python):
    """What a look copied lies in ranges over the pages, each saying whether under a stop."""
    path = os.path.join(folder, "snapshot")
    with rested(python, "mixed_heap.py", 3) as target:
        target.wait_paused()
        for options, stopped in (("--no-pause",), 0), (EXACT, 1):
            snapshot(arenascope, target, path, *options)
            flags = [flags for part in savefiles.Savefile(path).of(savefiles.OVERLAY)
                     for _, _, _, flags in savefiles.ranges(part.data)]
            assert flags and (1 in flags) == bool(stopped)


def headers(file):
    """(part, place, address) of every pool header that the overlay holds."""
    for part in file.of(savefiles.OVERLAY):
        for at, start, size, _ in savefiles.ranges(part.data):
            if size == 48 and start % 4096 == 0:
                yield part, at, start


def test_answers_are_walked_not_stored(arenascope, folder, python):
    """One block less in one saved pool header, all checksums right: one block less is told."""
    path = os.path.join(folder, "snapshot")
    with rested(python, "mixed_heap.py", 3) as target:
        target.wait_paused()
        snapshot(arenascope, target, path, *EXACT)
    before = arenascope.json("dump", path)
    file = savefiles.Savefile(path)
    for part, at, _ in headers(file):
        data = bytearray(part.data)
        count, = struct.unpack_from("<I", data, at)
        if count > 1:
            struct.pack_into("<I", data, at, count - 1)
            part.data = data
            break
    else:
        pytest.fail("no pool in use")
    file.save(path)
    after = arenascope.json("dump", path)
    used = [sum(c["used_blocks"] for c in answer["interpreters"][0]["pymalloc"]["classes"])
            for answer in (before, after)]
    assert used[1] == used[0] - 1


def test_the_file_is_rewritten_as_it_was(arenascope, folder, python):
    """The writer of these tests is right: unchanged, its file gives the same answer."""
    path, again = os.path.join(folder, "snapshot"), os.path.join(folder, "again")
    with rested(python, "mixed_heap.py", 3) as target:
        target.wait_paused()
        snapshot(arenascope, target, path, *EXACT)
    savefiles.Savefile(path).save(again)
    one, other = arenascope.json("dump", path), arenascope.json("dump", again)
    one.pop("elapsed_ms"), other.pop("elapsed_ms")
    assert one == other


def test_without_the_process_and_its_files(arenascope, folder, python):
    """Its interpreter and debug file hidden behind empty ones, and itself at an end: nothing is missed."""
    path = os.path.join(folder, "snapshot")
    with rested(python, "mixed_heap.py", 3) as target:
        target.wait_paused()
        snapshot(arenascope, target, path, *EXACT)
        live = arenascope.json("dump", target.pid)
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("nothing can be hidden")
    script = 'for f in "$0" "$1"; do mount --bind /dev/null "$f" || exit 99; done; shift; exec "$@"'
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, os.path.realpath(python.module),
         os.path.realpath(python.debug_file), tool.BINARY, "dump", "--json", "--no-cache", path],
        capture_output=True, env=tool.environment(), check=False)
    assert result.returncode == 0, result
    saved = tool.Result(["dump"], 0, result.stdout, result.stderr).json
    for key in ("interpreters", "free_lists", "allocated_blocks"):
        assert saved[key] == live[key]


# ---- damaged files -------------------------------------------------------------------------------


@pytest.fixture
def saved(arenascope, folder, python):
    path = os.path.join(folder, "snapshot")
    with rested(python, "mixed_heap.py", 1) as target:
        target.wait_paused()
        snapshot(arenascope, target, path)
    with open(path, "rb") as file:
        return path, file.read()


def refused(arenascope, path, data):
    with open(path, "wb") as file:
        file.write(data)
    result = arenascope.run("dump", path)
    assert result.code == 8 and not result.out, result
    first = result.err.splitlines()[0]
    assert "snapshot" in first and ("damaged" in first or "cut short" in first), result


def test_cut_short(arenascope, saved):
    path, data = saved
    for size in (9, 63, 64, 65, 127, 128, len(data) // 2, len(data) - 1):
        refused(arenascope, path, data[:size])
    refused(arenascope, path, data + b"\0")


def test_any_flipped_bit(arenascope, saved):
    path, data = saved
    rng = random.Random(9)
    places = [8, 12, 20, 56, 64, 70, len(data) - 1, len(data) - 30, len(data) - 64, len(data) - 70]
    for place in places + [rng.randrange(8, len(data)) for _ in range(40)]:
        bitten = bytearray(data)
        bitten[place] ^= 1 << rng.randrange(8)
        refused(arenascope, path, bytes(bitten))


def test_a_later_format_is_named(arenascope, saved):
    path, data = saved
    header = bytearray(data[:64])
    struct.pack_into("<I", header, 8, 2)
    struct.pack_into("<Q", header, 56, savefiles.checksum(bytes(header[:56])))
    with open(path, "wb") as file:
        file.write(bytes(header) + data[64:])
    result = arenascope.run("dump", path)
    assert result.code == 8 and "format 2" in result.err and "newer" in result.err, result


def test_honest_checksums_over_nonsense(arenascope, saved):
    """Sections full of noise, with right checksums: an answer or a clear refusal, never a crash."""
    path, _ = saved
    rng = random.Random(4)
    for kind in range(savefiles.MEMORY, savefiles.BUILD + 1):
        for _ in range(6):
            file = savefiles.Savefile(path + ".whole") if os.path.exists(path + ".whole") else None
            if file is None:
                os.link(path, path + ".whole")
                file = savefiles.Savefile(path)
            part = rng.choice(file.of(kind))
            data = bytearray(part.data)
            for _ in range(rng.choice([1, 8, 64])):
                data[rng.randrange(len(data))] = rng.randrange(256)
            part.data = data
            file.save(path + ".noise")
            result = arenascope.run("dump", path + ".noise", "--json")
            assert result.code in (0, 5, 6, 7, 8), result


# ---- where it goes -------------------------------------------------------------------------------


def left_in(path):
    return sorted(os.listdir(path))


def test_names_and_notes(arenascope, folder, quiet):
    pattern = os.path.join(folder, "%p.asnap")
    path = os.path.join(folder, "%d.asnap" % quiet.pid)
    result = arenascope.ok("snapshot", quiet.pid, "-o", pattern)
    assert left_in(folder) == ["%d.asnap" % quiet.pid] and not result.out
    first, last = result.err.splitlines()
    assert first.startswith("arenascope: about ") and "of memory" in first
    assert path in last and "never stopped" in last and "contents blanked" in last
    whole = arenascope.json("snapshot", quiet.pid, "-o", path, "--contents")
    assert whole["file"]["path"] == path and whole["file"]["redacted"] is False
    assert whole["file"]["bytes"] == os.path.getsize(path)
    assert whole["pause"] == {"mode": "none", "stops": 0, "longest_us": 0, "total_us": 0}
    assert arenascope.json("dump", path, "--contents")["target"]["cmdline"]
    assert not arenascope.run("snapshot", quiet.pid, "-o", path, "-q").err
    assert arenascope.json("dump", path, "--contents")["target"]["cmdline"] in (None, [])


def test_into_a_pipe(arenascope, folder, quiet):
    path = os.path.join(folder, "piped")
    result = arenascope.ok("snapshot", quiet.pid, "-o", "-")
    with open(path, "wb") as file:
        file.write(result.out_bytes)
    assert arenascope.ok("stats", path).out == arenascope.ok("stats", quiet.pid).out


def test_a_place_that_cannot_be_written(arenascope, folder, quiet):
    for path in ("/dev/full", os.path.join(folder, "no", "such"), "/proc/x"):
        result = arenascope.run("snapshot", quiet.pid, "-o", path)
        assert result.code == 9, result
    assert arenascope.run("snapshot", quiet.pid).code == 2
    assert arenascope.run("snapshot", quiet.pid, "-o", "%z").code == 2
    core = os.path.join(folder, "x")
    arenascope.ok("snapshot", quiet.pid, "-o", core)
    assert arenascope.run("snapshot", core, "-o", core).code == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk(arenascope, folder, quiet):
    """Refused before a byte is written where that can be foreseen; nothing is left in any case."""
    for size in ("64k", "2m"):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "none", folder],
                          check=False).returncode:
            pytest.skip("nothing can be mounted")
        try:
            path = os.path.join(folder, "snapshot")
            result = arenascope.run("snapshot", quiet.pid, "-o", path, "--contents")
            if result.code:
                assert result.code == 9 and "MiB left" in result.err or "space" in result.err, result
                assert left_in(folder) == []
            else:
                assert size == "2m" and left_in(folder) == ["snapshot"]
        finally:
            subprocess.run(["umount", folder], check=True)


def test_memory_is_no_disk(arenascope, quiet):
    """A file in /dev/shm is memory of ours: our budget must have room for it."""
    with tempfile.TemporaryDirectory(prefix="arenascope-", dir="/dev/shm") as shm:
        path = os.path.join(shm, "snapshot")
        result = arenascope.run("snapshot", quiet.pid, "-o", path, "--max-memory", "16M")
        assert result.code == 9 and "lies in memory" in result.err and left_in(shm) == [], result
        arenascope.ok("snapshot", quiet.pid, "-o", path, "--max-memory", "1G")
        assert left_in(shm) == ["snapshot"]
    result = arenascope.run("snapshot", quiet.pid, "-o", path, "--max-memory", "1M")
    assert result.code == 9, result


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_broken_off(release, folder, python, number):
    """Told to end in the middle, it leaves nothing behind, and an old file as it was or a whole new one."""
    path = os.path.join(folder, "snapshot")
    with open(path, "wb") as file:
        file.write(b"old")
    with rested(python, "mixed_heap.py", 60) as target:
        target.wait_paused()
        for delay in (0.02, 0.05, 0.1, 0.2):
            tracer = subprocess.Popen([tool.RELEASE, "snapshot", str(target.pid), "-o", path],
                                      stderr=subprocess.DEVNULL, env=tool.environment())
            while not targets.catches(tracer.pid, number):
                time.sleep(0.001)
            time.sleep(delay)
            tracer.send_signal(number)
            code = tracer.wait()
            if code == 0:
                break
            assert code == 128 + number and left_in(folder) == ["snapshot"]
            if os.path.getsize(path) != 3:  # it came between the last step and the end
                assert release.run("stats", "--read", path).code == 0
                break
        assert target.alive() and target.paused()


# ---- harm ----------------------------------------------------------------------------------------


def memory_of(target):
    return [target.status(key) for key in ("VmRSS", "VmSwap", "VmPTE")]


def test_the_process_has_no_more_memory_than_before(release, folder, python):
    with rested(python, "mixed_heap.py", 20) as target:
        target.wait_paused()
        targets.take_back_file_pages(target.pid)
        before = memory_of(target)
        for options in ((), ("--contents",), EXACT):
            snapshot(release, target, os.path.join(folder, "snapshot"), *options)
            assert memory_of(target) == before


def test_system_calls(release, folder, quiet):
    log = os.path.join(folder, "log")
    result = subprocess.run(
        ["strace", "-f", "-o", log, "-e",
         "trace=ptrace,process_vm_writev,openat,kill,tgkill,process_madvise", tool.RELEASE,
         "snapshot", str(quiet.pid), "-o", os.path.join(folder, "snapshot")],
        capture_output=True, env=tool.environment(), check=False)
    assert result.returncode == 0, result
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    assert any("/maps" in line or "pagemap" in line for line in lines)
    for line in lines:
        assert "ptrace(" not in line and "process_vm_writev" not in line and "kill(" not in line
        if "/mem\"" in line or "pagemap" in line:
            assert "O_RDONLY" in line and "O_RDWR" not in line, line
