"""A core is the process: the same figures as of the live one, and clear words where it lacks something."""

import os
import random
import shutil
import struct
import subprocess
import tempfile

import pytest

from support import cores, figures, interpreters, targets, tool

KNOWN = interpreters.with_debug_info()
PLAIN = [it for it in [interpreters.plain()] if it]
# Whole or in part: anonymous only, file-backed too, everything.
FILTERS = [cores.DEFAULT, 0x31, 0x7F]


def hints(python):
    """What says where the files lay: in a chroot the kernel names them as the process saw them."""
    return () if python.root == "/" else ("--sysroot", python.root)


class Truth:
    """What the target said of itself, and what was read of it while it ran."""

    def __init__(self, arenascope, target, same_text=True):
        self.answer = arenascope.json("dump", target.pid, "--exact")
        self.text = arenascope.ok("stats", target.pid).out
        if target.err and same_text:  # 2.7 says nothing of itself, hooks hide what it says
            assert self.text == target.err

    def check(self, arenascope, core, *options):
        """Equal in all that a core can know."""
        answer = arenascope.json("dump", core, *options)
        live = self.answer
        assert answer["interpreters"] == figures.without_residency(live)
        assert answer["free_lists"] == live["free_lists"]
        assert answer["allocated_blocks"] == live["allocated_blocks"]
        for key in ("python", "debug_build", "allocator", "debug_hooks", "hooks", "build_id"):
            assert answer["target"][key] == live["target"][key]
        assert answer["target"]["kind"] == "core" and answer["pause"] is None
        assert answer["target"]["pid"] == live["target"]["pid"]
        assert answer["target"]["threads"] == live["target"]["threads"]
        assert answer["target"]["rss_bytes"] is None
        assert {d["kind"] for d in answer["doubts"]} - {d["kind"] for d in live["doubts"]} \
            - {"unverified"} == {"residency"}
        assert arenascope.ok("stats", core, *options).out == self.text
        return answer


@pytest.mark.parametrize("python", KNOWN, ids=str)
def test_gcore_is_the_process(arenascope, python):
    with cores.folder() as folder, targets.start_program(python, "mixed_heap.py", 3) as target:
        target.wait_paused() if python.version >= (3, 0) else target.wait_for(
            target.paused if targets.PAUSE else lambda: True, "pause")
        truth = Truth(arenascope, target)
        core = cores.gcore(target, folder)
        answer = truth.check(arenascope, core, *hints(python))
        assert answer["target"]["signal"] is None
        assert target.alive()


@pytest.mark.parametrize("dumped", FILTERS, ids=hex)
@pytest.mark.parametrize("python", KNOWN, ids=str)
def test_the_kernels_core_is_the_process(arenascope, python, dumped):
    cores.need_kernel_cores()
    with cores.folder() as folder, targets.start_program(python, "mixed_heap.py", 3) as target:
        target.wait_for(target.paused, "pause")
        truth = Truth(arenascope, target)
        core = cores.kernel(target, folder, dumped)
        answer = truth.check(arenascope, core, *hints(python))
        assert answer["target"]["signal"] == 6


MODES = {"debug": ({"PYTHONMALLOC": "debug"}, ()), "malloc": ({"PYTHONMALLOC": "malloc"}, ()),
         "tracemalloc": ({}, ("-X", "tracemalloc"))}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("python", [it for it in KNOWN if it.version >= (3, 6)][:1] + PLAIN
                         + KNOWN[-1:], ids=str)
def test_allocators_and_hooks_are_seen_in_a_core(arenascope, python, mode):
    cores.need_kernel_cores()
    env, options = MODES[mode]
    with cores.folder() as folder, targets.start_program(python, "mixed_heap.py", 2, env=env,
                                                         options=options) as target:
        truth = Truth(arenascope, target.wait_paused(), same_text=mode == "malloc")
        truth.check(arenascope, cores.kernel(target, folder), *hints(python))


@pytest.mark.parametrize("python", [it for it in KNOWN if it.version >= (3, 12)][:1]
                         + [it for it in KNOWN if it.version >= (3, 12)][-1:], ids=str)
def test_subinterpreters_in_a_core(arenascope, python):
    cores.need_kernel_cores()
    with cores.folder() as folder:
        inside = tempfile.mkdtemp(dir=os.path.join(python.root, "tmp"), prefix="arenascope-")
        try:
            with targets.start_program(python, "subinterpreters.py",
                                       "/" + os.path.relpath(inside, python.root), "isolated",
                                       "legacy") as target:
                truth = Truth(arenascope, target.wait_paused(), same_text=False)
                core = cores.kernel(target, folder)
            answer = truth.check(arenascope, core, *hints(python))
            assert [it["shares_main"] for it in answer["interpreters"]] == [False, False, True]
        finally:
            shutil.rmtree(inside)


