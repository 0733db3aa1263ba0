"""How well it is estimated how a scan was made: on scans that were simulated, where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..image.noise import measure_noise
from ..image.spectrum import resolved_fraction
from ..image.volume import Volume
from ..physics.acquisition import Acquisition, rician
from ..physics.estimation import Estimate, bands, estimate
from ..physics.operators import SeparableOperator, band_rows
from ..physics.protocols import prepare_reference

Curve = NDArray[np.float64]

BOX = 96
"""Voxels along each axis of the boxes that are cut from the references."""

NOISES = (0.0, 0.0, 0.01, 0.02, 0.03)

RECTANGLE_ALIKE = 0.69
"""Width of the Gaussian whose spectrum is most like a rectangle's of width 1."""

SLICES = (
    ("gaussian", 0.5),
    ("gaussian", 0.75),
    ("gaussian", 1.0),
    ("gaussian", 1.2),
    ("rectangle", 1.0),
    ("rectangle", 0.7),
    ("kspace", 1.0),
)

SHRINK = 0.003
"""Share of the mean variance that is added to the covariance's diagonal."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A scan that was simulated.

    Args:
        scan: the reference's name.
        kind, width: of its profile; the width of `kspace` is its taper.
        noise: as a fraction of the reference's peak.
        thick: the axis across slices; None for a scan of which all axes are coarse.
        found: the estimate.
        bands: of the axes that the reference resolves, see `estimation.bands`.
    """

    scan: str
    kind: str
    width: float
    noise: float
    thick: int | None
    found: Estimate
    bands: Curve | None = None


def samples(name: str, volume: Volume, boxes: int = 2, seed: int = 0) -> list[Sample]:
    """Boxes of a reference, coarse along all axes, and with thick slices along one that it resolves."""
    rng = np.random.default_rng([seed, *name.encode()])
    whole = prepare_reference(volume)
    fine = [axis for axis in range(3) if resolved_fraction(whole.array, axis) > 0.6]
    made = []
    for number in range(boxes):
        reference = _box(whole, rng if number else None)
        widths = [("gaussian", w) for w in (1.0, 1.0, *rng.uniform(0.45, 1.3, 3))]
        for kind, width in [*widths, ("rectangle", 1.0), *(("kspace", t) for t in (0.3, 0.3, 0.15, 0.5))]:
            noise = float(rng.choice(NOISES))
            scan = _coarse(reference, kind, width, noise, rng)
            variance = measure_noise(scan.array, scan.spacing).sigma ** 2
            seen = bands(scan.array, fine, variance)
            made.append(Sample(name, kind, width, noise, None, estimate(scan), seen))
        if not fine:
            continue
        axis = int(rng.choice(fine))
        for kind, width in SLICES:
            profile = _along(axis, kind, width, float(rng.choice(NOISES)))
            grid = reference.grid.resampled([float(rng.choice([3, 4])) ** -(a == axis) for a in range(3)])
            scan = profile.simulate(reference, grid, int(rng.integers(2**31)))
            made.append(Sample(name, kind, width, profile.noise, axis, estimate(scan)))
    return made


def fitted(found: Sequence[Sample]) -> dict[str, list[float] | float]:
    """The coefficients of `physics.coefficients` from samples of which all axes are coarse."""
    coarse = [s for s in found if s.thick is None and s.bands is not None]
    x = np.array([s.bands for s in coarse])
    limited = np.array([s.kind == "kspace" for s in coarse])
    weight = np.where([s.kind == "kspace" and s.width != 0.3 for s in coarse], 0.5, 1.0)
    means = [np.average(x[g], axis=0, weights=weight[g]) for g in (limited, ~limited)]
    scatter = sum(np.cov(x[g].T, aweights=weight[g]) for g in (limited, ~limited)) / 2
    slope = np.linalg.solve(scatter + SHRINK * np.trace(scatter) / 9 * np.eye(9), means[0] - means[1])
    offset = -float(slope @ (means[0] + means[1])) / 2
    widths = np.array([RECTANGLE_ALIKE if s.kind == "rectangle" else s.width for s in coarse])[~limited]
    design = np.c_[x[~limited], np.ones(len(widths))]
    ridge = SHRINK * len(widths) * np.diag([0.1] * 9 + [0.0])
    square = np.linalg.solve(design.T @ design + ridge, design.T @ widths**2)
    rest = np.sqrt(np.clip(design @ square, 0.16, 2)) - widths
    return {
        "KSPACE": [round(float(v), 4) for v in (*slope, offset)],
        "SQUARE": [round(float(v), 4) for v in square],
        "WIDTH_SD": round(float(np.sqrt(np.mean(rest**2))), 3),
    }


