"""What a training configuration says, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ...codec import decode
from ...errors import ConfigError, InputError
from ...physics.protocols import Protocol, protocol_named
from ...training.recipe import Recipe, first_fitting
from .buckets import BucketSettings
from .features import FeatureSettings
from .settings import AIR
from .taps import Taps

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class StageRecipe:
    """One pass of filters: which neighbours, and into which buckets."""

    taps: Taps
    buckets: BucketSettings
    features: FeatureSettings


@dataclass(frozen=True)
class BankRecipe:
    """The filters for one degradation: `stages` passes, each trained on what the one before it gives."""

    protocol: Protocol
    stages: tuple[StageRecipe, ...]


@dataclass(frozen=True, kw_only=True)
class FilterRecipe(Recipe):
    """The configuration of gradient filters.

    Args:
        one_axis: whether one axis differs from the other two (16 symmetries instead of 48).
        hash: what holds for all passes unless they say otherwise, see `HASH`.
        bank: a table for each degradation: `protocol`, `factor` if it is another than the protocol's, and a table `stage` for each pass,
            each trained on what the one before it gives.
        axes: if one axis is special: for patterns of scans' names, the axes that are special in turn, one pair each.
        voxels: for patterns of names, how many voxels of each pair teach.
        validation_voxels: how many judge.
        ridges: candidates, relative to the mean energy of a tap; the scans of `validation.headline` choose.
        noise: Rician noise on every training scan beyond the protocol's, as a fraction of its brightness.
        air: neighborhoods darker than this are left alone, see `pairs.head_of`; higher where the air beside the head is full of ripples.
        checkpoint: pairs between two checkpoints.
    """

    one_axis: bool = False
    hash: Mapping[str, Any] = field(default_factory=dict)
    bank: tuple[Mapping[str, Any], ...]
    axes: Mapping[str, Any] = field(default_factory=dict)
    voxels: Mapping[str, Any] = field(default_factory=dict)
    validation_voxels: int = 40_000
    ridges: tuple[float, ...] = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
    noise: float = 0.0
    air: float = AIR
    checkpoint: int = 10

    @property
    def kinds(self) -> Triple:
        """Axes of the same kind may be exchanged; the special one comes last."""
        return (0, 0, 1) if self.one_axis else (0, 0, 0)

    @cached_property
    def banks(self) -> tuple[BankRecipe, ...]:
        """What is learned."""
        return tuple(_bank(bank, {**HASH, **self.hash}) for bank in self.bank)

    def special_axes(self, name: str) -> tuple[int | None, ...]:
        """The axes of a scan that are special in turn; None alone where none is.

        Raises:
            ConfigError: one axis is special, and the recipe does not say which.
        """
        if not self.one_axis:
            return (None,)
        axes = first_fitting(name, self.axes, ())
        if not axes:
            raise ConfigError(
                f'The table axes names no special axis of the scan {name}; add a line such as "{name}" = [0, 1, 2].'
            )
        return tuple(int(axis) for axis in axes)

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> FilterRecipe:
        """The recipe in a configuration.

        Raises:
            ConfigError: something is unknown, missing or makes no sense.
        """
        recipe = decode(cls, table, "The configuration", ConfigError)
        try:
            recipe.banks  # noqa: B018 - built now, so that a mistake is told before any scan is read
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise ConfigError(f"The tables bank and hash cannot be used: {error!r}.") from error
        return recipe


def stage_settings(data: Mapping[str, Any]) -> StageRecipe:
    """A stage from a configuration or from a card's hyperparameters."""
    buckets = BucketSettings(
        angles=(int(data["angles"][0]), int(data["angles"][1])),
        strength=int(data["strength_bins"]),
        coherence=int(data["coherence_bins"]),
        phases=_triple(data["phases"]),
    )
    features = FeatureSettings(int(data["window"]), float(data["sigma"]), data["strength"], data["coherence"])
    return StageRecipe(Taps(_triple(data["side"]), _triple(data["step"])), buckets, features)


def stage_data(stage: StageRecipe) -> dict[str, Any]:
    """A stage as data, which `stage_settings` reads."""
    return {
        "side": list(stage.taps.sides),
        "step": list(stage.taps.steps),
        "phases": list(stage.buckets.phases),
        "angles": list(stage.buckets.angles),
        "strength_bins": stage.buckets.strength,
        "coherence_bins": stage.buckets.coherence,
        "window": stage.features.window,
        "sigma": stage.features.sigma,
        "strength": stage.features.strength,
        "coherence": stage.features.coherence,
    }


HASH: dict[str, Any] = {
    "angles": [8, 8],
    "strength_bins": 3,
    "coherence_bins": 3,
    "window": 9,
    "sigma": 2.0,
    "strength": "trace",
    "coherence": "ratio",
    "step": [1, 1, 1],
    "phases": [1, 1, 1],
}


def _bank(data: Mapping[str, Any], defaults: Mapping[str, Any]) -> BankRecipe:
    protocol = protocol_named(data["protocol"])
    if "factor" in data:
        protocol = replace(protocol, factor=float(data["factor"]))
    stages = [stage_settings({**defaults, **data, **stage}) for stage in data.get("stage", [{}])]
    for stage in stages:
        if any(side % 2 == 0 for side in stage.taps.sides):
            raise ValueError(f"filter sides must be odd, not {stage.taps.sides}")
    return BankRecipe(protocol, tuple(stages))


def _triple(values: Any) -> Triple:
    i, j, k = (int(v) for v in values)
    return (i, j, k)
