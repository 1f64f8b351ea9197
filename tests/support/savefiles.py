"""
Snapshot files, read and changed by the description in docs/snapshot-format.md and by nothing of ours.

zstd comes from the system's library by ctypes: Debian's Python 3.11 has no module for it.
"""

import ctypes
import struct

HEADER, TRAILER, ENTRY, RANGE = 64, 64, 48, 16
MEMORY, OVERLAY, RESIDENCY, REGIONS, FACTS, BUILD, VARIABLES = range(1, 8)
WORD = (1 << 64) - 1
PAGE = 4096

zstd = ctypes.CDLL("libzstd.so.1")
for name in ("ZSTD_compress", "ZSTD_decompress", "ZSTD_compressBound"):
    getattr(zstd, name).restype = ctypes.c_size_t


def pack(data):
    room = zstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    to = ctypes.create_string_buffer(room)
    size = zstd.ZSTD_compress(to, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 1)
    return to.raw[:size]


def unpack(data, size):
    to = ctypes.create_string_buffer(size or 1)
    got = zstd.ZSTD_decompress(to, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
    assert got == size
    return to.raw[:size]


def mix(h, word):
    h = (h ^ word) * 0x9e3779b97f4a7c15 & WORD
    return h ^ h >> 32


def checksum(data):
    h = mix(0x61736f7065, len(data))
    whole = len(data) // 8 * 8
    for (word,) in struct.iter_unpack("<Q", data[:whole]):
        h = mix(h, word)
    return mix(h, int.from_bytes(data[whole:], "little"))


class Part:
    def __init__(self, entry, file):
        (self.kind, self.size, self.stored, _, self.offset, self.sum, self.start,
         self.pages) = struct.unpack("<IIIIQQQQ", entry)
        self.packed = file[self.offset:self.offset + self.stored]

    @property
    def data(self):
        return unpack(self.packed, self.size)

    @data.setter
    def data(self, data):
        self.packed, self.size = pack(bytes(data)), len(data)


class Savefile:
    """A whole one, in memory. Parts may be changed; save() redoes places and checksums."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        self.header, trailer = data[:HEADER], data[-TRAILER:]
        assert trailer[:8] == b"ASCOPEND"
        offset, stored, size, total = struct.unpack_from("<QQQQ", trailer, 8)
        packed = data[offset:offset + stored]
        assert checksum(packed) == total and checksum(self.header[:56]) == self.sum_of(self.header)
        index = unpack(packed, size)
        self.parts = [Part(index[at:at + ENTRY], data) for at in range(0, size, ENTRY)]

    @staticmethod
    def sum_of(block):
        return struct.unpack_from("<Q", block, 56)[0]

    @property
    def redacted(self):
        return bool(struct.unpack_from("<I", self.header, 12)[0] & 1)

    def of(self, kind):
        return [part for part in self.parts if part.kind == kind]

    def pages(self):
        """(address, bytes) of every page, and of every range that lies over them."""
        for part in self.of(MEMORY):
            data, at = part.data, 0
            for page in range(64):
                if part.pages >> page & 1:
                    yield part.start + page * PAGE, data[at:at + PAGE]
                    at += PAGE
        for part in self.of(OVERLAY):
            for at, start, size, _ in ranges(part.data):
                yield start, part.data[at:at + size]

    def everything(self):
        """All that the file holds, unpacked, as one string."""
        return b"\n".join(part.data for part in self.parts)

    def save(self, path):
        out, index = [self.header], []
        at = HEADER
        for part in self.parts:
            index.append(struct.pack("<IIIIQQQQ", part.kind, part.size, len(part.packed), 0, at,
                                     checksum(part.packed), part.start, part.pages))
            out.append(part.packed)
            at += len(part.packed)
        raw = b"".join(index)
        packed = pack(raw)
        end = b"ASCOPEND" + struct.pack("<QQQQ", at, len(packed), len(raw), checksum(packed))
        end = end.ljust(56, b"\0")
        with open(path, "wb") as file:
            file.write(b"".join(out + [packed, end, struct.pack("<Q", checksum(end))]))


def ranges(data):
    """(place of its bytes, address, size, flags) of every range of an overlay part."""
    at = 0
    while at < len(data):
        start, size, flags = struct.unpack_from("<QII", data, at)
        yield at + RANGE, start, size, flags
        at += RANGE + size
