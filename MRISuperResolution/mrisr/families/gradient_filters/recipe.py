"""What a training configuration says, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import ConfigError
from ...physics.protocols import Protocol, protocol_named
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


@dataclass(frozen=True)
class ScanGroup:
    """Scans used alike.

    Args:
        scans: files, relative to the data folder; `*` stands for any text.
        axes: the special axes to train on, one pair each; of protocols without one, left empty.
        voxels: how many voxels of each pair teach.
    """

    scans: tuple[str, ...]
    axes: tuple[int, ...] = ()
    voxels: int = 200_000


@dataclass(frozen=True)
class Recipe:
    """A training run.

    Args:
        name: the model's name.
        card: what goes into the card as it is written.
        one_axis: whether one axis differs from the other two (16 symmetries instead of 48).
        banks: what is learned.
        train, validation: scans that teach, and scans that choose the ridge.
        ridges: candidates, relative to the mean energy of a tap.
        noise: Rician noise on every training scan beyond the protocol's, as a fraction of its brightness.
        air: neighborhoods darker than this are left alone, see `pairs.head_of`; higher where the air beside the head is full of ripples.
        data: folder of the scans, relative to the configuration.
        seed: of noise and of the choice of voxels.
        checkpoint: pairs between two checkpoints.
    """

    name: str
    card: dict[str, Any]
    one_axis: bool
    banks: tuple[BankRecipe, ...]
    train: tuple[ScanGroup, ...]
    validation: tuple[ScanGroup, ...]
    ridges: tuple[float, ...] = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
    noise: float = 0.0
    air: float = AIR
    data: str = "."
    seed: int = 0
    checkpoint: int = 10

    @property
    def kinds(self) -> Triple:
        """Axes of the same kind may be exchanged; the special one comes last."""
        return (0, 0, 1) if self.one_axis else (0, 0, 0)

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Recipe:
        """The recipe in a configuration.

        Raises:
            ConfigError: something is missing or makes no sense.
        """
        try:
            return _read(config)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"The training configuration cannot be used: {error!r}.") from error


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


def _read(config: Mapping[str, Any]) -> Recipe:
    defaults = HASH | dict(config.get("hash", {}))
    settings = dict(config.get("training", {}))
    if "ridges" in settings:
        settings["ridges"] = tuple(float(r) for r in settings["ridges"])
    return Recipe(
        name=str(config["name"]),
        card=dict(config["card"]),
        one_axis=bool(config.get("one_axis", False)),
        banks=tuple(_bank(bank, defaults) for bank in config["bank"]),
        train=tuple(_group(group) for group in config["train"]),
        validation=tuple(_group(group) for group in config["validation"]),
        **settings,
    )


def _bank(data: Mapping[str, Any], defaults: Mapping[str, Any]) -> BankRecipe:
    protocol = protocol_named(data["protocol"])
    if "factor" in data:
        protocol = replace(protocol, factor=float(data["factor"]))
    stages = [stage_settings({**defaults, **data, **stage}) for stage in data.get("stage", [{}])]
    for stage in stages:
        if any(side % 2 == 0 for side in stage.taps.sides):
            raise ValueError(f"filter sides must be odd, not {stage.taps.sides}")
    return BankRecipe(protocol, tuple(stages))


def _group(data: Mapping[str, Any]) -> ScanGroup:
    return ScanGroup(tuple(data["scans"]), tuple(data.get("axes", ())), int(data.get("voxels", 200_000)))


def _triple(values: Any) -> Triple:
    i, j, k = (int(v) for v in values)
    return (i, j, k)
