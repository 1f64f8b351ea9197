"""
Planted culprits (support/culprits.py): the planted cause comes first, with its type and its holder, and following the
advice frees what was promised.
"""

import os
import select
import time

import pytest

from support import cores, culprits, interpreters, targets
from support.interpreters import python_of

MIB = 1 << 20
PLANTED = 24 * MIB  # at least; each is about 50
CAUSES = {
    "pymalloc_pinned", "pymalloc_free_pools", "live_objects", "malloc_free_trimmable", "malloc_free_stuck",
    "malloc_arena_per_thread", "malloc_threshold_raised", "malloc_env_ineffective", "mimalloc_retained", "native_live",
    "native_lost", "thread_stacks", "file_mappings", "shared_memory", "huge_pages", "fork_private_copies",
    "uncollected_garbage", "frozen_garbage", "leaked_references", "swapped_out", "nothing_wrong"}
# Lines of the ledger in which the bytes of a cause lie, by how their keys begin.
LEAVES = {
    "pymalloc_pinned": ("pymalloc.",), "pymalloc_free_pools": ("pymalloc.free_pools",),
    "live_objects": ("pymalloc.", "malloc.live", "malloc.mmapped", "mimalloc.live"), "malloc_free_trimmable": ("malloc.free_trimmable",),
    "malloc_free_stuck": ("malloc.free_stuck",), "malloc_arena_per_thread": ("malloc.free_trimmable", "malloc.top"),
    "malloc_threshold_raised": ("malloc.free_trimmable", "malloc.top"),
    "malloc_env_ineffective": ("malloc.free_trimmable", "malloc.top"), "mimalloc_retained": ("mimalloc.",),
    "native_live": ("malloc.live",), "native_lost": ("malloc.live",), "thread_stacks": ("stack.threads",),
    "file_mappings": ("file.mapped",), "shared_memory": ("shared.memory",), "huge_pages": ("anon.",),
    "fork_private_copies": ("pymalloc.", "malloc.", "python.static"), "uncollected_garbage": ("pymalloc.", "mimalloc.live"),
    "frozen_garbage": ("pymalloc.", "mimalloc.live"),
    "leaked_references": ("pymalloc.", "mimalloc.live")}
KEPT_BY_MIMALLOC = ("live_objects", "uncollected_garbage", "frozen_garbage", "leaked_references")  # what is let go does not go back at once
UNHELD = {"uncollected_garbage": "garbage", "frozen_garbage": "frozen", "leaked_references": "leaked"}
COLLECTED = ("free_lists", "cycles")  # scenarios: among what pins lies what only gc.collect() frees
LABELS = ["WHY", "WHO", "GAIN", "DO", "NOT", "SURE", "MORE"]
PLANT = {str(culprit): culprit for culprit in culprits.TABLE + culprits.CALM}
SOME = ["pinned-module_dict", "live-history", "freed-trimmable", "native-lost"]


def why(arenascope, subject, *options):
    """The part that answers, after what must hold of each."""
    answer = arenascope.json("why", subject, *options)
    found = answer["why"]
    causes = found["causes"]
    assert causes and found["verdict"] and all(found["verdict"])
    assert {it["cause"] for it in causes} <= CAUSES
    assert any(causes[0][key] == max(it[key] for it in causes) for key in ("bytes", "symptom_bytes"))
    assert all(it["confidence"] in ("measured", "inferred") for it in causes)
    if causes[0]["cause"] == "nothing_wrong":
        assert len(causes) == 1 and causes[0]["bytes"] == 0
    else:
        assert all(it["evidence"] and it["cause"] != "nothing_wrong" for it in causes)
        assert causes[0]["advice"]
        assert sum(it["bytes"] for it in causes) <= rss_of(answer), "they are disjoint"
    return found


def rss_of(answer):
    """A core does not tell it."""
    return (answer["ledger"]["rss_bytes"] if answer.get("ledger") else answer["target"]["rss_bytes"]) or 1 << 62


def types_of(root):
    return [it if isinstance(it, str) else it["type"] for it in root["types"]]


def has_words(name, words):
    return all(word in name for word in words)


