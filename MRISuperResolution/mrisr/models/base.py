"""The one contract of every model family."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..image.arrays import Array
from ..image.grid import Triple
from ..physics.acquisition import Acquisition
from ..physics.operators import SeparableOperator
from ..progress import Monitor
from .card import Card

if TYPE_CHECKING:
    from ..compute.tiling import Tiles


@dataclass(frozen=True)
class Context:
    """What a model may know beyond the initial estimate.

    Args:
        acquisition: how the scan was (or is thought to have been) made.
        operator: the acquisition's linear part, from the target grid to the scan's.
        told: the acquisition as the Gaussians that networks are shown the scan by, see `assumption.told`.
        told_operator: its linear part.
        measured: (i, j, k) the scan itself, normalized, on its own grid.
        factor: how many times finer the target is than the scan, along each axis.
        seed: for models that draw random numbers.
        steps: for models that work in steps; None for what their card says.
        known: along which axes the acquisition is known rather than guessed: networks that are told profiles are told these.
        monitor: told of progress, asked for cancellation.
        tiles: runs a network over the head, tile by tile; None for models without weights.
    """

    acquisition: Acquisition
    operator: SeparableOperator
    told: Acquisition
    told_operator: SeparableOperator
    measured: Array
    factor: Triple
    seed: int
    monitor: Monitor
    tiles: Tiles | None = None
    steps: int | None = None
    known: tuple[bool, bool, bool] = (False, False, False)

    def tiled(self) -> Tiles:
        """The tile runner, for models that have weights."""
        if self.tiles is None:
            raise RuntimeError("A model without weights has no network to run in tiles.")
        return self.tiles


class Model(ABC):
    """Turns an initial estimate into a better one on the same grid.

    Args:
        card: what the model is and needs.

    Attributes:
        reduced_precision: whether its networks keep their quality in bf16; otherwise they run in fp32.
        double_precision: whether it counts in float64 here and there, which Metal (`mps`) has not.
        stochastic: whether it draws random numbers, from the context's seed.
        volumes_at_peak: how many volumes of the target's size, in float32, a run with it holds at most, beside its tile. Measured on
            factor 2, scans of 80 and 96 voxels a side, 2026.
    """

    reduced_precision = True
    double_precision = False
    stochastic = False
    volumes_at_peak = 20

    def __init__(self, card: Card) -> None:
        self.card = card

    @abstractmethod
    def restore(self, initial: Array, context: Context) -> Array:
        """The estimate.

        Args:
            initial: (i, j, k) the scan interpolated onto the target grid as the card says, normalized so that 0 is air and 1 the
                scan's 99.9th percentile; values may lie outside [0, 1]. A tensor on the run's device; of a model without weights
                an array of NumPy's. It is not changed.
            context: what else is known.

        Returns:
            (i, j, k) single precision, of the same kind, on the same grid and scale.
        """
