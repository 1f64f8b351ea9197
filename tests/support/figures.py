"""Relations that hold between the figures of every answer, whatever the heap."""

import copy


def own(answer):
    """The interpreters that have arenas of their own."""
    return [it for it in answer["interpreters"] if not it["shares_main"]]


def check_pymalloc(heap):
    """One allocator's figures add up, as CPython's own asserts say they must."""
    figures, arenas = heap["bytes"], heap["arena_list"]
    parts = ("allocated", "available", "unused_pools", "pool_headers", "quantization",
             "arena_alignment")
    assert sum(figures[part] for part in parts) == figures["total"]
    assert figures["total"] == len(arenas) * heap["arena_size"]
    check_counters(heap["arenas"], len(arenas))
    classes = heap["classes"]
    assert sum(c["used_blocks"] * c["size"] for c in classes) == figures["allocated"]
    assert sum(c["free_blocks"] * c["size"] for c in classes) == figures["available"]
    assert [c["size"] for c in classes] == sorted({c["size"] for c in classes})
    for size_class in classes:
        check_class(heap, size_class)
    assert sum(a["free_pools"] for a in arenas) * heap["pool_size"] == figures["unused_pools"]
    assert sum(a["used_blocks"] for a in arenas) == sum(c["used_blocks"] for c in classes)
    assert sum(a["used_bytes"] for a in arenas) == figures["allocated"]
    addresses = [int(a["address"], 16) for a in arenas]
    assert addresses == sorted(addresses)
    for arena in arenas:
        check_arena(heap, arena)


def check_counters(counters, n_arenas):
    """Those that this build keeps; the others are null."""
    assert counters["current"] in (None, n_arenas)
    if counters["highwater"] is not None:
        assert counters["highwater"] >= n_arenas
    if counters["allocated_total"] is not None:
        assert counters["allocated_total"] - counters["reclaimed"] == n_arenas
        assert counters["allocated_total"] >= (counters["highwater"] or 0)


def check_class(heap, size_class):
    size = size_class["size"]
    assert size % heap["alignment"] == 0 and size <= heap["small_request_threshold"]
    per_pool = (heap["pool_size"] - 48) // size
    assert size_class["used_blocks"] + size_class["free_blocks"] == size_class["pools"] * per_pool


def check_arena(heap, arena):
    slots = heap["arena_size"] // heap["pool_size"]
    assert arena["pools"] in (slots - 1, slots)
    assert 0 <= arena["free_pools"] <= arena["pools"]
    assert arena["used_bytes"] <= (arena["pools"] - arena["free_pools"]) * heap["pool_size"]
    if arena["resident_bytes"] is not None:
        assert arena["resident_bytes"] + (arena["swapped_bytes"] or 0) <= heap["arena_size"]


def check(answer):
    """All figures of a `dump --json`."""
    for interpreter in own(answer):
        if interpreter["pymalloc"]:
            check_pymalloc(interpreter["pymalloc"])


def blocks_of(heap):
    return {c["size"]: c["used_blocks"] for c in heap["classes"]}


def without_residency(answer):
    """The interpreters less what the kernel moves about at any moment, of a target at rest too."""
    interpreters = copy.deepcopy(answer["interpreters"])
    for interpreter in interpreters:
        for arena in (interpreter["pymalloc"] or {}).get("arena_list", []):
            arena["resident_bytes"] = arena["swapped_bytes"] = None
    return interpreters
