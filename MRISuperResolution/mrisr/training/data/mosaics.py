"""Scans as pictures: the slices of a volume side by side, in lossless WebP, which takes half of what NIfTI's compression does."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import FileError, InputError

WIDEST = 16383
"""Voxels on a side of a WebP picture."""


def as_picture(array: NDArray[np.uint8]) -> bytes:
    """A volume, (i, j, k) uint8, as a picture.

    Raises:
        InputError: its slices do not fit into one.

    Example:
        >>> volume = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
        >>> bool((from_picture(as_picture(volume), volume.shape) == volume).all())
        True
    """
    from PIL import Image

    count, height, width = array.shape
    across = math.ceil(math.sqrt(count * height / width))
    down = math.ceil(count / across)
    if max(across * width, down * height) > WIDEST:
        raise InputError(f"A volume of {'x'.join(map(str, array.shape))} voxels is too large for a picture.")
    padded = np.zeros((down * across, height, width), np.uint8)
    padded[:count] = array
    mosaic = padded.reshape(down, across, height, width).transpose(0, 2, 1, 3)
    content = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(mosaic.reshape(down * height, across * width)))
    picture.convert("RGB").save(content, "WEBP", lossless=True, method=4)
    return content.getvalue()


def from_picture(content: bytes, shape: Sequence[int]) -> NDArray[np.uint8]:
    """The volume of this shape that a picture shows.

    Raises:
        FileError: it is no picture, or one of another volume.
    """
    from PIL import Image, UnidentifiedImageError

    count, height, width = shape
    try:
        mosaic = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))[..., 0]
    except (UnidentifiedImageError, OSError) as error:
        raise FileError(
            f"A picture of the bundle cannot be read ({error}); make the bundle again."
        ) from error
    down, across = mosaic.shape[0] // height, mosaic.shape[1] // width
    if mosaic.shape != (down * height, across * width) or down * across < count:
        raise FileError(
            "A picture of the bundle shows another scan than its list says; make the bundle again."
        )
    slices = mosaic.reshape(down, height, across, width).transpose(0, 2, 1, 3).reshape(-1, height, width)
    return np.ascontiguousarray(slices[:count])
