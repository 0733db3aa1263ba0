"""What another stack of the same subject says of the detail that a result adds to plain interpolation.

Everything is compared where the stack was measured. With c the interpolated scan, x the result and A the stack's acquisition,

    y = α A c + σ A (x − c) + β + Σ θₖ ∂ₖ(A x) + ε,        share = σ / α

is solved by least squares over the tissue. The share is 1 where all of the added detail is there at that strength, 0.5 where twice as much
was added as there is (no nearer to the truth than interpolation), 0 where it was invented. Noise of the stack is in y alone and biases
nothing; what registration leaves, a shift of a fraction of a voxel, is taken up by θ, the derivatives by the six numbers of a rigid motion,
and not charged to the result. The error comes from a bootstrap over blocks, for neighboring voxels do not err independently.

The stack is believed only if it confirms what the scan measured itself: `control`, the slope of its fine structure on that of A c. It is
1 in the same contrast and place, and elsewhere something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..image.filters import smoothed

Array = NDArray[np.float32]
Double = NDArray[np.float64]

BLOCK_MM = 15.0
"""Side of the blocks that err independently."""

DRAWS = 400
"""Bootstrap samples: the error is known to 4 % of itself."""

FINE_MM = 8.0
"""Fine structure is what a Gaussian of this standard deviation takes away."""

DEEP_MM = 4.0
"""Standard deviation of the Gaussian by which the surface is told."""

ADDED, PLAIN = 0, 1
"""Columns of the regression; then a constant, then the motion's derivatives."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """A stack, and what was scanned out of the two volumes with its acquisition; all (i, j, k) on the stack's grid.

    Args:
        measured: y, brought to the scan's brightness.
        plain: A c.
        added: A (x − c).
        inside: the tissue that all three cover, bool.
        nudges: derivatives of A x by the six numbers of a rigid motion; any number of them.
        spacing: of the stack's voxels, in mm.
    """

    measured: Array
    plain: Array
    added: Array
    inside: NDArray[np.bool_]
    nudges: tuple[Array, ...]
    spacing: Sequence[float]


@dataclass(frozen=True)
class Weighed:
    """What the evidence comes to.

    Args:
        share: of the added detail that the stack confirms.
        error: one standard deviation of the share.
        gain_db: how much better the result predicts the stack than interpolation does.
        gain_error: one standard deviation of that.
        control: the same slope for what the scan measured itself.
        control_error: one standard deviation of that.
        alike: correlation of stack and interpolated scan in fine structure, -1 to 1.
        added_percent: root mean square of the added detail in the tissue, in percent of the brightness.
        blocks: how many blocks held tissue.
    """

    share: float
    error: float
    gain_db: float
    gain_error: float
    control: float
    control_error: float
    alike: float
    added_percent: float
    blocks: int


def weighed(evidence: Evidence, seed: int = 0) -> Weighed:
    """The share of the added detail that a stack confirms, with its error.

    Args:
        evidence: on the models' scale, brightness 1.
        seed: of the bootstrap.

    Raises:
        ValueError: no voxel lies inside.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> plain, added = rng.random((2, 30, 30, 30), dtype=np.float32)
        >>> whole = np.ones((30, 30, 30), bool)
        >>> round(weighed(Evidence(plain + added / 2, plain, added, whole, (), (4, 4, 4))).share, 3)
        0.5
    """
    if not evidence.inside.any():
        raise ValueError("no voxel of the stack lies inside")
    full = _block_sums(evidence, _columns(evidence))
    still = [ADDED, PLAIN, 2, -1]  # the derivatives left out
    sums = full[:, still][:, :, still]
    deep = replace(evidence, inside=_deep(evidence))
    fine = [_fine(volume, deep) for volume in (evidence.plain, evidence.measured)]
    control = _block_sums(deep, [fine[0]], fine[1])
    shares, gains, slopes = (
        each(np.tensordot(_draws(len(s), seed), s, 1))
        for each, s in ((_share, full), (_gain, sums), (_slope, control))
    )
    total = control.sum(axis=0)
    rms = float(np.sqrt(np.mean(np.square(evidence.added[evidence.inside], dtype=np.float64))))
    return Weighed(
        float(shares[0]),
        float(shares[1:].std()),
        float(gains[0]),
        float(gains[1:].std()),
        float(slopes[0]),
        float(slopes[1:].std()),
        float(total[0, -1] / np.sqrt(max(total[0, 0] * total[-1, -1], 1e-30))),
        100 * rms,
        len(full),
    )


def confirmed(evidence: Evidence) -> float:
    """The share alone, without its error."""
    return float(_share(_block_sums(evidence, _columns(evidence)).sum(axis=0)[None])[0])


def motion_left(evidence: Evidence) -> Double:
    """By how many of the nudges' steps the stack would still have to move."""
    solution = _coefficients(_block_sums(evidence, _columns(evidence)).sum(axis=0)[None])[0]
    return np.asarray(solution[3:] / solution[PLAIN])


