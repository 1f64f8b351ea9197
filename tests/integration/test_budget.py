"""Our own memory: in a cgroup with little room left arenascope refuses, and the target lives."""

import contextlib
import os
import re

import pytest

from support import cgroup, interpreters, targets

MIB = 1 << 20
VERBS = ["stats", "dump", "map", "doctor"]


@contextlib.contextmanager
def target_in(group, python, megabytes):
    program = os.path.join(targets.PROGRAMS, "mixed_heap.py")
    with targets.start(group.wrap + python.command + [program, str(megabytes)]) as target:
        yield target.wait_paused()


def compressed():
    """An interpreter whose debug information must be inflated: some 10 to 40 MB."""
    own = [it for it in interpreters.with_debug_info()
           if it.root == "/" and it.debug_file != it.module and it.version >= (3, 6)]
    return own[-1:]


def plain_dwarf():
    own = [it for it in interpreters.with_debug_info()
           if it.root == "/" and it.debug_file == it.module and (3, 6) <= it.version < (3, 10)]
    return own[-1:]


def refused(result, words):
    assert result.code == 9 and not result.out, result
    assert re.search(words, result.err), result
    assert "--max-memory" in result.err and "cgroup" in result.err, result


def check_alive(group, target):
    """Nothing was killed, and the target rests as before (a moment after it was let go)."""
    assert group.oom_kills() in (0, None)
    target.wait_for(target.paused, "its rest")


@pytest.mark.parametrize("python", compressed(), ids=str)
def test_no_room_to_read_debug_information(release, python):
    """The child that inflates it counts: where it has no room, what the build says of itself must do."""
    with cgroup.memory() as group, target_in(group, python, 100) as target:
        release.ok("stats", target.pid)  # outside: keeps the table
        group.leave(12 * MIB)
        for verb in VERBS:
            release.run(verb, target.pid, "--no-cache", wrap=group.wrap)
            release.ok(verb, target.pid, wrap=group.wrap)
        told = re.sub(r"\s+", " ", release.run("doctor", target.pid, "--no-cache",
                                               wrap=group.wrap).out)
        assert re.search(r"takes \d+ MiB of memory, and \d MiB may be used", told), told
        bare = release.run("dump", target.pid, "--no-cache", "--json", wrap=group.wrap)
        assert bare.code in (0, 9), bare
        if bare.code == 0:
            assert bare.json["symbols"]["layout"] != "dwarf"
            assert bare.json["allocated_blocks"] == int(target.out.split()[-1])
        assert release.ok("stats", target.pid, wrap=group.wrap).out == target.err
        check_alive(group, target)
        # From outside the same container its limit is nobody's but its own.
        assert release.ok("stats", target.pid, "--no-cache").out == target.err


@pytest.mark.parametrize("python", plain_dwarf(), ids=str)
def test_no_room_for_the_heap(release, python):
    """A heap of 4 KiB pools: the headers of 400 MB take more than half of what is left."""
    with cgroup.memory() as group, target_in(group, python, 300) as target:
        release.ok("stats", target.pid)
        for room in (4, 6, 8):
            group.leave(room * MIB)
            for options in (["stats"], ["dump"], ["map"], ["dump", "--exact"],
                            ["stats", "--no-cache"]):
                refused(release.run(options[0], target.pid, *options[1:], wrap=group.wrap),
                        r"takes \d+ [KM]iB of memory, and \d+ [KM]iB may be used|too little")
            check_alive(group, target)
        group.leave(64 * MIB)
        assert release.ok("stats", target.pid, wrap=group.wrap).out == target.err
        check_alive(group, target)


@pytest.mark.parametrize("python", plain_dwarf(), ids=str)
def test_hardly_any_room_at_all(release, python):
    with cgroup.memory() as group, target_in(group, python, 20) as target:
        group.leave(3 * MIB)
        for verb in VERBS[:3]:
            refused(release.run(verb, target.pid, wrap=group.wrap), "too little for any look")
        check_alive(group, target)


def test_what_the_kernel_kills_first(release, python, quiet):
    """Each verb puts itself forward, before it allocates anything for its answer."""
    for verb in ("ps", "dump", "doctor"):
        arguments = [verb] if verb == "ps" else [verb, quiet.pid]
        log = release.run(*arguments, wrap=["strace", "-f", "-qq", "-e",
                                            "trace=openat,write,process_vm_readv"]).err
        volunteered = re.search(r'write\(\d+, "1000", 4\)', log)
        assert volunteered, log[:2000]
        assert "process_vm_readv" not in log[:volunteered.start()]
        assert "/proc/%d/" % quiet.pid not in log[:volunteered.start()]


@pytest.mark.parametrize("python", plain_dwarf(), ids=str)
def test_an_answer_keeps_to_its_budget(release, python, say):
    """What a look really takes is less than what it was allowed."""
    with targets.start_program(python, "mixed_heap.py", 300) as target:
        target.wait_paused()
        for verb in ("stats", "dump"):
            release.ok(verb, target.pid)
            _, peak = release.weigh(verb, target.pid, "--max-memory", "24M")
            say("%s of 300 MB with --max-memory 24M: at most %.1f MiB anonymous" % (verb, peak))
            assert peak < 24
        few = release.run("stats", target.pid, "--max-memory", "3M")
        assert few.code == 9 and "may be used" in few.err, few


def test_ones_own_limit_is_kept(release, python):
    """ulimit -v: what has no room is streamed, and counts the same."""
    with targets.start_program(python, "mixed_heap.py", 100) as target:
        target.wait_paused()
        free = release.ok("types", target.pid, "--json").json
        limited = release.ok("types", target.pid, "--json", wrap=["prlimit", "--as=150000000"]).json
        assert "census_streamed" in {doubt["kind"] for doubt in limited["doubts"]}
        assert limited["census"]["blocks"] == free["census"]["blocks"] > 100000
