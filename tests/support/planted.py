"""The secrets of support/programs/secrets.py, as an answer would show them: text, or the digits of a number."""

import hashlib

from support import targets

SEED = "23"
TEXTS = ("ascii latin1 ucs2 ucs4 bytes bytearray memoryview array large mapped list tuple set set2 attribute slot key "
         "local argument argv environ known many-3 many-3999 chunk-1 chunk-7 thread-1 thread-39").split()
NUMBERS = {"int": 60, "list-number": 60, "tuple-number": 60, "attribute-number": 60, "key-number": 60, "long": 200,
           "known": 200}
PIECE = 8


def of(name):
    return hashlib.sha256((SEED + ":" + name).encode()).hexdigest()[:24]


def number(name, bits):
    return int(of(name), 16) % (1 << (bits - 1)) + (1 << (bits - 1))


def start(python):
    return targets.start_program(python, "secrets.py", SEED, of("argv"), env={"SECRET": of("environ")})


def check_hidden(text):
    """Not even a few characters in a row of any of them."""
    for name in TEXTS:
        secret = of(name)
        for at in range(len(secret) - PIECE + 1):
            assert secret[at:at + PIECE] not in text, "%s is shown" % name
    for name, bits in NUMBERS.items():
        value = number(name, bits)
        for shown in (str(value), "%x" % value, str(value)[:12]):
            assert shown not in text, "the number %s is shown" % name
