"""Acquisitions drawn at random from ranges: what one network is to serve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ..image.grid import Triple
from .acquisition import Acquisition

Refines = Literal["one", "two", "all"]


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """Ranges to draw acquisitions from; a range of one value is a fixed protocol.

    Args:
        refines: `one`: axis 0 alone, the others untouched (scans are turned so that any axis comes to lie there); `two`: axes 0 and 1;
            `all`: the three.
        factor: the scan's spacing over the target's; 1 keeps the matrix.
        whole: the share of draws in which the factor is rounded to a whole or half number, as most scanners' are.
        profile: of the slice or point-spread function, see `profiles.PROFILES`.
        width: of the profile, in units of the scan's spacing.
        kspace: fraction kept on the affected axes.
        noise: as a fraction of the peak, for the scans that have some.
        clean: the share of scans without noise.
        alternatives: other ranges, each for its share of the draws; they refine the same axes and have none of their own.
        share: of the draws, as an alternative.
        bank: how many acquisitions are drawn in advance, among which all draws are; 0 draws each anew. Their matrices are made once, which
            a graphics card would wait for.
        told: the share of all draws in which networks that can be told are told how the scan was made.
    """

    refines: Refines = "all"
    factor: tuple[float, float] = (2.0, 2.0)
    whole: float = 0.0
    profile: str = "gaussian"
    width: tuple[float, float] = (1.0, 1.0)
    kspace: tuple[float, float] = (1.0, 1.0)
    noise: tuple[float, float] = (0.0, 0.0)
    clean: float = 1.0
    alternatives: tuple[Degradation, ...] = ()
    share: float = 0.0
    told: float = 0.5
    bank: int = 0

    @property
    def affected(self) -> tuple[bool, bool, bool]:
        """Which axes it acts on, once the scan is turned."""
        return (True, self.refines != "one", self.refines == "all")

    def draw(self, rng: np.random.Generator) -> tuple[Acquisition, Triple]:
        """An acquisition, and the factor along each axis."""
        if self.bank:
            return self._bank[int(rng.integers(self.bank))]
        return self._anew(rng)

    @cached_property
    def _bank(self) -> list[tuple[Acquisition, Triple]]:
        rng = np.random.default_rng(0)
        return [self._anew(rng) for _ in range(self.bank)]

    def _anew(self, rng: np.random.Generator) -> tuple[Acquisition, Triple]:
        if self.alternatives:
            return self._chosen(rng)._drawn(rng)
        return self._drawn(rng)

    def _chosen(self, rng: np.random.Generator) -> Degradation:
        shares = [other.share for other in self.alternatives]
        chosen = rng.choice(1 + len(shares), p=[1 - sum(shares), *shares])
        return (self, *self.alternatives)[int(chosen)]

    def _drawn(self, rng: np.random.Generator) -> tuple[Acquisition, Triple]:
        factor = rng.uniform(*self.factor)
        if rng.random() < self.whole:
            factor = round(2 * factor) / 2
        width, kept = rng.uniform(*self.width), rng.uniform(*self.kspace)
        noisy = rng.random() >= self.clean
        profiles = [self.profile if hit else "none" for hit in self.affected]
        acquisition = Acquisition(
            profile=(profiles[0], profiles[1], profiles[2]),
            width=self._where(width),
            kspace=self._where(kept),
            noise=float(rng.uniform(*self.noise)) if noisy else 0.0,
        )
        return acquisition, self._where(factor)

    def _where(self, value: float) -> Triple:
        i, j, k = (float(value) if hit else 1.0 for hit in self.affected)
        return (i, j, k)
