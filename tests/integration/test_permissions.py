"""Every rule that may forbid a look, each with its own message; and the rights we give up ourselves."""

import contextlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time

import pytest

from support import nobody, targets, tool

PTRACE = 1 << 19
ONLY_PTRACE = ["setpriv", "--reuid=%d" % nobody.UID, "--regid=%d" % nobody.UID, "--clear-groups",
               "--inh-caps=-all,+sys_ptrace", "--ambient-caps=-all,+sys_ptrace",
               "--bounding-set=-all,+sys_ptrace", "--"]
MIXED = targets.read(os.path.join(targets.PROGRAMS, "mixed_heap.py"))


@pytest.fixture(scope="session")
def deny(tmp_path_factory):
    """A launcher that refuses system calls to what it runs: deny("ptrace", ...) is a wrap."""
    path = str(tmp_path_factory.mktemp("deny") / "deny")
    source = os.path.join(os.path.dirname(targets.PROGRAMS), "deny.c")
    subprocess.run(["gcc", "-O1", "-o", path, source], check=True)
    return lambda *calls: [path, *calls, "--"]


@contextlib.contextmanager
def public(binary=tool.RELEASE):
    """The release tool where everybody may run it. (The leak sanitizer needs what is denied here.)"""
    folder = tempfile.mkdtemp(prefix="arenascope-public-")
    try:
        os.chmod(folder, 0o755)
        copy = shutil.copy(binary, os.path.join(folder, "arenascope"))
        os.chmod(copy, 0o755)
        yield tool.Tool(os.path.join(folder, "none"), copy)
    finally:
        shutil.rmtree(folder)


def refused(result, rule, *words, code=3):
    """One object that names the rule; what it says names what is needed, in text as in JSON."""
    assert result.code == code, result
    answer = result.json
    tool.validate(answer)
    error = answer["error"]
    assert error["exit"] == code and error["rule"] == rule, error
    assert error["remedy"], error
    for word in words:
        assert re.search(word, error["detail"] + "\n" + error["remedy"]), (word, error)
    assert result.err.startswith("arenascope: " + error["detail"]) and error["remedy"] in result.err
    return error


# ---- the rows of the kernel's question ---------------------------------------------------------

def test_another_user_without_capabilities(quiet):
    with nobody.unprivileged() as arenascope:
        refused(arenascope.run("dump", quiet.pid, "--json", wrap=nobody.WRAP), "other_user",
                "runs as user 0, this is user %d" % nobody.UID, "sudo", "CAP_SYS_PTRACE")
        told = arenascope.run("doctor", quiet.pid, wrap=nobody.WRAP)
        assert told.code == 3 and re.search("missing +mappings", told.out), told


@pytest.mark.parametrize("verb", ["dump", "stats", "map"])
def test_only_the_capability_to_trace(quiet, verb):
    """As another user with CAP_SYS_PTRACE alone: the whole answer, and the target as it was."""
    nobody.need_root()
    keys = ["VmSwap", "VmPTE", "RssFile"]
    if targets.kernel_shares_zeros():  # else what was never touched gets pages by being read, and what that is is not told here
        keys += ["VmRSS", "RssAnon"]
    with public() as arenascope:
        before = {key: quiet.status(key) for key in keys}
        assert arenascope.ok("stats", quiet.pid, wrap=ONLY_PTRACE).out == quiet.err
        if verb != "stats":
            answer = arenascope.json(verb, quiet.pid, "--no-cache", wrap=ONLY_PTRACE)
            assert "residency" in {d["kind"] for d in answer["doubts"]}
            arenas = answer["interpreters"][0]["pymalloc"]["arena_list"]
            assert {arena["resident_bytes"] for arena in arenas} == {None}
            assert arenascope.json("dump", quiet.pid, "--exact", wrap=ONLY_PTRACE)[
                "pause"]["mode"] == "stopped"
        assert {key: quiet.status(key) for key in keys} == before
        assert re.search(r"^ *%d .* yes " % quiet.pid, arenascope.ok("ps", wrap=ONLY_PTRACE).out,
                         re.M)


