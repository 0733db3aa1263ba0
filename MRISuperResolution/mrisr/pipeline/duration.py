"""How long a run will take on a computer, before it has run: from a short probe of it, never from another computer's figures."""

from __future__ import annotations

from ..models.card import Card, speed_key


def expected_seconds(
    card: Card, megavoxels: float, multiply_adds_per_second: float | None, device: str, precision: str
) -> float | None:
    """What a model needs for a result of this size, all of it tissue; None where nobody knows.

    Args:
        card: of the model. Interpolation counts as nothing. A model without convolutions, or whose card does not count them, is told as
            its card was measured on this kind of device, on whatever computer that was.
        megavoxels: of the result.
        multiply_adds_per_second: of this computer, see `probe.throughput`; None if it was not probed.
        device: `cpu`, `cuda` or `mps`.
        precision: of a network on it.

    Example:
        >>> from mrisr.models.catalog import find
        >>> card = find("edsr3d-iso2")
        >>> round(expected_seconds(card, 8.0, 2e10, "cpu", "fp32"))
        74
        >>> expected_seconds(card, 8.0, None, "cpu", "fp32") is None
        True
    """
    if card.sha256 is None:
        return 0.0
    if card.multiply_adds:
        work = card.multiply_adds * 1e6 * megavoxels
        return work / multiply_adds_per_second if multiply_adds_per_second else None
    measured = card.speed.get(speed_key(device, precision)) or card.speed.get(speed_key(device, "fp32"))
    return None if measured is None else float(measured["seconds_per_megavoxel"]) * megavoxels
