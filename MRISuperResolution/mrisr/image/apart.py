"""Read a scan in a process of its own: where a reader in C++ dies of a broken file, only that process does.

python -m mrisr.image.apart SCAN SERIES FRAMES      writes the volume, or why there is none, to standard output
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

from .. import errors
from ..errors import FileError, MrisrError
from . import nifti
from .files import MGH_SUFFIXES, read_volume, suffix_of
from .series import Choice
from .volume import Volume

SAFE = nifti.SUFFIXES + MGH_SUFFIXES
"""What is read in Python, which raises exceptions and does not die."""

PATIENCE = 600.0
"""Seconds after which a reader counts as stuck."""


def read_apart(path: Path, choice: Choice | None = None) -> Volume:
    """As `files.read_volume`, whatever becomes of the reader.

    Raises:
        FileError: the reader died or got stuck, besides all that `files.read_volume` raises.
    """
    if path.is_file() and suffix_of(path) in SAFE:
        return read_volume(path, choice)
    choice = choice or Choice()
    command = [sys.executable, "-m", __name__, os.fspath(path), choice.series, str(choice.frames or "")]
    package = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": search},
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FileError(
            f"{path.name} cannot be read: its reader got stuck; it may be damaged, so export it again."
        ) from error
    if done.returncode or not done.stdout:
        raise FileError(
            f"{path.name} cannot be read: its reader died of it; it is damaged, so export it again."
        )
    found: Volume | tuple[str, str] = pickle.loads(done.stdout)
    if isinstance(found, Volume):
        return found
    kind, message = found
    raise getattr(errors, kind)(message)


def _reply(path: Path, choice: Choice) -> Any:
    try:
        return read_volume(path, choice)
    except MrisrError as error:
        return type(error).__name__, str(error)


if __name__ == "__main__":
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no part of the answer
    with answer:
        scan, series, frames = sys.argv[1:]
        pickle.dump(_reply(Path(scan), Choice(series, int(frames) if frames else None)), answer, protocol=5)
