"""Where it runs: in a C program, several libpythons at once, containers, files that are gone."""

import contextlib
import json
import os
import re
import shutil
import subprocess

import pytest

from support import interpreters, nobody, places, targets

SHARED = places.shared()


def pairs():
    """Two libraries of different versions, each with one to initialise."""
    return [(SHARED[0], SHARED[-1]), (SHARED[-1], SHARED[0])] if len(SHARED) > 1 else []


@pytest.fixture(scope="session")
def embed(tmp_path_factory):
    if not SHARED:
        pytest.skip("no interpreter here whose runtime is a shared library")
    return places.build_embed(str(tmp_path_factory.mktemp("embed") / "embed"))


def check(arenascope, target, *options):
    """The answers are the target's own; returns the JSON."""
    assert arenascope.ok("stats", target.pid, *options).out == target.err
    answer = arenascope.json("dump", target.pid, *options)
    assert answer["allocated_blocks"] == int(target.out.split()[-1])
    return answer


# ---- one library in a C program -----------------------------------------------------------------

@pytest.mark.parametrize("python", SHARED, ids=str)
def test_a_program_that_loads_libpython(arenascope, embed, python):
    with places.embedded(embed, python, "=" + python.module) as target:
        target.wait_paused()
        answer = check(arenascope, target)
        assert answer["target"]["python"].startswith(python.version_text)
        listed = arenascope.ok("ps").out
        assert re.search(r"^ *%d .*embed" % target.pid, listed, re.M), listed


@pytest.mark.parametrize("python", SHARED[-1:], ids=str)
def test_a_program_that_is_linked_with_libpython(arenascope, python, tmp_path):
    """The library is renamed after the start, then deleted, then another build takes its name."""
    library = str(tmp_path / os.path.basename(python.module))
    shutil.copy(python.module, library)
    program = places.build_embed(str(tmp_path / "linked"), "-DLINKED", library,
                                 "-Wl,-rpath," + str(tmp_path))
    with places.embedded(program, python, "--linked") as target:
        target.wait_paused()
        check(arenascope, target, "--no-cache")
        os.rename(library, str(tmp_path / "libsnake.so"))
        check(arenascope, target, "--no-cache")
        os.unlink(str(tmp_path / "libsnake.so"))
        if os.geteuid() == 0:  # map_files, which only root may follow, still has it
            check(arenascope, target, "--no-cache")
        shutil.copy(SHARED[0].module, library)
        os.unlink(program)
        if os.geteuid() == 0:
            check(arenascope, target, "--no-cache")


@pytest.mark.parametrize("python", SHARED[-1:], ids=str)
def test_a_library_in_an_anonymous_file(arenascope, embed, python):
    nobody.need_root()  # such a file has no name: only map_files leads to it
    with places.embedded(embed, python, "--memfd", "=" + python.module) as target:
        target.wait_paused()
        answer = check(arenascope, target, "--no-cache")
        assert "memfd" in answer["target"]["module"]


@pytest.mark.parametrize("python", SHARED[-1:], ids=str)
def test_an_unprivileged_look_at_a_library_that_is_gone(embed, python, tmp_path):
    """Its file is not taken for what has its name now; memory tells, and a file that is handed over."""
    with nobody.unprivileged() as arenascope:
        folder = os.path.dirname(arenascope.binary)
        library, kept = os.path.join(folder, "libsnake.so"), os.path.join(folder, "kept.so")
        home = shutil.copytree(places.prefix(python), os.path.join(folder, "prefix"),
                               symlinks=True, ignore=shutil.ignore_patterns(
                                   "*.a", "test", "*.so.*", "include", "site-packages"))
        program = shutil.copy(embed, os.path.join(folder, "embed"))
        for copy in (library, kept):
            shutil.copy(python.module, copy)
        command = nobody.WRAP + [program, "=" + library]
        with targets.start(command, env={"PYTHONHOME": home, "EMBED_CODE": places.MIXED}) as target:
            target.wait_paused()
            os.unlink(library)
            for other in (None, SHARED[0].module):
                if other:  # another build takes the name
                    shutil.copy(other, library)
                answer = arenascope.json("dump", target.pid, wrap=nobody.WRAP)
                assert answer["symbols"]["layout"] != "dwarf"
                assert answer["allocated_blocks"] == int(target.out.split()[-1])
                told = re.sub(r"\s+", " ", arenascope.run("doctor", target.pid,
                                                          wrap=nobody.WRAP).out)
                assert "the module's file could not be opened" in told, told
                assert ("another build" in told) == bool(other), told
            result = arenascope.ok("stats", target.pid, "--symbols", kept, wrap=nobody.WRAP)
            assert result.out == target.err


# ---- several libraries -----------------------------------------------------------------------------

