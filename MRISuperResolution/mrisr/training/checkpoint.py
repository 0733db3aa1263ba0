"""Checkpoints: everything a training needs to go on as if it had never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import catalog
from ..errors import FileError
from ..files import replacing

LAST = "last.pt"
BEST = "best.pt"


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; one with the final name is always complete."""
    with replacing(path) as partial:
        torch.save(state, partial)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint; tensors and plain values only, no code.

    Raises:
        FileError: there is none, or it is damaged.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise FileError(f"There is no checkpoint {path}; start the run without --resume.") from error
    except Exception as error:  # torch's unpickler raises many kinds on damaged files
        raise FileError(f"The checkpoint {path} is damaged; restore it from a copy or start the run again.") from error
    if not isinstance(state, dict) or "network" not in state:
        raise FileError(f"The file {path} is no checkpoint of this software; name the run's folder.")
    return state


def starting_weights(start: str) -> dict[str, Tensor]:
    """The averaged weights of a run folder, or the weights of a model.

    Args:
        start: the run's folder, or the model's name, see `catalog.find`.

    Raises:
        CatalogError: it is neither.
    """
    run = Path(start) / LAST
    if run.is_file():
        averaged: dict[str, Tensor] = load(run)["average"]["weights"]
        return averaged
    return {name: weight.float() for name, weight in (catalog.load_weights(catalog.find(start)) or {}).items()}
