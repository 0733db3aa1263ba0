"""The two places that a NIfTI header gives a scan, qform and sform, and the one that ITK, and so 3D Slicer, takes of them.

Programs choose differently: nibabel, FSL and SPM take the sform, ITK the qform unless the sform is the scanner's own. Where the two differ,
a result that has only one of them lies elsewhere in half of the programs. So both travel with a volume, and with every volume made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Grid

Matrix = NDArray[np.float64]

UNKNOWN, SCANNER, ALIGNED = 0, 1, 2
"""Codes of a form: it says nothing; it is the scanner's; it is that of another file."""

MILLIMETERS = 2
UNITS = {1: 1e3, 3: 1e-3}
"""Of codes other than millimeters: how many mm one is. Codes that the standard does not know count as mm, as in ITK."""

ORTHONORMAL = 1e-4
"""How far from perpendicular ITK lets an sform be."""

LONGEST = 1e6
"""A quaternion has length 1. ITK brings longer ones to it, beyond this as chance will have it."""

APART_MM = 0.1
"""Two places of one scan that differ by less are the same, rounded."""


@dataclass(frozen=True, eq=False)
class Forms:
    """A header's two places, by default where the volume is, in the scanner's space, as maps from there, so that they hold for any grid in
    the same space.

    Args:
        qform, sform: (4, 4), from RAS in mm, as the volume's affine has it, to the form's own space and units.
        qform_code, sform_code: what each is, see `UNKNOWN`.
        units: the header's code of space and time units.
        scan: where both codes are 0: the grid of the whole scan, in whose middle nibabel puts the origin.
    """

    qform: Matrix = field(default_factory=lambda: np.eye(4))
    sform: Matrix = field(default_factory=lambda: np.eye(4))
    qform_code: int = SCANNER
    sform_code: int = SCANNER
    units: int = MILLIMETERS
    scan: Grid | None = None

    @property
    def millimeters(self) -> float:
        """How many mm the header's unit is."""
        return unit_of(self.units)

    def of(self, grid: Grid) -> Forms:
        """The same with the two affines of a grid in this space instead of the maps, ready to be written.

        A part of a scan whose header says nothing of its place is given both places, that of ITK and that of nibabel: in the middle of
        the part, where nibabel would put the origin, it does not lie.
        """
        if self.scan is not None and _elsewhere(grid, self.scan):
            scale = np.diag([1 / self.millimeters] * 3 + [1.0])
            to_middle = centered(self.scan) @ np.linalg.inv(self.scan.affine)
            return replace(
                self,
                qform=scale @ grid.affine,
                sform=scale @ to_middle @ grid.affine,
                qform_code=ALIGNED,
                sform_code=ALIGNED,
            )
        return replace(self, qform=self.qform @ grid.affine, sform=self.sform @ grid.affine)


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a scan is taken to lie.

    Args:
        affine: (4, 4) voxel index to RAS in mm.
        forms: what its header says of its place.
        notes: what is wrong with that, a sentence each.
    """

    affine: Matrix
    forms: Forms
    notes: tuple[str, ...] = ()


def unit_of(code: int) -> float:
    """How many mm the unit of a header's code is.

    Example:
        >>> unit_of(3)
        0.001
    """
    return UNITS.get(code & 7, 1.0)


def placed(header: Any, shape: tuple[int, int, int]) -> Placed:
    """Where a header puts its scan: as ITK does, and as nibabel where ITK gives up.

    Args:
        header: of NIfTI, as it was read, unchecked.
        shape: the scan's voxels.
    """
    units = int(header["xyzt_units"])
    to_mm = np.diag([unit_of(units)] * 3 + [1.0])
    codes = [max(0, int(header[name])) for name in ("qform_code", "sform_code")]
    sform = _sform_of(header)
    told = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    sizes, good = _sizes(told, sform if codes[1] else None)
    qform = _qform_of(header, sizes)
    chosen, why = _chosen(qform, sform, codes, sizes, wild=_length(header) > LONGEST)
    scan = Grid(shape, to_mm @ chosen)
    sound = [form for form, code in zip((qform, sform), codes, strict=True) if code and _is_orthonormal(form)]
    notes = [why] if why else []
    notes += _apart(scan, [to_mm @ form for form in sound])
    if not good[: int(header["dim"][0])].all():
        notes.append(
            f"The header gives the voxel size {_times(told)}, which cannot be; {_times(scan.spacing)} mm is taken instead."
        )
    if units & 7 not in (UNKNOWN, MILLIMETERS, *UNITS):
        notes.append("The header's unit of length is none that there is; millimeters are taken.")
    back, sform = np.linalg.pinv(scan.affine), np.nan_to_num(sform)
    # An empty sform says nothing, and results need not repeat it.
    kept = codes[1] if np.linalg.det(sform) else UNKNOWN
    forms = Forms(qform @ back, sform @ back, codes[0], kept, units, None if any(codes) else scan)
    return Placed(scan.affine, forms, tuple(notes))


def centered(scan: Grid) -> Matrix:
    """Where nibabel puts a scan whose header says nothing of its place: the origin in the middle, the first axis to the left; (4, 4)."""
    affine = np.diag([*scan.spacing, 1.0]) @ np.diag([-1.0, 1, 1, 1])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(scan.shape) - 1) / 2)
    return affine


def _elsewhere(grid: Grid, scan: Grid) -> bool:
    """Whether a grid is only a part of a scan, in the middle of which it does not lie."""
    middle = (grid.corners.mean(axis=0) - scan.corners.mean(axis=0)) @ np.linalg.inv(scan.affine[:3, :3]).T
    return bool(np.abs(middle).max() > 0.5)


def _chosen(
    qform: Matrix, sform: Matrix, codes: list[int], sizes: NDArray[np.float64], *, wild: bool
) -> tuple[Matrix, str]:
    """The affine of the form that ITK takes, in the header's unit, and a sentence if that is not as it should be."""
    if not any(codes):
        return np.diag([-sizes[0], -sizes[1], sizes[2], 1.0]), (
            "The header does not say where the scan lies (both codes are 0): left and right are a guess, and programs place it "
            "differently. It is placed as 3D Slicer does."
        )
    straight = codes[1] > 0 and _is_orthonormal(sform)
    if straight and (not codes[0] or wild or codes[1] == SCANNER or _alike(qform, sform)):
        scaled = sform.copy()
        scaled[:3, :3] *= sizes / np.linalg.norm(sform[:3, :3], axis=0)
        absurd = codes[0] and wild
        return (
            scaled,
            "The header's qform is absurd (its quaternion has not length 1); its sform is taken."
            if absurd
            else "",
        )
    if not codes[0]:  # ITK gives up; what is wrong with it is said when the volume is checked
        return sform, ""
    unsound = codes[1] > 0 and not straight
    return qform, (
        "The header's sform is no turned grid of voxels (it is sheared or empty); its qform is taken."
        if unsound
        else ""
    )