def check_pins(found, culprit):
    """Its type is among the first that pin, and most of these hang on its root; a collection is advised where it helps."""
    pins = {pin["type"]: pin for pin in found["pins"][:3]}
    assert culprit.type in pins, [pin["type"] for pin in found["pins"]]
    pin = pins[culprit.type]
    assert pin["count"] >= 500 and pin["arenas"] >= 20
    if culprit.roots:
        first = pin["holders"][0]
        assert has_words(first["chain"][0], culprit.roots), first
        assert first["chain"][-1] == culprit.type and first["count"] >= 0.9 * pin["count"], first
    cause, collected = found["causes"][0], culprit.scenario in COLLECTED
    assert ("collected_arenas" in cause["evidence"]) == collected, cause
    assert any("gc.collect()" in line for line in cause["advice"]) == collected, cause


def check_holders(found, culprit):
    """Its root is charged with most bytes, and its type is one of those that hang there."""
    first = found["holders"][0]
    assert has_words(first["root"], culprit.roots), [it["root"] for it in found["holders"][:5]]
    assert first["bytes"] >= PLANTED
    if culprit.type:
        assert culprit.type in types_of(first), first


def check_ledger(answer, cause):
    """The bytes of a cause are bytes of those lines of `dump` where it must lie; and there they are many."""
    there = sum(entry["resident_bytes"] for entry in answer["ledger"]["entries"]
                if entry["key"].startswith(LEAVES[cause["cause"]]))
    assert there >= PLANTED and cause["bytes"] <= there + MIB, (there, cause)


# ---- the table ---------------------------------------------------------------------------------------


def test_each_cause_is_planted():
    assert {culprit.cause for culprit in PLANT.values()} == CAUSES
    assert len(PLANT) == len(culprits.TABLE) + len(culprits.CALM) >= 24


@pytest.mark.parametrize("culprit, python, way", culprits.matrix(culprits.TABLE))
def test_the_planted_cause_comes_first(arenascope, culprit, python, way):
    with culprits.start(culprit, python, way) as planted:
        found = why(arenascope, planted.pid, *(("--no-cache",) if way else ()))
        cause = found["causes"][0]
        assert cause["cause"] == culprit.cause, found["causes"]
        if culprit.cause != "swapped_out":
            check_ledger(arenascope.json("dump", planted.pid), cause)
        if culprit.cause == "pymalloc_pinned":
            check_pins(found, culprit)
        elif culprit.cause in ("live_objects", "native_live"):
            check_holders(found, culprit)
        elif culprit.cause in UNHELD:
            most = found["unheld"][UNHELD[culprit.cause]]
            assert most["types"][0]["type"] == culprit.type and most["bytes"] >= PLANTED, most
        if culprit.gain and not (python.free_threaded and cause["cause"] in KEPT_BY_MIMALLOC):
            fall = planted.follow_advice()
            assert fall >= PLANTED
            assert abs(cause["bytes"] - fall) <= fall * 0.1, (cause["bytes"], fall, cause)


@pytest.mark.parametrize("culprit, python, way", culprits.matrix(culprits.CALM))
def test_nothing_wrong_is_said_where_nothing_is(arenascope, culprit, python, way):
    with culprits.start(culprit, python, way) as planted:
        found = why(arenascope, planted.pid, *(("--no-cache",) if way else ()))
        assert [it["cause"] for it in found["causes"]] == ["nothing_wrong"]


# ---- what else is said of them ---------------------------------------------------------------------------


def test_a_native_leak_is_told_by_size_and_library(arenascope):
    """60,000 pieces of 1000 bytes: chunks of 1008."""
    with culprits.start(PLANT["native-lost"], python_of()) as planted:
        lost = why(arenascope, planted.pid)["unheld"]["lost"]
    assert "libc" in lost["library"]
    assert lost["sizes"][0]["size"] in (1000, 1008) and 59000 <= lost["sizes"][0]["count"] <= 60100, lost
    assert 59000 * 1008 <= lost["bytes"] <= 64 * MIB


def test_whether_the_collector_is_off_is_told(arenascope):
    with culprits.start(PLANT["unreached-garbage"], python_of()) as planted:
        found = why(arenascope, planted.pid)
        assert found["unheld"]["gc_enabled"] is False
        assert 109900 <= found["unheld"]["garbage"]["types"][0]["count"] <= 110000
        assert "gc.collect()" in found["causes"][0]["advice"][0]
    with culprits.start(PLANT["calm-cache"], python_of()) as planted:
        assert why(arenascope, planted.pid)["unheld"]["gc_enabled"] is True


