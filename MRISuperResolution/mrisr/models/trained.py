"""The acquisitions that a model was trained for, and whether a scan's is one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..image.grid import FACTOR_TOLERANCE


@dataclass(frozen=True)
class Trained:
    """A range of acquisitions a model was trained for.

    Args:
        refined_axes: numbers of axes refined at once, such as (1,) for thick slices, (3,) for isotropic, (0,) for the same matrix.
        factor: lowest and highest factor on the refined axes.
        kspace: lowest and highest fraction of k-space kept.
        noise: lowest and highest noise, as a fraction of the peak.
        profile: slice or point-spread functions; empty means any.
        width: lowest and highest width of the profiles, in units of the scan's spacing; None means any.
    """

    refined_axes: tuple[int, ...]
    factor: tuple[float, float]
    kspace: tuple[float, float] = (1.0, 1.0)
    noise: tuple[float, float] = (0.0, 0.0)
    profile: tuple[str, ...] = ()
    width: tuple[float, float] | None = None

    @classmethod
    def of(cls, item: dict[str, Any]) -> Trained:
        """The range that an entry of a card's `trained_for` tells."""
        pairs = {
            key: (float(item[key][0]), float(item[key][1]))
            for key in ("factor", "kspace", "noise", "width")
            if key in item
        }
        return cls(
            refined_axes=tuple(int(n) for n in item["refined_axes"]),
            profile=tuple(item.get("profile", [])),
            **pairs,
        )

    def covers(
        self,
        factor: Sequence[float],
        kspace: Sequence[float] = (1.0,),
        profile: Sequence[str] = (),
        width: Sequence[float] = (),
    ) -> bool:
        """Whether refining by `factor` a scan with these fractions of k-space lies in the range; the ends have 5 % of grace.

        A scan whose k-space is said to be whole may be truncated all the same, so only a stated truncation is compared. So it is with the
        profile and its width, and only on the same matrix, where each kind of blur asks for another cure.
        """
        refined = [f for f in factor if f > 1 + FACTOR_TOLERANCE]
        inside = all(0.95 * self.factor[0] <= f <= 1.05 * self.factor[1] for f in refined)
        kept = all(0.95 * self.kspace[0] <= k <= 1.05 * self.kspace[1] for k in kspace if k < 1)
        curable = (
            bool(refined)
            or not self.profile
            or (set(profile) <= {"none", *self.profile} and self._reaches(profile, width))
        )
        return len(refined) in self.refined_axes and inside and kept and curable

    def _reaches(self, profile: Sequence[str], width: Sequence[float]) -> bool:
        """Whether the profiles that act are as wide as those of the training."""
        low, high = self.width or (0.0, math.inf)
        acting = [w for p, w in zip(profile, width, strict=False) if p != "none"]
        return all(0.95 * low <= w <= 1.05 * high for w in acting)


def text_of(trained: Trained) -> str:
    """A range in a few words."""
    axes = {0: "the same matrix", 1: "one axis", 2: "two axes", 3: "all axes"}
    where = " or ".join(axes[n] for n in trained.refined_axes)
    low, high = trained.factor
    if trained.refined_axes == (0,):
        return where + _how(trained.kspace, trained.profile)
    return f"{where} by {low:g}" + (f" to {high:g}" if high > low else "")


def asked_text(factor: Sequence[float], kspace: Sequence[float], profile: Sequence[str]) -> str:
    """What is asked of a model, in a few words."""
    cut = [k for k in kspace if k < 1]
    kept = (min(cut), max(cut)) if cut else (1.0, 1.0)
    if max(factor) > 1 + FACTOR_TOLERANCE:
        return "a factor of " + " x ".join(f"{f:.3g}" for f in factor) + _how(kept, ())
    return "the same matrix" + _how(kept, profile)


def _how(kept: tuple[float, float], profile: Sequence[str]) -> str:
    """What a scan has lost besides voxels, in parentheses; nothing if that is not known."""
    low, high = (round(100 * k) for k in kept)
    share = [f"{low} to {high} % of k-space" if high > low else f"{low} % of k-space"] if low < 100 else []
    lost = [*share, *sorted(set(profile) - {"none"})]
    return f" ({', '.join(lost)})" if lost else ""
