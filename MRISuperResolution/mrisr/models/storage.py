"""Weights in 8 bits: integers with a scale for each output channel, a quarter of single precision and half of half precision.

A tensor of at least two dimensions is stored as int8 under its own name, and beside it, under `NAME.scale`, what each of its rows (the
first dimension) is multiplied by. All others stay as they are. Files of earlier versions hold no such scales, and are read as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SCALE = ".scale"
"""How the name of a tensor's scales ends."""

HIGHEST = 127
"""The largest integer; -128 is not used, so that zero lies in the middle."""

LEAST = 2**16
"""Tensors with fewer numbers stay as they are: there is little to be gained by them, and a network's first and last layers are among them,
which see and make voxels: rounded they cost 0.1 dB where a network adds much."""

CLIPPED = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Shares of a row's largest number at which it may be cut off; the one is taken that leaves the least squared error."""


def packed(tensors: Mapping[str, Tensor], least: int = LEAST) -> dict[str, Tensor]:
    """The tensors as they are stored in 8 bits.

    Args:
        tensors: in half or single precision.
        least: numbers in the smallest tensor that is rounded.

    Returns:
        int8 and, for each of them, float32 scales of shape (rows,); small tensors and those of one dimension unchanged.
    """
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.dim() < 2 or tensor.numel() < least:
            stored[name] = tensor.contiguous()
            continue
        stored[name], stored[name + SCALE] = _rounded(tensor)
    return stored


def unpacked(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that a file means: those of 8 bits in single precision, the others as they are stored.

    Args:
        stored: the file's tensors.

    Raises:
        ValueError: integers lack their scales, or have others than one a row.

    Example:
        >>> import torch
        >>> weights = {"weight": torch.randn(64, 1024)}
        >>> float((unpacked(packed(weights))["weight"] - weights["weight"]).abs().max()) < 0.03
        True
    """
    import torch

    tensors: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        whole = stored.get(name.removesuffix(SCALE)) if name.endswith(SCALE) else None
        if whole is not None and whole.dtype is torch.int8:
            continue
        if tensor.dtype is not torch.int8:
            tensors[name] = tensor
            continue
        scale = stored.get(name + SCALE)
        if scale is None or scale.shape != tensor.shape[:1]:
            raise ValueError(f"{name} has no scale for each of its rows")
        tensors[name] = tensor.float() * scale.float().reshape(-1, *[1] * (tensor.dim() - 1))
    return tensors


def _rounded(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """The integers, and a scale for each row."""
    rows = tensor.float().flatten(1)
    peak = rows.abs().amax(1, keepdim=True).clamp(min=1e-30)
    best, least = peak / HIGHEST, None
    for share in CLIPPED:
        scale = share * peak / HIGHEST
        error = (_cut(rows, scale) * scale - rows).square().sum(1, keepdim=True)
        best = scale if least is None else best.where(least <= error, scale)
        least = error if least is None else least.minimum(error)
    return _cut(rows, best).char().reshape(tensor.shape), best.flatten()


def _cut(rows: Tensor, scale: Tensor) -> Tensor:
    """Rows in units of their scales, whole and no larger than fits."""
    return (rows / scale).round().clamp(-HIGHEST, HIGHEST)
