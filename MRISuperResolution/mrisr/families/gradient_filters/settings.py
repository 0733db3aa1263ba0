"""The settings of a gradient-filters model, as its card holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

AIR = 0.03
"""Neighborhoods darker than this, on the models' scale, are not filtered: Rician noise of 2 % has a mean of 0.025."""


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """Hyperparameters of a model.

    Args:
        one_axis: whether one axis differs from the other two, see the model's docstring.
        banks: for each degradation it knows, `factor` and the settings of its passes, see `recipe.stage_settings`.
        air: see `pairs.head_of`.
        census: the share of census bits that may change before the initial estimate is mixed in; None for no blending.
    """

    one_axis: bool
    banks: list[dict[str, Any]]
    air: float = AIR
    census: float | None = None
