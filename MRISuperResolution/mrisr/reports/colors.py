"""Colors for maps: a few stops of Matplotlib's `berlin` and `magma`, and what lies between them on straight lines.

`berlin` (F. Crameri, Scientific colour maps) is black in the middle, `magma` (N. Smith and S. van der Walt) at its lower end, so that
both are at home on a black page.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STOPS = {
    "gray": ((0, 0, 0, 0), (255, 255, 255, 255)),
    "berlin": (
        (0, 158, 175, 254), (18, 115, 170, 234), (31, 83, 160, 213), (42, 61, 144, 187), (55, 46, 120, 155), (89, 23, 59, 76),
        (106, 16, 33, 42), (118, 17, 19, 22), (128, 25, 11, 8), (138, 35, 12, 1), (162, 67, 19, 1), (174, 87, 26, 5),
        (186, 112, 41, 20), (199, 140, 64, 43), (238, 218, 138, 131), (255, 254, 173, 173),
    ),
    "magma": (
        (0, 0, 0, 3), (10, 4, 4, 21), (30, 26, 16, 65), (45, 48, 16, 101), (54, 64, 15, 115), (67, 85, 19, 125),
        (91, 122, 34, 129), (116, 163, 48, 126), (143, 206, 64, 112), (160, 230, 81, 98), (173, 243, 101, 92), (184, 249, 121, 92),
        (200, 253, 151, 104), (219, 254, 187, 128), (244, 252, 232, 170), (255, 251, 252, 191),
    ),
}  # fmt: skip
"""For each map, levels from 0 to 255 and the red, green and blue there; within 2 of 255 of Matplotlib's."""


def colored(shown: NDArray[np.float32], name: str) -> NDArray[np.uint8]:
    """Values as colors.

    Args:
        shown: (rows, columns) in [0, 1]; what lies outside takes the color of the nearer end.
        name: of a map in `STOPS`.

    Returns:
        (rows, columns, 3) red, green and blue.
    """
    levels = np.clip(shown * 256, 0, 255).astype(np.uint8)  # as Matplotlib: 256 equal intervals
    return table(name)[levels]


def table(name: str) -> NDArray[np.uint8]:
    """(256, 3) the colors of a map."""
    stops = np.array(STOPS[name])
    channels = [np.interp(np.arange(256), stops[:, 0], stops[:, channel]) for channel in (1, 2, 3)]
    return np.asarray(np.rint(np.stack(channels, axis=1)), dtype=np.uint8)
