"""Running things as another, unprivileged user; only root can."""

import contextlib
import os
import shutil
import tempfile

import pytest

from support import tool

UID = 65534
WRAP = ["setpriv", "--reuid=%d" % UID, "--regid=%d" % UID, "--clear-groups", "--"]


def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")


@contextlib.contextmanager
def unprivileged():
    """The tool as that user may run it: copied to where everybody may read, with no cache folder."""
    need_root()
    folder = tempfile.mkdtemp(prefix="arenascope-nobody-")
    try:
        os.chmod(folder, 0o755)
        binary = shutil.copy(tool.BINARY, os.path.join(folder, "arenascope"))
        os.chmod(binary, 0o755)
        yield tool.Tool(os.path.join(folder, "none"), binary)
    finally:
        shutil.rmtree(folder)
