"""The volume that explains all scans best.

    x = argmin Σ wₛᵥ ρ((Aₛ x − yₛ)ᵥ) + λ Σ η(∇x) + μ ‖x − z‖²

ρ is Huber's function: what disagrees by more than the noise (a moved slice, an artifact) counts less, voxel by voxel and slice by slice;
η is Huber's function, too, so that noise is smoothed and edges stay (Charbonnier et al. 1997, IEEE Trans. Image Process. 6(2), 298–311);
λ grows with the noise, and with what little the volume leaves unexplained of the scans, which is noise to it whatever its cause (a profile
that is not quite theirs, distortion); z, if there is one, is what networks make of the scans alone, or taught filters of the volume.
Solved by reweighted least squares, each by conjugate gradients that start where the last ones ended. Everything is a tensor on one device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..image.arrays import Array
from ..physics.observation import Measurement
from ..progress import Monitor

ROUNDS, STEPS = 4, 8
"""Reweightings, and conjugate gradient steps in each."""

FOUND = 2
"""The round before which it is found what the volume leaves unexplained: outliers have little say any more, and only once, since a
smoother volume leaves more unexplained and would be made smoother still."""

SLIGHT = 0.03
"""So much of it, as a fraction of the brightness, counts as noise at most: of more, something else is the cause."""

SMOOTH = 0.015
"""λ of scans without noise."""

PER_VARIANCE = 150.0
"""By how much λ grows with the variance of the noise, or of what is left unexplained; both chosen on validation scans, as is `EDGE`."""

EDGE = 0.02
"""Differences between neighbors beyond this, as a fraction of the brightness, are edges."""

HUBER = 3.0
"""Residuals beyond so many standard deviations count less."""

SPOILT = 2.0
"""A slice whose residual is so many times the usual counts less."""

NOISELESS = 3e-3
"""Residuals up to this fraction of the brightness are nobody's fault."""

LEAST = 0.01
"""Noise below this fraction of the brightness gives a scan no more say."""


@dataclass(frozen=True, eq=False)
class Part:
    """One scan in the sum.

    Args:
        measurement: y and A.
        covered: where the volume covers what y gathers, 1 or 0; (i, j, k) of the scan.
        noise: its standard deviation, as a fraction of the brightness.
        axis: across its slices.
    """

    measurement: Measurement
    covered: Array
    noise: float
    axis: int

    def rest(self, x: Array) -> Array:
        """|y − A x| where the volume covers what y gathers, 0 elsewhere; (i, j, k) of the scan."""
        return abs(self.measurement.misfit(x)) * self.covered

    @property
    def tissue(self) -> Array:
        """Which of its voxels are covered, and no air."""
        return (self.covered > 0) & (self.measurement.measured > 0.05)


