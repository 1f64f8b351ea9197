"""
Stripped copies of interpreters, as production has them: no symbol table, no debug information, no debug
file that could be found (the copy's build-id is one that nobody has), and if asked no section headers.

The copies lie in a folder of their own, inside the interpreter's root where that is a chroot, and go
with it. What the interpreter came from is not touched.
"""

import contextlib
import os
import shutil
import struct
import subprocess
import tempfile

from support import targets

WAYS = ("stripped", "sectionless")


def strip(source, copy, way):
    subprocess.run(["strip", "-s", "-o", copy, source], check=True, capture_output=True)
    with open(copy, "r+b") as file:
        content = bytearray(file.read())
        rename_build(content)
        if way == "sectionless":
            content[0x28:0x30] = bytes(8)  # e_shoff
            content[0x3c:0x40] = bytes(4)  # e_shnum, e_shstrndx
        file.seek(0)
        file.write(content)
    os.chmod(copy, 0o755)


def rename_build(content):
    """Turns every bit of the build-id, found through the program headers."""
    offset, = struct.unpack_from("<Q", content, 0x20)
    count, = struct.unpack_from("<H", content, 0x38)
    for i in range(count):
        kind, _, start, _, _, size = struct.unpack_from("<IIQQQQ", content, offset + 56 * i)
        if kind != 4:
            continue
        at = start
        while at + 12 <= start + size:
            name, length, note = struct.unpack_from("<III", content, at)
            body = at + 12 + (name + 3) // 4 * 4
            if note == 3 and content[at + 12:at + 16] == b"GNU\0":
                content[body:body + length] = bytes(byte ^ 0xff for byte in
                                                    content[body:body + length])
            at = body + (length + 3) // 4 * 4


def pretend_version(path, old, new):
    """Changes what the module says of its version, wherever a word says it: Py_Version and, from 3.13
    on, _Py_DebugOffsets. How often."""
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        was, becomes = struct.pack("<Q", old), struct.pack("<Q", new)
        places = [at for at in range(0, len(content) - 8, 8) if content[at:at + 8] == was]
        for at in places:
            content[at:at + 8] = becomes
        file.seek(0)
        file.write(content)
    return len(places)


class Copy:
    """A stripped interpreter and how it is started."""

    def __init__(self, python, way, folder):
        self.python = python
        inside = "/" + os.path.relpath(folder, python.root)
        real = os.path.realpath(python.command[-1]) if python.root == "/" else python.module
        program = os.path.join(folder, os.path.basename(real))
        self.module = program
        strip(real, program, way)
        prefix = os.path.dirname(os.path.dirname(real)) if python.root == "/" else "/usr"
        self.env = {"PYTHONHOME": prefix}
        if os.path.realpath(python.module) != os.path.realpath(real):
            library = os.path.join(folder, os.path.basename(python.module))
            strip(python.module, library, way)
            self.env["LD_PRELOAD"] = self.module = library
        self.command = [program]
        if python.root != "/":
            self.command = ["chroot", python.root, os.path.join(inside, os.path.basename(real))]

    def start(self, program, *arguments, env=None, options=()):
        """A program of support/programs under it; inside a chroot its text travels as an argument."""
        path = os.path.join(targets.PROGRAMS, program)
        code = [path] if self.python.root == "/" else ["-c", targets.read(path)]
        command = self.command + list(options) + code + [str(a) for a in arguments]
        return targets.start(command, env=dict(self.env, **(env or {})))


@contextlib.contextmanager
def copy_of(python, way):
    folder = tempfile.mkdtemp(prefix="arenascope-", dir=os.path.join(python.root, "tmp"))
    try:
        yield Copy(python, way, folder)
    finally:
        shutil.rmtree(folder)


def move_pool_table(path, bytes_on):
    """Lets the relocations of a shared object speak of a table of pools that lies elsewhere: as a file
    would that is not the one in memory. How many words were moved."""
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        table, size = relocations(content)
        moved = 0
        for at in range(table, table + size, 24):
            place, info, addend = struct.unpack_from("<QQq", content, at)
            if info == 8 and place - addend in (16, 24):
                struct.pack_into("<QQq", content, at, place + bytes_on, info, addend + bytes_on)
                moved += 1
        file.seek(0)
        file.write(content)
    return moved


def relocations(content):
    """Place in the file and size of DT_RELA: its address is its offset in a shared object."""
    offset, = struct.unpack_from("<Q", content, 0x20)
    count, = struct.unpack_from("<H", content, 0x38)
    for i in range(count):
        kind, _, start, _, _, size = struct.unpack_from("<IIQQQQ", content, offset + 56 * i)
        if kind == 2:
            tags = dict(struct.iter_unpack("<QQ", content[start:start + size // 16 * 16]))
            return tags[7], tags[8]
    raise AssertionError("nothing is dynamic in it")