def test_a_process_that_changed_its_user(python):
    """Started by root, then another user: its files stay root's."""
    nobody.need_root()
    code = "import os; os.setresgid(*[%d] * 3); os.setresuid(*[%d] * 3)\n" % ((nobody.UID,) * 2)
    with public() as arenascope, targets.start(python.command + ["-c", code + MIXED, "1"]) as target:
        target.wait_paused()
        assert target.status("Uid").split()[0] == str(nobody.UID)
        refused(arenascope.run("dump", target.pid, "--json", wrap=nobody.WRAP), "not_dumpable",
                "not dumpable", "setcap cap_sys_ptrace")
        assert arenascope.ok("stats", target.pid).out == target.err
        assert arenascope.ok("stats", target.pid, wrap=ONLY_PTRACE).out == target.err


def test_a_process_with_capabilities_that_we_lack(python):
    nobody.need_root()
    command = nobody.WRAP[:-1] + ["--inh-caps=+net_raw,+sys_time", "--ambient-caps=+net_raw,+sys_time",
                                  "--"] + python.command + ["-c", MIXED, "1"]
    with public() as arenascope, targets.start(command) as target:
        target.wait_paused()
        refused(arenascope.run("dump", target.pid, "--json", wrap=nobody.WRAP),
                "missing_capabilities", "cap_net_raw, cap_sys_time", "sudo")


def test_root_of_another_user_namespace(quiet):
    nobody.need_root()
    wrap = ["unshare", "--user", "--map-root-user"]
    if subprocess.run(wrap + ["true"], check=False).returncode:
        pytest.skip("user namespaces cannot be made here")
    with public() as arenascope:
        refused(arenascope.run("dump", quiet.pid, "--json", wrap=wrap), "user_namespace",
                "another user namespace", "on the host")
        listed = [line for line in arenascope.ok("ps", wrap=wrap).out.splitlines()
                  if line.split()[:1] == [str(quiet.pid)]]
        assert listed and "no: user_namespace" in listed[0]


def test_a_sandbox_without_ptrace(release, quiet, deny):
    """Read by /proc/PID/mem and never stopped; only --exact cannot be had."""
    wrap = deny("ptrace", "process_vm_readv")
    result = release.ok("stats", quiet.pid, wrap=wrap)
    assert result.out == quiet.err and "not_stopped" in result.err
    answer = release.json("stats", quiet.pid, wrap=wrap)
    assert answer["pause"]["stops"] == 0
    doubt, = [d for d in answer["doubts"] if d["kind"] == "not_stopped"]
    assert "seccomp" in doubt["detail"] and doubt["severity"] == "note"
    assert not [d for d in release.json("dump", quiet.pid, wrap=wrap)["doubts"]]
    refused(release.run("dump", quiet.pid, "--exact", "--json", wrap=wrap), "seccomp", "seccomp",
            "profile")
    assert "/proc/PID/mem" in release.ok("doctor", quiet.pid, wrap=wrap).out


def test_a_sandbox_without_pidfd(release, quiet, python, deny):
    wrap = deny("pidfd_open")
    assert release.ok("stats", quiet.pid, wrap=wrap).out == quiet.err
    with targets.start_program(python, "mixed_heap.py", 1) as target:
        target.wait_paused()
        process = release.start("top", target.pid, "--json", "-i", "0.2", wrap=wrap,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(0.6)
        assert process.poll() is None
        target.end()
        assert process.wait(timeout=tool.TIMEOUT) == 4, process.stderr.read()
        process.stderr.close()


def test_a_tracer_that_has_it(release, python):
    with targets.start_program(python, "mixed_heap.py", 1) as target:
        target.wait_paused()
        tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-e", "trace=none", "-p",
                                   str(target.pid)], stderr=subprocess.DEVNULL)
        try:
            target.wait_for(lambda: target.status("TracerPid") == str(tracer.pid), "a tracer")
            refused(release.run("dump", target.pid, "--exact", "--json"), "traced",
                    "traced by process %d" % tracer.pid, "--no-pause")
        finally:
            tracer.terminate()
            tracer.wait()


# ---- its memory may not be read, its mappings may -------------------------------------------------

# A mount namespace in which $TARGET's mem is another file, and perhaps the kernel says it has Yama.
MASKED = """
set -e
: > "$FOLDER/mask"
chmod 000 "$FOLDER/mask"
mount --bind "$FOLDER/mask" /proc/$TARGET/mem
if [ -n "$SCOPE" ]; then
    mount -t tmpfs none /proc/sys/kernel
    mkdir /proc/sys/kernel/yama
    echo $SCOPE > /proc/sys/kernel/yama/ptrace_scope
    chmod -R a+rX /proc/sys/kernel
fi
exec "$@"
"""


