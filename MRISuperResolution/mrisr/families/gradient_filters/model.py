r"""Gradient-hash filter learning in three dimensions: a linear filter per kind of local structure, without a network.

The method (3-D version: doi 10.9717/kmms.2020.24.2.178, after Romano, Isidoro and Milanfar, RAISR, arXiv 1606.01299). Let x be the
initial estimate, and everything below be said of one voxel p.

*Structure.* With the gradient g = ∇x by central differences and Gaussian weights w over a 9×9×9 window,

    S = Σ_q w(q − p) g(q) g(q)ᵀ = Gᵀ W G,                       S v₁ = λ₁ v₁,   λ₁ ≥ λ₂ ≥ λ₃ ≥ 0.

W is separable, so S costs three passes of 9 taps over the six products of g instead of a 729 × 729 product. The eigenvalues come from
the trigonometric solution of the characteristic cubic, the direction v₁ of steepest change from (S − λ₂I)(S − λ₃I), whose columns lie
along it.

*Bucket.* v and −v are one direction: it is turned so that its azimuth φ ∈ [0, π); its polar angle θ ∈ [0, π]. Then

    bucket = (phase, ⌊8θ/π⌋, ⌊8φ/π⌋, strength bin, coherence bin),
    strength = √(λ₁+λ₂+λ₃)  or √λ₁,
    coherence = (√λ₁−√λ₂−√λ₃) / (√λ₁+√λ₂+√λ₃)  or the fractional anisotropy,

with bins at quantiles of the training data: 8·8·3·3 = 576 buckets. The phase says where the voxel lies between the measured samples, if
the grid is refined by a known factor: interpolation blurs a voxel beside a sample less than one halfway between two.

*Filter.* Each bucket b has learned weights h_b over the neighbors q of p in a box N:

    y(p) = x(p) + Σ_{q ∈ N} h_b(q) (x(p + q) − x(p)).

Acting on differences makes the filter sum to one: a flat region passes unchanged, and so does any voxel at a zero filter.

*Learning.* h_b minimises Σ (r − h_bᵀ d)² + ρ|h_b|² over the training voxels p in b, with d the differences and r = reference(p) − x(p),
from the normal equations (DᵀD + ρI) h_b = Dᵀr. Any of the 48 symmetries of the grid turns a training volume into another one, and moves
a voxel to another bucket and its differences to another order; `gradient_filters.normal_equations` adds all of them up exactly, at the
cost of one. ρ is the one that leaves the least error on the validation scans. A second pass may be trained on what the first one gives.

*Axes.* Where one axis differs from the other two (slices thicker than their pixels, two axes truncated in k-space), it is put last, and
only the 16 symmetries that leave it in place are used. So one model serves any slice axis.

*Blending*, an option: where filtering turns over the census transform (see `gradient_filters.census`), the initial estimate is mixed
in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...compute.memory import is_out_of_memory
from ...image.grid import FACTOR_TOLERANCE
from ...models.base import Context, Model
from ...models.hyperparameters import divided
from .buckets import phase_bins, sample_positions, zoom_of
from .census import blend
from .export import banks_from
from .pairs import head_of, special_last
from .recipe import StageRecipe
from .settings import FilterSettings

if TYPE_CHECKING:
    from ...models.card import Card


class GradientFilters(Model):
    """Learned filters, chosen voxel by voxel.

    Args:
        card: with the hyperparameters, see `FilterSettings`.
        weights: filters and bin edges of every bank and pass.

    Raises:
        ValueError: the weights do not fit the card.
    """

    reduced_precision = False
    double_precision = True
    volumes_at_peak = 16

    def __init__(self, card: Card, weights: Mapping[str, Tensor]) -> None:
        super().__init__(card)
        self.settings, _ = divided(card.hyperparameters, FilterSettings)
        self.banks = banks_from(self.settings.banks, weights)

    def restore(self, initial: Tensor, context: Context) -> Tensor:
        """The filtered estimate; voxels of air stay as they are."""
        initial = torch.as_tensor(initial)
        device = context.tiles.compute.device if context.tiles else "cpu"
        try:
            return self._filtered(initial, context, device)
        except RuntimeError as error:
            if context.tiles is None or device == "cpu" or not is_out_of_memory(error):
                raise
            context.tiles.to_cpu()
        return self._filtered(initial, context, "cpu")

    def _filtered(self, initial: Tensor, context: Context, device: str) -> Tensor:
        order = special_last(self._special_axis(context))
        start = initial.permute(order).contiguous().to(device)
        zooms = [zoom_of(context.acquisition, axis) for axis in order]
        factors = [context.factor[axis] for axis in order]
        positions = [
            sample_positions(n, factor, zoom)
            for n, factor, zoom in zip(start.shape, factors, zooms, strict=True)
        ]
        _, stages, banks = min(self.banks, key=lambda bank: abs(np.log(bank[0] / factors[2])))
        volume, head = start, head_of(start, self.settings.air)
        with torch.inference_mode():
            for stage, bank in zip(stages, banks, strict=True):
                volume = bank.to(device).apply(
                    volume, _phases(stage, positions, device), head, context.monitor
                )
            if self.settings.census is not None:
                volume = blend(start, volume, self.settings.census)
        return volume.permute(*(int(place) for place in np.argsort(order))).contiguous().to(initial.device)

    def _special_axis(self, context: Context) -> int | None:
        """The axis of the thickest slices; if none is refined, the one that k-space truncation left alone, or the last."""
        if not self.settings.one_axis:
            return None
        if max(context.factor) > 1 + FACTOR_TOLERANCE:
            return int(np.argmax(context.factor))
        kept = context.acquisition.kspace
        return int(np.argmax(kept)) if max(kept) > min(kept) else 2


def _phases(stage: StageRecipe, positions: list[Tensor], device: str) -> tuple[Tensor, Tensor, Tensor]:
    i, j, k = (phase_bins(positions[a], stage.buckets.phases[a]).to(device) for a in range(3))
    return (i, j, k)
