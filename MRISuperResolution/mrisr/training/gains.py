"""What a network gains over interpolation on boxes in memory, while it trains on a borrowed computer: the network alone, without the road.

By the measure of `mrisr evaluate`, the peak signal-to-noise ratio in the head; consistency and tiles are left out, so that figures differ
a little from the road's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..image.grid import Grid
from ..image.metrics import HEAD
from ..image.volume import Volume
from ..neural.conditioning import Inputs, profile_table
from ..neural.networks import settings_of
from ..physics.interpolation import interpolate
from ..physics.protocols import Protocol, protocol_named
from ..pipeline.assumption import Sort, told
from .config import Config


def gains_of(
    network: nn.Module, config: Config, boxes: Mapping[str, NDArray[np.float32]], device: str
) -> dict[str, float]:
    """The mean gain over the boxes in dB, for each protocol of the configuration, told how it made the scan.

    Args:
        network: in use, on the device.
        config: what it is shown.
        boxes: (i, j, k) in [0, 1], by name.
        device: where to compute.
    """
    found: dict[str, float] = {}
    for name in config.validation.protocols:
        gains = [_gain(network, config, protocol_named(name), box, device) for box in boxes.values()]
        if gains:
            found[name] = float(np.mean(gains))
    return found


def gains_table(validations: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a row for each validation."""
    names = [name for name in validations[-1] if name != "step"]
    rows = [
        f"| {row['step']} | " + " | ".join(f"{row.get(name, float('nan')):+.2f}" for name in names) + " |"
        for row in validations
    ]
    head = f"| steps | {' | '.join(f'{name}, dB over interpolation' for name in names)} |"
    return "\n".join([head, "|---" * (len(names) + 1) + "|", *rows]) + "\n"


def _gain(
    network: nn.Module, config: Config, protocol: Protocol, box: NDArray[np.float32], device: str
) -> float:
    one = protocol.axes == "one"
    flags = protocol.affected("RAS", {"one": 0, "two": 2, "all": None}[protocol.axes])
    grid = Grid((box.shape[0], box.shape[1], box.shape[2]), np.eye(4))
    measured, acquisition = protocol.measured_grid(grid, flags), protocol.acquisition(flags)
    scan = acquisition.simulate(Volume(box, grid.affine), measured).array
    initial = torch.from_numpy(interpolate(scan, measured, grid, config.initial)).to(device)
    settings = settings_of(config.family, config.network)
    inputs = Inputs.of(settings, int(config.network.get("planes", 3)))
    sort: Sort = "slices" if one else "kspace"
    operator = (
        told(acquisition, [sort] * 3).operator(grid, measured)
        if settings.told
        else acquisition.operator(grid, measured)
    )
    estimates = inputs.estimates(initial, torch.from_numpy(np.ascontiguousarray(scan)).to(device), operator)
    lost = [n / m / kept for n, m, kept in zip(grid.shape, measured.shape, acquisition.kspace, strict=True)]
    shown = inputs.shown(estimates, lost, profiles=profile_table(acquisition, flags))
    with torch.no_grad():
        answer = network(_whole_blocks(shown, config)[None])[0, 0].float().cpu().numpy()
    i, j, k = answer.shape
    truth, before = box[:i, :j, :k], initial.cpu().numpy()[:i, :j, :k]
    head = truth > HEAD
    return float(10 * np.log10(((before - truth)[head] ** 2).mean() / ((answer - truth)[head] ** 2).mean()))


def _whole_blocks(shown: Tensor, config: Config) -> Tensor:
    """As much of a volume as the network's blocks fill."""
    i, j, k = (n - n % config.patches.multiple for n in shown.shape[1:])
    return shown[:, :i, :j, :k]
