"""How far a volume is from its reference in what a feature network sees, rather than voxel by voxel."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from .perceptual import FeaturePerceptual

Array = NDArray[np.float32]


class FeatureDistance:
    """The loss `features` with the packaged network: 0 for identical volumes, at most 4.

    What blurs or adds texture raises it, whatever it does to the PSNR.
    """

    def __init__(self) -> None:
        self._loss = FeaturePerceptual()

    def __call__(self, reference: Array, estimate: Array) -> float:
        """The distance of two volumes (i, j, k) on the scale where the reference's 99.9th percentile is 1."""
        volumes = (
            torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None, None]
            for array in (estimate, reference)
        )
        with torch.inference_mode():
            return float(
                self._loss(*(volume.contiguous(memory_format=torch.channels_last_3d) for volume in volumes))
            )
