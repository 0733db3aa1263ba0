"""Pictures of a diffusion: its schedule, a slice that drowns in noise, and a sample that comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError
from ...image.metrics import HEAD
from ...image.normalization import Normalization
from ...image.replacement import replacing
from ...image.volume import Volume
from ...models.base import Model
from ...pipeline.enhancement import enhance
from ...pipeline.settings import Settings
from ...reports.figure import slice_of
from ...reports.plot import new_figure, save
from .model import Diffusion
from .schedule import SCHEDULES, Schedule

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor


Picture = NDArray[np.float32]

SHOWN = 8
"""Pictures in a strip, about."""

FRAME_MS = 250


def draw_schedules(output: Path) -> None:
    """Write the curves of the noise schedules."""
    save(schedules_figure(), output)


def draw_noising(output: Path, *, scan: Volume, plane: str) -> None:
    """Write a slice at several steps of the noise schedules."""
    save(noising_figure(scan, plane=plane), output)


def draw_sampling(
    output: Path, *, model: Model, scan: Volume, plane: str, settings: Settings, every: int, box: int | None
) -> None:
    """Write a slice while it is sampled: a strip, or an animation where the output is a GIF.

    Args:
        output: where.
        model: of this family.
        scan: the scan to enhance.
        plane: see `figure.slice_of`.
        settings: how.
        every: steps between pictures.
        box: only the middle so many voxels of each axis; None for all.

    Raises:
        InputError: a number makes no sense.
    """
    if every < 1:
        raise InputError(f"There must be 1 step or more between pictures; got {every}.")
    assert isinstance(model, Diffusion)
    shown, aspect = frames(model, _middle(scan, box) if box else scan, settings, plane, every)
    if output.suffix.lower() == ".gif":
        save_animation(shown, output)
    else:
        save(sampling_figure(shown, aspect), output)


def schedules_figure(names: Sequence[str] = tuple(SCHEDULES)) -> Figure:
    """Signal, noise and the logarithm of their ratio at every step, a color for each schedule."""
    figure = new_figure(figsize=(9, 3.4))
    amounts, ratio = figure.subplots(1, 2)
    for number, name in enumerate(names):
        schedule, color = SCHEDULES[name](), f"C{number}"
        amounts.plot(schedule.signal, color=color, label=f"{name}: signal")
        amounts.plot(schedule.noise, color=color, linestyle="--", label=f"{name}: noise")
        t = np.arange(1, schedule.last + 1)
        ratio.plot(t, 2 * np.log10(schedule.signal[t] / schedule.noise[t]), color=color, label=name)
    amounts.set(xlabel="t", ylabel="standard deviation")
    ratio.set(xlabel="t", ylabel="log10 (signal² / noise²)")
    amounts.legend(fontsize=8)
    ratio.legend(fontsize=8)
    return figure


def noising_figure(
    volume: Volume, schedules: Sequence[str] = tuple(SCHEDULES), plane: str = "axial", seed: int = 0
) -> Figure:
    """A slice at evenly spaced t, a row for each schedule; brightness scaled to unit variance in the head, as diffusion has it."""
    picture, aspect = slice_of(volume.with_array(Normalization.of(volume.array).apply(volume.array)), plane)
    head = picture[picture > HEAD]
    shift, scale = (float(head.mean()), float(head.std()) or 1.0) if head.size else (0.0, 1.0)
    clean = torch.from_numpy(np.ascontiguousarray((picture - shift) / scale, dtype=np.float32))
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
    rows = []
    for name in schedules:
        schedule: Schedule = SCHEDULES[name]()
        times = np.linspace(0, schedule.last, SHOWN).round().astype(int)
        rows.append([(f"{name}, t = {t}", schedule.forward(clean, int(t), noise).numpy()) for t in times])
    return _strips(rows, aspect, (-2.5, 2.5))


def frames(
    model: Diffusion, volume: Volume, settings: Settings, plane: str = "axial", every: int = 1
) -> tuple[list[tuple[str, Picture]], float]:
    """Slices of a volume while it is sampled: the state as a volume, every so many steps, and the result last.

    Args:
        model: a diffusion model, loaded.
        volume: the scan to enhance.
        settings: how.
        plane: see `figure.slice_of`.
        every: steps between pictures.

    Returns:
        Captions and (rows, columns) pictures in the result's units; the height of their pixels over their width.
    """
    states: list[tuple[int, Picture]] = []

    def watch(number: int, state: Tensor, _clean: Tensor) -> None:
        states.append((number, state[0].cpu().numpy().copy()))
        if len(states) > 1 and (states[-2][0] - 1) % every:
            del states[-2]

    model.watch = watch
    try:
        result = enhance(volume, settings, model=model).volume
    finally:
        model.watch = None
    states = [
        (number, state) for number, state in states if state.shape == result.shape
    ]  # without a cascade's first stage
    scale = model.network.scale * Normalization.of(volume.array).scale
    last, aspect = slice_of(result, plane)
    final = states.pop()[1]
    shown = []
    for number, state in states:
        # Around the result: the states differ from it by what is still to be taken away.
        noisy = result.with_array(result.array + np.float32(scale) * (state - final))
        shown.append((f"step {number}", np.asarray(slice_of(noisy, plane)[0], dtype=np.float32)))
    return [*shown, ("result", np.asarray(last, dtype=np.float32))], aspect


def sampling_figure(shown: Sequence[tuple[str, Picture]], aspect: float) -> Figure:
    """The frames in a row, the result's brightness for all."""
    return _strips([list(shown)], aspect, _range(shown))


def save_animation(shown: Sequence[tuple[str, Picture]], path: Path) -> None:
    """The frames as an animated GIF that stays on the result for a while."""
    from PIL import Image

    low, high = _range(shown)
    images = [
        Image.fromarray((np.clip((p - low) / (high - low), 0, 1) * 255).astype(np.uint8)) for _, p in shown
    ]
    durations = [FRAME_MS] * (len(images) - 1) + [8 * FRAME_MS]
    with replacing(path) as partial:
        images[0].save(partial, save_all=True, append_images=images[1:], duration=durations, loop=0)


def _middle(volume: Volume, side: int) -> Volume:
    """The box of this side in the middle."""
    start = [max(0, (n - side) // 2) for n in volume.shape]
    stop = [min(n, first + side) for n, first in zip(volume.shape, start, strict=True)]
    return volume.cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _range(shown: Sequence[tuple[str, Picture]]) -> tuple[float, float]:
    return 0.0, float(np.percentile(shown[-1][1], 99.9)) or 1.0


def _strips(
    rows: Sequence[Sequence[tuple[str, Picture]]], aspect: float, limits: tuple[float, float]
) -> Figure:
    columns = max(len(row) for row in rows)
    figure = new_figure(figsize=(1.8 * columns, 2.2 * len(rows)), facecolor="black")
    cells = figure.subplots(len(rows), columns, squeeze=False)
    for axes, row in zip(cells, rows, strict=True):
        for ax, (caption, picture) in zip(axes, row, strict=True):
            ax.imshow(
                picture, cmap="gray", vmin=limits[0], vmax=limits[1], aspect=aspect, interpolation="nearest"
            )
            ax.set_title(caption, color="white", fontsize=8)
            ax.set_axis_off()
    return figure
