"""What every family's training configuration says, whatever it trains: a name, scans, what is held, and the card's texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeVar

from ..physics.interpolation import Kind
from .options import Options

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which scans.

    Args:
        root: the folder that everything is relative to; relative to the configuration.
        train: patterns of files or folders.
        exclude: patterns of names (without suffix) to leave out.
        index: a CSV table of true resolutions (columns id, voxel_mm, true_mm); axes that are only interpolated are not learned from.
        weights: for patterns of names, how often such scans are drawn.
        pairs: a CSV table (columns low, high) of real, registered pairs instead of simulated ones.
        validation_share: of the subjects, kept for validation if `validation.headline` names no scans. Subjects that it names, or that
            `validation.cohort` does, are never trained on.
    """

    root: str = "."
    train: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    index: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    pairs: str | None = None
    validation_share: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How progress and the exported model are measured, by the same code as `mrisr evaluate`.

    Args:
        headline, cohort: patterns of scans, relative to the data's root; the card reports each group by itself, the headline first.
        protocols: by name; those the model claims.
        minutes: between validations while training, on the first `quick` headline scans; there is one more at the end. 0 for none.
        quick: how many scans that are.
    """

    headline: tuple[str, ...] = ()
    cohort: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    minutes: float = 20.0
    quick: int = 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is common to all configurations.

    Args:
        name: of the run, and of the model made of it.
        family: what is trained.
        seed: of all that is drawn.
        initial: the interpolation that makes the initial estimate.
        data: what is learned from.
        validation: what is held.
        card: title, purpose and other texts for the exported card.
    """

    name: str
    family: str
    seed: int = 0
    initial: Kind = "cubic"
    data: Data = field(default_factory=Data)
    validation: Validation = field(default_factory=Validation)
    card: Mapping[str, Any] = field(default_factory=dict)

    def root(self, options: Options) -> Path:
        """The folder that the patterns are relative to."""
        return options.data or options.config.parent / self.data.root

    def work(self, options: Options) -> Path:
        """The run's folder."""
        return options.work or Path("runs") / self.name


def first_fitting(name: str, table: Mapping[str, Value], default: Value) -> Value:
    """The value of the first of a table's patterns that a name fits.

    Example:
        >>> first_fitting("ljcs_p19_flair", {"ds011_*": 1, "ljcs_*": 2}, 3)
        2
    """
    return next((value for pattern, value in table.items() if fnmatch(name, pattern)), default)