@pytest.mark.parametrize("idle, used", pairs(), ids=str)
@pytest.mark.parametrize("reverse", [False, True], ids=["idle first", "used first"])
def test_the_initialised_one_of_two_is_looked_at(arenascope, embed, idle, used, reverse):
    """Wherever it lies: the order of loading is the order of addresses, downwards."""
    arguments = [idle.module, "=" + used.module]
    with places.embedded(embed, used, *(arguments[::-1] if reverse else arguments)) as target:
        target.wait_paused()
        answer = check(arenascope, target)
        assert answer["target"]["module"] == used.module
        assert not [d for d in answer["doubts"] if d["kind"] == "several_runtimes"]
        listed = answer["target"]["modules"]
        assert {m["path"]: (m["use"], m["chosen"]) for m in listed} == {
            idle.module: ("idle", False), used.module: ("initialised", True)}
        assert int(listed[0]["address"], 16) < int(listed[1]["address"], 16)
        doctor = re.sub(r"\s+", " ", arenascope.ok("doctor", target.pid).out)
        assert re.search(r"%s at 0x[0-9a-f]+, never initialised, not looked at" % re.escape(
            idle.module), doctor), doctor
        asked = arenascope.run("dump", target.pid, "--module", os.path.basename(idle.module))
        assert asked.code == 5 and "not initialised" in asked.err, asked
        assert arenascope.json("dump", target.pid, "--module", os.path.basename(
            used.module))["target"]["module"] == used.module


def test_a_library_that_nobody_initialised(arenascope, embed):
    with targets.start([embed, SHARED[-1].module]) as target:
        target.wait_ready()
        refused = arenascope.run("dump", target.pid)
        assert refused.code == 5 and "not initialised" in refused.err, refused


@pytest.mark.parametrize("one, other", pairs(), ids=str)
def test_two_that_are_both_in_use(arenascope, embed, one, other, tmp_path):
    """The first is taken, a doubt names the other, and --module takes that."""
    code = "import sys; print(sys.version.split()[0], sys.getallocatedblocks()); sys.stdout.flush()"
    homes = tmp_path / "home"
    # Both read PYTHONHOME: a prefix that has the libraries of either version.
    for it in (one, other):
        name = "python%d.%d" % it.version[:2]
        os.makedirs(homes / "lib", exist_ok=True)
        os.symlink(os.path.join(places.prefix(it), "lib", name), homes / "lib" / name)
    env = {"PYTHONHOME": str(homes), "EMBED_CODE": code}
    with targets.start([embed, "=" + one.module, "=" + other.module], env=env) as target:
        target.wait_ready()
        said = dict(line.split() for line in target.out.splitlines() if " " in line)
        answer = arenascope.json("dump", target.pid)
        listed = answer["target"]["modules"]
        assert [m["use"] for m in listed] == ["initialised", "initialised"]
        assert [m["chosen"] for m in listed] == [True, False]
        doubts = [d for d in answer["doubts"] if d["kind"] == "several_runtimes"]
        assert len(doubts) == 1 and listed[1]["path"] in doubts[0]["detail"]
        seen = {}
        for i, module in enumerate(listed):
            for choice in (i + 1, module["path"], os.path.basename(module["path"])):
                chosen = arenascope.json("dump", target.pid, "--module", choice)
                assert chosen["target"]["module"] == module["path"]
            seen[chosen["target"]["python"]] = chosen["allocated_blocks"]
        assert set(seen) == set(said)
        for version, blocks in said.items():  # printing the figure changed it a little
            assert abs(seen[version] - int(blocks)) < 200, (seen, said)
        missing = arenascope.run("dump", target.pid, "--module", "3")
        assert missing.code == 2 and one.module in missing.err, missing
        assert arenascope.run("dump", target.pid, "--module", "3", "--json"
                              ).json["error"]["rule"] == "no_such_module"


# ---- containers ----------------------------------------------------------------------------------

@pytest.mark.parametrize("user", [True, False], ids=["user namespace", "no user namespace"])
@pytest.mark.parametrize("python", SHARED[-1:], ids=str)
def test_a_container(arenascope, python, tmp_path, user):
    """Mount, pid and perhaps user namespace, pivot_root: paths mean nothing here, pids other things."""
    command = ["/opt/py/bin/python3", "-c", targets.read(
        os.path.join(targets.PROGRAMS, "mixed_heap.py")), "1"]
    with places.container(tmp_path, places.prefix(python), command, "python3", user=user) as target:
        assert target.status("NSpid").split()[-1] == "1"
        answer = check(arenascope, target, "--no-cache")
        assert answer["target"]["module"].startswith("/opt/py/lib/")
        assert not os.path.exists(answer["target"]["module"])
        assert answer["symbols"]["layout"] == "dwarf"
        row = [line for line in arenascope.ok("ps").out.splitlines()
               if line.split()[:1] == [str(target.pid)]]
        assert len(row) == 1 and python.version_text in row[0]
        doctor = re.sub(r"\s+", " ", arenascope.ok("doctor", target.pid).out)
        assert "/opt/py/lib" in doctor
        assert "another pid namespace, where it is pid 1; in another mount namespace" in doctor
        assert ("in another user namespace" in doctor) == user


