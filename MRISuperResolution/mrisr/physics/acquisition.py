"""How a scanner would have seen a finer volume: the forward model that makes training pairs, checks results and simulates scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.grid import FACTOR_TOLERANCE, Grid, Triple
from ..image.normalization import Normalization
from ..image.volume import Volume
from .operators import Matrix, SeparableOperator, kspace_window
from .profiles import PROFILES

Profiles = tuple[str, str, str]
"""Names of `profiles.PROFILES` along i, j, k."""

UNCHANGED: Triple = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Acquisition:
    """What one voxel of a scan measures, axis by axis.

    y = |K S P x|, then Rician noise: P the slice profile or in-plane point-spread function, S the sampling on the scan's grid,
    K a window in k-space. All but the magnitude and the noise is linear and separable.

    Args:
        profile: along i, j, k, by name, see `profiles.PROFILES`.
        width: along i, j, k, in units of the scan's spacing: 1 is a slice as thick as the slices are apart, less leaves a gap,
            more overlaps.
        kspace: fraction of k-space kept along i, j, k.
        noise: standard deviation of the complex noise, as a fraction of the object's 99.9th percentile.
    """

    profile: Profiles = ("none", "none", "none")
    width: Triple = UNCHANGED
    kspace: Triple = UNCHANGED
    noise: float = 0.0

    def __post_init__(self) -> None:
        if unknown := set(self.profile) - set(PROFILES):
            raise InputError(
                f"There is no profile {sorted(unknown)[0]!r}; choose among {', '.join(PROFILES)}."
            )
        if not all(w > 0 for w in self.width) or not all(0 < k <= 1 for k in self.kspace) or self.noise < 0:
            raise InputError(
                "An acquisition needs positive widths, k-space fractions in (0, 1] and noise of 0 or more."
            )

    @classmethod
    def of_factor(cls, factor: Sequence[float], width: float = 1.0, noise: float = 0.0) -> Acquisition:
        """The usual guess: a Gaussian profile as wide as `width` times the spacing on every axis that is to be refined."""
        profiles = ["gaussian" if f > 1 + FACTOR_TOLERANCE else "none" for f in factor]
        return cls(profile=(profiles[0], profiles[1], profiles[2]), width=(width, width, width), noise=noise)

    @property
    def magnitude(self) -> bool:
        """Whether the scan is a magnitude of what may be negative: limits in k-space leave negative lobes."""
        return min(self.kspace) < 1 or any(PROFILES[name].magnitude for name in self.profile)

    def operator(self, target: Grid, measured: Grid) -> SeparableOperator:
        """The linear part, from volumes on `target` to scans on `measured`."""
        positions = target.axis_positions(measured)
        i, j, k = (self._matrix(axis, positions[axis], target.shape[axis]) for axis in range(3))
        return SeparableOperator((i, j, k))

    def simulate(self, reference: Volume, measured: Grid, seed: int = 0) -> Volume:
        """The scan of `reference` on the grid `measured`; a magnitude image, noise drawn from `seed`."""
        array = reference.array.astype(np.float32)
        scan = self.operator(reference.grid, measured).forward(array)
        if self.magnitude:
            scan = np.abs(scan)
        if self.noise > 0:
            sigma = self.noise * Normalization.of(array).scale
            scan = rician(scan, sigma, np.random.default_rng(seed))
        return reference.on(measured, scan)

    def describe(self) -> dict[str, Any]:
        """The settings, as they go into cards and provenance."""
        return asdict(self)

    def _matrix(self, axis: int, positions: NDArray[np.float64], n: int) -> Matrix | None:
        matrix = self._sampling(axis, positions, n)
        if self.kspace[axis] < 1:
            window = kspace_window(len(positions), self.kspace[axis])
            matrix = window if matrix is None else window @ matrix
        return matrix

    def _sampling(self, axis: int, positions: NDArray[np.float64], n: int) -> Matrix | None:
        profile = PROFILES[self.profile[axis]]
        if profile.same_matrix and len(positions) != n:
            raise InputError("The zoom and spline protocols keep the scan's matrix; ask for a factor of 1.")
        return profile.matrix(positions, n, self.width[axis])


def rician(array: NDArray[np.float32], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """The magnitude of `array` with complex Gaussian noise of standard deviation `sigma` (Gudbjartsson & Patz 1995)."""
    real = array + sigma * rng.standard_normal(array.shape, dtype=np.float32)
    return np.asarray(
        np.hypot(real, sigma * rng.standard_normal(array.shape, dtype=np.float32)), dtype=np.float32
    )


def lost_resolution(factor: Sequence[float], kspace: Sequence[float]) -> list[float]:
    """How many times finer the target resolves than the scan along each axis, by its grid and by its k-space."""
    return [f / kept for f, kept in zip(factor, kspace, strict=True)]
