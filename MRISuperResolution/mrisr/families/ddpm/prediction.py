"""What a network predicts of a noisy volume, and what that says about the clean one.

All for z = cos φ x + sin φ ε, with φ the schedule's angle: a state of any schedule, divided by its size.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from ...errors import ConfigError

Kind = Literal["v", "noise", "clean"]
"""v = cos φ ε − sin φ x (Salimans & Ho 2022, arXiv 2202.00512), ε, or x."""

LEAST = 1e-3
"""The cosine that noise predictions are divided by is at least this."""


def checked(kind: str) -> Kind:
    """`kind` if it is one.

    Raises:
        ConfigError: it is none.
    """
    for known in get_args(Kind):
        if kind == known:
            return known  # type: ignore[no-any-return]
    raise ConfigError(f"A diffusion network predicts one of {', '.join(get_args(Kind))}; got {kind!r}.")


def wanted(kind: Kind, clean: Tensor, noise: Tensor, angle: Tensor) -> Tensor:
    """What the network should have predicted; `angle` broadcasts."""
    return {"v": angle.cos() * noise - angle.sin() * clean, "noise": noise, "clean": clean}[kind]


def clean_from(kind: Kind, predicted: Tensor, noisy: Tensor, angle: Tensor) -> Tensor:
    """The clean volume x from the prediction for z (`noisy`); `angle` broadcasts."""
    if kind == "v":
        return angle.cos() * noisy - angle.sin() * predicted
    if kind == "noise":
        return (noisy - angle.sin() * predicted) / torch.clamp(angle.cos(), min=LEAST)
    return predicted