def judged(found: Sequence[Sample]) -> str:
    """Markdown: what was told of how many, and how far off the widths are."""
    lines = [
        "| made by | noise | scans | k-space | Gaussian | not known | width | RMS error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    kinds = sorted({(s.thick is not None, s.kind, _label(s)) for s in found})
    for thick, kind, label in kinds:
        for noisy in (False, True):
            group = [
                s
                for s in found
                if (s.thick is not None, s.kind, _label(s)) == (thick, kind, label) and (s.noise > 0) == noisy
            ]
            if group:
                lines.append(_row(group, ("slices, " if thick else "") + label, noisy))
    return "\n".join(lines)


def _row(group: Sequence[Sample], label: str, noisy: bool) -> str:
    axes = [s.thick if s.thick is not None else _told(s.found) for s in group]
    kinds = [s.found.kind[axis] for s, axis in zip(group, axes, strict=True)]
    pairs = [
        (width, RECTANGLE_ALIKE * s.width if s.kind == "rectangle" else s.width)
        for s, axis in zip(group, axes, strict=True)
        if (width := s.found.width[axis]) is not None and s.found.kind[axis] != "kspace"
    ]
    told = f"{np.mean([w for w, _ in pairs]):.2f} ± {np.std([w for w, _ in pairs]):.2f}" if pairs else ""
    rms = (
        f"{np.sqrt(np.mean([(w - true) ** 2 for w, true in pairs])):.3f}"
        if pairs and group[0].kind != "kspace"
        else ""
    )
    counts = " | ".join(str(kinds.count(kind)) for kind in ("kspace", "gaussian", ""))
    return f"| {label} | {'1–3 %' if noisy else 'none'} | {len(group)} | {counts} | {told} | {rms} |"


def _label(sample: Sample) -> str:
    if sample.thick is None and sample.kind == "gaussian" and sample.width != 1:
        return "gaussian 0.45–1.3"
    return f"{sample.kind} {'taper ' if sample.kind == 'kspace' and sample.thick is None else ''}{sample.width:g}"


def _told(found: Estimate) -> int:
    """An axis of which something was told, if there is one."""
    return next((axis for axis in range(3) if found.kind[axis]), 0)


def _box(volume: Volume, rng: np.random.Generator | None) -> Volume:
    """A box in the middle, or, drawn at random, no farther out than half the rest."""
    rest = [max(0, n - BOX) for n in volume.shape]
    i, j, k = (r // 2 if rng is None else int(rng.integers(r // 4, r - r // 4 + 1)) for r in rest)
    size = [min(BOX, n) for n in volume.shape]
    return volume.cropped((i, j, k), (i + size[0], j + size[1], k + size[2]))


def _coarse(reference: Volume, kind: str, width: float, noise: float, rng: np.random.Generator) -> Volume:
    grid = reference.grid.resampled([0.5] * 3)
    if kind != "kspace":
        made = Acquisition(profile=(kind, kind, kind), width=(width, width, width), noise=noise)
        return made.simulate(reference, grid, int(rng.integers(2**31)))
    rows = [
        band_rows(p, n, 2.0, width)
        for p, n in zip(reference.grid.axis_positions(grid), reference.shape, strict=True)
    ]
    scan = np.abs(SeparableOperator((rows[0], rows[1], rows[2])).forward(reference.array.astype(np.float32)))
    return Volume(rician(scan, noise, rng) if noise else scan, grid.affine)


def _along(axis: int, kind: str, width: float, noise: float) -> Acquisition:
    """A profile along one axis."""
    names = [kind if a == axis else "none" for a in range(3)]
    widths = [width if a == axis else 1.0 for a in range(3)]
    return Acquisition(
        profile=(names[0], names[1], names[2]), width=(widths[0], widths[1], widths[2]), noise=noise
    )
