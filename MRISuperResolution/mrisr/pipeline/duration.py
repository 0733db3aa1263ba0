"""How long a run will take on a computer, before it has run: from a short probe of it, never from another computer's figures."""

from __future__ import annotations

from ..compute.probe import Pace
from ..models.card import Card, speed_key


def expected_seconds(
    card: Card, megavoxels: float, pace: Pace | None, device: str, precision: str
) -> float | None:
    """What a model needs for a result of this size, all of it tissue; None where nobody knows.

    Args:
        card: of the model. Interpolation counts as nothing. A model without networks, or whose card does not count their work, is told
            as its card was measured on this kind of device, on whatever computer that was.
        megavoxels: of the result.
        pace: of this computer, see `probe.pace`; None if it was not probed.
        device: `cpu`, `cuda` or `mps`.
        precision: of a network on it.

    Example:
        >>> from mrisr.models.catalog import find
        >>> card = find("edsr3d-iso2")
        >>> round(expected_seconds(card, 8.0, Pace(2e10, 2e8), "cpu", "fp32"))
        85
        >>> expected_seconds(card, 8.0, None, "cpu", "fp32") is None
        True
    """
    if card.sha256 is None:
        return 0.0
    if card.work:
        if pace is None:
            return None
        seconds = card.work["multiply_adds"] / pace.multiply_adds + card.work["values"] / pace.values
        return 1e6 * megavoxels * seconds
    measured = card.speed.get(speed_key(device, precision)) or card.speed.get(speed_key(device, "fp32"))
    return None if measured is None else float(measured["seconds_per_megavoxel"]) * megavoxels
