"""A snapshot without contents answers who is in there as the process does, and holds no secret."""

import copy
import hashlib
import json
import os
import re
import tempfile

import pytest

from support import interpreters, savefiles, targets, tool

MIMALLOC = {"PYTHONMALLOC": "mimalloc"}
KNOWN = ([(it, {}) for it in interpreters.with_debug_info() + interpreters.free_threaded()] +
         [(it, MIMALLOC) for it in interpreters.with_mimalloc()])
SEED = "23"
# Of the moment, of the machine, or of where it was read.
PASSING = {"elapsed_ms", "pause", "target", "copy_us", "window_bytes", "symbols", "cgroup", "pss_bytes", "tool", "host"}
NAMED = ["__main__.Plain", "__main__.Slotted", "__main__.Wide", "__main__.Text", "__main__.Mapping", "__main__.Error"]


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="arenascope-redaction-") as path:
        yield path


def of(name):
    return hashlib.sha256((SEED + ":" + name).encode()).hexdigest()[:24]


def is_used_as_a_name(secret):
    return secret == of("loose") or secret in {of("entry-%d" % i) for i in range(50)}


def secrets():
    many = {"list": 800, "slot": 800, "weight": 800, "cache": 800, "entry": 50, "error": 50, "text": 50, "note": 50,
            "mapping": 50, "interned": 50, "interned-key": 50}
    for name, n in many.items():
        yield from (of("%s-%d" % (name, i)) for i in range(0, n, 7))
    yield from (of(name) for name in ("argument", "record-one", "record-two", "loose"))


class Seen:
    """What was asked of one interpreter's process and of its two snapshots."""

    def __init__(self, release, python, folder, objects=True, env=None):
        self.python, self.texts = python, []
        self.red, self.whole = (os.path.join(folder, name + "".join((env or {}).values())) for name in ("red", "whole"))
        with targets.start_program(python, "names.py", SEED, env=env) as target:
            target.wait_ready().wait_paused()
            release.ok("snapshot", target.pid, "-o", self.red)
            release.ok("snapshot", target.pid, "-o", self.whole, "--contents")
            self.ids = dict(line.split("=") for line in target.out.split() if "=" in line) if objects else {}
            self.live = self.ask(release, target.pid)
        self.of_whole, before = self.ask(release, self.whole), len(self.texts)
        self.of_red = self.ask(release, self.red)
        self.texts += [release.run(verb, self.red).out for verb in ("types", "why")]
        self.texts_of_red = self.texts[before:]

    def ask(self, release, what):
        answers = {"types": release.run("types", what, "--json"), "why": release.run("why", what, "--json")}
        for name, address in self.ids.items():
            answers["object " + name] = release.run("object", what, address, "--json")
        self.texts += [answer.out for answer in answers.values()]
        for verb, answer in answers.items():
            assert answer.code in (0, 7), (verb, answer)
        return {verb: answer.json for verb, answer in answers.items()}


