"""Every failure a user can cause, as one small tree.

    MrisrError
    ├── InputError     the scan or a setting cannot be used
    ├── FileError      a file cannot be read or written
    │   └── WriteError     it is the disk's or the folder's doing
    ├── CatalogError   a model's card or weights are missing, broken or changed
    ├── ConfigError    a training configuration cannot be used
    ├── DeviceError    the requested device or precision is not available
    ├── OutOfMemory    even the smallest tile does not fit
    └── Cancelled      the user asked to stop

Each message is a sentence that says what to do next.
"""

from collections.abc import Iterable
from difflib import get_close_matches

SUCCESS, DEFECT, MISTAKE, WARNED, CANCELLED = 0, 1, 2, 3, 130
"""Exit codes of the programs: done, a defect of this software, something the user can mend, a warning if that is asked for, cancelled."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What was meant by a word that nobody knows, as the next sentence; empty if nothing is like it.

    Example:
        >>> did_you_mean("enhanc", ["enhance", "evaluate"])
        ' Did you mean enhance?'
    """
    found = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f" Did you mean {found[0]}?" if found else ""


class MrisrError(Exception):
    """Base of all errors this package raises on purpose."""


class InputError(MrisrError):
    """The scan or a setting cannot be used."""


class FileError(MrisrError):
    """A file cannot be read or written."""


class WriteError(FileError):
    """A file cannot be written where it is to go."""


class CatalogError(MrisrError):
    """A model's card or weights are missing, broken or changed."""


class ConfigError(MrisrError):
    """A training configuration cannot be used."""


class DeviceError(MrisrError):
    """The requested device or precision is not available."""


class OutOfMemory(MrisrError):  # noqa: N818 - named for what happened, as in torch
    """Even the smallest tile does not fit into memory."""


class Cancelled(MrisrError):  # noqa: N818 - a request that was granted, not an error of the user
    """The user asked to stop."""
