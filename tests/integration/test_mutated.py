"""
Snapshots whose memory is damaged word by word, with checksums that say it is not: every answer ends in time, is whole or says
that it is not, and no sanitizer finds anything.

Words become nothing, all ones, a little more or less, or what stands elsewhere in that heap: pointers that lead to something,
but not to what they should.
"""

import os
import random
import struct

import pytest

from support import closures, interpreters, savefiles

PYTHONS = [it for it in interpreters.with_debug_info()
           if it.root == "/" and not it.debug and it.version[:2] in ((2, 7), (3, 8), (3, 11), (3, 13))]
ROUNDS = int(os.environ.get("ARENASCOPE_MUTATIONS", "6" if os.environ.get("ARENASCOPE_ALL") else "2"))
VERBS = ["types", "why"]
EXITS = (0, 5, 7, 8)


def mutate(data, rng, words):
    """That many of its words are others."""
    for _ in range(words):
        at, other = rng.randrange(len(data) // 8) * 8, rng.randrange(len(data) // 8) * 8
        word, = struct.unpack_from("<Q", data, at)
        choice = rng.randrange(6)
        word = (0, savefiles.WORD, word + rng.choice((-16, -8, -1, 1, 8, 16)), struct.unpack_from("<Q", data, other)[0],
                word ^ 1 << rng.randrange(64), rng.getrandbits(rng.choice((8, 32, 47, 63))))[choice]
        struct.pack_into("<Q", data, at, word & savefiles.WORD)


def damaged(path, to, seed):
    rng = random.Random(seed)
    file = savefiles.Savefile(path)
    parts = file.of(savefiles.MEMORY)
    for part in rng.sample(parts, min(len(parts), rng.choice((4, 40, 400)))):
        data = bytearray(part.data)
        mutate(data, rng, rng.choice((1, 10, 300)))
        part.data = data
    file.save(to)


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_damaged_memory_harms_nobody(arenascope, tmp_path, python):
    whole, bad = str(tmp_path / "whole"), str(tmp_path / "bad")
    with closures.start(python, 0.01) as (pid, truth):
        arenascope.ok("snapshot", pid, "-o", whole, "--contents")
        some = random.Random(1).sample(sorted(truth.names), 3)
    for seed in range(ROUNDS):
        damaged(whole, bad, seed)
        for verb in VERBS:
            result = arenascope.run(verb, bad, "--contents", "--json")
            assert result.code in EXITS, (seed, result)
            if result.code in (0, 7):
                census = result.json["census"]
                assert census is None or census["blocks"] == sum(
                    census[key] for key in ("objects", "buffers", "free_listed", "unexplained")), seed
        for address in some:
            result = arenascope.run("object", bad, "0x%x" % address, "--contents")
            assert result.code in EXITS, (seed, result)
