"""What a scan itself tells of how it was made, beside what anybody states: its headers, and its voxels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import MrisrError
from ..image.header import Header, read_header
from ..image.padding import grounded
from ..image.series import Choice
from ..image.volume import Volume
from ..physics.estimation import Estimate, estimate

LOOKED = 128
"""Voxels on a side of the box in the middle of the scan that is looked at: enough to tell, and a fraction of a second."""


@dataclass(frozen=True)
class Known:
    """What is known of how a scan was made.

    Args:
        header: what its headers say; None if it has none.
        estimate: what its voxels show; None while nobody has looked.
    """

    header: Header | None = None
    estimate: Estimate | None = None


def known_of(scan: Volume, header: Header | None = None) -> Known:
    """What headers and voxels tell; a scan whose voxels cannot be judged tells nothing by them.

    Args:
        scan: all of it, even if only a part is to be enhanced.
        header: of the scan, see `header.read_header`.
    """
    start = [max(0, (n - LOOKED) // 2) for n in scan.shape]
    stop = [min(n, a + LOOKED) for n, a in zip(scan.shape, start, strict=True)]
    box = grounded(scan).cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    try:
        return Known(header, estimate(box))
    except MrisrError:  # what is wrong with the scan is said where it is used
        return Known(header, Estimate())


def header_known(path: Path, scan: Volume, choice: Choice | None = None) -> Known:
    """What the headers of a file or folder tell; its voxels are looked at where that is needed."""
    return Known(read_header(path, scan.grid, choice))
