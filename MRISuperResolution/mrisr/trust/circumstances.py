"""What is known of a result besides its voxels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .yardstick import CLAIMED


@dataclass(frozen=True)
class Circumstances:
    """What is known of a result besides its voxels.

    Args:
        condition: what was only assumed or estimated about the scan, and which of the two, as the end of a sentence that begins with "if";
            empty if it was stated or read.
        assumed: whether that was seen nowhere, so that nothing may be called green.
        outside: a sentence if the scan's voxels show something else than what was taken; else empty.
        unchanged: whether the result is the scan itself.
        rule: what tells harm of results of this model, see `harm.probability`; None where nothing is known.
        claims: the worst place of the network's own output up to which faithful ones of this model come; see `limits`.
    """

    condition: str = ""
    assumed: bool = False
    outside: str = ""
    unchanged: bool = False
    rule: Mapping[str, float] | None = None
    claims: tuple[float, float] = (0.0, 0.0)

    @property
    def limits(self) -> tuple[float, float]:
        """The worst place of the network's own output up to which it is green, and amber, however few places there are."""
        return max(self.claims[0], CLAIMED[0]), max(self.claims[1], CLAIMED[1])
