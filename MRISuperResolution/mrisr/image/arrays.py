"""Arithmetic that is written once for NumPy arrays and for torch tensors on any device.

From the normalized scan to the verdict a network's run is one chain of torch operations on its device; plain interpolation runs where
torch is not installed. Both libraries share most names, and those are the only ones that the road uses.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any
"""A NumPy array or a torch tensor; single precision, for Metal has no other."""


def namespace(array: Array) -> Any:
    """The library of an array, `numpy` or `torch`, for the names that both have.

    Example:
        >>> namespace(np.zeros(2)).__name__
        'numpy'
    """
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def beside(array: Array, other: Array) -> Array:
    """An array of NumPy's as one of the kind of `other`, on its device; any other is there already."""
    if isinstance(other, np.ndarray) or not isinstance(array, np.ndarray):
        return array
    return namespace(other).from_numpy(np.ascontiguousarray(array)).to(other.device)


def on_device(array: Array, device: str) -> Array:
    """An array of NumPy's as a tensor on a device, single precision.

    Args:
        array: any shape.
        device: torch's name of it.
    """
    import torch

    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)


def on_host(array: Array) -> NDArray[np.float32]:
    """An array of either kind as one of NumPy's, single precision."""
    host = array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()
    return np.asarray(host, dtype=np.float32)


def rms_in(array: Array, inside: Array) -> float:
    """The root mean square of some values of an array; 0 of none.

    Args:
        array: any shape.
        inside: 1 at the values that count, 0 at the others; of the array's own type, with which products are quickest.

    Example:
        >>> rms_in(np.array([3.0, 5.0]), np.array([1.0, 0.0]))
        3.0
    """
    # Zeros elsewhere and one sum: to pick the values out first takes five times as long.
    kept = array * inside
    kept *= kept
    return math.sqrt(float(kept.sum()) / max(1.0, float(inside.sum())))


def norm(array: Array) -> float:
    """The root of the sum of squares."""
    return float(namespace(array).linalg.norm(array.reshape(-1)))
