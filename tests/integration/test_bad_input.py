"""What cannot be answered: the documented exit status, one clear line, and the target as it was."""

import os
import random
import re
import shutil
import subprocess
import time

import pytest

from support import interpreters, nobody, targets, tool


def refused(result, code, word=None):
    """Says so on stderr, in a line of cause and at most two of help; nothing on stdout."""
    assert result.code == code, result
    lines = result.err.splitlines()
    assert lines and lines[0].startswith("arenascope: ") and len(lines) <= 3, result
    assert result.err.count("arenascope: ") == 1 or all(
        line.startswith("arenascope: ") for line in lines), result
    if word:
        assert re.search(word, result.err, re.I), result
    return result


def refused_in_json(arenascope, code, *arguments, **options):
    result = arenascope.run(*arguments, "--json", **options)
    assert result.code == code, result
    answer = result.json
    tool.validate(answer)
    assert answer["schema"] == "arenascope/1"
    assert answer["error"]["exit"] == code
    assert answer["error"]["detail"]
    return answer["error"]


def free_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


VERBS = ["dump", "stats", "map", "doctor"]


@pytest.mark.parametrize("verb", VERBS)
def test_no_such_process(arenascope, verb):
    refused(arenascope.run(verb, free_pid()), 4)
    refused_in_json(arenascope, 4, verb, free_pid())


def test_no_such_file(arenascope, quiet, tmp_path):
    """A word with a slash is a path, also where it is of an option."""
    nowhere = str(tmp_path / "nowhere")
    refused(arenascope.run("dump", nowhere), 2, "no file .*nowhere")
    refused(arenascope.run("why", quiet.pid, "--since", nowhere), 2, "--since: there is no file .*nowhere")


@pytest.mark.parametrize("verb", VERBS)
def test_zombie(arenascope, verb):
    child = subprocess.Popen(["true"])
    while targets.stat_field(child.pid, 3) != "Z":
        time.sleep(0.005)
    refused(arenascope.run(verb, child.pid), 4, "zombie|ended")
    child.wait()


