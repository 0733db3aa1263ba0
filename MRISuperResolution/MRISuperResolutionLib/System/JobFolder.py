"""Folders for the files of a job, which hold patients' voxels: they go when the job ends, or at the next start if Slicer died before."""

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

PREFIX = "MRISuperResolution-"
LOCK = "owner.lock"
"""A file that is locked for as long as the Slicer lives that made the folder, whatever it dies of."""

UNLOCKED_S = 24 * 3600
"""A folder without that file is being made just now, or by a version that knew no locks: it is left alone for so long."""


class JobFolder:
    """A new folder below ``root``, with ``path``."""

    def __init__(self, root: str | Path) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        self._lock: int | None = None
        try:
            self._lock = _locked(self.path)
        except OSError:  # the disk is full
            self.close()
            raise

    def close(self) -> None:
        """Remove it. Once more does no harm."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        shutil.rmtree(self.path, ignore_errors=True)


def removeLeft(root: str | Path) -> None:
    """Remove the folders whose Slicer has died, and no other: several Slicers share a folder for temporary files."""
    with contextlib.suppress(OSError):  # there is none, or it is not for us to look into
        for path in Path(root).glob(PREFIX + "*"):
            if path.is_dir() and not path.is_symlink():
                _removeIfLeft(path)


def _removeIfLeft(path: Path) -> None:
    lock = path / LOCK
    try:
        if not lock.exists():
            if time.time() - path.stat().st_mtime > UNLOCKED_S:
                shutil.rmtree(path, ignore_errors=True)
        elif sys.platform == "win32":
            lock.unlink()  # refused while it is open
            shutil.rmtree(path, ignore_errors=True)
        else:
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
            try:
                _claim(descriptor)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
    except OSError:
        pass  # its owner lives, or it is another user's


def _locked(folder: Path) -> int | None:
    """Make the file and lock it; its descriptor, or None where the file system knows no locks.

    It gets its name once it is locked, so that nobody finds it otherwise. On Windows an open file is locked, and keeps its name.
    """
    if sys.platform == "win32":
        return os.open(folder / LOCK, os.O_CREAT | os.O_RDWR)
    partial = folder / (LOCK + ".partial")
    descriptor = os.open(partial, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _claim(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    partial.rename(folder / LOCK)
    return descriptor


def _claim(descriptor: int) -> None:
    """Lock a file until its descriptor is closed; ``OSError`` if another one has it."""
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
