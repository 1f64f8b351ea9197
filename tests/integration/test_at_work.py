"""A process whose heap breathes: looks at it are whole, and what is saved of it meanwhile accuses nobody."""

import hashlib

import pytest

from support import interpreters, savefiles, targets

SEED = "47"
MINORS = [(3, 8), (3, 11), (3, 13)]


def some():
    """One of each of these minors, the machine's own first."""
    found = {}
    for it in interpreters.with_debug_info():
        if it.version[:2] in MINORS and not it.debug and (it.root == "/" or it.version[:2] not in found):
            found[it.version[:2]] = it
    return list(found.values())


@pytest.mark.parametrize("python", some(), ids=str)
def test_a_stop_finds_arenas_on_their_way_out(release, python):
    """Most stops end system calls, and of this program many of these are munmap() of an arena."""
    with targets.start_program(python, "breathing.py", SEED) as target:
        target.wait_ready()
        codes = [release.run("stats", target.pid).code for _ in range(15)]
    assert codes == [0] * 15


def ways():
    """Blanked under each, and in every way under one."""
    for it in some():
        for way in ("redacted", "--contents", "--exact") if it == some()[-1] else ("redacted",):
            yield pytest.param(it, () if way == "redacted" else (way,), id="%s-%s" % (it, way.strip("-")))


@pytest.mark.parametrize("python, options", ways())
def test_what_was_saved_meanwhile_accuses_nobody(release, tmp_path, python, options):
    """Of several snapshots malloc's heap is proved in some at least, and in none of them is what stays a leak."""
    path, proved, found = str(tmp_path / "saved"), 0, []
    secrets = [hashlib.sha256(("%s:%d" % (SEED, i)).encode()).hexdigest()[:24].encode() for i in range(200)]
    with targets.start_program(python, "breathing.py", SEED) as target:
        target.wait_ready()
        for _ in range(3):
            release.run("snapshot", target.pid, "-o", path, *options)
            result = release.run("why", path, "--json")
            assert result.code in (0, 7), result
            answer = result.json
            proved += not [it for it in answer["doubts"] if it["kind"].startswith("malloc")]
            found += [it["cause"] for it in answer["why"]["causes"]]
            assert "moments" in [it["kind"] for it in answer["doubts"]]
            held = savefiles.Savefile(path).everything()
            assert ("--contents" in options) == any(secret in held for secret in secrets)
    assert proved >= 1
    assert not {"leaked_references", "native_lost"} & set(found), found