LEADERLESS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
print("READY", flush=True)
ctypes.CDLL(None).syscall(60, 0)  # exit: of this thread alone
"""


def test_a_main_thread_that_has_ended(arenascope, python):
    """The kernel shows such a process only through the threads that still run."""
    with targets.start(python.command + ["-c", LEADERLESS]) as target:
        target.wait_for(lambda: target.state() == "Z", "the end of the main thread")
        refused(arenascope.run("dump", target.pid), 4, "/proc/%d/task" % target.pid)
        task, = set(os.listdir("/proc/%d/task" % target.pid)) - {str(target.pid)}
        answer = arenascope.json("dump", task, "--exact")
        assert answer["interpreters"] and answer["pause"]["mode"] == "stopped"


def test_kernel_thread(arenascope):
    found = [pid for pid in os.listdir("/proc") if pid.isdigit()
             and targets.stat_field(int(pid), 4) == "2"]
    if not found:
        pytest.skip("no kernel thread is visible here")
    refused(arenascope.run("dump", found[0]), 4, "kernel")


@pytest.mark.parametrize("verb", VERBS)
def test_not_python(arenascope, verb):
    with targets.start(["sleep", "600"]) as target:
        refused(arenascope.run(verb, target.pid), 5, "python")
        refused_in_json(arenascope, 5, verb, target.pid)
        assert target.alive()


@pytest.mark.parametrize("verb", ["dump", "stats", "map"])
def test_another_users_process(quiet, verb):
    with nobody.unprivileged() as arenascope:
        refused(arenascope.run(verb, quiet.pid, wrap=nobody.WRAP), 3, "uid|user")
        error = refused_in_json(arenascope, 3, verb, quiet.pid, wrap=nobody.WRAP)
        assert error["rule"] and error["remedy"]


def test_a_target_that_is_not_dumpable(python):
    nobody.need_root()
    command = nobody.WRAP + python.command + ["-c", targets.read(
        os.path.join(targets.PROGRAMS, "undumpable.py"))]
    with nobody.unprivileged() as arenascope, targets.start(command) as target:
        target.wait_ready()
        refused(arenascope.run("dump", target.pid, wrap=nobody.WRAP), 3, "dumpable")


def test_an_own_process_needs_no_privilege(python):
    """No capability, no cache folder, no HOME: the answer is the same."""
    nobody.need_root()
    program = targets.read(os.path.join(targets.PROGRAMS, "mixed_heap.py"))
    command = nobody.WRAP + python.command + ["-c", program, "2"]
    with nobody.unprivileged() as arenascope, targets.start(command) as target:
        target.wait_paused()
        result = arenascope.ok("stats", target.pid, wrap=nobody.WRAP, env={"HOME": None})
        assert result.out == target.err
        assert arenascope.json("dump", target.pid, wrap=nobody.WRAP)["allocated_blocks"] == int(
            target.out.split()[-1])


@pytest.mark.parametrize("verb", ["dump", "stats", "map"])
def test_a_target_that_is_traced_already(arenascope, python, verb):
    with targets.start_program(python, "mixed_heap.py", 1) as target:
        target.wait_paused()
        tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-e", "trace=none", "-p",
                                   str(target.pid)], stderr=subprocess.DEVNULL)
        try:
            target.wait_for(lambda: target.status("TracerPid") == str(tracer.pid), "a tracer")
            target.wait_for(target.paused, "pause")
            result = arenascope.run(verb, target.pid)
            assert result.code in (0, 7), result
            if verb == "stats":
                assert result.out == target.err
            refused(arenascope.run(verb, target.pid, "--exact"), 3, "traced|tracer")
            assert refused_in_json(arenascope, 3, verb, target.pid, "--exact")["remedy"]
            assert target.status("TracerPid") == str(tracer.pid)
        finally:
            tracer.terminate()
            tracer.wait()
        assert arenascope.ok("stats", target.pid).out == target.err


def stripped_copy(python, folder):
    """A copy of the interpreter without symbols and without a build-id to find any by."""
    with targets.start(python.command + ["-c", "import time; time.sleep(60)"]) as target:
        target.wait_for(lambda: "python" in os.readlink("/proc/%d/exe" % target.pid), "exec")
        exe = os.readlink("/proc/%d/exe" % target.pid)
    strip = ["objcopy", "--strip-all", "--remove-section=.note.gnu.build-id",
             "--remove-section=.gnu_debuglink"]
    copy = os.path.join(folder, "python-copy")
    subprocess.run(strip + [exe, copy], check=True)
    os.chmod(copy, 0o755)
    if python.module != exe:
        subprocess.run(strip + [python.module, os.path.join(
            folder, os.path.basename(python.module))], check=True)
    return copy


def shared_and_static():
    own = [it for it in interpreters.with_debug_info() if it.root == "/" and not it.debug
           and it.version >= (3, 6)]
    return [own[0], own[-1], interpreters.plain()] if own else []


@pytest.mark.parametrize("python", sorted(set(shared_and_static()), key=str), ids=str)
def test_python_without_debug_information(arenascope, python, tmp_path):
    """Nor a build-id: the answer is the same, and where it comes from is said."""
    copy = stripped_copy(python, tmp_path)
    prefix = os.path.dirname(os.path.dirname(os.path.realpath(python.command[-1])))
    env = {"LD_LIBRARY_PATH": str(tmp_path), "PYTHONHOME": prefix}
    program = os.path.join(targets.PROGRAMS, "mixed_heap.py")
    with targets.start([copy, program, "1"], env=env) as target:
        target.wait_paused()
        result = arenascope.run("stats", target.pid)
        assert result.code == 0 and result.out == target.err, result
        symbols = arenascope.run("dump", "--json", target.pid).json["symbols"]
        assert symbols["layout"] == "scanned" and symbols["debug_file"] is None, symbols
        assert target.alive()


NOT_PYTHON = """
#include <unistd.h>
void *PyInterpreterState_Head(void) { return 0; }
int main(void) { return pause(); }
"""


def test_nothing_to_be_found(arenascope, tmp_path):
    """It exports what an interpreter does, and has neither symbols nor a heap of Python's."""
    program = os.path.join(tmp_path, "python")
    subprocess.run(["cc", "-x", "c", "-", "-rdynamic", "-s", "-o", program], check=True, text=True,
                   input=NOT_PYTHON)
    child = subprocess.Popen([program])
    try:
        while targets.stat_field(child.pid, 3) != "S":
            time.sleep(0.005)
        result = refused(arenascope.run("dump", child.pid), 6)
        assert re.search(r"-dbg|--symbols|debug", result.err), result
        error = refused_in_json(arenascope, 6, "dump", child.pid)
        assert error["remedy"]
    finally:
        child.kill()
        child.wait()


def test_a_deleted_and_a_replaced_executable(arenascope, tmp_path):
    """The file behind the mapping counts, not what its name means now."""
    own = [it for it in interpreters.with_debug_info()
           if it.root == "/" and it.module == os.path.realpath(it.command[-1])]
    if not own:
        pytest.skip("no interpreter here that holds its runtime in the executable")
    python = own[0]
    copy = str(tmp_path / "python-copy")
    shutil.copy(python.module, copy)
    os.chmod(copy, 0o755)
    env = {"PYTHONHOME": "/usr"}
    program = os.path.join(targets.PROGRAMS, "mixed_heap.py")
    with targets.start([copy, program, "1"], env=env) as target:
        target.wait_paused()
        os.unlink(copy)
        assert arenascope.ok("stats", target.pid, "--no-cache").out == target.err
        shutil.copy("/bin/true", copy)
        assert arenascope.ok("stats", target.pid, "--no-cache").out == target.err


