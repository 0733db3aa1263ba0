"""Checkpoints: everything a training needs to go on as if it had never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

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