@contextlib.contextmanager
def masked(python, deny, scope=""):
    """(tool, its options, target): process_vm_readv and ptrace are denied, and mem cannot be opened."""
    nobody.need_root()
    with public() as arenascope, targets.start(nobody.WRAP + python.command + [
            "-c", MIXED, "8"]) as target:
        target.wait_paused()
        folder = os.path.dirname(arenascope.binary)
        launcher = shutil.copy(deny()[0], os.path.join(folder, "deny"))
        os.chmod(launcher, 0o755)
        wrap = ["unshare", "--mount", "sh", "-c", MASKED, "sh"] + nobody.WRAP + [
            launcher, "ptrace", "process_vm_readv", "--"]
        options = {"wrap": wrap,
                   "env": {"FOLDER": folder, "TARGET": str(target.pid), "SCOPE": scope}}
        if subprocess.run(wrap[:5] + ["sh", "true"], check=False,
                          env=dict(os.environ, **options["env"])).returncode:
            pytest.skip("a mount below /proc is not allowed here")
        yield arenascope, options, target


def check_ledger(answer, target):
    """Its sums are the kernel's."""
    ledger = answer["ledger"]
    by_key = {entry["key"]: entry for entry in ledger["entries"]}
    assert {"anon.unknown", "anon.heap", "file.text", "file.data", "stack.main",
            "kernel.special"} <= set(by_key)
    assert ledger["rss_bytes"] == sum(entry["resident_bytes"] for entry in ledger["entries"])
    kernel = int(target.status("VmRSS").split()[0]) * 1024
    assert ledger["rss_kernel_bytes"] == kernel
    assert abs(ledger["rss_bytes"] - kernel) < 400 * 1024
    size = sum(entry["mapped_bytes"] for entry in ledger["entries"])
    # VmSize does not count [vsyscall]
    assert abs(size - int(target.status("VmSize").split()[0]) * 1024) <= 4096
    anonymous = sum(by_key[key]["resident_bytes"] for key in by_key
                    if key.split(".")[0] in ("anon", "stack"))
    assert abs(anonymous + by_key["file.data"]["resident_bytes"]
               - int(target.status("RssAnon").split()[0]) * 1024) < 1024 * 1024


def test_mappings_alone(python, deny):
    with masked(python, deny) as (arenascope, options, target):
        for verb in ("dump", "ledger", "map"):
            result = arenascope.run(verb, target.pid, "--json", **options)
            refused(result, "seccomp", "seccomp", "profile", code=7)
            check_ledger(result.json, target)
        refused(arenascope.run("malloc", target.pid, "--json", **options), "seccomp", "seccomp",
                "profile")
        text = arenascope.run("dump", target.pid, **options)
        assert text.code == 7 and "anon.unknown" in text.out and "seccomp" in text.err, text
        assert max(map(len, text.out.splitlines())) <= 80
        stats = arenascope.run("stats", target.pid, **options)
        assert stats.code == 3 and not stats.out, stats
        doctor = arenascope.run("doctor", target.pid, **options)
        told = re.sub(r"\s+", " ", doctor.out)
        assert doctor.code == 3 and "missing attach a seccomp filter" in told, doctor
        assert "no Yama, a seccomp filter on us, uid %d without CAP_SYS_PTRACE" % nobody.UID in told
        assert "ok mappings may be read" in told
        assert target.paused()


@pytest.mark.parametrize("scope, remedy", [("1", "ptrace_scope=0"), ("2", "sudo"),
                                           ("3", "next boot")])
def test_yama(python, deny, scope, remedy):
    """This kernel may have no Yama: then one is played, whose refusals are a sandbox's."""
    with masked(python, deny, scope) as (arenascope, options, target):
        error = refused(arenascope.run("dump", target.pid, "--json", **options),
                        "yama_ptrace_scope", "ptrace_scope is " + scope, remedy, code=7)
        assert "seccomp" not in error["detail"]


# ---- our own rights --------------------------------------------------------------------------------

def sets(pid):
    """Capability sets of all threads of a process: {key: {values}}."""
    found = {}
    for task in os.listdir("/proc/%d/task" % pid):
        for line in targets.read("/proc/%d/task/%s/status" % (pid, task)).splitlines():
            name, _, value = line.partition(":")
            if name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
                found.setdefault(name, set()).add(int(value, 16))
            elif name == "NoNewPrivs":
                found.setdefault(name, set()).add(int(value))
    return found


