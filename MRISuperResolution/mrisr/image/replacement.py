"""Files that get their names when they are complete: they are written beside them, under names that nobody can foresee, and moved."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import MrisrError, OutOfMemory, WriteError
from . import windows
from .lock import locked, try_lock

TEMPORARY = re.compile(r"\..*\.([0-9a-f]{16}|[0-9]{1,7})\.partial(\.\w{1,10}){0,2}")
"""Names of what is being written; earlier versions had the number of their process in them."""

ITK_NOISE = re.compile(r"^ITK ERROR: \w+\(0x[0-9a-f]+\): ")

KEPT = 32
"""Of a long name so much is in the temporary one, which is longer."""

ADVICE = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your share of the disk is used up; free some space or choose another folder",
    errno.EFBIG: "the disk takes no file that large; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EACCES: "writing is not allowed there; choose another folder",
    errno.EPERM: "writing is not allowed there; choose another folder",
    errno.ENOENT: "its folder is gone; choose another one",
    errno.ENOTDIR: "a part of its path is a file, not a folder; choose another folder",
    errno.EEXIST: "a part of its path is a file, not a folder; choose another folder",
    errno.EISDIR: "it is a folder; choose another name",
    errno.ENOTEMPTY: "the folder holds something already; choose an empty or a new one",
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
}

FULL = "Memory is full: close other programs, take a part of the scan (a region, or a cropped file), or use a computer with more."


class Replacement:
    """Files and folders that get their names together when the block ends well, the first one last; or none does.

    What stood under a name before is replaced in one step, and its permissions stay.

    Raises:
        WriteError: one cannot be written; the sentence says why and what to do.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with Replacement() as files:
        ...     _ = files.beside(folder / "a.txt").write_text("complete")
        >>> [path.name for path in folder.iterdir()]
        ['a.txt']
    """

    def __init__(self) -> None:
        self._partials: list[_Partial] = []

    def beside(self, path: Path, name: Callable[[], Path] | None = None) -> Path:
        """An empty file to write into; it becomes `path`, or, if given, what `name` says then of another name in the same folder."""
        return self._begun(_Partial(path, name or (lambda: path), is_folder=False))

    def folder(self, path: Path) -> Path:
        """A folder to write into; it becomes `path`, where nothing may be but an empty folder."""
        return self._begun(_Partial(path, lambda: path, is_folder=True))

    def _begun(self, partial: _Partial) -> Path:
        try:
            partial.begin()
        except OSError as error:
            raise unwritable(partial.path, error) from error
        self._partials.append(partial)
        return partial.temporary

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
            elif isinstance(error, OSError) and self._partials:
                raise unwritable(self._partials[0].path, error) from error
        finally:
            for partial in self._partials:
                partial.remove()

    def _finish(self) -> None:
        folders = sorted({partial.path.parent for partial in self._partials})
        with contextlib.ExitStack() as locks:
            for folder in folders:
                locks.enter_context(locked(folder))
            for step in (_Partial.prepare, _Partial.finish):
                for partial in reversed(self._partials):
                    try:
                        step(partial)
                    except OSError as error:
                        raise unwritable(partial.path, error) from error


class _Partial:
    """One of them. It is locked for as long as its process lives, so that others can tell what a dead one left."""

    def __init__(self, path: Path, name: Callable[[], Path], *, is_folder: bool) -> None:
        self.path, self._name, self._is_folder = path, name, is_folder
        # Writers look at the suffix.
        suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix
        stem = path.name.removesuffix(suffix)[:KEPT]
        self.temporary = path.with_name(f".{stem}.{secrets.token_hex(8)}.partial{suffix}")
        self._descriptor: int | None = None

    def begin(self) -> None:
        windows.check_name(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.parent):  # what is made and not yet locked looks like what a dead process left
            remove_left(self.path.parent)
            self._descriptor = self._made()
            if self._descriptor is not None:
                try_lock(self._descriptor)
        self._permit(stat.S_IWUSR)

    def _permit(self, more: int = 0) -> None:
        """Give it the permissions of what it will replace; disks that know none need none."""
        if (mode := _mode_of(self.path)) is not None:
            with contextlib.suppress(OSError):
                self.temporary.chmod(mode | more)

    def _made(self) -> int | None:
        """A descriptor of the new file or folder."""
        if self._is_folder:
            self.temporary.mkdir()
            return None if sys.platform == "win32" else os.open(self.temporary, os.O_RDONLY)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        return os.open(self.temporary, flags, 0o666)

    def prepare(self) -> None:
        """All that can fail, before the first one gets its name."""
        self.path = self._name()
        if self.path.is_dir() and not self._is_folder:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path))
        self._permit()
        if self._is_folder and self.path.is_dir():
            self.path.rmdir()  # where folders cannot take each other's place; it is empty, or this fails

    def finish(self) -> None:
        if sys.platform == "win32":  # where nothing that is open can be renamed
            self._close()
        windows.rename(self.temporary, self.path)

    def remove(self) -> None:
        self._close()
        with contextlib.suppress(OSError):
            if self._is_folder:
                shutil.rmtree(self.temporary)
            else:
                self.temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that becomes `path` if the block succeeds and vanishes if it does not.

    Raises:
        WriteError: the folder or the file cannot be written.
    """
    with Replacement() as files:
        yield files.beside(path)


def check_place(path: Path) -> None:
    """Raise `WriteError` if it can be foreseen that a file cannot be written: a long computation is not to end with that."""
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISDIR(path.lstat().st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = path.absolute().parent
        while not folder.exists():
            folder = folder.parent
        probe = _Partial(folder / path.name, lambda: path, is_folder=False)
        try:
            probe.begin()
        finally:
            probe.remove()
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: Exception) -> MrisrError:
    """Why a file cannot be written, and what to do."""
    if is_memory(error):
        return OutOfMemory(FULL)
    number = error.errno if isinstance(error, OSError) else None
    with contextlib.suppress(OSError):  # libraries do not tell why
        if number is None and not shutil.disk_usage(path.parent).free:
            number = errno.ENOSPC
    if said := windows.advice(path, error) or ADVICE.get(number or 0, ""):
        return WriteError(f"{path} cannot be written: {said}.")
    return WriteError(f"{path} cannot be written ({first_line(error)}); check the folder and the free space.")


def is_memory(error: BaseException) -> bool:
    """Whether an error means that memory is full; SimpleITK has no kind of its own for that."""
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in ("allocate memory", "bad_alloc")
    )


def first_line(error: BaseException) -> str:
    """The line of an error's text that says most: the last one; its kind if it has no text."""
    lines = [ITK_NOISE.sub("", line.strip()) for line in str(error).splitlines()]
    lines = [
        line for line in lines if line and not line.startswith("Reason:")
    ]  # what ITK says last it does not know
    return lines[-1] if lines else type(error).__name__


def remove_left(folder: Path) -> None:
    """Remove from a folder what processes that died while they wrote have left, and nothing of those that live."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".*.partial*"):
            with contextlib.suppress(OSError):  # on Windows a living one's is not for us to remove
                if (
                    (name := TEMPORARY.fullmatch(path.name))
                    and not path.is_symlink()
                    and _is_left(path, name[1])
                ):
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _is_left(path: Path, token: str) -> bool:
    if sys.platform == "win32":  # an open file cannot be removed there
        return path.is_file()
    if len(token) < 16:
        return not _lives(int(token))
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return bool(try_lock(descriptor))
    finally:
        os.close(descriptor)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _mode_of(path: Path) -> int | None:
    """The permissions of a file or folder; None where there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return None if stat.S_ISLNK(found.st_mode) else stat.S_IMODE(found.st_mode)
