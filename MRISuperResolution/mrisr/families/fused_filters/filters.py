"""Filters that were taught what reconstruction leaves blurred in fused volumes.

Gradient-hash filters, see `families.gradient_filters.model`: a bank for each level of noise, because how sharply a volume may be
restored depends on it. Taught by `Testing/fusion_filters.py` on fused simulations of training scans.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...image.arrays import Array
from ...image.replacement import replacing
from ...models.storage import packed, unpacked
from ...progress import Monitor
from ..gradient_filters.bank import FilterBank
from ..gradient_filters.export import bank_from, bank_tensors
from ..gradient_filters.pairs import head_of
from ..gradient_filters.recipe import StageRecipe, stage_data, stage_settings

FILE = Path(__file__).with_name("filters.safetensors")


@dataclass(frozen=True, eq=False)
class Filters:
    """One bank for each level.

    Args:
        levels: what `Reconstruction.noise` of the volumes was that each bank was taught on (root mean square), rising.
        banks: the filters.
    """

    levels: tuple[float, ...]
    banks: tuple[FilterBank, ...]

    @classmethod
    def read(cls, path: Path = FILE) -> Filters:
        """The packaged filters, or those of another file."""
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            weights = unpacked({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - it has no other
            told = json.loads(file.metadata()["recipe"])
        stage = stage_settings(told["stage"])
        banks = [bank_from(stage, weights, str(number)) for number in range(len(told["levels"]))]
        return cls(tuple(told["levels"]), tuple(banks))

    def write(self, path: Path, about: dict[str, str]) -> None:
        """To a file of 8-bit numbers.

        Args:
            path: the file.
            about: where they come from, for people.
        """
        from safetensors.torch import save_file

        tensors = {
            name: tensor
            for number, bank in enumerate(self.banks)
            for name, tensor in bank_tensors(bank, str(number)).items()
        }
        bank = self.banks[0]
        stage = StageRecipe(bank.taps, bank.hashing.buckets, bank.hashing.features)  # that of all of them
        recipe = json.dumps({"levels": self.levels, "stage": stage_data(stage)})
        with replacing(path) as partial:
            save_file(packed(tensors), partial, {"recipe": recipe, **about})

    def apply(self, volume: Array, noise: float, monitor: Monitor | None = None) -> Array:
        """What the volume would look like sharper; between two levels a mixture of what both banks say.

        Args:
            volume: fused, (i, j, k), where the reference's peak is 1.
            noise: of the scans behind it, as `Reconstruction.noise` tells it, as a fraction of the brightness.
            monitor: told of progress, asked for cancellation.
        """
        import torch

        head = head_of(volume)
        i, j, k = (torch.zeros(n, dtype=torch.long, device=volume.device) for n in volume.shape)
        total, device = torch.zeros_like(volume), str(volume.device)
        with torch.inference_mode():
            for bank, share in zip(self.banks, mixture(noise, self.levels), strict=True):
                if share > 0:
                    total += share * bank.to(device).apply(volume, (i, j, k), head, monitor, "filters")
        return total


def mixture(noise: float, levels: Sequence[float]) -> list[float]:
    """The share of each level, in sum 1; beyond the first and the last only that one's.

    Example:
        >>> mixture(0.015, [0.0, 0.01, 0.02])
        [0.0, 0.5, 0.5]
    """
    return [round(float(np.interp(noise, levels, row)), 6) for row in np.eye(len(levels))]
