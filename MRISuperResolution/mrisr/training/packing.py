"""From a run's folder to what a model is made of: each family packs its own runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..neural.networks import build_network
from ..physics.degradation import Degradation
from . import checkpoint
from .config import Config

REFINED = {"one": 1, "two": 2, "all": 3}


@dataclass(frozen=True, eq=False)
class Packed:
    """What a family hands over.

    Args:
        tensors: the weights, as they are to be written.
        hyperparameters: of the card.
        trained_for: the ranges of acquisitions, as a card writes them.
        seconds: that the training took.
        tile: how a network wants to be tiled; None without a network.
    """

    tensors: dict[str, Tensor]
    hyperparameters: dict[str, Any]
    trained_for: list[dict[str, Any]]
    seconds: float
    tile: dict[str, Any] | None = None


def pack_network(run: Path, record: dict[str, Any], best: bool) -> Packed:
    """The averaged weights of a network's run, in half precision.

    Args:
        run: the folder.
        record: see `record.read_record`.
        best: those of the best validation rather than the last.

    Raises:
        MrisrError: the configuration or the checkpoint cannot be used.
    """
    config = Config.of(record["config"])
    state = checkpoint.load(run / (checkpoint.BEST if best else checkpoint.LAST))
    weights = _with_start(config, state["average"]["weights"])
    return Packed(
        tensors=_halved(weights),
        hyperparameters=dict(config.network),
        trained_for=[trained_for(each) for each in _served(config, record)],
        seconds=float(state["state"]["elapsed"]),
        tile={"side": 96, "halo": _halo(config), "multiple": config.patches.multiple, "bytes_per_voxel": 400},
    )


def trained_for(degradation: Degradation) -> dict[str, Any]:
    """The range of acquisitions as a card writes it."""
    same_matrix = degradation.factor == (1.0, 1.0)
    clean = degradation.clean >= 1
    return {
        "refined_axes": [0 if same_matrix else REFINED[degradation.refines]],
        "factor": list(degradation.factor),
        "profile": [degradation.profile],
        "width": list(degradation.width),
        "kspace": list(degradation.kspace),
        "noise": [0.0, 0.0 if clean else degradation.noise[1]],
    }


def _served(config: Config, record: dict[str, Any]) -> tuple[Degradation, ...]:
    """What the network was trained for; real pairs tell their factors, and nothing of the profile."""
    if record.get("factor"):
        low, high = record["factor"]
        return (Degradation(refines=config.degradation.refines, factor=(low, high)),)
    return (config.degradation, *config.degradation.alternatives)


def _halo(config: Config) -> int:
    """How far a voxel of the answer sees."""
    network = build_network(config.family, config.network)
    return int(getattr(network, "halo", 16))


def _with_start(config: Config, trained: dict[str, Tensor]) -> dict[str, Tensor]:
    """The trained weights, drawn back to those they started from as far as the configuration says."""
    if not config.start or not config.start_share:
        return trained
    start = checkpoint.starting_weights(config.start, config.experts)
    return {
        name: w.lerp(start[name], config.start_share) if name in start else w for name, w in trained.items()
    }


def _halved(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    # Counters of batch norm are not needed to use a network; half precision changes the result by far less than bf16 arithmetic.
    return {
        name: w.half().contiguous() for name, w in weights.items() if not name.endswith("num_batches_tracked")
    }