@pytest.mark.parametrize("arguments", [
    ["dump"], ["stats", "--no-such-option", "1"], ["dump", "--max-pause", "soon", "1"],
    ["dump", "--exact", "--no-pause", "1"], ["dump", "--units", "furlongs", "1"],
    ["dump", "1", "2"], ["dump", "--color", "pink", "1"], ["dump", "0"],
    ["no-such-process-name"], ["dump", "no-such-process-name"], ["record", "1"], ["dump", ""],
    ["dump", "--pid", "12x"], ["dump", "--symbols", "/no/such/file", "1"],
    ["dump", "99999999999999999999"], ["help", "no-such-verb"],
], ids=" ".join)
def test_usage(arenascope, arguments):
    result = arenascope.run(*arguments)
    no_pid = arguments[-1] in ("0", "99999999999999999999")
    assert result.code == 2 or no_pid and result.code == 4, result
    assert result.err.startswith("arenascope: "), result
    assert not result.out, result


def test_a_file_that_is_no_recording(arenascope, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"\x7fELF" + bytes(60))
    assert arenascope.run("dump", path).code in (2, 8)


def script(folder, name):
    path = str(folder / name)
    shutil.copy(os.path.join(targets.PROGRAMS, "mixed_heap.py"), path)
    return path


def test_names(arenascope, python, tmp_path):
    """A name that one process has is a target; one that two have prints both and says so."""
    name = "zweifach%d.py" % random.randrange(10 ** 9)
    command = python.command + [script(tmp_path, name), "0"]
    if python.root != "/":
        pytest.skip("needs an interpreter outside a chroot")
    with targets.start(command) as first:
        first.wait_paused()
        assert arenascope.ok("stats", name).out == first.err
        with targets.start(command) as second:
            second.wait_paused()
            result = arenascope.run("stats", name)
            assert result.code == 2, result
            both = result.out + result.err
            assert str(first.pid) in both and str(second.pid) in both, result


def test_a_process_too_large_to_look_at_hides_no_other(release, quiet, python, tmp_path):
    if python.root != "/":
        pytest.skip("needs an interpreter outside a chroot")
    with targets.start_program(python, "crowded.py", tmp_path) as crowd:
        crowd.wait_ready()
        if "FEW" in crowd.out:
            pytest.skip("this kernel allows too few mappings")
        listed = release.ok("ps")
        assert str(quiet.pid) in listed.out.split(), listed
        assert "could not be looked into" in listed.err and str(crowd.pid) not in listed.err, listed
        assert re.search(r"\b%d\b" % crowd.pid, release.ok("ps", "-v").err)
        refused(release.run("dump", crowd.pid), 9, "maps")


@pytest.mark.parametrize("verb", VERBS + ["ps"])
def test_closed_and_full_outputs(arenascope, quiet, verb):
    arguments = [verb] if verb == "ps" else [verb, quiet.pid]
    closed = arenascope.run(*arguments, wrap=["sh", "-c", 'exec "$@" >&-', "sh"])
    refused(closed, 9)
    with open("/dev/full", "wb") as full:
        refused(arenascope.run(*arguments, stdout=full), 9, "space|full")
        assert arenascope.run(*arguments, "--json", stdout=full).code == 9
    assert arenascope.run(*arguments, "-o", "/dev/full").code == 9
    refused(arenascope.run(*arguments, "-o", "/no/such/folder/file"), 9)


def test_a_reader_that_goes_away(arenascope, quiet):
    """head closes the pipe: no message, no crash."""
    process = arenascope.start("dump", quiet.pid, "--json", stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=tool.TIMEOUT) in (9, -13, 141), err
    assert "Sanitizer" not in err


@pytest.mark.parametrize("verb", ["dump", "stats", "ledger", "malloc"])
def test_a_target_that_dies_meanwhile(arenascope, python, verb):
    """At any moment: an answer, a partial one, or status 4; never a crash and never a hang."""
    dice = random.Random(7)
    seen = set()
    for _ in range(12):
        with targets.start_program(python, "mixed_heap.py", 20) as target:
            target.wait_paused()
            process = arenascope.start(verb, target.pid, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE)
            time.sleep(dice.random() * 0.25)
            target.end()
            err = process.stderr.read().decode()
            process.stderr.close()
            code = process.wait(timeout=tool.TIMEOUT)
            assert code in (0, 4, 7), (code, err)
            assert "Sanitizer" not in err, err
            assert "executed" not in err, err  # it is killed, and its memory goes before it does
            seen.add(code)
    assert seen - {7}


def test_a_target_that_is_only_starting(arenascope, python):
    """From the first instruction on: no interpreter yet, half of one, a whole one."""
    for step in range(15):
        with targets.start_program(python, "mixed_heap.py", 1) as target:
            time.sleep(step * 0.002)
            result = arenascope.run("dump", target.pid)
            assert result.code in (0, 4, 5, 7), result
            assert target.alive()
