"""One object by its address: what `object` tells of it."""

import re

import pytest

from support import targets


def test_one_object_is_told(arenascope, python):
    code = ("import signal, sys\nclass Session(object):\n    pass\none = Session()\none.user = one.other = 7\n"
            "CACHE = {'a': [None, one]}\nsys.stdout.write('%d %d\\nREADY\\n' % (id(one), sys.getrefcount(one) - 1))\n"
            "del one\nsys.stdout.flush()\nsignal.pause()\n")
    with targets.start(python.command + ["-c", code]) as target:
        target.wait_ready().wait_paused()
        address, references = map(int, target.out.split()[:2])
        for spelling in (str(address), "0x%x" % address):
            answer = arenascope.json("object", target.pid, spelling)["object"]
            assert answer["type"] == "__main__.Session"
            assert answer["refcount"] == references - 1
            assert "__main__.CACHE" in answer["chain"][0]
        text = arenascope.ok("object", target.pid, "0x%x" % address).out
    assert "__main__.Session" in text and "__main__.CACHE" in text


MANY = """
import signal, sys
ONE = [list(range(40000)), bytes(bytearray(5000))]
sys.stdout.write('%d %d\\nREADY\\n' % (id(ONE[0]), id(ONE[1])))
sys.stdout.flush()
signal.pause()
"""


def test_numbers_of_an_object_have_separators(release, python):
    """As all others have."""
    with targets.start(python.command + ["-c", MANY]) as target:
        target.wait_ready().wait_paused()
        items, body = (" ".join(release.ok("object", target.pid, it).out.split()) for it in target.out.split()[:2])
    assert "list of 40,000." in items
    assert re.search(r"where \d{1,2},\d{3} other blocks are in use", items), items
    assert "bytes of 5,000 bytes." in body
    assert re.search(r"a chunk of malloc's at 0x[0-9a-f]+, 5,0\d\d bytes", body), body


@pytest.mark.parametrize("address", ["0x0", "0x10", "0xffffffffffffffff", "1", "banana", "-5", "0x1ffffffffffffffff"])
def test_an_address_of_nothing_is_refused(arenascope, quiet, address):
    result = arenascope.run("object", quiet.pid, address, "--json")
    if address in ("banana", "-5", "0x1ffffffffffffffff"):
        assert result.code == 2 and result.err
    else:
        assert result.code in (0, 7) and result.json["object"]["found"] is False
