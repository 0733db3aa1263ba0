"""Filters as a model's tensors and settings, in half precision, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ...errors import FileError
from .bank import FilterBank, Hashing
from .recipe import BankRecipe, FilterRecipe, StageRecipe, stage_data, stage_settings

if TYPE_CHECKING:
    from ...training.packing import Packed

LOG = "log.json"


def bank_tensors(bank: FilterBank, prefix: str) -> dict[str, Tensor]:
    """The tensors of one pass, by name."""
    return {
        f"{prefix}.filters": bank.filters.half().contiguous(),
        f"{prefix}.strength_edges": bank.hashing.strength_edges.clone(),
        f"{prefix}.coherence_edges": bank.hashing.coherence_edges.clone(),
    }


def bank_from(stage: StageRecipe, weights: Mapping[str, Tensor], prefix: str) -> FilterBank:
    """One pass from its settings and the tensors that `bank_tensors` named.

    Raises:
        ValueError: the tensors do not fit the settings.
    """
    filters = weights[f"{prefix}.filters"].float()
    if filters.shape != (stage.buckets.count, stage.taps.count):
        raise ValueError(f"{prefix}.filters has the shape {tuple(filters.shape)}")
    strength, coherence = weights[f"{prefix}.strength_edges"], weights[f"{prefix}.coherence_edges"]
    return FilterBank(Hashing(stage.features, stage.buckets, strength, coherence), stage.taps, filters)


def banks_from(
    settings: Sequence[dict[str, Any]], weights: Mapping[str, Tensor]
) -> list[tuple[float, list[StageRecipe], list[FilterBank]]]:
    """For each degradation a model knows, from the settings of its banks: its factor, its passes' settings, and their filters."""
    found = []
    for number, data in enumerate(settings):
        stages = [stage_settings(stage) for stage in data["stages"]]
        banks = [bank_from(stage, weights, f"{number}.{place}") for place, stage in enumerate(stages)]
        found.append((float(data["factor"]), stages, banks))
    return found


def pack_filters(run: Path, record: dict[str, Any], _best: bool) -> Packed:
    """The filters of a finished run.

    Args:
        run: the folder.
        record: see `training.record.read_record`.

    Raises:
        MrisrError: the configuration cannot be used, or the training is not finished.
    """
    from ...training.packing import Packed  # which models in use do without

    recipe = FilterRecipe.of(record["config"])
    tensors: dict[str, Tensor] = {}
    for number, bank in enumerate(recipe.banks):
        for place, stage in enumerate(bank.stages):
            learned = bank_from(stage, _read(run / filters_file(number, place)), "bank")
            tensors |= bank_tensors(learned, f"{number}.{place}")
    settings = {
        "one_axis": recipe.one_axis,
        "air": recipe.air,
        "banks": [_described(bank) for bank in recipe.banks],
    }
    return Packed(tensors, settings, [], seconds_of(run))


def filters_file(number: int, place: int) -> str:
    """Where a run keeps the filters of one pass of one bank."""
    return f"{number}.{place}.safetensors"


def seconds_of(run: Path) -> float:
    """How long a run has taken, by its log."""
    try:
        return float(json.loads((run / LOG).read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError) as error:
        raise FileError(
            f"The file {run / LOG} is missing or damaged; train again in another folder with --work."
        ) from error


def _described(bank: BankRecipe) -> dict[str, Any]:
    return {"factor": bank.protocol.factor, "stages": [stage_data(stage) for stage in bank.stages]}


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    if not path.exists():
        raise FileError(
            f"{path.parent} holds no finished training ({path.name} is missing); go on with mrisr train --resume."
        )
    tensors: dict[str, Tensor] = load_file(path)
    return tensors