@pytest.mark.parametrize("python", KNOWN, ids=str)
def test_without_build_ids_a_file_is_taken_only_from_ones_hand(arenascope, python):
    """coredump_filter without bit 4: the core cannot say which builds its files are of."""
    cores.need_kernel_cores()
    other = next(it for it in KNOWN if it.build_id != python.build_id)
    with cores.folder() as folder, targets.start_program(python, "mixed_heap.py", 1) as target:
        target.wait_for(target.paused, "pause")
        truth = Truth(arenascope, target)
        core = cores.kernel(target, folder, 0x03)
        refused = arenascope.run("stats", core, *hints(python))
        assert refused.code == 6 and "--exe FILE" in refused.err and not refused.out
        # Another build under the right name does not lie as the mappings do.
        wrong = os.path.join(folder, os.path.basename(python.module))
        shutil.copy(other.module, wrong)
        assert arenascope.run("stats", core, "--exe", wrong, *hints(python)).code == 6
        answer = truth.check(arenascope, core, "--exe", python.module, *hints(python))
        assert "unverified" in {d["kind"] for d in answer["doubts"]}


@pytest.mark.parametrize("python", KNOWN[:1] + KNOWN[-1:] + PLAIN, ids=str)
def test_without_private_memory_nothing_can_be_said(arenascope, python):
    """coredump_filter without bit 0: what .data was in the file is not what it was in memory."""
    cores.need_kernel_cores()
    with cores.folder() as folder, targets.start_program(python, "mixed_heap.py", 1) as target:
        target.wait_for(target.paused, "pause")
        core = cores.kernel(target, folder, 0x30)
        result = arenascope.run("stats", core, *hints(python))
        assert result.code == 8 and "without bit 0" in result.err and not result.out, result
        doctor = arenascope.run("doctor", core, *hints(python))
        assert doctor.code == 8 and "without bit 0" in " ".join(doctor.out.split()), doctor


# ---- one core for what does not depend on the version ---------------------------------------


class Sample:
    def __init__(self, arenascope, python, folder):
        self.folder, self.python = folder, python
        with targets.start_program(python, "mixed_heap.py", 3) as target:
            target.wait_paused()
            self.pid = target.pid
            self.truth = Truth(arenascope, target)
            self.gcore = cores.gcore(target, folder) if shutil.which("gcore") else None
            self.kernel = cores.kernel(target, folder) if cores.kernel_writes_files() else None
        if not self.gcore and not self.kernel:
            pytest.skip("neither gcore nor the kernel writes a core file here")
        self.core = self.kernel or self.gcore

    def path(self, name):
        return os.path.join(self.folder, name)

    def need_kernel(self):
        if not self.kernel:
            cores.need_kernel_cores()


@pytest.fixture(scope="module")
def sample(arenascope, python):
    with cores.folder() as folder:
        yield Sample(arenascope, python, folder)


def test_every_verb_reads_a_core(arenascope, sample):
    dump = arenascope.ok("dump", sample.core)
    assert dump.out.startswith("core of pid %d " % sample.pid)
    assert "RSS is not known of a core" in dump.out and "stopped" not in dump.out
    assert arenascope.ok("map", "--core", sample.core).out.startswith("core of pid ")
    assert arenascope.ok(sample.core, "dump").out.split("\n")[0] == dump.out.split("\n")[0]
    assert arenascope.ok(sample.core).out.startswith("core of pid ")
    doctor = arenascope.ok("doctor", sample.core)
    assert " segments " in doctor.out and "build-id is the one in" in doctor.out
    answer = arenascope.json("doctor", sample.core)
    assert answer["pid"] == sample.pid
    stats = arenascope.ok("stats", sample.core)
    assert "written 20" in stats.err and "stopped" not in stats.err
    lines = arenascope.ok("top", "--json", sample.core).out.splitlines()
    assert len(lines) == 1


def test_a_file_that_is_no_core(arenascope, tmp_path):
    """Named as a core or by its path, or by a word that no process is called."""
    (tmp_path / "notes.xz").write_bytes(b"\xfd7zXZ\0 and more")
    for arguments in [("dump", str(tmp_path / "notes.xz")), ("dump", "notes.xz"),
                      ("dump", "--core", "notes.xz"), ("dump", "--core", "missing"),
                      ("dump", "--core", ".")]:
        result = arenascope.run(*arguments, cwd=str(tmp_path))
        assert result.code == 8 and result.err.startswith("arenascope: "), result
    assert arenascope.run("dump", "no-such-name-at-all", cwd=str(tmp_path)).code == 2