def test_freeing_the_cheapest_blocks_returns_what_the_curve_says(arenascope):
    """The curve ends where all of them are freed, and never falls."""
    with culprits.start(PLANT["pinned-module_dict"], python_of()) as planted:
        sparse = why(arenascope, planted.pid)["sparse"]
    curve = sparse["curve"]
    assert len(curve) >= 5 and sparse["sparse_arenas"] >= 20
    for key in ("blocks", "bytes", "returned_bytes"):
        assert [step[key] for step in curve] == sorted(step[key] for step in curve)
    assert curve[-1]["blocks"] <= sparse["used_blocks"] and curve[-1]["returned_bytes"] <= sparse["resident_bytes"]
    assert curve[-1]["returned_bytes"] >= PLANTED
    assert has_words(sparse["roots"][0]["root"], ["__main__.CACHE"]) and sparse["roots"][0]["held_bytes"] >= PLANTED


def test_each_byte_is_charged_to_one_root(arenascope):
    """All roots together hold no more than there is, and nearly all of it."""
    with culprits.start(PLANT["live-history"], python_of()) as planted:
        found = why(arenascope, planted.pid)
        rows = arenascope.json("types", planted.pid)["types"]
    there = sum(row["bytes"] + row["buffer_bytes"] for row in rows)
    charged = sum(root["bytes"] for root in found["holders"])
    assert 0.9 * there <= charged <= 1.1 * there, (charged, there)
    events = next(row for row in rows if row["type"] == "__main__.Event")
    assert events["count"] == 100000
    assert found["holders"][0]["bytes"] >= events["bytes"] + events["buffer_bytes"]
    assert found["holders"][0]["kind"] == "module_global"


def pages_of(pid, ranges):
    """{address: page} of private anonymous memory."""
    with open("/proc/%d/mem" % pid, "rb", buffering=0) as memory:
        return {at: os.pread(memory.fileno(), 4096, at) for start, end in ranges for at in range(start, end, 4096)}


def arenas_of(answer):
    heap = answer["interpreters"][0]["pymalloc"]
    return [(int(arena["address"], 16), int(arena["address"], 16) + heap["arena_size"]) for arena in heap["arena_list"]]


@pytest.mark.parametrize("name, key", [("worker-reads", "identical_bytes"), ("worker-holds", "refcounts_only_bytes")])
@pytest.mark.parametrize("minor", [(3, 8), (3, 11), (3, 13)], ids="3.{0[1]}".format)
def test_what_a_worker_copied_is_told_by_how_it_differs(arenascope, minor, name, key):
    """Its arenas against its parent's, page by page: the same again, or different by counts of references."""
    with culprits.start(PLANT[name], python_of(minor)) as planted:
        told = why(arenascope, planted.pid)["fork"]
        ranges = arenas_of(arenascope.json("dump", planted.pid))
        mine, its = pages_of(planted.pid, ranges), pages_of(planted.target.pid, ranges)
    differ = 4096 * sum(mine[at] != its[at] for at in mine)
    truth = differ if name == "worker-holds" else 4096 * len(mine) - differ
    assert truth > PLANTED
    assert told["parent"] == planted.target.pid
    assert 0.85 * truth <= told[key] <= 1.1 * truth + MIB, (truth, told)
    parts = ("identical_bytes", "refcounts_only_bytes", "gc_links_only_bytes", "changed_bytes")
    assert sum(told[part] for part in parts) == told["compared_bytes"]


@pytest.mark.parametrize("name", ["pinned-module_dict", "live-history"])
def test_theories_are_ruled_out_with_figures(arenascope, name):
    with culprits.start(PLANT[name], python_of()) as planted:
        found = why(arenascope, planted.pid)
        trimmable = arenascope.json("malloc", planted.pid)["malloc"]["trimmable_bytes"]
    theories = {it["theory"]: it for it in found["not"]}
    assert abs(theories["malloc_trim"]["bytes"] - trimmable) <= MIB
    assert all(it["text"] for it in found["not"])