def _apart(scan: Grid, forms: list[Matrix]) -> list[str]:
    """Sentences where the header's sound forms, in mm, or one of them and the voxel size, tell different things."""
    away = max(
        (float(np.abs(Grid(scan.shape, form).corners - scan.corners).max()) for form in forms), default=0
    )
    if away <= APART_MM:
        return []
    sizes = np.linalg.norm(forms[-1][:3, :3], axis=0)
    parallel = np.allclose(forms[-1][:3, :3] / sizes, scan.affine[:3, :3] / scan.spacing, atol=1e-3)
    if parallel and not np.allclose(sizes, scan.spacing, rtol=1e-3):
        two = f"{_times(scan.spacing)} mm and by its sform {_times(sizes)} mm"
        return [f"The header gives two voxel sizes, {two}; the first is taken, as in 3D Slicer."]
    said = (
        f"The header places the scan twice, by qform and by sform, up to {away:.3g} mm apart: programs differ in which they take. "
        "A NIfTI result keeps both; otherwise the scan is where 3D Slicer shows it."
    )
    return [said]


def _length(header: Any) -> float:
    """Of the three numbers of the quaternion that headers have."""
    return float(np.linalg.norm(np.nan_to_num([float(header[f"quatern_{name}"]) for name in "bcd"])))


def _sform_of(header: Any) -> Matrix:
    rows = [np.asarray(header[name], dtype=np.float64) for name in ("srow_x", "srow_y", "srow_z")]
    return np.array([*rows, [0, 0, 0, 1]], dtype=np.float64)


def _qform_of(header: Any, sizes: NDArray[np.float64]) -> Matrix:
    """The affine of the quaternion, which is brought to length 1 where it is longer; what is no number counts as 0."""
    b, c, d, *offset = np.nan_to_num(
        [
            float(header[name])
            for name in ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
        ],
        posinf=0,
        neginf=0,
    )
    rest = 1 - (b * b + c * c + d * d)
    if rest < 1e-7:
        b, c, d = np.array([b, c, d]) / np.sqrt(b * b + c * c + d * d)
    a = np.sqrt(rest) if rest >= 1e-7 else 0.0
    turned = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = turned * sizes * [1, 1, -1 if header["pixdim"][0] < 0 else 1]
    affine[:3, 3] = offset
    return affine


def _sizes(told: NDArray[np.float64], sform: Matrix | None) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The voxel sizes, in the header's unit, where they cannot be the sform's, else 1; and which are the header's own."""
    good = np.isfinite(told) & (told > 0)
    other = np.ones(3) if sform is None else np.linalg.norm(sform[:3, :3], axis=0)
    other = np.where(np.isfinite(other) & (other > 0), other, 1.0)
    return np.where(good, told, other), good


def _is_orthonormal(form: Matrix) -> bool:
    lengths = np.linalg.norm(form[:3, :3], axis=0)
    if not np.isfinite(form).all() or not (lengths > 0).all():
        return False
    turned = form[:3, :3] / lengths
    return bool(np.abs(turned @ turned.T - np.eye(3)).max() <= ORTHONORMAL)


def _alike(one: Matrix, other: Matrix) -> bool:
    """Whether two forms differ by rounding only, as ITK judges it: which way along an axis the voxels are counted escapes it."""
    axes = np.minimum(abs(one - other), abs(one + other))[:3, :3]
    return bool(max(axes.max(), abs(one - other)[:, 3].max()) <= ORTHONORMAL)


def _times(sizes: Any) -> str:
    return " x ".join(f"{size:.4g}" for size in sizes)
