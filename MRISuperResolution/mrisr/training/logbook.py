"""What a training tells TensorBoard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

EVERY = 10
"""Steps whose values are averaged into one point of a curve."""


class Logbook:
    """Writes averages of scalars, and pictures, for TensorBoard; silent on all but the first process.

    Args:
        folder: the run's; the events go to `tensorboard` in it.
        active: whether to write at all.
    """

    def __init__(self, folder: Path, active: bool = True) -> None:
        self._folder, self._active = folder / "tensorboard", active
        self._writer: Any = None
        self._pending: dict[str, list[float]] = {}

    def __enter__(self) -> Logbook:
        if self._active:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder))  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._writer:
            self._writer.close()

    def scalar(self, name: str, value: float, step: int) -> None:
        """Note a value; values noted every step are averaged, those of validations are not."""
        if not self._writer:
            return
        values = self._pending.setdefault(name, [])
        values.append(value)
        if len(values) >= EVERY or name.startswith("validation"):
            self._writer.add_scalar(name, float(np.mean(values)), step)
            values.clear()

    def picture(self, name: str, image: NDArray[np.float32], step: int) -> None:
        """Note a gray picture (rows, columns) in [0, 1]."""
        if self._writer:
            self._writer.add_image(name, np.clip(image, 0, 1), step, dataformats="HW")