@pytest.mark.parametrize("name", SOME + ["calm-cache"])
def test_the_text_has_its_labels_in_order(arenascope, name):
    with culprits.start(PLANT[name], python_of()) as planted:
        text = arenascope.ok("why", planted.pid).out
    labels = [line.split()[0] for line in text.splitlines() if line and line.split()[0] in LABELS
              and not line.startswith(" ")]
    assert labels[0] == "WHY" and "SURE" in labels
    labels = list(dict.fromkeys(labels))  # a second WHY corrects the first
    assert labels == sorted(labels, key=LABELS.index), text
    assert all(len(line) <= 80 for line in text.splitlines()[2:]), text
    if name == "pinned-module_dict":
        assert "__main__.CACHE" in text and "__main__.Session" in text
    assert ("GAIN" in labels) == (name != "calm-cache")


BETWEEN = """
import signal, sys
class Row(object):
    __slots__ = ('number', 'user', 'pair')
    def __init__(self, i):
        self.number, self.user, self.pair = i + 1000, 'user %040d' % i, (i, i)
ROWS, OTHERS = [], []
for i in range(200000):
    ROWS.append(Row(i))
    if i % 20 == 0:
        OTHERS.append(Row(i))
sys.stdout.write('READY\\n')
sys.stdout.flush()
signal.pause()
"""


def test_what_fills_a_process_is_told_though_little_would_come_back(release):
    """A row of somebody else's in each arena: to let ROWS go gives back its list, and the process is full of rows all the same."""
    with targets.start(python_of().command + ["-c", BETWEEN]) as target:
        target.wait_ready().wait_paused()
        cause = why(release, target.pid)["causes"][0]
        text = release.ok("why", target.pid).out
    assert cause["cause"] == "live_objects" and cause["bytes"] < 8 << 20 < 40 << 20 < cause["symptom_bytes"]
    assert "the rest lies between objects that stay" in " ".join(text.split())


TWO = """
import gc, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
class Event(object):
    def __init__(self, i):
        self.number, self.body = i + 1000, 'body %0200d' % i
OLD, NEW, FEW = [Event(i) for i in range(90000)], {i: Event(i) for i in range(75000)}, [Event(i) for i in range(20000)]
def say(word):
    sys.stdout.write(word + '\\n')
    sys.stdout.flush()
    signal.pause()
say('READY')
del OLD[:]
NEW.clear()
gc.collect()
__import__('ctypes').CDLL(None).malloc_trim(0)
say('DONE')
"""


@pytest.mark.parametrize("minor", [(3, 8), (3, 11), (3, 13)], ids="3.{0[1]}".format)
def test_two_that_fill_a_process_are_both_told(release, minor):
    """Neither has half of it, and a third has too little to count; what helps against both is said once."""
    with targets.start(python_of(minor).command + ["-c", TWO]) as target:
        target.wait_ready().wait_paused()
        found = why(release, target.pid)
        text = " ".join(release.ok("why", target.pid).out.split())
        fall = culprits.Planted(target, target.pid).follow_advice()
    causes = found["causes"]
    assert [(it["cause"], it["evidence"]["root"]) for it in causes] == [
        ("live_objects", "__main__.OLD"), ("live_objects", "__main__.NEW")]
    assert all(it["evidence"]["root_share"] < 0.5 for it in causes), causes
    assert abs(sum(it["bytes"] for it in causes) - fall) <= fall * 0.1, (causes, fall)
    assert text.count("until then:") == text.count("to have it back at once") == 1, text
    assert "goes back when __main__.OLD lets it go" in text and "goes back when __main__.NEW lets it go" in text


SPARSE = """
import gc, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
gc.disable()
class Node(object):
    def __init__(self, i):
        self.itself, self.body = self, 'x%0100d' % i
def forget(n):
    peak, nodes = [], []
    for i in range(n):
        peak.append('y%0150d' % i)
        if i % 100 == 0:
            nodes.append(Node(i))
    gc.freeze()
    del nodes[:], peak[:]
def say(word):
    sys.stdout.write(word + '\\n')
    sys.stdout.flush()
    signal.pause()
forget(400000)
gc.collect()
say('READY')
if gc.collect() > 100:
    raise SystemExit('a collection has found what is frozen')
gc.unfreeze()
gc.collect()
say('DONE')
"""


