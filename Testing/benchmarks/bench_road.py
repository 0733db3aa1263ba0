"""What the road costs beyond the model itself: time, memory, precision, background."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn

from benchmarks import Finding, seconds
from mrisr.compute.device import Compute, resolve
from mrisr.compute.memory import PeakMemory
from mrisr.compute.tile_box import TileShape
from mrisr.compute.tiling import Tiles, foreground_of
from mrisr.image.grid import Target
from mrisr.image.normalization import Normalization
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.models.base import Context, Model
from mrisr.models.card import Card
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings

SIDE = 256
HALO = 8


class SubPixel(nn.Module):
    """A network of the reference size: space to depth, 18 convolutions of 64 channels (EDSR's nine blocks), depth to space."""

    def __init__(self, width: int = 64, depth: int = 18) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv3d(8, width, 3, padding=1)]
        for _ in range(depth):
            layers += [nn.ReLU(), nn.Conv3d(width, width, 3, padding=1)]
        self.body = nn.Sequential(*layers, nn.Conv3d(width, 8, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, _, i, j, k = x.shape
        deep = (
            x.reshape(n, i // 2, 2, j // 2, 2, k // 2, 2)
            .permute(0, 2, 4, 6, 1, 3, 5)
            .reshape(n, 8, i // 2, j // 2, k // 2)
        )
        deep = self.body(deep).reshape(n, 2, 2, 2, i // 2, j // 2, k // 2).permute(0, 4, 1, 5, 2, 6, 3)
        return x + deep.reshape(n, 1, i, j, k)


class Bare(Model):
    """A model that is nothing but its network."""

    def __init__(self, card: Card, network: nn.Module) -> None:
        super().__init__(card)
        self.network = network

    def restore(self, initial: np.ndarray, context: Context) -> np.ndarray:
        return context.tiled()(self.network, initial[None])[0].numpy()


def head() -> np.ndarray:
    """Texture that fills the whole field, the worst case: there is no air to skip; float32 in [0.3, 1]."""
    noise = np.random.default_rng(0).random((SIDE, SIDE, SIDE), dtype=np.float32)
    return np.float32(0.3) + np.float32(0.7) * noise


def brain() -> np.ndarray:
    """The skull-stripped MNI152 head in its usual field of view, as nilearn carries it; float32 in [0, 1]."""
    from nilearn.datasets import load_mni152_template

    array = load_mni152_template(resolution=1).get_fdata(dtype=np.float32)
    return Normalization.of(array).apply(array)


def measure() -> Iterator[Finding]:
    torch.manual_seed(0)
    network = SubPixel().eval()
    yield from _overhead_and_memory(network)
    yield _precision()
    yield _background(network)


def _overhead_and_memory(network: nn.Module) -> Iterator[Finding]:
    compute = resolve("cpu")
    tile = {"side": SIDE, "halo": HALO, "multiple": 2, "bytes_per_voxel": 200.0}
    model = Bare(replace(catalog.find("cubic"), sha256="0" * 64, tile=tile), network)
    full = head()
    scan = Volume(np.ascontiguousarray(full.reshape(128, 2, 128, 2, 128, 2).mean((1, 3, 5))), np.eye(4))

    def bare() -> None:
        with torch.no_grad(), torch.autocast("cpu", compute.dtype, enabled=compute.precision != "fp32"):
            network(torch.from_numpy(full)[None, None].to(memory_format=torch.channels_last_3d))

    network.to(memory_format=torch.channels_last_3d)
    bare()
    road = partial(enhance, scan, Settings(target=Target.factor(2), device="cpu"), model=model)
    overhead = seconds(road) / seconds(bare) - 1
    yield Finding(
        f"overhead of the road over the bare network, {SIDE}³, 2 M parameters",
        100 * overhead,
        "%",
        ceiling=10,
    )
    with PeakMemory() as bare_memory:
        bare()
    with PeakMemory() as road_memory:
        road()
    outputs = (road_memory.megabytes - bare_memory.megabytes) / (full.nbytes / 1e6)
    yield Finding(
        f"memory of the road beyond the tile's, in output volumes, {SIDE}³", outputs, "x", ceiling=6
    )
    with PeakMemory() as cubic_memory:
        enhance(scan, Settings(target=Target.factor(2), consistency=5, residual=True))
    outputs = cubic_memory.megabytes / (full.nbytes / 1e6)
    yield Finding(
        f"memory of cubic with consistency and residual, in output volumes, {SIDE}³", outputs, "x", ceiling=6
    )


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


def _background(network: nn.Module) -> Finding:
    volume = brain()
    compute, shape = resolve("cpu"), TileShape(side=64, halo=HALO, multiple=2)
    everywhere = Tiles(np.ones(volume.shape, dtype=bool), shape, compute, 64)
    inside = Tiles(foreground_of(volume), shape, compute, 64)
    inside(network, volume[None])
    saved = 1 - seconds(lambda: inside(network, volume[None]), 2) / seconds(
        lambda: everywhere(network, volume[None]), 2
    )
    return Finding("time saved by skipping air, MNI152 brain, tiles of 64", 100 * saved, "%", floor=30)
