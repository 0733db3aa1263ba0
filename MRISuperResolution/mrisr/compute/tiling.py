"""A network over a whole volume, tile by tile: a sliding window over the head, with exact seams and a way out of full memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import OutOfMemory
from ..progress import Monitor
from .device import Compute
from .memory import is_out_of_memory
from .tile_box import SMALLEST_TILE, TileBox, TileShape

Network = nn.Module | Callable[[Tensor], Tensor]

AIR = 0.04
"""Block means below this, on the models' scale, are air: Rician noise of 2 % has a mean of 0.025."""

BLOCK = 4
"""Side of the blocks whose mean is compared with `AIR`; single noisy voxels do not make a head."""


@dataclass
class Tiles:
    """Runs networks over a volume whose head is known.

    Args:
        foreground: (i, j, k) bool, where there is more than air.
        shape: how the model wants to be tiled.
        compute: device and precision; becomes the CPU if the device's memory cannot hold the smallest tile.
        side: the tile's side, or None for what fits; becomes the side that was used.
        monitor: told each tile, asked for cancellation after it.
    """

    foreground: NDArray[np.bool_]
    shape: TileShape
    compute: Compute
    side: int | None = None
    monitor: Monitor = field(default_factory=Monitor)

    def __call__(
        self,
        network: Network,
        inputs: Tensor | NDArray[np.float32],
        stage: str = "model",
        outside: Tensor | None = None,
    ) -> Tensor:
        """Apply `network` to `inputs` wherever there is foreground.

        Args:
            network: maps (1, C, i, j, k) to (1, c, i, j, k).
            inputs: (C, i, j, k) float32 on the CPU.
            stage: the name under which progress is reported.
            outside: (c, i, j, k), the answer for air; by default the first channel of `inputs`.

        Returns:
            (c, i, j, k) float32 on the CPU.

        Raises:
            OutOfMemory: not even the smallest tile fits.
            Cancelled: a stop was asked for.
        """
        inputs = torch.as_tensor(inputs)
        if not self.foreground.any():
            self.monitor.step(stage, 1, 1)
            return (inputs[:1] if outside is None else outside).clone()
        while True:
            try:
                self.side = self.side or self.shape.fitting(self.compute.free_memory(), self.compute.device)
                box = TileBox.around(self.foreground, self.shape, self.side)
                answer = self._answer(network, inputs, outside, box, stage)
                return box.pasted(answer, (inputs[:1] if outside is None else outside).clone())
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
        self, network: Network, inputs: Tensor, outside: Tensor | None, box: TileBox, stage: str
    ) -> Tensor:
        """The network's answer on the box, (c, *box.size)."""
        image = box.extended(inputs)[None]
        air = image[:, :1] if outside is None else box.extended(outside)[None]
        head = box.extended(torch.from_numpy(self.foreground)[None], "constant")[0]
        total = sum(box.holds(head, window) for window in box.windows())
        compute = self._prepared(network)
        done = 0

        def answered(window: Sequence[slice]) -> Tensor:
            nonlocal done
            place = (slice(None), slice(None), *window)
            if not box.holds(head, window):
                return air[place]
            answer = compute(image[place])
            done += 1
            self.monitor.step(stage, done, total)
            return answer

        self.monitor.step(stage, 0, total)
        return box.blended(answered)

    def _prepared(self, network: Network) -> Callable[[Tensor], Tensor]:
        """`network` on the device, as a function from a CPU tile to a CPU float32 tile."""
        compute = self.compute
        if isinstance(network, nn.Module):
            network = network.to(compute.device).to(memory_format=torch.channels_last_3d).eval()  # type: ignore[call-overload]

        def answered(tile: Tensor) -> Tensor:
            tile = tile.to(compute.device, memory_format=torch.channels_last_3d)
            with (
                torch.no_grad(),
                torch.autocast(compute.device, compute.dtype, enabled=compute.precision != "fp32"),
            ):
                return network(tile).to("cpu", torch.float32)

        return answered


def foreground_of(initial: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a normalized volume is more than air, in whole blocks of `BLOCK` voxels; (i, j, k) bool."""
    padded = np.pad(initial, [(0, -n % BLOCK) for n in initial.shape], mode="edge")
    i, j, k = (n // BLOCK for n in padded.shape)
    blocks = padded.reshape(i, BLOCK, j, BLOCK, k, BLOCK).mean(axis=(1, 3, 5)) > AIR
    full = blocks.repeat(BLOCK, 0).repeat(BLOCK, 1).repeat(BLOCK, 2)
    return np.ascontiguousarray(full[tuple(slice(n) for n in initial.shape)])
