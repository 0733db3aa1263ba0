"""Checkpoints: everything a training needs to go on as if it had never stopped."""

from __future__ import annotations

import io
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

PIECE = 16 * 2**20
"""Bytes that any way of bringing files back from a borrowed computer takes."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; one with the final name is always complete."""
    with replacing(path) as partial:
        torch.save(state, partial)


def save_pieces(path: Path, state: dict[str, Any], most: int = PIECE) -> None:
    """Write a checkpoint as files of `most` bytes at most, `last.pt.000` and so on; earlier ones are replaced."""
    content = io.BytesIO()
    torch.save(state, content)
    whole = content.getbuffer()
    for old in _pieces(path):
        old.unlink()
    for number, first in enumerate(range(0, len(whole), most)):
        with replacing(path.with_name(f"{path.name}.{number:03d}")) as partial:
            partial.write_bytes(whole[first : first + most])


def exists(path: Path) -> bool:
    """Whether there is a checkpoint, whole or in pieces."""
    return path.exists() or bool(_pieces(path))


def _pieces(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.[0-9][0-9][0-9]"))


def _content(path: Path) -> io.BytesIO:
    """A checkpoint's file, put together if it lies in pieces."""
    pieces = [path] if path.exists() else _pieces(path)
    if not pieces:
        raise FileNotFoundError(path)
    return io.BytesIO(b"".join(piece.read_bytes() for piece in pieces))


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint, whole or in pieces; tensors and plain values only, no code.

    Raises:
        FileError: there is none, or it is damaged.
    """
    try:
        state = torch.load(_content(path), map_location="cpu", weights_only=True)
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
    if exists(run):
        averaged: dict[str, Tensor] = load(run)["average"]["weights"]
        return averaged
    return {
        name: weight.float() for name, weight in (catalog.load_weights(catalog.find(start)) or {}).items()
    }
