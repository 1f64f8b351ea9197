"""Frames of Python in the ledger: what deep calls take is told as such, and what goes back with them is gone."""

import array
import os
import signal

import pytest

from support import cores, interpreters, ledgers, stripped, targets

KIB = 1024
DEPTH = 30000
WORDS = {"there": "deep", "deep": "back"}
MODERN = [it for it in interpreters.discover()[0] if it.version >= (3, 11)]
ONE_OF_EACH = list({it.version[:2]: it for it in MODERN
                    if not it.debug and not it.free_threaded}.values())
OLDEST = [it for it in interpreters.with_debug_info() if (3, 6) <= it.version < (3, 11)]


@pytest.fixture
def ledger(cache):
    return lambda *arguments: ledgers.run(cache, *arguments)


def wait_for(target, word):
    target.wait_for(lambda: target.err.endswith(word + "\n"), word)
    target.wait_paused()
    ledgers.settle(target.pid)


def next_step(target, word):
    target.signal(signal.SIGUSR1)
    wait_for(target, word)


def anonymous(pid):
    """The pages of anonymous memory without a name that the kernel has mapped: {address: whether it is in RAM}."""
    pages = {}
    with open("/proc/%d/pagemap" % pid, "rb") as table:
        for m in ledgers.smaps(pid):
            if m.inode or m.label or m.perms != "rw-p":
                continue
            table.seek(m.start // ledgers.PAGE * 8)
            entries = array.array("Q", table.read(m.Size // ledgers.PAGE * 8))
            pages.update((m.start + i * ledgers.PAGE, entry >> 63) for i, entry in
                         enumerate(entries))
    return pages


def look_at(ledger, target):
    found = ledger(target.pid)
    assert sum(line.present for line in found.leaves.values()) == found.rss
    assert not [doubt for doubt in found.doubts if doubt.startswith("frames")]
    return found["python.frames"], found, anonymous(target.pid)


def check_grown(before, pages_before, after, pages_after, chunks):
    """What came is what was mapped anew, and as much of it as is in RAM; the first chunks may have filled meanwhile."""
    new = pages_after.keys() - pages_before.keys()
    gone = pages_before.keys() - pages_after.keys()
    assert after.size - before.size == (len(new) - len(gone)) * ledgers.PAGE
    resident = sum(pages_after[page] for page in new) * ledgers.PAGE
    assert 0 <= after.present - before.present - resident <= chunks * 12 * KIB
    assert not gone


def check_steps(ledger, target, chunks=1, least=DEPTH * 80):
    """chunks: how many there are before any deep call."""
    wait_for(target, "there")
    before, _, pages = look_at(ledger, target)
    assert before.size == chunks * 16 * KIB and 0 < before.present <= before.size
    next_step(target, "deep")
    deep, found, pages_deep = look_at(ledger, target)
    assert deep.size - before.size > least
    check_grown(before, pages, deep, pages_deep, chunks)
    next_step(target, "back")
    back, _, pages_back = look_at(ledger, target)
    assert back.size - before.size < 100 * KIB  # a chunk is kept for the next time from late 3.13 on
    check_grown(before, pages, back, pages_back, chunks)
    return found


@pytest.mark.parametrize("python", [it for it in MODERN if it.free_threaded or it in
                                    interpreters.with_debug_info()], ids=str)
def test_deep_calls_move_the_leaf_by_what_they_took(ledger, python):
    with targets.start_program(python, "deep.py", DEPTH, "main",
                               preexec_fn=targets.without_huge_pages) as target:
        found = check_steps(ledger, target)
        names = found.named("python.frames")
    assert len(names) == 1 and next(iter(names)).endswith("(%d)" % target.pid)


@pytest.mark.parametrize("way", stripped.WAYS)
@pytest.mark.parametrize("python", MODERN, ids=str)
def test_of_stripped_builds_too(ledger, python, way):
    with stripped.copy_of(python, way) as copy, copy.start("deep.py", DEPTH, "main") as target:
        check_steps(ledger, target)


@pytest.mark.parametrize("python", ONE_OF_EACH, ids=str)
def test_each_thread_has_its_own(ledger, python):
    with targets.start_program(python, "deep.py", DEPTH, "thread",
                               preexec_fn=targets.without_huge_pages) as target:
        found = check_steps(ledger, target, chunks=4, least=3 * DEPTH * 80)
        names = found.named("python.frames")
        tids = {int(tid) for tid in os.listdir("/proc/%d/task" % target.pid)}
    assert {int(name.rsplit("(", 1)[1][:-1]) for name in names} == tids and len(tids) == 4
    sizes = sorted(line.size for line in names.values())
    assert sizes[0] == 16 * KIB and sizes[1] == sizes[2] == sizes[3] > DEPTH * 80


@pytest.mark.parametrize("python", [it for it in ONE_OF_EACH if it.version >= (3, 12)], ids=str)
def test_every_interpreter_is_asked(ledger, python):
    with targets.start_program(python, "deep.py", DEPTH, "subinterpreter",
                               preexec_fn=targets.without_huge_pages) as target:
        check_steps(ledger, target, chunks=2)


@pytest.mark.parametrize("python", OLDEST, ids=str)
def test_up_to_3_10_frames_are_objects(ledger, python):
    with targets.start_program(python, "deep.py", 500, "main") as target:
        wait_for(target, "there")
        assert ledger(target.pid)["python.frames"].size == 0


def test_files_tell_the_same(ledger, tmp_path):
    cores.need_gcore()
    path = str(tmp_path / "saved")
    with cores.folder() as folder, \
            targets.start_program(interpreters.plain(), "deep.py", DEPTH, "main") as target:
        wait_for(target, "there")
        next_step(target, "deep")
        live = ledger("--exact", "--save=" + path, target.pid)
        core = ledger("--core", cores.gcore(target, folder))
    saved = ledger("--read", path)
    assert live["python.frames"].size > DEPTH * 80
    assert saved["python.frames"] == live["python.frames"]
    assert saved.named("python.frames") == live.named("python.frames")
    assert core["python.frames"].size == live["python.frames"].size
