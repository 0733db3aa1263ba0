"""Where results go: which of the names on a command line are scans, and what each result is called."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import FileError
from ..image.files import READABLE, WRITABLE, find_scans, nothing_in, stem_of, suffix_of, told_apart
from ..image.series import holds_dicom
from ..pipeline.sidecar import read_sidecar

ADDED = "_sr"
"""What a result that lies beside its scan has at the end of its name."""

RULE = (
    f"With one name the result lies beside it, with {ADDED} at the end of its name. Of two names the second is the result: a file, or a "
    "folder to put it into (one that exists, or a name with / at its end or without suffix). With --output all names are scans. Patterns "
    "with *, ? and ** in quotes are looked up, too."
)


@dataclass(frozen=True)
class Places:
    """Scans, and where the result of each goes.

    Args:
        pairs: of scan and result.
        several: whether it is a batch, even one of a single scan: several names or a folder of scans were given.
        folders: the folders of scans among the names.
    """

    pairs: tuple[tuple[Path, Path], ...]
    several: bool
    folders: tuple[Path, ...] = ()


def places_of(names: Sequence[str], output: str | None = None, *, overwrite: bool = False) -> Places:
    """What a command line that names scans, and maybe their results, means; see `RULE`.

    Args:
        names: of files, folders, or patterns of them.
        output: the file or folder that was named as such, if one was.
        overwrite: whether files that exist may be replaced.

    Raises:
        FileError: a pattern or a folder has no scans, it is not clear where a result is to go, or two would go to the same place.

    Example:
        >>> places_of(["t1.nii.gz"]).pairs[0][1].name
        't1_sr.nii.gz'
    """
    if output is None and len(names) == 2:
        names, output = names[:1], names[1]
        _check_second(names[0], Path(output), overwrite)
    given = [path for name in names for path in _matching(name)]
    folders = [path for path in given if path.is_dir() and not holds_dicom(path)]
    several = len(given) > 1 or bool(folders)
    if output is None and len(given) > 1:
        raise FileError("Several scans need a folder for their results; name it with --output FOLDER.")
    scans = [scan for path in given for scan in (_inside(path) if path in folders else [path])]
    if output is not None and not _is_folder(output):
        if several:
            raise FileError(
                f"{output} is a name of one file, for several scans; give a folder as output, with / at its end."
            )
        return Places(((scans[0], Path(output)),), several=False)
    if output is None and not folders:
        return Places(((scans[0], beside(scans[0])),), several=False)
    folder = _beside_folder(folders[0]) if output is None else Path(output)
    if any(folder.resolve() == each.resolve() for each in folders):
        raise FileError(f"{folder} is the input folder; choose another one for the output.")
    return Places(tuple(zip(scans, _named(scans, folder), strict=True)), several, tuple(folders))


def beside(scan: Path) -> Path:
    """The result of a scan that nobody has named: beside it, or beside its folder where a file is one of a DICOM series."""
    home = _home(scan)
    return home.with_name(_stem(home) + ADDED + _kind(home))


def _home(scan: Path) -> Path:
    """What a scan is called after: itself, or the folder of a file that is one of a DICOM series."""
    if scan.is_file() and suffix_of(scan) not in READABLE:
        return scan.absolute().parent
    return _with_name(scan)


def _with_name(path: Path) -> Path:
    """The path itself, unless it is `.` or `..`, which have none."""
    return path if path.name not in ("", "..") else path.resolve()


def _beside_folder(folder: Path) -> Path:
    whole = _with_name(folder)
    return whole.with_name(whole.name + ADDED)


def _check_second(first: str, second: Path, overwrite: bool) -> None:
    """Refuse a result that is there and was not made here: a pattern may have found two scans."""
    if not second.is_file() or "statement" in read_sidecar(second):
        return
    if Path(first).exists() and second.samefile(first):  # which the work itself refuses
        return
    means = "name it with --output" if overwrite else "name it with --output and give --overwrite"
    raise FileError(
        f"{second} exists, and the second of two names is the result: to enhance both, name a folder with --output; to "
        f"replace it, {means}."
    )


def _matching(name: str) -> list[Path]:
    """The files and folders that a name means."""
    if os.path.lexists(name) or not glob.has_magic(name):
        return [Path(name)]
    found = [Path(each) for each in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207 - it may be absolute
    if not found:
        raise FileError(f"Nothing is called as {name} says; check the pattern and the folder.")
    return found


def _inside(folder: Path) -> list[Path]:
    if not (found := find_scans(folder)):
        raise FileError(nothing_in(folder))
    return found


def _is_folder(output: str) -> bool:
    path = Path(output)
    exists = path.is_dir() and suffix_of(path) not in WRITABLE
    return output.endswith(("/", os.sep)) or exists or not path.suffix


def _named(scans: Sequence[Path], folder: Path) -> list[Path]:
    """A name of its own for each result: the scan's; with its kind or its folder in it where others are called the same."""
    homes = [_home(scan) for scan in scans]
    schemes = [
        [_stem(home) for home in homes],
        [home.name for home in homes],
        [f"{home.absolute().parent.name}_{_stem(home)}" for home in homes],
        [f"{home.absolute().parent.name}_{home.name}" for home in homes],
    ]
    counts = [Counter(scheme) for scheme in schemes]
    outputs = []
    for number, home in enumerate(homes):
        own = [
            scheme[number]
            for scheme, count in zip(schemes, counts, strict=True)
            if count[scheme[number]] == 1
        ]
        output = folder / ((own[0] if own else schemes[-1][number]) + _kind(home))
        outputs.append(output if output.resolve() != home.resolve() else beside(home))
    for output, count in Counter(outputs).items():
        if count > 1:
            raise FileError(f"{count} results would be called {output}; enhance those scans one by one.")
    return told_apart(outputs)


def _stem(home: Path) -> str:
    return home.name if home.is_dir() else stem_of(home)


def _kind(home: Path) -> str:
    return suffix_of(home) if home.is_file() and suffix_of(home) in WRITABLE else WRITABLE[0]
