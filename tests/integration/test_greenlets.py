"""Greenlets that wait: what their variables hold is held by them, and nothing of it is leaked."""

import glob
import os
import re

import pytest

from support import interpreters, targets


def has_greenlet(python):
    """Whether Debian's python3-greenlet, or an installed one, is there for it: no interpreter is started to see."""
    prefix = os.path.join(python.root, os.path.dirname(os.path.dirname(python.command[-1])).lstrip("/"))
    places = ["lib/python3/dist-packages", "lib/python%d.%d/site-packages" % python.version[:2]]
    name = "greenlet/_greenlet.cpython-%d%d%s-*.so" % (python.version[:2] + ("d" if python.debug else "",))
    return any(glob.glob(os.path.join(prefix, place, name)) for place in places)


PYTHONS = [it for it in interpreters.discover()[0] if it.version >= (3, 8) and has_greenlet(it)]
# Variable: type of what it holds, and how many there are; support/programs/greenlets.py.
HELD = {
    "__main__.handle() sessions": ("__main__.Session", 2000),
    "__main__.handle() data": ("bytearray", 100),
    "__main__.inner() local": ("__main__.Local", 500),
    "__main__.dive() deep": ("__main__.Deep", 501 + 11),
    "__main__.main() of_main": ("__main__.OfMain", 70),
    "__main__.run() of_running": ("__main__.OfRunning", 60),
    "__main__.in_thread() of_thread": ("__main__.OfThread", 50),
}


def told(target):
    return dict(line.split(" ") for line in target.out.splitlines())


def check_held(why):
    roots = {}
    for it in why["holders"]:
        assert it["root"] not in roots, "two rows of one name"
        roots[it["root"]] = it
    for name, (kind, expected) in HELD.items():
        assert roots[name]["kind"] == "frame_local"
        [count] = [it["count"] for it in roots[name]["types"] if it["type"] == kind]
        # Some few are reached by an old word of another frame as well.
        assert expected * 0.96 <= count <= expected, (name, count)
    unheld = why["unheld"]
    assert unheld["complete"]
    lost = [it for what in ("garbage", "leaked") for it in unheld[what]["types"] if re.match("__main__|bytearray", it["type"])]
    assert not lost and unheld["leaked"]["bytes"] + unheld["unreached_bytes"] < 10000
    assert not [it for it in why["causes"] if it["cause"] in ("leaked_references", "uncollected_garbage")]


def check_ledger(answer):
    """Each greenlet that waits has a page of frames at least, the deep one a whole chunk."""
    ledger = answer["ledger"]
    [frames] = [it for it in ledger["entries"] if it["key"] == "python.frames"]
    [greenlets] = [it["resident_bytes"] for it in frames["detail"] if it["name"] == "greenlets"]
    assert greenlets >= 104 * 4096 + 16384
    assert ledger["unexplained_bytes"] < 100 * 4096
    return greenlets


def doubts(answer):
    return [it for it in answer["doubts"] if it["kind"] == "holders_partial"]


@pytest.mark.skipif(not PYTHONS, reason="no interpreter here has greenlet: apt-get install python3-greenlet")
@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_what_waiting_greenlets_hold(arenascope, tmp_path, python):
    path = str(tmp_path / "blanked")
    with targets.start_program(python, "greenlets.py") as target:
        target.wait_paused()
        live = arenascope.json("why", target.pid)
        frames = check_ledger(arenascope.json("ledger", target.pid))
        session = arenascope.json("object", target.pid, told(target)["session"])["object"]
        arenascope.ok("snapshot", target.pid, "-o", path)
    saved = arenascope.json("why", path)
    assert check_ledger(arenascope.json("ledger", path)) == frames
    check_held(live["why"])
    check_held(saved["why"])
    assert not doubts(live) and not doubts(saved)
    assert session["type"] == "__main__.Session"
    assert session["chain"][0] == "__main__.handle() sessions"