@contextlib.contextmanager
def streaming(arenascope, pid, *options, **popen):
    """`top --json`, once it has looked a few times: its process."""
    process = arenascope.start("top", pid, "--json", "-i", "0.1", *options, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, **popen)
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        assert all(lines), process.stderr.read()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_a_look_keeps_one_capability(release, quiet):
    nobody.need_root()
    with streaming(release, quiet.pid) as process:
        held = sets(process.pid)
        assert held == {"CapEff": {PTRACE}, "CapPrm": {PTRACE}, "CapInh": {0}, "CapAmb": {0},
                        "CapBnd": {PTRACE}, "NoNewPrivs": {1}}
        assert targets.read("/proc/%d/oom_score_adj" % process.pid).strip() == "1000"


@pytest.fixture
def foreign(python):
    """A target of another user's, looked at by root: the files of /proc are not ours."""
    nobody.need_root()
    with targets.start(nobody.WRAP + python.command + ["-c", MIXED, "2"]) as target:
        yield target.wait_paused()


def test_every_verb_works_without_the_others(release, foreign):
    with streaming(release, foreign.pid) as process:  # maps is opened anew for each look
        assert sets(process.pid)["CapEff"] == {PTRACE}
    assert release.ok("stats", foreign.pid).out == foreign.err
    for options in (["dump"], ["map"], ["dump", "--exact"], ["doctor"], ["doctor", "--plan"]):
        release.ok(options[0], foreign.pid, *options[1:])
    assert "kept: cap_sys_ptrace" in re.sub(r"\s+", " ", release.ok("doctor", foreign.pid).out)
    assert release.json("dump", foreign.pid, "--exact")["pause"]["mode"] == "stopped"