@dataclass(frozen=True, eq=False)
class Prior:
    """z and μ.

    Args:
        volume: z, on the target's grid.
        weight: μ.
        smooth: which share of λ is left beside it.
    """

    volume: Array
    weight: float
    smooth: float = 1.0


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What came of it.

    Args:
        volume: x.
        weights: of each scan's voxels, at the end.
        noises: of each scan, as a fraction of the brightness; what the volume leaves unexplained of it, up to `SLIGHT`, where that is more.
    """

    volume: Array
    weights: list[Array]
    noises: list[float]

    @property
    def noise(self) -> float:
        """Of all scans together."""
        return _root_mean_square(self.noises)


def reconstruct(
    parts: Sequence[Part],
    start: Array,
    prior: Prior | None = None,
    monitor: Monitor | None = None,
    *,
    rounds: int = ROUNDS,
    noises: Sequence[float] | None = None,
) -> Reconstruction:
    """The volume that explains all scans best.

    Args:
        parts: the scans.
        start: where to begin, (i, j, k) on the target's grid.
        prior: what the volume is drawn to.
        monitor: told of progress, asked for cancellation.
        rounds: reweightings.
        noises: of each scan, where `start` is so near that outliers stand out from the first round on; None to begin with those stated
            and to find out before round `FOUND`.
    """
    monitor = monitor or Monitor()
    x, says, near = start.clone(), _says(parts), noises is not None
    taken = [part.noise for part in parts] if noises is None else list(noises)
    weights = [say * part.covered for say, part in zip(says, parts, strict=True)]
    for number in range(rounds):
        if number or near:
            rests = [part.rest(x) for part in parts]
            if number == FOUND and not near:
                taken = [
                    max(part.noise, min(SLIGHT, unexplained(part, rest)))
                    for part, rest in zip(parts, rests, strict=True)
                ]
            trust = [trusted(part, rest) for part, rest in zip(parts, rests, strict=True)]
            weights = [say * part.covered * each for say, part, each in zip(says, parts, trust, strict=True)]
        edges = [EDGE / abs(d).clamp_min(EDGE) for d in _differences(x)]
        smooth = _smoothness(taken) * (1.0 if prior is None else prior.smooth)
        equations = _Equations(parts, weights, edges, smooth, prior)
        x = _solved(equations, x, monitor, (number, rounds))
    return Reconstruction(x, weights, taken)


def trusted(part: Part, rest: Array) -> Array:
    """How far each voxel of a scan is believed, in [0, 1]: by its own residual, and by that of its slice.

    Args:
        part: the scan.
        rest: what a volume leaves unexplained of it, as `Part.rest` gives it.
    """
    inside = part.tissue
    if not bool(inside.any()):
        return part.covered
    usual = max(part.noise, NOISELESS, unexplained(part, rest))
    voxels = (HUBER * usual / rest.clamp_min(1e-9)).clamp_max(1)
    others = [a for a in range(3) if a != part.axis]
    count = inside.sum(dim=others, keepdim=True).clamp_min(1)
    slices = ((rest * inside) ** 2).sum(dim=others, keepdim=True).div(count).sqrt()
    seen = slices[inside.any(dim=others[1], keepdim=True).any(dim=others[0], keepdim=True)]
    limit = SPOILT * max(float(seen.median()), part.noise, NOISELESS)
    return voxels * (limit / slices.clamp_min(1e-9)).clamp_max(1) ** 2


def unexplained(part: Part, rest: Array) -> float:
    """The standard deviation of what a volume leaves unexplained of a scan's tissue, by its median: outliers have no say; 0 without tissue.

    Args:
        part: the scan.
        rest: as `Part.rest` gives it.
    """
    inside = part.tissue
    return 1.4826 * float(rest[inside].median()) if bool(inside.any()) else 0.0


@dataclass(frozen=True, eq=False)
class _Equations:
    """N x = b, the normal equations of one reweighting."""

    parts: Sequence[Part]
    weights: Sequence[Array]
    edges: Sequence[Array]
    smooth: float
    prior: Prior | None

    def normal(self, v: Array) -> Array:
        """N v."""
        total = v * (0.0 if self.prior is None else self.prior.weight)
        for part, weight in zip(self.parts, self.weights, strict=True):
            operator = part.measurement.operator
            total += operator.adjoint(weight * operator.forward(v))
        return _smoothed(total, v, self.edges, self.smooth)

    def rest(self, x: Array) -> Array:
        """What is left of b: b − N x."""
        rest = -self.normal(x)
        for part, weight in zip(self.parts, self.weights, strict=True):
            rest += part.measurement.operator.adjoint(weight * part.measurement.measured)
        return rest if self.prior is None else rest + self.prior.weight * self.prior.volume


def _solved(equations: _Equations, x: Array, monitor: Monitor, rounds: tuple[int, int]) -> Array:
    """Conjugate gradients from x on; the number of this round, and of all, are for the monitor."""
    rest = equations.rest(x)
    direction, square = rest.clone(), float((rest * rest).sum())
    for step in range(STEPS):
        monitor.step("reconstruction", rounds[0] * STEPS + step, rounds[1] * STEPS)
        if square <= 0:
            break
        image = equations.normal(direction)
        length = square / float((direction * image).sum())
        x = x + length * direction
        rest -= length * image
        before, square = square, float((rest * rest).sum())
        direction = rest + (square / before) * direction
    return x


def _smoothness(noises: Sequence[float]) -> float:
    return SMOOTH + PER_VARIANCE * _root_mean_square(noises) ** 2


def _root_mean_square(noises: Sequence[float]) -> float:
    return math.sqrt(sum(noise**2 for noise in noises) / len(noises))


def _says(parts: Sequence[Part]) -> list[float]:
    """What each scan counts for: 1 for the clearest, less for noisier ones."""
    noises = [max(part.noise, LEAST) for part in parts]
    return [(min(noises) / noise) ** 2 for noise in noises]


def _differences(x: Array) -> list[Array]:
    return [x.diff(dim=axis) for axis in range(3)]


def _smoothed(total: Array, v: Array, edges: Sequence[Array], smooth: float) -> Array:
    """Adds λ ∇ᵀ W ∇ v to `total`, in place."""
    for axis, (weight, difference) in enumerate(zip(edges, _differences(v), strict=True)):
        flow = smooth * weight * difference
        n = v.shape[axis]
        total.narrow(axis, 0, n - 1).sub_(flow)
        total.narrow(axis, 1, n - 1).add_(flow)
    return total