@pytest.mark.parametrize("python", SHARED[-1:], ids=str)
def test_a_program_with_libpython_in_a_container(arenascope, embed, python, tmp_path):
    """All of it at once: embedded, renamed, and in a container from which the library is deleted."""
    library = "/tmp/libsnake.so"
    more = 'cp "$EMBED" "$ROOT/tmp/embed"; cp "$LIBRARY" "$ROOT%s"' % library
    env = {"EMBED": embed, "LIBRARY": python.module, "EMBED_CODE": places.MIXED}
    with places.container(tmp_path, places.prefix(python), ["/tmp/embed", "=" + library], "embed",
                          more=more, env=env) as target:
        answer = check(arenascope, target, "--no-cache")
        assert answer["target"]["module"] == library
        inside = "/proc/%d/root" % target.pid
        os.unlink(inside + library)
        check(arenascope, target, "--no-cache")
        shutil.copy(SHARED[0].module, inside + library)
        check(arenascope, target, "--no-cache")


@pytest.mark.parametrize("python", SHARED[-1:], ids=str)
def test_an_absolute_link_in_a_container(arenascope, python, tmp_path):
    """A debug file's link to /etc/... means the container's file, not ours of that name."""
    stripped = str(tmp_path / "stripped.so")
    subprocess.run(["objcopy", "--strip-all", python.module, stripped], check=True)
    assert os.path.isfile("/etc/passwd")
    by_id = "/usr/lib/debug/.build-id/%s" % python.build_id[:2]
    link = "%s/%s.debug" % (by_id, python.build_id[2:])
    more = "; ".join([
        'cp "$TRUTH" "$ROOT/etc/passwd"', 'cp "$STRIPPED" "$ROOT/tmp/%s"' % os.path.basename(
            python.module),
        'mkdir -p /usr/lib/debug', 'mount -t tmpfs none "$ROOT/usr/lib/debug"',
        'mkdir -p "$ROOT%s"' % by_id, 'ln -s /etc/passwd "$ROOT%s"' % link])
    env = {"TRUTH": python.module, "STRIPPED": stripped, "LD_LIBRARY_PATH": "/tmp"}
    command = ["/opt/py/bin/python3", "-c", targets.read(
        os.path.join(targets.PROGRAMS, "mixed_heap.py")), "1"]
    with places.container(tmp_path, places.prefix(python), command, "python3", more=more,
                          env=env) as target:
        answer = check(arenascope, target, "--no-cache")
        assert answer["target"]["module"].startswith("/tmp/")
        assert answer["symbols"]["debug_file"].endswith(".debug")
        os.unlink("/proc/%d/root%s" % (target.pid, link))
        bare = check(arenascope, target, "--no-cache")
        assert bare["symbols"]["layout"] != "dwarf" and not bare["symbols"]["debug_file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
@pytest.mark.parametrize("python", [it for it in interpreters.with_debug_info()
                                    if it.root != "/"][-1:], ids=str)
def test_a_chroot_in_a_pid_namespace(arenascope, python):
    """maps names a chroot's files as we see them: root + path would be a double prefix."""
    wrap = ["unshare", "--pid", "--fork", "--kill-child"]
    command = wrap + python.command + ["-c", targets.read(
        os.path.join(targets.PROGRAMS, "mixed_heap.py")), "1"]
    name = os.path.basename(python.command[-1])
    with targets.start(command) as outer:
        outer.wait_for(lambda: places.descendant(outer.pid, name), "a process in the chroot")
        target = places.Inner(outer, places.descendant(outer.pid, name))
        outer.wait_for(target.paused, "pause")
        check(arenascope, target, "--no-cache")
        assert "its root is " + python.root in re.sub(r"\s+", " ", arenascope.ok(
            "doctor", target.pid).out)


# ---- the whole machine -----------------------------------------------------------------------------

def test_ps_of_two_hundred_processes(release, say):
    """Every one is told with its arenas; how long that takes is measured, and bounded widely."""
    own = [it for it in interpreters.with_debug_info() if it.root == "/"]
    if not own:
        pytest.skip("needs an interpreter outside a chroot")
    code = "import signal, sys; print('READY'); sys.stdout.flush(); signal.pause()"
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(targets.start(own[i % len(own)].command + ["-c", code]))
                   for i in range(200)]
        for target in started:
            target.wait_ready()
        for target in started[:len(own)]:
            release.run("dump", target.pid)  # keeps the table of each build
        took = []
        for _ in range(5):
            lines = release.ok("ps", "--json").out.splitlines()
            rows = {row["pid"]: row for row in map(json.loads, lines)}
            took.append(rows[started[0].pid]["elapsed_ms"])
        for i, target in enumerate(started):
            row = rows[target.pid]
            assert row["python"].startswith(own[i % len(own)].version_text)
            assert row["refused"] is None and row["arenas"] >= 1
        say("ps of %d processes, tables kept: %d ms at best of %s" % (len(rows), min(took), took))
        assert min(took) < 2000
