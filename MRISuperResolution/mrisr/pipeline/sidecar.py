"""The record beside a result: JSON that says how it was made, and which file it belongs to, by name and checksum.

The record of `scan.nii.gz` is `scan.json`, or `scan.nii.gz.json` where the other is the record of another result, such as `scan.nrrd`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codec import read_object
from ..errors import FileError, InputError
from ..image.dicom import origin_of
from ..image.files import stem_of
from ..image.replacement import Replacement
from ..image.series import Choice, is_series, series_of

OUTPUT, VOXELS, ORIGIN, FRAMES = "output", "voxels", "source", "frames"
"""Keys of a record: the file that it belongs to, the checksums of the scan's and the result's voxels, and of DICOM, the series that the
result was made from and which of its volumes."""


def write_sidecar(path: Path, provenance: dict[str, Any]) -> None:
    """Write the record beside the result at `path`, which is there already."""
    with Replacement() as files:
        write_record(path, provenance, path, files)


def write_record(path: Path, provenance: dict[str, Any], complete: Path, files: Replacement) -> None:
    """Write the record of a result together with it.

    Args:
        path: what the result will be called.
        provenance: how it was made.
        complete: where the result lies until then.
        files: gives both their names.
    """
    with complete.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    record = {**provenance, OUTPUT: {"name": path.name, "sha256": checksum}}
    partial = files.beside(_usual(path), lambda: sidecar_of(path))
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def sidecar_of(path: Path) -> Path:
    """The record of a result, or where it is to be: `scan.json`, unless that is the record of another result that is still there."""
    usual, full = _usual(path), path.with_name(path.name + ".json")
    owner = _owner(read_object(usual))
    taken = owner not in ("", path.name) and usual.with_name(owner).exists()
    return full if taken else usual


def check_sidecar(path: Path) -> None:
    """Raise `FileError` if the record's place beside `path` is taken by a file that is no such record."""
    sidecar = sidecar_of(path)
    if sidecar.exists() and "statement" not in read_object(sidecar):
        raise FileError(
            f"{sidecar} is not a record of this software and would be replaced; choose another name for the output."
        )


def read_sidecar(path: Path) -> dict[str, Any]:
    """What is written in the record beside the result at `path`, whether it is true or not; empty if there is none."""
    return read_object(sidecar_of(path))


def record_of(path: Path) -> dict[str, Any]:
    """The record of the result at `path`.

    Raises:
        FileError: there is none, it is another file's, or the file is not what it was when the record was written.
    """
    sidecar = next((place for place in (sidecar_of(path), _usual(path)) if place.is_file()), _usual(path))
    record = read_object(sidecar)
    again = "enhance the scan again, or name the result that belongs to it"
    if "statement" not in record:
        raise FileError(
            f"{path.name} has no record ({sidecar.name}) beside it, so that nobody knows what made it; put the one that was written with "
            "it there, under the same name, or enhance the scan again."
        )
    held, owner = record.get(OUTPUT), _owner(record)
    if not owner or not isinstance(held, dict):
        raise FileError(
            f"{sidecar.name} does not say which file it is the record of, as those of earlier versions and those written by hand; {again}."
        )
    if owner != path.name:
        raise FileError(f"{sidecar.name} is the record of {owner}, not of {path.name}; {again}.")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != held.get("sha256"):
            raise FileError(
                f"{path.name} is not the file that {sidecar.name} was written for, or was changed since; {again}."
            )
    return record


def check_made_from(record: dict[str, Any], scan: NDArray[Any], name: str) -> None:
    """Raise `InputError` if a record says that its result was made from other voxels than these."""
    voxels = record.get(VOXELS)
    expected = voxels.get("scan") if isinstance(voxels, dict) else None
    if expected is not None and expected != fingerprint(scan):
        raise InputError(
            f"The result was not made from {name}, as its record says; name the scan that was enhanced."
        )


def made_from(path: Path, choice: Choice) -> dict[str, Any]:
    """What a record says of the DICOM series at `path`; empty for other files."""
    if not is_series(path):
        return {}
    origin = {ORIGIN: origin_of(series_of(path, choice.series))}
    return origin if choice.frames is None else {**origin, FRAMES: choice.frames}


def fingerprint(array: NDArray[Any]) -> str:
    """SHA-256 of voxels (i, j, k) as they are in single precision, whatever their type and their order in memory."""
    digest = hashlib.sha256(repr(array.shape).encode())
    for k in range(array.shape[-1]):
        digest.update(np.ascontiguousarray(array[..., k], dtype="<f4").data)
    return digest.hexdigest()


def _usual(path: Path) -> Path:
    return path.with_name(stem_of(path) + ".json")


def _owner(record: dict[str, Any]) -> str:
    """The name of the file that a record says it belongs to; empty if it says none."""
    held = record.get(OUTPUT)
    name = held.get("name") if isinstance(held, dict) else None
    return name if isinstance(name, str) and Path(name).name == name else ""