@pytest.mark.parametrize("minor", [(3, 11), (3, 13)], ids="3.{0[1]}".format)
def test_arenas_that_frozen_garbage_keeps_are_told_with_it(release, minor):
    """A cycle in each arena: nobody pins them, and a collection does not help until it may look there."""
    with targets.start(python_of(minor).command + ["-c", SPARSE]) as target:
        target.wait_ready().wait_paused()
        found = why(release, target.pid)
        fall = culprits.Planted(target, target.pid).follow_advice()
    cause = found["causes"][0]
    assert cause["cause"] == "frozen_garbage" and cause["advice"][0].startswith("call gc.unfreeze(), then gc.collect()")
    assert cause["evidence"]["frozen_arenas"] >= 30 and cause["evidence"]["type"] == "__main__.Node"
    assert 0.7 * fall <= cause["bytes"] <= fall and fall >= PLANTED, (cause, fall)


# ---- from files -------------------------------------------------------------------------------------------


NAMED = ("module_global", "frame_local", "class_attribute")  # static data is named by symbol only where its file is


def told(found):
    """Figures by name: of causes, of what named roots hold, of what pins."""
    return ([it["cause"] for it in found["causes"]],
            dict([(it["cause"], it["bytes"]) for it in found["causes"]] +
                 [(it["root"], it["bytes"]) for it in found["holders"]
                  if it["kind"] in NAMED and it["bytes"] >= MIB] +
                 [(it["type"], it["count"]) for it in found["pins"][:5] if it["count"] >= 500]))


