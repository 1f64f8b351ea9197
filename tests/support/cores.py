"""
Core files of targets, written by gdb's gcore and by the kernel, and what can befall them.

The kernel's way needs a core_pattern that names a plain file: it is a setting of the whole machine
and is left as it is, so elsewhere only gcore is tested. What is built here by hand (more segments
than fit an ELF header) begins with a real core.
"""

import contextlib
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import tempfile

import pytest

EHDR, PHDR, SHDR = 64, 56, 64
PT_LOAD, PT_NOTE, PN_XNUM = 1, 4, 0xFFFF
DEFAULT = 0x33  # coredump_filter where nobody changed it


@contextlib.contextmanager
def folder():
    """On a disk, not in memory, and gone afterwards: cores are large."""
    path = tempfile.mkdtemp(prefix="arenascope-core-", dir="/var/tmp")
    try:
        yield path
    finally:
        shutil.rmtree(path)


def need_gcore():
    if not shutil.which("gcore"):
        pytest.skip("no gcore here: gdb is not installed")


def pattern():
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
        return file.read().strip()


def kernel_writes_files():
    return re.fullmatch(r"[^|/%]+(\.?%p)?", pattern()) is not None


def need_kernel_cores():
    if not kernel_writes_files():
        pytest.skip("core_pattern is %r: the kernel's cores go elsewhere" % pattern())


def gcore(target, where):
    """A copy of the running target, which goes on."""
    need_gcore()
    out = subprocess.run(["gcore", "-o", os.path.join(where, "gcore"), str(target.pid)],
                         capture_output=True, text=True, check=False, timeout=120)
    path = os.path.join(where, "gcore.%d" % target.pid)
    assert os.path.exists(path), out.stdout + out.stderr
    return path


def kernel(target, where, dumped=DEFAULT):
    """Ends the target by a signal, so that the kernel writes its core."""
    need_kernel_cores()
    folder_of_target = os.readlink("/proc/%d/cwd" % target.pid)
    before = set(os.listdir(folder_of_target))
    with open("/proc/%d/coredump_filter" % target.pid, "w", encoding="ascii") as file:
        file.write("%#x" % dumped)
    resource.prlimit(target.pid, resource.RLIMIT_CORE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    target.signal(signal.SIGABRT)
    target.process.wait()
    written = [name for name in set(os.listdir(folder_of_target)) - before
               if name.startswith(pattern().split("%")[0].rstrip("."))]
    assert len(written) == 1, (folder_of_target, written)
    path = os.path.join(where, "kernel-%02x" % dumped)
    shutil.move(os.path.join(folder_of_target, written[0]), path)
    return path


# ---- damage ----------------------------------------------------------------------------------


def read(path):
    with open(path, "rb") as file:
        return bytearray(file.read())


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def cut(path, size, to):
    shutil.copy(path, to)
    os.truncate(to, size)
    return to


def compress(path, how):
    """path.gz, path.zst, path.lz4, by the programs that people use."""
    ending, command = {"gzip": (".gz", ["gzip", "-1", "-k", "-f"]),
                       "zstd": (".zst", ["zstd", "-q", "-1", "-k", "-f"]),
                       "lz4": (".lz4", ["lz4", "-q", "-1", "-k", "-f"])}[how]
    if not shutil.which(command[0]):
        pytest.skip("no %s here" % command[0])
    subprocess.run(command + [path] + ([path + ending] if how == "lz4" else []), check=True)
    return path + ending


class Headers:
    """Program headers of a core, [type, flags, offset, vaddr, paddr, filesz, memsz, align]."""

    def __init__(self, data):
        self.at, = struct.unpack_from("<Q", data, 32)
        count, = struct.unpack_from("<H", data, 56)
        self.list = [list(struct.unpack_from("<IIQQQQQQ", data, self.at + i * PHDR))
                     for i in range(count)]

    def loads(self):
        return [header for header in self.list if header[0] == PT_LOAD]

    def pack(self):
        return b"".join(struct.pack("<IIQQQQQQ", *header) for header in self.list)


def with_many_segments(path, to, extra):
    """The same core with `extra` more segments that hold nothing: more than fit e_phnum."""
    data = read(path)
    headers = Headers(data)
    first = min(header[2] for header in headers.list if header[5])
    grown = (len(headers.list) + extra) * PHDR + EHDR
    pad = -(grown - first) % 4096
    shift = grown - first + pad
    # The kernel's notes begin where its program headers end: keep that so.
    notes_first = headers.list[0][0] == PT_NOTE and headers.list[0][2] == first
    for header in headers.list:
        header[2] += shift if header[5] else 0
    if notes_first:
        headers.list[0][2] -= pad
    headers.list += [[PT_LOAD, 4, 0, 0x100000000000 + i * 8192, 0, 0, 4096, 4096]
                     for i in range(extra)]
    notes = bytes(data[first:first + headers.list[0][5]]) if notes_first else b""
    head = bytearray(data[:EHDR])
    struct.pack_into("<Q", head, 32, EHDR)
    struct.pack_into("<H", head, 56, PN_XNUM)
    body = bytearray(head + headers.pack() + notes[:0] + bytes(pad) + data[first:])
    if notes_first:
        body[grown:grown + len(notes)] = notes
    struct.pack_into("<QIHHHHHH", body, 40, len(body), 0, EHDR, PHDR, PN_XNUM, SHDR, 1, 0)
    section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 1, 0, len(headers.list), 0, 0)
    return write(to, bytes(body) + section)


def of_many_objects(elf, count, to):
    """A core that maps `count` files, each of which begins as the ELF file `elf` does."""
    base, first = 0x10000000, EHDR + (count + 1) * PHDR
    places = [base + i * 8192 for i in range(count)]
    files = struct.pack("<QQ", count, 4096)
    files += b"".join(struct.pack("<QQQ", at, at + 4096, 0) for at in places)
    files += b"".join(b"/nowhere/%d\0" % i for i in range(count))
    notes = struct.pack("<III", 5, len(files), 0x46494C45) + b"CORE\0\0\0\0" + files
    notes += bytes(-len(notes) % 4)
    memory = first + len(notes)
    head = bytearray(b"\x7fELF\2\1\1" + bytes(EHDR - 7))
    struct.pack_into("<HHI", head, 16, 4, 62, 1)
    struct.pack_into("<QQIHHHHHH", head, 32, EHDR, memory + 4096, 0, EHDR, PHDR, PN_XNUM, SHDR,
                     1, 0)
    headers = [[PT_NOTE, 4, first, 0, 0, len(notes), 0, 4]]
    headers += [[PT_LOAD, 6, memory, at, 0, 4096, 4096, 4096] for at in places]
    with open(elf, "rb") as file:
        start = file.read(4096)
    section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 1, 0, len(headers), 0, 0)
    return write(to, bytes(head) + b"".join(struct.pack("<IIQQQQQQ", *h) for h in headers)
                 + notes + start + section)
