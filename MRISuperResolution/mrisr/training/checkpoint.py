"""Checkpoints: everything a training needs to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import FileError
from ..image.replacement import replacing
from ..models import catalog
from ..neural.experts import EXPERTS, as_expert

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
        raise FileError(
            f"The checkpoint {path} is damaged; restore it from a copy or start the run again."
        ) from error
    if not isinstance(state, dict) or "network" not in state:
        raise FileError(f"The file {path} is no checkpoint of this software; name the run's folder.")
    return state


def starting_weights(start: str | Sequence[str], experts: int = 1) -> dict[str, Tensor]:
    """The averaged weights of run folders, or the weights of models.

    Args:
        start: a run's folder, or a model's name, see `catalog.find`; or one for each expert.
        experts: of the network that is to start with them; where one set of weights is named, all of them get it.

    Raises:
        CatalogError: it is neither.
    """
    found = [_weights(each) for each in ([start] if isinstance(start, str) else start)]
    if len(found) == 1 and (experts == 1 or any(name.startswith(EXPERTS) for name in found[0])):
        return found[0]
    several = found * experts if len(found) == 1 else found
    return {
        name: weight
        for number, weights in enumerate(several)
        for name, weight in as_expert(weights, number).items()
    }


def _weights(start: str) -> dict[str, Tensor]:
    run = Path(start) / LAST
    if run.is_file():
        averaged: dict[str, Tensor] = load(run)["average"]["weights"]
        return averaged
    return {
        name: weight.float() for name, weight in (catalog.load_weights(catalog.find(start)) or {}).items()
    }