def test_answers_are_written_where_others_own(release, foreign, tmp_path):
    """Root writes into a folder of somebody else's, as before: for that one more is kept."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, nobody.UID, nobody.UID)
    os.chmod(folder, 0o700)
    release.ok("stats", foreign.pid, "-o", folder / "answer-%p")
    written = folder / ("answer-%d" % foreign.pid)
    assert written.read_text() == foreign.err
    assert stat.S_IMODE(os.stat(written).st_mode) == 0o600
    log = str(tmp_path / "strace")
    for where, kept in ((folder, "CAP_DAC_OVERRIDE"), (tmp_path, "CAP_SYS_PTRACE")):
        release.ok("stats", foreign.pid, "-o", where / "again", wrap=[
            "strace", "-f", "-qq", "-e", "trace=capset", "-o", log])
        assert ("CAP_DAC_OVERRIDE" in targets.read(log)) == (kept == "CAP_DAC_OVERRIDE")
        assert "CAP_SYS_PTRACE" in targets.read(log)


def test_a_sandbox_where_nothing_can_be_given_up(release, quiet, deny):
    assert release.ok("stats", quiet.pid, wrap=deny("capset")).out == quiet.err


def test_an_own_target_needs_none(python):
    nobody.need_root()
    with public() as arenascope, targets.start(nobody.WRAP + python.command + [
            "-c", MIXED, "1"]) as target:
        target.wait_paused()
        with streaming(arenascope, target.pid, wrap=nobody.WRAP) as process:
            held = sets(process.pid)
            assert held["CapEff"] == held["CapPrm"] == {0} and held["NoNewPrivs"] == {1}


# ---- a program that its file makes privileged -----------------------------------------------------

@contextlib.contextmanager
def privileged(how):
    """A copy that runs with rights that its user has not: by file capabilities, or set-user-ID."""
    nobody.need_root()
    with public() as arenascope:
        if how == "setuid":
            os.chmod(arenascope.binary, 0o4755)
        elif subprocess.run(["setcap", how + "+ep", arenascope.binary], check=False).returncode:
            pytest.skip("file capabilities cannot be set here")
        asked = subprocess.run(nobody.WRAP + [arenascope.binary, "--version"], check=False,
                               capture_output=True)
        if asked.returncode:
            pytest.skip("such programs do not run here")
        yield arenascope


FILES = ["cap_sys_ptrace", "cap_sys_ptrace,cap_dac_override,cap_dac_read_search,cap_sys_admin",
         "setuid"]


@pytest.mark.parametrize("how", FILES)
def test_a_privileged_program_shows_its_user_no_more(quiet, python, tmp_path, how):
    with privileged(how) as arenascope:
        for verb in ("dump", "stats", "map", "doctor"):
            refused(arenascope.run(verb, quiet.pid, "--json", wrap=nobody.WRAP), "other_user",
                    "only processes of their own", "sudo")
        row, = [line for line in arenascope.ok("ps", wrap=nobody.WRAP).out.splitlines()
                if line.split()[:1] == [str(quiet.pid)]]
        assert "no: other_user" in row
        with targets.start(nobody.WRAP + python.command + ["-c", MIXED, "1"]) as target:
            target.wait_paused()
            assert arenascope.ok("stats", target.pid, wrap=nobody.WRAP).out == target.err
            with streaming(arenascope, target.pid, wrap=nobody.WRAP) as process:
                assert sets(process.pid)["CapEff"] == {PTRACE}
                ids = targets.read("/proc/%d/status" % process.pid)
                assert re.search(r"^Uid:\s+%d\s+%d\s+%d\s" % ((nobody.UID,) * 3), ids, re.M)


CLOSED = {
    "not_dumpable": (nobody.WRAP, "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"),
    "missing_capabilities": (nobody.WRAP[:-1] + ["--inh-caps=+net_raw", "--ambient-caps=+net_raw",
                                                 "--"], ""),
    "other_user": (["setpriv", "--ruid=%d" % nobody.UID, "--regid=%d" % nobody.UID,
                    "--clear-groups", "--"], ""),  # as a set-user-ID program that the user runs
}


@pytest.mark.parametrize("how", FILES)
@pytest.mark.parametrize("rule", CLOSED)
def test_a_privileged_program_opens_no_process_that_is_closed_to_its_user(python, how, rule):
    wrap, code = CLOSED[rule]
    with privileged(how) as arenascope, targets.start(wrap + python.command + [
            "-c", code + MIXED, "1"]) as target:
        target.wait_paused()
        assert target.status("Uid").split()[0] == str(nobody.UID)
        for verb in ("dump", "stats"):
            refused(arenascope.run(verb, target.pid, "--json", wrap=nobody.WRAP), rule,
                    "only processes of their own", "sudo")


@pytest.mark.parametrize("how", FILES)
def test_a_privileged_program_opens_no_file_its_user_cannot(python, tmp_path, how):
    with privileged(how) as arenascope, targets.start(nobody.WRAP + python.command + [
            "-c", MIXED, "1"]) as target:
        target.wait_paused()
        os.chmod(tmp_path, 0o700)  # root's
        answer = arenascope.run("dump", target.pid, "-o", tmp_path / "answer", wrap=nobody.WRAP)
        assert answer.code == 9 and not os.listdir(tmp_path), answer
        secret = tmp_path / "core"
        secret.write_bytes(b"\x7fELF" + bytes(12) + b"\x04\x00" + bytes(60))
        result = arenascope.run("dump", secret, wrap=nobody.WRAP)
        assert result.code == 2 and "core" not in result.err.replace(str(secret), ""), result


@pytest.mark.parametrize("how", FILES[:1] + FILES[2:])
def test_a_privileged_program_ignores_the_environment(python, how):
    """No cache folder of the user's choice is written, no debug file of theirs is believed."""
    with privileged(how) as arenascope, targets.start(nobody.WRAP + python.command + [
            "-c", MIXED, "1"]) as target:
        target.wait_paused()
        folder = os.path.dirname(arenascope.binary)
        cache = os.path.join(folder, "cache")
        os.mkdir(cache)
        os.chmod(cache, 0o777)
        env = {"XDG_CACHE_HOME": cache, "HOME": cache}
        assert arenascope.ok("stats", target.pid, wrap=nobody.WRAP, env=env).out == target.err
        assert not os.listdir(cache)
        theirs = os.path.join(folder, "theirs.debug")
        with open(theirs, "w", encoding="utf-8") as file:
            file.write("not a debug file")
        answer = arenascope.json("dump", target.pid, "--symbols", theirs, wrap=nobody.WRAP, env=env)
        assert answer["symbols"]["debug_file"] != theirs
        doctor = arenascope.ok("doctor", target.pid, "--symbols", theirs, wrap=nobody.WRAP, env=env)
        assert "theirs.debug" not in doctor.out
        plain = shutil.copy(arenascope.binary, os.path.join(folder, "plain"))
        os.chmod(plain, 0o755)
        tool.Tool(cache, plain).ok("stats", target.pid, wrap=nobody.WRAP)
        assert os.listdir(cache)  # without privileges the same folder is used
