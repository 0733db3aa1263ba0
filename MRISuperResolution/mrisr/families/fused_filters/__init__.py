"""Filters that were taught what reconstruction leaves blurred in volumes that were fused of several scans; `filters` explains them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...models.family import Family

if TYPE_CHECKING:
    from ...models.family import Sharpener


def _sharpener() -> Sharpener:
    from .filters import Filters

    return Filters.read()


FAMILY = Family(name="fused-filters", sharpener=_sharpener)
