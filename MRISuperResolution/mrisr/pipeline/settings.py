"""How to enhance: every setting once, with the words and limits that the terminal shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..compute.device import PRECISIONS
from ..errors import InputError
from ..image.grid import Grid, Target
from ..image.volume import Volume
from ..models.card import Card
from ..physics.acquisition import Acquisition
from .knowledge import Known, known_of

AUTO = "auto"
"""Instead of a model's name: the one that is proposed."""

Region = tuple[tuple[int, int, int], tuple[int | None, int | None, int | None]]
"""A half-open box in voxels of the scan: its first voxel and the one after its last, along i, j, k; None where the scan ends."""


def option(
    default: Any, text: str, mark: str = "N", *, choices: Sequence[str] = (), least: int = 0, called: str = ""
) -> Any:
    """A setting that is an option of the terminal, too.

    Args:
        default: its value unless the user says otherwise.
        text: what it does, for `--help`.
        mark: stands for its value there.
        choices: the only values it may have.
        least: the smallest value it may have, of those that are `called` something.
        called: a whole number's name in a sentence.
    """
    return field(
        default=default,
        metadata={"help": text, "mark": mark, "choices": tuple(choices), "least": least, "called": called},
    )


@dataclass(frozen=True)
class Settings:
    """How to enhance.

    Args:
        model: a model by its name, its folder or its card, see `catalog.find`; `auto` for the one that `proposal.propose` chooses.
        target: the grid asked for; None makes an anisotropic scan isotropic and doubles an isotropic one, or keeps the matrix where only
            that suits the acquisition or the model.
        acquisition: how the scan was made: the name of a protocol, a statement such as `slices:3` or `kspace:0.5` (see `stated`), an
            `Acquisition`, or None if nobody says: what headers and voxels tell is taken then, else what is usual (see `assumption`), and
            on the scan's own matrix what the model's card says.
        consistency: back-projection steps; None for what the model's card says.
        detail: 1 is the model's estimate, 0 plain interpolation, between them a blend.
        region: enhance only this box; the result covers just the box.
        device: `auto`, `cpu`, `cuda`, `cuda:1` and so on, or `mps`; see `compute.device.resolve`.
        precision: of the networks' arithmetic, see there.
        tile: side of the tiles in voxels; None for what fits the memory.
        seed: for models that draw random numbers.
        residual: whether to return the residual Ax − y as well.
        samples: 2 or more: the mean of so many runs, on the scan flipped (at most eight ways) or, for models that draw random
            numbers, with different seeds; their standard deviation is returned as well.
        steps: of models that work in steps; None for what the model's card says.
        known: what headers and voxels tell of how the scan was made; None to look at the voxels alone.
        interval: whether to return half the width of the interval that holds the truth in 9 of 10 voxels, too, see `trust.interval`; of
            models for which that was measured.

    Raises:
        InputError: a number lies outside what makes sense.

    Example:
        >>> Settings(model="cubic", target=Target.factor(2), consistency=10).detail
        1.0
    """

    model: str | Path | Card = "cubic"
    target: Target | Grid | None = None
    acquisition: str | Acquisition | None = None
    consistency: int | None = option(
        None,
        "steps towards agreement with the scan (default: the model's)",
        "off|N",
        called="number of consistency steps",
    )
    detail: float = option(1.0, "1 the model's result, 0 plain interpolation (default: 1)", "X")
    region: Region | None = None
    device: str = option(
        "auto",
        "cpu, cuda, cuda:1 (the second graphics card) or mps; auto takes cuda, mps, cpu in this order",
        "NAME",
    )
    precision: str = option("auto", "auto takes bf16 where the hardware has it", choices=PRECISIONS)
    tile: int | None = option(
        None,
        "side of the tiles in voxels (default: what fits the memory)",
        least=1,
        called="side of the tiles in voxels",
    )
    seed: int = option(0, "for models and protocols that draw random numbers", called="seed")
    residual: bool = False
    samples: int = option(
        1, "mean of N runs: the scan flipped (at most 8), or N seeds", called="number of samples"
    )
    steps: int | None = option(
        None, "of models that work in steps (default: the model's)", least=1, called="number of steps"
    )
    known: Known | None = None
    interval: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.detail <= 1:
            raise InputError(f"The detail strength must lie between 0 and 1; got {self.detail}.")
        for each in fields(self):
            called, value = each.metadata.get("called"), getattr(self, each.name)
            if called and value is not None and value < each.metadata["least"]:
                raise InputError(f"The {called} must be {each.metadata['least']} or more; got {value}.")

    @property
    def anywhere(self) -> Settings:
        """The same for programs in other folders: a model's folder by its whole path."""
        return replace(self, model=self.model.absolute()) if isinstance(self.model, Path) else self


def informed(settings: Settings, scan: Volume) -> Settings:
    """The settings with what the scan's voxels show of how it was made, unless that is known already; what is stated is judged by it.

    Args:
        settings: how to enhance it; its headers' part of `known` stays.
        scan: all of it, even if only a region is to be enhanced.
    """
    known = settings.known or Known()
    if known.estimate is not None:
        return settings
    return replace(settings, known=known_of(scan, known.header))


def consistency_steps(text: str | int | None) -> int | None:
    """`off` as 0, a number of steps as itself, None (the card's choice) as None.

    Raises:
        InputError: it is none of them.

    Example:
        >>> consistency_steps("off")
        0
    """
    if text is None:
        return None
    if text == "off":
        return 0
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"The consistency must be off or a number of steps; got {text!r}.") from error
