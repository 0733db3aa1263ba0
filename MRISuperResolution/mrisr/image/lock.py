"""Locks between processes: of a folder in which one of them gives names, and of what a living one writes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PATIENCE_S = 5.0
"""Another program that holds a folder's lock for longer is not waited for."""

PAUSE_S = 0.01

HICCUP_S = 0.2
"""So long Windows may refuse a name that was just removed; who is refused longer may write nothing there."""

MARK = ".mrisr.lock"
"""A file that nobody but the one who made it has, where folders themselves cannot be locked."""

TEMPORARY: int = getattr(os, "O_TEMPORARY", 0)
"""On Windows: a file is gone with its last descriptor."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """No two processes, nor two of these blocks in one, make or name files in a folder at once: those of one go together.

    Folders that take no lock are used without: checksums tell what does not belong together.

    Args:
        folder: one that is there.
    """
    with _marked(folder) if fcntl is None else _flocked(folder):
        yield


def try_lock(descriptor: int) -> bool | None:
    """Lock a file or folder until its descriptor is closed; False if another one has it, None where locks are not known."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def _flocked(folder: Path) -> Iterator[None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        until = time.monotonic() + PATIENCE_S
        while try_lock(descriptor) is False and time.monotonic() < until:
            time.sleep(PAUSE_S)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _marked(folder: Path) -> Iterator[None]:
    """By a file that only one can make. Windows removes it with its process, however that ends; elsewhere patience does."""
    mark, start = folder / MARK, time.monotonic()
    while isinstance(made := _made(mark), OSError):
        waited = time.monotonic() - start
        if waited > PATIENCE_S:
            with contextlib.suppress(OSError):
                mark.unlink()
            made = _made(mark)
            break
        if not isinstance(made, FileExistsError) and waited > HICCUP_S:
            break
        time.sleep(PAUSE_S)
    try:
        yield
    finally:
        if not isinstance(made, OSError):
            _remove(mark, made)


def _made(mark: Path) -> int | OSError:
    """A descriptor of the new file, or why there is none."""
    try:
        return os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY | TEMPORARY, 0o666)
    except OSError as error:
        return error


def _remove(mark: Path, descriptor: int) -> None:
    """Remove the file, which has become another one's if that has run out of patience."""
    try:
        if not TEMPORARY and os.path.samestat(os.fstat(descriptor), mark.stat()):
            mark.unlink()
    except OSError:
        pass
    finally:
        os.close(descriptor)
