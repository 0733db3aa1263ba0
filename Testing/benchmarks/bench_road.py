"""What the road costs beyond the network itself, on the best device at hand: time, memory, precision, background.

A head that fills its field is doubled to `SIDE`³ by networks of both sizes, their weights random, since time does not depend on them.
With `MRISR_BENCH_SIDE` a smaller side rehearses it.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import Finding, seconds
from mrisr.compute.device import Compute, resolve
from mrisr.compute.memory import PeakMemory
from mrisr.compute.slabs import told_of_work
from mrisr.compute.strips import TileShape
from mrisr.compute.tiling import Tiles, foreground_of
from mrisr.image.grid import Target
from mrisr.image.normalization import Normalization
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.neural.convolutional import Convolutional
from mrisr.neural.networks import build_network
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings

SIDE = int(os.environ.get("MRISR_BENCH_SIDE", "256"))
SIZES = {"64 × 6": {"width": 64, "blocks": 6}, "96 × 12": {"width": 96, "blocks": 12}}
WHOLE_S = {"64 × 6": 0.5, "96 × 12": 1.0}
"""What a whole warm run may take on a GPU of the H200's class."""

OUTPUTS = 6
"""Volumes of the result's size that a run may hold beside its window."""


def model_of(size: str) -> Convolutional:
    """A network of this size as a model, shown what `edsr3d-iso2` is."""
    card = catalog.find("edsr3d-iso2")
    card = replace(card, hyperparameters={**card.hyperparameters, **SIZES[size]})
    torch.manual_seed(0)
    return Convolutional(card, build_network(card.family, card.hyperparameters).state_dict())


def scan_for(side: int) -> Volume:
    """Texture that fills the whole field, the worst case: there is no air to skip."""
    noise = np.random.default_rng(0).random((side // 2,) * 3, dtype=np.float32)
    return Volume(np.float32(0.3) + np.float32(0.7) * noise, np.eye(4))


def brain() -> np.ndarray:
    """The skull-stripped MNI152 head in its usual field of view, as nilearn carries it; float32 in [0, 1]."""
    from nilearn.datasets import load_mni152_template

    array = load_mni152_template(resolution=1).get_fdata(dtype=np.float32)
    return Normalization.of(array).apply(array)


def measure() -> Iterator[Finding]:
    compute = resolve("auto")
    where = f"{compute.device} ({compute.name}), {compute.precision}"
    fast = compute.device != "cpu"
    for size in SIZES if fast else ["64 × 6"]:
        yield from _road(size, compute, where, fast)
    for side in (SIDE // 2, SIDE, SIDE * 3 // 2):
        yield _memory(side, compute)
    yield _memory_of_interpolation()
    yield _precision()
    yield _background()


def _road(size: str, compute: Compute, where: str, fast: bool) -> Iterator[Finding]:
    model = model_of(size)
    scan, settings = scan_for(SIDE), Settings(target=Target.factor(2))
    whole = partial(enhance, scan, settings, model=model)
    bare = _bare(model, compute, SIDE)
    whole(), bare()  # warm
    network, run = seconds(bare), seconds(whole)
    yield Finding(f"bare network {size}, {SIDE}³, {where}", network, "s")
    yield Finding(
        f"whole warm run {size}, {SIDE}³, {where}", run, "s", ceiling=WHOLE_S[size] if fast else None
    )
    yield Finding(
        f"everything but the network {size}, {SIDE}³",
        100 * (run / network - 1),
        "%",
        ceiling=None if fast else 10,
    )
    if fast:
        copies = seconds(lambda: (torch.zeros((SIDE,) * 3).to(compute.device) + 1).cpu())
        rest = 1000 * (run - network - copies)
        yield Finding(f"the same without transfers {size}, {SIDE}³", rest, "ms", ceiling=50)


def _bare(model: Convolutional, compute: Compute, side: int):
    """The network alone on what the road shows it: its window reaches beyond the field."""
    shown = side + 2 * TileShape(**model.card.tile).border
    network = model.network.to(compute.device, memory_format=torch.channels_last_3d)
    tile = torch.rand(1, 5, shown, shown, shown, device=compute.device)
    tile = tile.to(memory_format=torch.channels_last_3d)

    def run() -> float:
        reduced = torch.autocast(compute.device, compute.dtype, enabled=compute.precision != "fp32")
        with torch.no_grad(), reduced, told_of_work(network, compute, lambda _work: None):
            answer: Tensor = network(tile)
        return float(answer[0, 0, 0, 0, 0])  # waits for the device

    return run


def _memory(side: int, compute: Compute) -> Finding:
    """Beside the window, for a model that only returns what it is shown: what the road itself holds."""
    model = model_of("64 × 6")
    model.network = First()
    with PeakMemory(compute.device) as memory:
        enhance(scan_for(side), Settings(target=Target.factor(2), consistency=3, residual=True), model=model)
    outputs = memory.megabytes / (4e-6 * side**3)
    return Finding(f"memory beside the window, in output volumes, {side}³", outputs, "x", ceiling=OUTPUTS)


class First(nn.Module):
    """Returns the first channel, window by window."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1]


def _memory_of_interpolation() -> Finding:
    with PeakMemory() as memory:
        enhance(scan_for(SIDE), Settings(target=Target.factor(2), consistency=5, residual=True))
    outputs = memory.megabytes / (4e-6 * SIDE**3)
    name = f"memory of cubic with consistency and residual, in output volumes, {SIDE}³"
    return Finding(name, outputs, "x", ceiling=OUTPUTS)


def _precision() -> Finding:
    layers = [nn.Conv3d(64, 64, 3, padding=1) for _ in range(4)]
    stack, x = nn.Sequential(*layers).eval(), torch.randn(1, 64, 48, 48, 48)

    def run(compute: Compute, memory_format: torch.memory_format) -> float:
        model, data = stack.to(memory_format=memory_format), x.to(memory_format=memory_format)
        with torch.no_grad(), torch.autocast("cpu", compute.dtype, enabled=compute.precision != "fp32"):
            model(data)
            return seconds(lambda: model(data))

    half = resolve("cpu")
    if half.precision != "bf16":
        return Finding("bf16 with channels last over fp32 contiguous (this processor has no bf16)", 1.0, "x")
    ratio = run(Compute("cpu", "fp32"), torch.contiguous_format) / run(half, torch.channels_last_3d)
    return Finding(
        "bf16 with channels last over fp32 contiguous, four 64-channel 3³ layers", ratio, "x", floor=2
    )


def _background() -> Finding:
    """How much of the network's work air saves, counted in voxels of windows."""
    volume = torch.from_numpy(brain())
    seen = {}
    for name, foreground in (
        ("all", torch.ones(volume.shape, dtype=torch.bool)),
        ("head", foreground_of(volume)),
    ):
        voxels: list[int] = []
        tiles = Tiles(foreground, TileShape(**catalog.find("edsr3d-iso2").tile), Compute("cpu"), 320)
        tiles(lambda tile, to=voxels: to.append(tile.numel()) or tile, volume[None])
        seen[name] = sum(voxels)
    return Finding(
        "network's work saved by skipping air, MNI152 brain",
        100 * (1 - seen["head"] / seen["all"]),
        "%",
        floor=30,
    )
