"""A network over a whole volume, tile by tile: a sliding window over the head, with exact seams and a way out of full memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import OutOfMemory
from ..progress import Monitor
from .device import Compute
from .memory import is_out_of_memory
from .slabs import told_of_work, work_per_voxel
from .strips import SMALLEST_TILE, TileShape
from .tile_box import TileBox

Network = nn.Module | Callable[[Tensor], Tensor]

AIR = 0.04
"""Block means below this, on the models' scale, are air: Rician noise of 2 % has a mean of 0.025."""

HUNDRED = 100

BLOCK = 4
"""Side of the blocks whose mean is compared with `AIR`; single noisy voxels do not make a head."""


@dataclass
class Tiles:
    """Runs networks over a volume whose head is known.

    Args:
        foreground: (i, j, k) bool, where there is more than air, on the device of what networks are shown.
        shape: how the model wants to be tiled.
        compute: device and precision; becomes the CPU if the device's memory cannot hold the smallest tile.
        side: the tile's side, or None for what fits; becomes the side that was used.
        monitor: told of the work done, asked for cancellation from inside the network.
    """

    foreground: Tensor
    shape: TileShape
    compute: Compute
    side: int | None = None
    monitor: Monitor = field(default_factory=Monitor)

    def __call__(
        self,
        network: Network,
        inputs: Tensor | Sequence[Tensor],
        stage: str = "model",
        outside: Tensor | None = None,
    ) -> Tensor:
        """Apply `network` to `inputs` wherever there is foreground.

        Args:
            network: maps (1, C, i, j, k) to (1, c, i, j, k).
            inputs: (C, i, j, k) float32, or several such whose channels follow each other; joined window by window.
            stage: the name under which progress is reported.
            outside: (c, i, j, k), the answer for air; by default the first channel of `inputs`.

        Returns:
            (c, i, j, k) float32 on the inputs' device.

        Raises:
            OutOfMemory: not even the smallest tile fits.
            Cancelled: a stop was asked for.
        """
        parts = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        air = parts[0][:1] if outside is None else outside
        if not self.foreground.any():
            self.monitor.step(stage, 1, 1)
            return air.clone()
        while True:
            try:
                wanted = self.shape.wanted(self.foreground.shape)
                self.side = self.side or self.shape.fitting(self.compute.free_memory(wanted))
                box = TileBox.around(self.foreground, self.shape, self.side)
                return self._answer(network, parts, air, box, stage)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._back_off(error)

    def _back_off(self, error: BaseException) -> None:
        side = self.side or SMALLEST_TILE  # none yet where not even the free memory could be asked for
        if side > SMALLEST_TILE:
            self.side = max(SMALLEST_TILE, side // 2)
            self.monitor.log(
                f"Out of memory on {self.compute.device}: tiles of {self.side} voxels instead of {side}."
            )
        elif self.compute.device != "cpu":
            self.to_cpu()
        else:
            raise OutOfMemory(
                "Not enough memory for the smallest tile; close other programs or enhance a smaller box."
            ) from error

    def to_cpu(self) -> None:
        """Go on without the device, whose memory is too small."""
        self.monitor.log(f"Out of memory on {self.compute.device}: going on with the CPU, which is slower.")
        self.compute, self.side = Compute("cpu"), None

    def _answer(
        self, network: Network, parts: Sequence[Tensor], air: Tensor, box: TileBox, stage: str
    ) -> Tensor:
        """The network's answer in the box, air around it."""
        result = air.clone()
        if len(box) > 1:
            result[(slice(None), *box.inside)] = 0
        busy = sum(bool(self.foreground[window.kept].any()) for window in box)
        compute = self._prepared(network, Work(self.monitor, stage, busy))
        for window in box:
            place = (slice(None), *window.kept)
            if self.foreground[window.kept].any():
                answer = window.inner(compute(torch.cat([window.cut(part) for part in parts])[None])[0])
                answer = answer.to(result.device)
            else:
                answer = air[place]
            if len(box) == 1:
                result[place] = answer
            else:
                result[place] += answer * window.weights(result.device)
        return result

    def _prepared(self, network: Network, work: Work) -> Callable[[Tensor], Tensor]:
        """`network` on the device, as a function from a tile to a float32 tile there."""
        compute = self.compute
        if isinstance(network, nn.Module):
            network = network.to(compute.device).to(memory_format=torch.channels_last_3d).eval()  # type: ignore[call-overload]

        def answered(tile: Tensor) -> Tensor:
            tile = tile.to(compute.device, memory_format=torch.channels_last_3d)
            reduced = torch.autocast(compute.kind, compute.dtype, enabled=compute.precision != "fp32")
            with torch.no_grad(), reduced, work.on(network, tile, compute, self.shape.multiple):
                return network(tile).float()

        return answered


@dataclass
class Work:
    """What is told of a network on its way through the windows, in hundredths of a window.

    Args:
        monitor: who is told.
        stage: the name under which.
        windows: how many there are to do.
    """

    monitor: Monitor
    stage: str
    windows: int
    done: int = 0

    def __post_init__(self) -> None:
        self.monitor.step(self.stage, 0, HUNDRED * self.windows)

    @contextmanager
    def on(self, network: Network, tile: Tensor, compute: Compute, multiple: int) -> Iterator[None]:
        """While its block runs, a network's convolutions tell how much of this tile's work is done."""
        if isinstance(network, nn.Module):
            # Elsewhere than on a CPU a window takes a moment, and to ask for a stop is enough.
            whole = work_per_voxel(network, tile, multiple) * tile[0, 0].numel() if compute.slow else inf
            finished = 0.0

            def told(work: float) -> None:
                nonlocal finished
                finished += work
                self._tell(finished / whole)

            with told_of_work(network, compute, told):
                yield
        else:
            yield
        self.done += 1
        self._tell(0.0)

    def _tell(self, share: float) -> None:
        done = self.done + min(share, 1.0)
        self.monitor.step(self.stage, int(HUNDRED * done + 1e-6), HUNDRED * self.windows)


def foreground_of(initial: Tensor) -> Tensor:
    """Where a normalized volume is more than air, in whole blocks of `BLOCK` voxels; (i, j, k) bool on its device."""
    k, j, i = (-n % BLOCK for n in reversed(initial.shape))
    padded = functional.pad(initial[None, None], (0, k, 0, j, 0, i), mode="replicate")
    blocks = functional.avg_pool3d(padded, BLOCK)[0, 0] > AIR
    full = blocks.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1).repeat_interleave(BLOCK, 2)
    return full[tuple(slice(n) for n in initial.shape)].contiguous()