def test_options_of_another_kind_of_target_are_refused(arenascope, sample, quiet):
    for arguments in [("dump", quiet.pid, "--exe", sample.python.module),
                      ("dump", quiet.pid, "--sysroot", "/"),
                      ("doctor", "--plan", sample.core),
                      ("dump", "--core", sample.core, "--pid", quiet.pid),
                      ("ps", "--core", sample.core),
                      ("dump", sample.core, "--exe", sample.path("missing"))]:
        result = arenascope.run(*arguments)
        assert result.code == 2 and result.err.startswith("arenascope: "), result


def test_arguments_are_contents(arenascope, sample):
    plain = arenascope.json("dump", sample.core)
    assert plain["target"]["cmdline"] is None
    shown = arenascope.json("dump", sample.core, "--contents")
    assert shown["target"]["cmdline"][-1] == "3"
    assert plain["target"]["command"] == sample.truth.answer["target"]["command"]


# ---- compressed -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["gzip", "zstd", "lz4"])
def test_a_compressed_core(arenascope, sample, how):
    packed = cores.compress(sample.core, how)
    sample.truth.check(arenascope, packed)
    assert "of %s" % how in arenascope.ok("doctor", packed).out
    # Two frames, one behind the other, are one stream.
    data, half = cores.read(sample.core), os.path.getsize(sample.core) // 2
    parts = [cores.compress(cores.write(sample.path("part"), part), how)
             for part in (data[:half], data[half:])]
    joined = b""
    for part, name in zip((data[:half], data[half:]), ("a", "b")):
        joined += bytes(cores.read(cores.compress(cores.write(sample.path(name), part), how)))
    assert parts
    sample.truth.check(arenascope, cores.write(sample.path("joined"), joined))