def lacking(evidence: Evidence) -> Array:
    """What the stack shows beyond interpolation, brightness and place set right: to be compared with `added`; (i, j, k)."""
    columns = _columns(evidence)
    solution = _coefficients(_block_sums(evidence, columns).sum(axis=0)[None])[0]
    rest = evidence.measured.copy()
    for number, column in enumerate(columns):
        if number != ADDED:
            rest -= np.float32(solution[number]) * column
    return np.asarray(rest / np.float32(solution[PLAIN]), dtype=np.float32)


def _columns(evidence: Evidence) -> list[Array]:
    return [evidence.added, evidence.plain, np.ones_like(evidence.plain), *evidence.nudges]


def _deep(evidence: Evidence) -> NDArray[np.bool_]:
    """The tissue away from its surface, which all heads share; all of it where that leaves too little."""
    inside = evidence.inside.astype(np.float32)
    deep = evidence.inside & (smoothed(inside, [DEEP_MM / s for s in evidence.spacing]) > 0.97)
    return deep if deep.sum() > 0.1 * evidence.inside.sum() else evidence.inside


def _fine(volume: Array, evidence: Evidence) -> Array:
    """A volume without its coarse structure, which is that of the tissue alone."""
    sigma = [FINE_MM / s for s in evidence.spacing]
    inside = evidence.inside.astype(np.float32)
    coarse = smoothed(volume * inside, sigma) / np.maximum(smoothed(inside, sigma), 1e-3)
    return np.asarray((volume - coarse) * inside, dtype=np.float32)


def _block_sums(evidence: Evidence, columns: Sequence[Array], target: Array | None = None) -> Double:
    """Sums of products of all columns and, last, of y, a matrix for each block: (blocks, n + 1, n + 1)."""
    inside = np.nonzero(evidence.inside)
    blocks = [
        np.floor(i * s / BLOCK_MM).astype(np.int64) for i, s in zip(inside, evidence.spacing, strict=True)
    ]
    shape = [int(b.max()) + 1 for b in blocks]
    _, number = np.unique(np.ravel_multi_index(tuple(blocks), shape), return_inverse=True)
    measured = evidence.measured if target is None else target
    values = [column[inside].astype(np.float64) for column in (*columns, measured)]
    count, n = int(number.max()) + 1, len(values)
    sums = np.zeros((count, n, n))
    for a in range(n):
        for b in range(a + 1):
            sums[:, a, b] = sums[:, b, a] = np.bincount(number, values[a] * values[b], count)
    return sums


def _draws(blocks: int, seed: int) -> Double:
    """How often each block counts: once, then as it is drawn, `DRAWS` times."""
    drawn = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS)
    return np.vstack([np.ones(blocks), drawn])


def _coefficients(sums: Double) -> Double:
    """Least squares from sums of products, one solution a matrix; directions that nothing tells stay 0."""
    normal, right = sums[:, :-1, :-1].copy(), sums[:, :-1, -1]
    diagonal = np.einsum("nii->ni", normal)
    scale = np.sqrt(np.maximum(diagonal, 1e-30))
    normal /= scale[:, :, None] * scale[:, None, :]
    normal += 1e-9 * np.eye(normal.shape[1])
    return np.asarray(np.linalg.solve(normal, (right / scale)[..., None])[..., 0] / scale)


def _share(sums: Double) -> Double:
    solution = _coefficients(sums)
    return np.asarray(solution[:, ADDED] / solution[:, PLAIN])


def _slope(sums: Double) -> Double:
    return np.asarray(sums[:, 0, -1] / np.maximum(sums[:, 0, 0], 1e-30))


def _gain(sums: Double) -> Double:
    """In dB: what a factor and a constant leave unexplained by A c, over what they leave by A x."""
    plain = sums[:, 1:, 1:]
    mix = np.eye(4)[1:]
    mix[0, ADDED] = 1.0
    rich = mix @ sums @ mix.T
    left = [_left(each) for each in (plain, rich)]
    return np.asarray(10 * np.log10(left[0] / left[1]))


def _left(sums: Double) -> Double:
    """The sum of squares that least squares leaves."""
    solution = _coefficients(sums)
    return np.asarray(np.maximum(sums[:, -1, -1] - np.einsum("ni,ni->n", solution, sums[:, :-1, -1]), 1e-12))
