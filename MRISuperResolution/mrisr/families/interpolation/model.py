"""Interpolation as a model: the initial estimate is the result. The yardstick for the others, and the fallback."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...models.base import Context, Model


class Interpolation(Model):
    """Returns the initial estimate, whose kind its card names (`linear`, `cubic` or `lanczos`)."""

    volumes_at_peak = 6

    def restore(self, initial: NDArray[np.float32], context: Context) -> NDArray[np.float32]:
        """`initial` itself."""
        context.monitor.step("model", 1, 1)
        return initial