def assert_alike(found, live, causes=True):
    """The interpreter itself lives a little between two looks; a table has moved by then, its bytes have not."""
    (order, figures), (live_order, live_figures) = told(found), told(live)
    if not causes:  # a core does not know what is resident
        order, live_order = order[:1], live_order[:1]
        figures, live_figures = ({name: value for name, value in it.items() if name not in CAUSES}
                                 for it in (figures, live_figures))
    assert order == live_order
    assert figures.keys() == live_figures.keys()
    apart = {name: (value, live_figures[name]) for name, value in figures.items()
             if abs(value - live_figures[name]) > max(live_figures[name] // 50, 64 << 10)}
    assert not apart


def in_turn(names):
    """Each on the next of three minors; on all three where all is asked for."""
    minors = [(3, 8), (3, 11), (3, 13)]
    for i, name in enumerate(names):
        for minor in minors if interpreters.all_are_asked() else [minors[i % 3]]:
            yield pytest.param(name, minor, id="3.%d-%s" % (minor[1], name))


@pytest.mark.parametrize("name, minor", in_turn(SOME + ["unreached-garbage", "unreached-leaked", "live-tasks"]))
def test_files_give_the_same_answer(arenascope, name, minor):
    with culprits.start(PLANT[name], python_of(minor)) as planted, cores.folder() as folder:
        live = why(arenascope, planted.pid, "--exact", "--max-pause", "20000")
        whole, blanked = os.path.join(folder, "whole"), os.path.join(folder, "blanked")
        arenascope.ok("snapshot", planted.pid, "-o", whole, "--contents")
        arenascope.ok("snapshot", planted.pid, "-o", blanked)
        core = cores.gcore(planted, folder)
        assert_alike(why(arenascope, whole), live)
        assert_alike(why(arenascope, blanked), live)
        assert_alike(why(arenascope, core), live, causes=False)


def test_a_file_says_the_same_each_time(release, python, tmp_path):
    """Whichever worker of the census met a type first."""
    file = str(tmp_path / "file")
    with targets.start_program(python, "mixed_heap.py", 20) as target:
        target.wait_paused()
        release.ok("snapshot", target.pid, "-o", file)
    answers = [release.json("why", file) for _ in range(10)]
    assert all((it["why"], it["types"]) == (answers[0]["why"], answers[0]["types"]) for it in answers)


# ---- two looks -----------------------------------------------------------------------------------------------

GROW = """
import signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
class Item(object):
    def __init__(self, i):
        self.number, self.body = i + 1000, bytes(bytearray(100))
KEPT = [Item(i) for i in range(1000)]
sys.stdout.write('READY\\n')
sys.stdout.flush()
signal.pause()
KEPT.extend([Item(i) for i in range(40000)])
sys.stdout.write('GROWN\\n')
sys.stdout.flush()
signal.pause()
"""


@pytest.mark.parametrize("minor", [(3, 8), (3, 11), (3, 13)], ids="3.{0[1]}".format)
def test_what_grew_is_told(arenascope, release, tmp_path, minor):
    before, after = str(tmp_path / "before"), str(tmp_path / "after")
    with targets.start(python_of(minor).command + ["-c", GROW]) as target:
        target.wait_ready().wait_paused()
        arenascope.ok("snapshot", target.pid, "-o", before)
        target.signal(10)
        target.wait_for(lambda: "GROWN" in target.out and target.paused(), "growth")
        arenascope.ok("snapshot", target.pid, "-o", after)
        answers = [arenascope.json("diff", before, after), arenascope.json("diff", before, target.pid)]
        text = arenascope.ok("why", target.pid, "--since", before).out
        types = arenascope.ok("types", target.pid, "--since", before).out
    for answer in answers:
        grown = {row["name"]: row for row in answer["diff"]["types"]}
        assert grown["__main__.Item"]["count"] == 40000 and grown["__main__.Item"]["count_before"] == 1000
        roots = answer["diff"]["roots"]
        assert roots[0]["name"] == "__main__.KEPT" and roots[0]["bytes"] > 6 * MIB
        assert answer["diff"]["same_process"] and answer["diff"]["live_bytes"] > 6 * MIB
        leaves = {row["name"]: row["bytes"] for row in answer["diff"]["ledger"]}
        assert leaves["pymalloc.live"] == answer["diff"]["live_bytes"]
        assert answer["diff"]["arenas"] > 0 and answer["diff"]["classes"]
    assert "40,000" in text or "40000" in text
    assert "__main__.Item" in types and ("40,000" in types or "40000" in types)
    for condition, code in (("live:6M", 1), ("live:1G", 0), ("arenas:0", 1), ("blocks:80000", 1), ("rss:1M", 1)):
        assert release.run("diff", before, after, "--fail-on", condition).code == code, condition
    assert release.run("diff", after, before, "--fail-on", "live:0").code == 0  # it shrank
    same = arenascope.json("diff", after, after)
    assert not same["diff"]["types"] and not same["diff"]["roots"]


def test_what_stands_there_is_told_though_nothing_grew(release, tmp_path):
    """Seconds after the file was made: no time to grow in, and no reason to acquit what fills the process."""
    before = str(tmp_path / "before")
    with culprits.start(PLANT["live-history"], python_of()) as planted:
        release.ok("snapshot", planted.pid, "-o", before)
        found = why(release, planted.pid, "--since", before)
        text = "".join(release.ok("why", planted.pid, "--since", before).out.split())
    cause = found["causes"][0]
    assert (cause["cause"], cause["holder"], cause["confidence"]) == ("live_objects", "__main__.HISTORY", "inferred")
    assert cause["bytes"] >= PLANTED and cause["evidence"]["grown_bytes"] < MIB
    growth = next(it for it in found["not"] if it["theory"] == "growth")
    assert growth["bytes"] < MIB and before in growth["text"] and "ago" in growth["text"]
    assert "growing?" in text and "since" + before in text and "onelookcannottell" not in text


# ---- two phases -----------------------------------------------------------------------------------------------


def first_words(process):
    """Seconds until something stands on its standard output, and what."""
    start = time.monotonic()
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready
    return time.monotonic() - start, os.read(process.stdout.fileno(), 65536).decode()


def test_interrupted_it_keeps_what_it_said(arenascope):
    """The ledger's verdict stands before holders are sought, and a Ctrl-C leaves it there."""
    with culprits.start(PLANT["live-history"], python_of()) as planted:
        process = arenascope.start("why", planted.pid, stdout=-1, stderr=-1)
        with process:
            _, text = first_words(process)
            process.send_signal(2)
            text += process.stdout.read().decode()
            process.stderr.read()
        assert "WHY" in text
        assert process.returncode in (0, 130)  # it may have been done
        assert planted.target.alive()
