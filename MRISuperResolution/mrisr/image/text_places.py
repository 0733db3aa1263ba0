"""What the text headers of NRRD and MetaImage files say of a scan's place: checked before ITK guesses what is missing or absurd."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

FARTHEST = 1e12
"""No place or direction has a larger number; what is decomposed of larger ones may never end, or overflows to something else."""

FARTHEST_MM = 1e6
"""No scan lies farther away; NIfTI's headers, in single precision, would be off by a tenth of a millimeter."""

FLAT = 1e-6
"""Directions whose parallelepiped has less than this part of a cube's volume lie in one plane."""

VECTOR = re.compile(r"\(([^()]*)\)|none")

PLACES = (
    "spacedirections",
    "spaceorigin",
    "measurementframe",
    "spacings",
    "axismins",
    "axismaxs",
    "thicknesses",
)
"""NRRD's fields with numbers of places."""

NOWHERE = ("scanner-xyz", "3d-right-handed", "3d-left-handed")
"""Spaces in which nobody knows the patient's left from right."""

Fields = Mapping[str, str]


class PlaceError(ValueError):
    """What cannot be a scan's place, as the middle of a sentence."""


def place_in_nrrd(fields: Fields, shape: Sequence[int]) -> list[str]:
    """Sentences of what an NRRD header leaves open, which is taken as ITK takes it.

    Args:
        fields: its entries, by names in lower case without spaces.
        shape: the sizes of all axes.

    Raises:
        PlaceError: it is no place.
    """
    for name in PLACES:
        for number in _numbers(re.split(r"[\s(),]+", fields.get(name, ""))):
            if abs(number) > FARTHEST and not math.isnan(number):
                raise PlaceError(f"{name} {fields[name][:40]!r} is beyond reason")
    _check_origin(re.split(r"[\s(),]+", fields.get("spaceorigin", "")))
    vectors = [match.group(1) for match in VECTOR.finditer(fields.get("spacedirections", "").lower())]
    check_directions([_numbers(vector.split(",")) for vector in vectors if vector is not None])
    told: list[bool] = [vector is not None for vector in vectors]
    if not told:
        told = [not math.isnan(number) for number in _numbers(fields.get("spacings", "").split())]
    open_axes = [n + 1 for n, size in enumerate(shape) if size > 1 and not (n < len(told) and told[n])]
    notes = _sizes_open(open_axes)
    if not fields.get("space") or fields["space"].lower().removesuffix("-time") in NOWHERE:
        notes.append(
            "The header does not say where left and right are (it names no space of the patient): the scan is placed as in ITK."
        )
    return notes + _units(re.findall(r'"([^"]*)"', fields.get("spaceunits", "") + fields.get("units", "")))


def place_in_meta(fields: Fields, shape: Sequence[int]) -> list[str]:
    """Sentences of what a MetaImage header leaves open or says that ITK does not heed.

    Args:
        fields: its entries, by names in lower case, whose counts of numbers are right.
        shape: the sizes of all axes.

    Raises:
        PlaceError: it is no place.
    """
    notes = []
    for name in ("offset", "position", "origin"):
        _check_origin(fields.get(name, "").split())
    if not fields.get("elementspacing") and not fields.get("elementsize"):
        notes += _sizes_open([n + 1 for n, size in enumerate(shape) if size > 1])
    elif 0 in _numbers((fields.get("elementspacing") or fields["elementsize"]).split()):
        raise PlaceError("a voxel size is 0")
    turned = next(
        (fields[name] for name in ("transformmatrix", "rotation", "orientation") if fields.get(name)), ""
    )
    rows = np.array(_numbers(turned.split())).reshape(-1, len(shape)).tolist()
    check_directions(rows)
    if not np.allclose([math.hypot(*row) for row in rows], 1, atol=1e-3):
        notes.append(
            "The header's directions are not of length 1: they are taken as a part of the voxel size, as in ITK."
        )
    scale = [_numbers([fields.get(f"elementtointensityfunction{name}", "")]) for name in ("slope", "offset")]
    if scale[0] not in ([], [1.0]) or scale[1] not in ([], [0.0]):
        notes.append("The header scales the voxels' values, which is not heeded, as in ITK.")
    return notes + _units([fields.get("distanceunits", "mm")])


def check_directions(vectors: Sequence[Sequence[float]]) -> None:
    """Raise `PlaceError` unless so many vectors, if they are numbers, span a box of voxels."""
    lengths = [math.hypot(*vector) for vector in vectors]
    if any(length < 1 / FARTHEST for length in lengths):
        raise PlaceError("a direction has no length")
    if vectors and all(len(vector) == len(vectors) for vector in vectors):
        cosines = np.array(vectors) / np.array(lengths)[:, None]
        if np.isfinite(cosines).all() and abs(np.linalg.det(cosines)) < FLAT:
            raise PlaceError("the directions lie in one plane")


def _check_origin(words: Sequence[str]) -> None:
    if any(abs(number) > FARTHEST_MM for number in _numbers(words)):
        raise PlaceError("the scan lies farther away than any scanner is")


def _sizes_open(axes: Sequence[int]) -> list[str]:
    if not axes:
        return []
    named = ", ".join(map(str, axes))
    return [f"The header does not say how large voxels are along axis {named}: 1 mm is taken, as in ITK."]


def _units(names: Sequence[str]) -> list[str]:
    other = sorted(
        {name for name in names if name.lower() not in ("", "mm", "?", "none", "millimeters", "millimeter")}
    )
    return (
        [f"The header's lengths are in {', '.join(other)[:40]}; they are taken as mm, as in ITK."]
        if other
        else []
    )


def _numbers(words: Sequence[str]) -> list[float]:
    """Those of some words that are numbers; what is none the reader itself refuses."""
    found = []
    for word in words:
        try:
            found.append(float(word))
        except ValueError:
            continue
    return found
