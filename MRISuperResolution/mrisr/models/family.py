"""The record of a model family: everything that the rest of the software knows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..image.arrays import Array
from ..progress import Monitor
from .hyperparameters import NetworkSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .base import Model
    from .card import Card


class Sharpener(Protocol):
    """What makes fused volumes sharper."""

    def apply(self, volume: Array, noise: float, monitor: Monitor | None = None) -> Array:
        """What a volume, (i, j, k), peak 1, would look like sharper; `noise` is that of the scans, as a fraction of the brightness."""


@dataclass(frozen=True)
class Figure:
    """A picture that `mrisr figure` draws of a family.

    Args:
        help: what it shows, for the terminal.
        draw: writes it; called with the output's path and, by keyword, what it needs and its options. `model` is a loaded model of the
            family, `scan` a volume, `plane` one of `slices.PLANES`, `settings` how to compute.
        needs: of `model`, `scan`, `plane` and `settings`.
        options: whole numbers that may be given, by name: the default, and what it means.
        suffixes: kinds of files beside `.png`, `.pdf` and `.svg`.
    """

    help: str
    draw: Callable[..., None]
    needs: tuple[str, ...] = ()
    options: Mapping[str, tuple[int | None, str]] = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """A kind of model.

    Its module is imported to list what there is, so it imports heavy libraries only inside the functions it names.

    Args:
        name: as cards and configurations write it.
        model: makes a model of a card and its weights; a card without weights comes with none.
        weightless: whether its models have no weights.
        network: makes an untrained network of the hyperparameters that are the network's own; None for families without one.
        settings: a dataclass of the hyperparameters that are the model's business and not the network's.
        training: trains it: takes the configuration, `training.options.Options` and a monitor, and returns the folder with what it made;
            None if it cannot be trained.
        packing: packs a run's folder for `mrisr export`: takes the folder, the run's record and whether the best weights are wanted rather
            than the last; returns `training.packing.Packed`. None if no model is made of its runs.
        sharpener: reads what makes volumes sharper that were fused of several scans; None if the family has nothing of the kind.
        teaches: whether its networks can teach others and learn from others.
        figures: by name.

    Example:
        >>> from mrisr.models.discovery import family_named
        >>> family_named("edsr3d").teaches
        True
    """

    name: str
    model: Callable[[Card, Mapping[str, Tensor]], Model] | None = None
    weightless: bool = False
    network: Callable[..., nn.Module] | None = None
    settings: type = NetworkSettings
    training: Callable[[dict[str, Any], Any, Monitor], Path] | None = None
    packing: Callable[[Path, dict[str, Any], bool], Any] | None = None
    sharpener: Callable[[], Sharpener] | None = None
    teaches: bool = False
    figures: Mapping[str, Figure] = field(default_factory=dict)