@pytest.fixture(scope="module", params=KNOWN, ids=lambda it: "-".join([str(it[0]), *it[1].values()]))
def seen(request, folder, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    python, env = request.param
    yield Seen(tool.Tool(cache, tool.RELEASE), python, folder, env=env)


def lasting(value, key=None):
    """Without what is of the moment; rows that count the same come in any order."""
    if isinstance(value, dict):
        return {k: lasting(v, k) for k, v in value.items() if k not in PASSING}
    if isinstance(value, list) and key != "chain":
        return sorted((lasting(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    return value


def by_name(value):
    """Without roots in static data: what a file has no symbol for, it tells by place."""
    if isinstance(value, dict):
        return {key: by_name(it) for key, it in value.items()}
    if isinstance(value, list):
        return [by_name(it) for it in value if not (isinstance(it, dict) and it.get("kind") in ("static", "unknown"))]
    return value


def apart(one, other, path=""):
    """Where two answers differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [it for key in sorted(set(one) | set(other), key=str)
                for it in apart(one.get(key), other.get(key), "%s.%s" % (path, key))]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [it for i, pair in enumerate(zip(one, other)) for it in apart(*pair, "%s[%d]" % (path, i))]
    return [] if one == other else [(path, one, other)]


def named(answer):
    """Dicts of attributes, each as text. What Open's instances have is data, too."""
    rows = [row for row in answer["census"]["dicts"] if row["attributes"]]
    return {json.dumps(row, sort_keys=True) for row in rows if not any(key.startswith("open_") for key in row["keys"])}


def of_types(answer):
    """Without the dicts. Of those that are no attributes it cannot be told whether keys of one length are the same: a
    list of so many then goes further. Tables of keys are those of all dicts together: of a table that was let go, and that two
    have an old word of, the census tells now the one's, now the other's."""
    answer = copy.deepcopy(answer)
    del answer["census"]["dicts"]
    rows = [row for row in answer["types"] if row["type"].split()[0] == "dict"]
    tables = {key: sum(row.pop(key) for row in rows)
              for key in ("buffer_count", "buffer_bytes", "large_count", "large_bytes")}
    for row in rows:
        del row["arenas"]  # in which the tables lie, too
    return dict(lasting(answer), tables=tables)


def test_types_are_the_same(seen):
    live, red, whole = (of_types(answers["types"]) for answers in (seen.live, seen.of_red, seen.of_whole))
    assert not apart(red, whole)
    assert not apart(red["types"], live["types"]) and not apart(red["census"], live["census"])
    names = {row["type"]: row for row in red["types"]}
    for name in NAMED + (["__main__.Ancient"] if seen.python.version < (3, 0) else []):
        assert name in names, name
    assert names["__main__.Plain"]["count"] == 1130 and names["__main__.Slotted"]["count"] == 900


def roots(answer):
    """Bytes by root, of those with names: a file has no symbols of static data, and old words on a C stack hold by chance."""
    return {(row["kind"], row["root"]): (row["bytes"], row["count"], lasting(row["chains"]))
            for row in answer["why"]["holders"] if row["kind"] not in ("static", "unknown", "thread")}


def check_roots(red, whole):
    """What is left over in memory that is not in use may look like a reference, and is not kept where it is no address:
    of two roots that hold the same thing the other may come first. A root that holds little may be the first left out."""
    for root in set(red) | set(whole):
        one, other = (roots.get(root, (0,))[0] for roots in (red, whole))
        assert abs(one - other) <= max(1024, 0.03 * other) or max(one, other) < 4096, (root, one, other)


def test_why_is_the_same(seen):
    live, red, whole = (answers["why"] for answers in (seen.live, seen.of_red, seen.of_whole))
    found = roots(red)
    check_roots(found, roots(whole))
    for kind, root in (("module_global", "__main__.CACHE"), ("module_global", "__main__.REGISTRY"),
                       ("frame_local", "__main__.hold() in_a_local")):
        assert (kind, root) in found, (root, sorted(found))
        assert found[kind, root] == roots(live)[kind, root]
    for key in live["why"]:
        if key not in ("holders", "roots", "fork"):
            # One variable of the interpreter's is as many roots in a file, without symbols, as it has words.
            other = whole if key == "pins" else live
            assert not apart(*(by_name(lasting(answer["why"][key])) for answer in (red, other))), key


def test_objects_are_the_same(seen):
    for name in seen.ids:
        live, red, whole = (lasting(answers["object " + name])["object"]
                            for answers in (seen.live, seen.of_red, seen.of_whole))
        for key in ("type", "preview", "bytes", "total_bytes", "refcount", "chain"):
            assert red[key] == live[key] == whole[key], (name, key)
        # What is left over in memory that is not in use may look like a reference.
        assert abs(red["found_references"] - whole["found_references"]) <= 2, name
    if seen.python.version >= (3, 6):  # before, a dict does not say whose attributes it holds
        chain = seen.of_red["object items"]["object"]["chain"]
        assert any("colour" in link for link in chain), chain
    assert any("first_slot" in link for link in seen.of_red["object of-slot"]["object"]["chain"])
    assert "fill" in seen.of_red["object function"]["object"]["preview"]


def test_signatures_are_named(seen):
    """Attribute names are told of each class, also where instances no longer share them."""
    live, red, whole = (named(answers["types"]) for answers in (seen.live, seen.of_red, seen.of_whole))
    assert live == whole and len(live) > 100
    assert live <= red, live - red
    assert not [row for row in red if '""' in row]


def pieces(data):
    """All eight characters in a row that a secret may have."""
    return {run[at:at + 8] for run in set(re.findall(rb"[0-9a-f]{8,}", data)) for at in range(len(run) - 7)}


def test_nothing_secret_is_kept(seen):
    hidden = set(secrets())
    used = {secret for secret in hidden if is_used_as_a_name(secret)}
    red, whole = (pieces(savefiles.Savefile(path).everything()) for path in (seen.red, seen.whole))
    assert all(pieces(secret.encode()) <= whole for secret in hidden)  # they are there to be hidden
    assert not [secret for secret in hidden if pieces(secret.encode()) & red]
    for text in seen.texts:
        # What a process uses as the name of an attribute is one, as long as it is looked at itself.
        told = {secret for secret in hidden if secret in text}
        assert not told - (set() if text in seen.texts_of_red else used)


def test_names_are_read_as_they_are_now(release, folder):
    """With the debug hooks, and with all objects in malloc: the same names."""
    python = interpreters.plain()
    ways = [(python, "debug"), (python, "malloc")] + [(it, "mimalloc_debug") for it in interpreters.with_mimalloc()[:1]]
    for python, value in ways:
        seen = Seen(release, python, folder, objects=False, env={"PYTHONMALLOC": value})
        assert not apart(of_types(seen.of_red["types"]), of_types(seen.of_whole["types"]))
        check_roots(roots(seen.of_red["why"]), roots(seen.of_whole["why"]))
        test_nothing_secret_is_kept(seen)


def test_a_whole_snapshot_tells_contents_only_when_asked(release, seen):
    """Live and saved with contents say the same, and secrets only with --contents."""
    told = release.json("types", seen.whole, "--contents")
    keys = [key for row in told["census"]["dicts"] for key in row["keys"]]
    assert of("record-one") in keys
    blanked = release.run("types", seen.red, "--contents")
    assert blanked.code in (0, 7) and of("record-one") not in blanked.out
