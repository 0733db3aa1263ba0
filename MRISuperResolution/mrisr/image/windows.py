"""What Windows refuses that other systems allow: some names, long paths, and another name for a file that a program has open."""

from __future__ import annotations

import errno
import re
import sys
import time
from pathlib import Path

DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Names that stand for devices, with any suffix."""

CHARACTERS = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
"""What no name may have in it. What follows a colon names a stream of the file before it."""

LONGEST = 259
"""Characters of a path, unless Windows was told to allow more."""

ADDED = 26
"""A temporary name may be longer than the final one by so much."""

PATIENCE_S, PAUSE_S = 1.0, 0.05
"""So long scanners for viruses and indexers, which look into every new file, may hold one, and how often it is tried."""


def flaw_of(name: str) -> str:
    """Why Windows has no files of this name, in words that follow "cannot be written:"; empty if it has.

    Example:
        >>> flaw_of("aux.nii.gz")
        'Windows keeps the name aux for a device; choose another one'
        >>> flaw_of("t1.nii.gz")
        ''
    """
    if DEVICES.fullmatch(name):
        return f"Windows keeps the name {name.partition('.')[0]} for a device; choose another one"
    if found := CHARACTERS.search(name):
        return f"Windows allows no {found[0]} in a name; choose another one"
    if name.endswith((".", " ")):
        return "Windows allows no full stop or space at the end of a name; choose another one"
    return ""


def safe_name(text: str, most: int) -> str:
    """A file's name, without suffix, of what somebody called a scan or series: one that any system takes.

    Args:
        text: any.
        most: characters of the name.

    Example:
        >>> safe_name("T1: sag?", 40), safe_name("con", 40), safe_name("..", 40)
        ('T1_ sag_', 'con_', '_')
    """
    name = re.sub(r"[^\w .-]", "_", text)[:most].rstrip(". ") or "_"
    if not DEVICES.fullmatch(name):
        return name
    device, dot, rest = name.partition(".")
    return f"{device}_{dot}{rest}"


def check_name(path: Path) -> None:
    """Raise `OSError` for a name that Windows would take for something else than a file's, on Windows."""
    if sys.platform == "win32" and flaw_of(path.name):
        raise OSError(errno.EINVAL, flaw_of(path.name), str(path))


def rename(source: Path, target: Path) -> None:
    """Put a file or folder in another's place, on Windows with some patience.

    Raises:
        OSError: it cannot be.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > until:
                raise
            time.sleep(PAUSE_S)


def advice(path: Path, error: Exception) -> str:
    """What Windows means by an error whose number says something else, or nothing, in words that follow "cannot be written:"."""
    if sys.platform != "win32" or not isinstance(error, OSError):
        return ""
    if flaw := flaw_of(path.name):
        return flaw
    if (length := len(str(path.absolute()))) + ADDED > LONGEST:
        return f"its path has {length} characters, and Windows allows few more; choose a folder with a shorter path, or a shorter name"
    if isinstance(error, PermissionError) and path.is_file():
        return "another program has the file open, or it is read-only; close it there, or choose another name"
    return ""