@pytest.mark.parametrize("how", ["gzip", "zstd", "lz4"])
def test_a_compressed_core_that_ends_early(arenascope, sample, how):
    sample.need_kernel()
    packed = cores.compress(sample.kernel, how)
    size = os.path.getsize(packed)
    result = arenascope.run("dump", "--json", cores.cut(packed, size * 3 // 4, sample.path("short")))
    assert result.code in (7, 8), result
    if result.code == 7:
        assert "input_partial" in {d["kind"] for d in result.json["doubts"]}
    broken = cores.read(packed)
    broken[size // 2:size // 2 + 64] = bytes(64)
    result = arenascope.run("dump", "--json", cores.write(sample.path("broken"), broken))
    assert result.code in (7, 8), result


def test_what_is_unpacked_has_a_limit(arenascope, sample, tmp_path):
    """A bomb: the right start, and then zeros without end."""
    packed = cores.compress(sample.core, "zstd")
    with_room = arenascope.ok("stats", packed, "--tmp", tmp_path, "--max-tmp", "1G")
    assert with_room.out == sample.truth.text and not os.listdir(tmp_path)
    result = arenascope.run("stats", packed, "--max-tmp", "1M")
    assert result.code == 9 and "--max-tmp" in result.err and not result.out
    bomb = sample.path("bomb")
    with open(bomb, "wb") as out:
        head = bytes(cores.read(sample.core)[:1 << 20])
        zeros = subprocess.Popen(["zstd", "-q", "-c"], stdin=subprocess.PIPE, stdout=out)
        zeros.stdin.write(head)
        for _ in range(1024):
            zeros.stdin.write(bytes(1 << 20))
        zeros.stdin.close()
        assert zeros.wait() == 0
    result = arenascope.run("stats", bomb, "--max-tmp", "64M")
    assert result.code == 9 and "67108864 bytes" in result.err, result
    # Nothing but a core is unpacked at all.
    text = cores.compress(cores.write(sample.path("text"), b"no core\n" * 100000), "gzip")
    result = arenascope.run("stats", text, "--max-tmp", "1K")
    assert result.code == 8 and "not a core" in result.err, result


def test_a_full_disk_ends_unpacking(arenascope, sample):
    packed = cores.compress(sample.core, "gzip")
    small = sample.path("small")
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small],
                      check=False, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    try:
        result = arenascope.run("stats", packed, "--tmp", small, "--max-tmp", "1G")
        assert result.code == 9 and "No space" in result.err and "--tmp" in result.err, result
        assert not os.listdir(small)
    finally:
        subprocess.run(["umount", small], check=True)
    result = arenascope.run("stats", packed, "--tmp", "/proc")
    assert result.code == 9 and "--tmp" in result.err, result


# ---- cut off, damaged -----------------------------------------------------------------------


def test_a_core_that_is_cut_off(arenascope, sample):
    """7 with what is missing, 8 where nothing can be said; never zeros for what is not there."""
    sample.need_kernel()
    size = os.path.getsize(sample.kernel)
    codes = {}
    for share in (0.0001, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        short = cores.cut(sample.kernel, int(size * share), sample.path("short"))
        result = arenascope.run("dump", "--json", short)
        codes[share] = result.code
        tool.validate(result.json)
        if result.code == 7:
            doubt, = [d for d in result.json["doubts"] if d["kind"] == "input_partial"]
            assert "cut off" in doubt["detail"] and "bytes of memory are missing" in doubt["detail"]
            stats = arenascope.run("stats", short)
            assert stats.code == 7 and "cut off" in stats.err
            if share <= 0.7:  # part of the heap is missing: it is not taken for zeros
                kinds = {d["kind"] for d in result.json["doubts"]}
                assert kinds & {"pool_unreadable", "arenas_unreadable"}, (share, kinds)
            live = sample.truth.answer["interpreters"][0]["pymalloc"]["bytes"]["allocated"]
            assert result.json["interpreters"][0]["pymalloc"]["bytes"]["allocated"] <= live
        else:
            assert result.code == 8, result
            assert "cut off" in result.err or "bytes" in result.err or "missing" in result.err, result
        doctor = arenascope.run("doctor", short)
        assert doctor.code in (0, 7, 8), doctor
    assert codes[0.0001] == 8 and codes[0.99] == 7 and codes[0.9] == 7, codes


def test_a_gcore_that_is_cut_off_has_lost_its_notes(arenascope, sample):
    if not sample.gcore:
        cores.need_gcore()
    short = cores.cut(sample.gcore, os.path.getsize(sample.gcore) // 2, sample.path("short"))
    result = arenascope.run("dump", short)
    assert result.code == 8 and "notes" in result.err and "gcore writes them last" in result.err
    doctor = arenascope.run("doctor", short)
    assert doctor.code == 8 and "cut off" in doctor.out and "mapped files missing" in " ".join(
        doctor.out.split()), doctor


@pytest.mark.parametrize("extra", [66000, 200000])
def test_more_segments_than_fit_the_elf_header(arenascope, sample, extra):
    many = cores.with_many_segments(sample.core, sample.path("many"), extra)
    answer = sample.truth.check(arenascope, many)
    assert answer["elapsed_ms"] < 20000
    assert " {:,}: ".format(extra + len(cores.Headers(cores.read(sample.core)).loads())) in \
        arenascope.ok("doctor", many).out
    if sample.kernel:
        # Cut off, the number of segments is lost, but for where the notes begin.
        short = cores.cut(many, os.path.getsize(many) - 10, sample.path("short"))
        assert arenascope.run("stats", short).out == sample.truth.text


def test_overlapping_segments_are_left_out_and_told(arenascope, sample):
    data = cores.read(sample.core)
    headers = cores.Headers(data)
    load = headers.loads()[-1]
    for header in headers.list:
        if header[0] == cores.PT_LOAD and header[6] > 8192 and header is not load:
            load[3] = header[3] + 4096
            break
    data[headers.at:headers.at + len(headers.pack())] = headers.pack()
    result = arenascope.run("dump", "--json", cores.write(sample.path("overlap"), data))
    assert result.code == 7, result
    assert any("overlap" in d["detail"] for d in result.json["doubts"]), result


@pytest.mark.parametrize("field, value", [
    ("e_phoff", 1 << 63), ("e_phoff", 0), ("e_phnum", 0), ("e_phentsize", 7), ("e_machine", 40),
    ("class", 1), ("e_shoff", (1 << 64) - 1), ("sh_info", 0xFFFFFFFF)])
def test_headers_that_make_no_sense(arenascope, sample, field, value):
    data = cores.read(cores.with_many_segments(sample.core, sample.path("many"), 66000)) \
        if field in ("e_shoff", "sh_info") else cores.read(sample.core)
    place = {"e_phoff": ("<Q", 32), "e_phnum": ("<H", 56), "e_phentsize": ("<H", 54),
             "e_machine": ("<H", 18), "class": ("<B", 4), "e_shoff": ("<Q", 40),
             "sh_info": ("<I", len(data) - 64 + 44)}[field]
    struct.pack_into(place[0], data, place[1], value)
    result = arenascope.run("stats", cores.write(sample.path("bad"), data))
    expected = {"e_machine": (5,), "class": (5,), "e_shoff": (0, 8)}.get(field, (8,))
    assert result.code in expected and result.err.startswith("arenascope: "), result


def test_random_damage_is_survived(arenascope, sample):
    """Bits of headers and notes, then anywhere: an answer or a clear error, in time."""
    whole = cores.read(sample.core)
    luck = random.Random(3)
    notes = max((header for header in cores.Headers(whole).list if header[0] == cores.PT_NOTE),
                key=lambda header: header[5])
    places = [(0, 4096), (notes[2], min(notes[5], 8192)), (0, len(whole))]
    for turn in range(60):
        data = bytearray(whole)
        start, size = places[turn % len(places)]
        for _ in range(luck.choice([1, 4, 40])):
            data[start + luck.randrange(size)] ^= 1 << luck.randrange(8)
        result = arenascope.run("dump", "--json", cores.write(sample.path("bitten"), data),
                                timeout=60)
        assert result.code in (0, 5, 6, 7, 8), result
        tool.validate(result.json)


def test_a_core_of_very_many_files_ends(arenascope, sample):
    """Each begins like the interpreter, and none is to be had."""
    many = cores.of_many_objects(sample.python.module, 60000, sample.path("objects"))
    result = arenascope.run("stats", many, timeout=60)
    assert result.code in (5, 6) and result.err.startswith("arenascope: "), result


# ---- another machine ------------------------------------------------------------------------


def files_of(python):
    """The interpreter's own files: the module and, where it is another, the program."""
    out = subprocess.run(python.command + ["-c", "import sys; print(sys.executable)"],
                         capture_output=True, text=True, check=True).stdout.strip()
    return [os.path.realpath(python.module), os.path.realpath(out)]


@pytest.mark.parametrize("python", [it for it in KNOWN if it.root == "/" and it.version >= (3, 6)
                                    and not it.debug][:1] + PLAIN, ids=str)
def test_a_core_from_another_machine(arenascope, python, tmp_path):
    """Its files are not here, or others stand in their place: hints help, build-ids decide."""
    cores.need_kernel_cores()
    with cores.folder() as folder:
        # A home that will be gone: copies of the interpreter's files, run from there.
        home, moved = os.path.join(folder, "home"), os.path.join(folder, "moved")
        os.mkdir(home)
        for path in set(files_of(python)):
            shutil.copy(path, home)
        program = os.path.join(home, os.path.basename(files_of(python)[1]))
        module = os.path.join(home, os.path.basename(python.module))
        env = {"LD_LIBRARY_PATH": home, "PYTHONHOME": subprocess.run(
            python.command + ["-c", "import sys; print(sys.prefix)"], capture_output=True,
            text=True, check=True).stdout.strip()}
        command = [program, os.path.join(targets.PROGRAMS, "mixed_heap.py"), "1"]
        with targets.start(command, env=env) as target:
            target.wait_paused()
            truth = Truth(arenascope, target)
            core = cores.kernel(target, folder)
        tree = os.path.join(moved, home.lstrip("/"))
        os.makedirs(os.path.dirname(tree))
        os.rename(home, tree)
        lost = arenascope.run("stats", core)
        assert lost.code == 6 and "--sysroot" in lost.err and "--exe" in lost.err, lost
        truth.check(arenascope, core, "--sysroot", moved)
        there = os.path.join(tree, os.path.basename(module))
        truth.check(arenascope, core, "--exe", there)
        truth.check(arenascope, core, "--exe", there, "--no-cache")
        # Another build in its place is refused, and doctor says so.
        os.makedirs(home)
        other = next(it for it in KNOWN if it.build_id != python.build_id)
        shutil.copy(other.module, module)
        for hint in ((), ("--exe", other.module)):
            result = arenascope.run("stats", core, *hint)
            assert result.code == 6 and "no interpreter could be seen" in result.err, result


def test_attributes_of_systemd_are_told_and_not_believed(arenascope, sample):
    core = shutil.copy(sample.core, sample.path("marked"))
    try:
        os.setxattr(core, "user.coredump.hostname", b"far\x1b[2Jaway")
        os.setxattr(core, "user.coredump.pid", b"1")
        os.setxattr(core, "user.coredump.timestamp", b"1700000000123456")
    except OSError:
        pytest.skip("this file system keeps no user attributes")
    doctor = arenascope.ok("doctor", core)
    assert "pid 1, host far\\x1b[2Jaway" in " ".join(doctor.out.split()), doctor
    answer = arenascope.json("dump", core)
    assert answer["target"]["pid"] == sample.pid
    assert answer["target"]["taken_at"] == "2023-11-14T22:13:20.123Z"
