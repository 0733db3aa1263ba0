"""How a scan was made, estimated from its voxels alone."""

from __future__ import annotations

from dataclasses import dataclass

from ..image.volume import Volume

Widths = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Estimate:
    """What a scan's spectrum says of how it was made, along i, j, k.

    Args:
        kind: names of `profiles.PROFILES`; empty where the spectrum does not tell.
        width: FWHM of the Gaussian that blurs alike, in units of the spacing; None where the spectrum does not tell.
        error: one standard deviation of `width`.
        resolved: the part of the axis's frequencies that the scan fills; 1 where it is as fine as its voxels, less where it was
            interpolated or zero-filled.
        sentence: for people: what was found, or why nothing.
    """

    kind: tuple[str, str, str] = ("", "", "")
    width: Widths = (None, None, None)
    error: Widths = (None, None, None)
    resolved: tuple[float, float, float] = (1.0, 1.0, 1.0)
    sentence: str = ""


def estimate(volume: Volume) -> Estimate:
    """How a scan was made.

    Args:
        volume: the scan, a magnitude with air near 0.
    """
    return Estimate(sentence=f"The spectrum of {volume.shape[0]} x {volume.shape[1]} x {volume.shape[2]} voxels does not tell.")
