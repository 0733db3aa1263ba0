"""Filters as a model's folder: half-precision weights and a card, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...models import catalog
from .bank import FilterBank, Hashing
from .recipe import Recipe, StageRecipe, stage_data, stage_settings


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


def write_model(
    folder: Path, recipe: Recipe, banks: Sequence[Sequence[FilterBank]], *, scans: Sequence[str], seconds: float, config: str
) -> None:
    """Write weights and card; what an earlier card says about measured quality and speed is dropped with its weights."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    for number, passes in enumerate(banks):
        for place, bank in enumerate(passes):
            tensors |= bank_tensors(bank, f"{number}.{place}")
    content = save(tensors)
    card: dict[str, Any] = {"name": recipe.name, "family": "gradient-filters", **recipe.card}
    card["weights"] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "parameters": sum(t.numel() for t in tensors.values()),
        "dtype": "float16",
    }
    card["hyperparameters"] = {"one_axis": recipe.one_axis, "air": recipe.air, **card.get("hyperparameters", {})}
    card["hyperparameters"]["banks"] = [
        {"factor": bank.protocol.factor, "stages": [stage_data(stage) for stage in bank.stages]} for bank in recipe.banks
    ]
    card["training"] = {
        "scans": list(scans),
        "recipe": config,
        "seconds": round(seconds),
        "machine": f"CPU, {torch.get_num_threads()} threads",
    } | recipe.card.get("training", {})
    catalog.write_model(folder, content, card)
