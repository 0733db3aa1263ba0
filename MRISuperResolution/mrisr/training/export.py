"""From a run to a model's folder: its weights, and a card with what they were measured to be worth."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ..compute.device import resolve
from ..errors import ConfigError, FileError
from ..evaluation.card_entries import Rows, quality, speeds
from ..models import catalog
from ..models.base import Model
from ..models.card import Card
from ..models.discovery import build, family_named
from ..models.storage import packed as eight_bit
from ..models.storage import unpacked
from ..physics.protocols import PROTOCOLS
from ..pipeline.settings import Settings
from ..progress import Monitor
from .data.scans import find_scans
from .packing import Packed
from .record import read_record
from .validation import Case, pair_cases, scan_cases
from .workload import work_per_voxel

MODELS = Path("models")
"""Where models are written unless somebody says otherwise: below the current folder, never into the installed package."""


def export_run(
    run: Path,
    name: str,
    folder: Path,
    *,
    data: Path | None = None,
    measured: bool = True,
    best: bool = False,
    dtype: str = "float16",
    settings: Settings | None = None,
    monitor: Monitor | None = None,
) -> Path:
    """Write what a run has trained as a model.

    Args:
        run: folder of the run.
        name: of the model; the folder's too.
        folder: where to write.
        data: root of the validation scans; None for where the training found them.
        measured: whether to measure the model on them. A card without measurements claims no protocol.
        best: the weights of the best validation rather than the last, of families that have both.
        dtype: how large tensors are stored: `float16`, or `int8` with a scale for each output channel, see `models.storage`.
        settings: device, precision and consistency for the measurement.
        monitor: told which scan is measured, asked for cancellation.

    Nothing is written before all of it is known, so a model with the final name is complete.

    Raises:
        MrisrError: the run or its validation scans cannot be read, or the card does not follow the schema.
    """
    from safetensors.torch import save

    record = read_record(run)
    packing = family_named(record["config"]["family"]).packing
    if packing is None:
        raise ConfigError(
            f"No model is made of a training of {record['config']['family']}; its run holds what it made."
        )
    packed = packing(run, record, best)
    stored = eight_bit(packed.tensors) if dtype == "int8" else packed.tensors
    content: bytes = save(stored)
    card = describe(record, name, content, packed, dtype)
    catalog.check_new(card)
    model = build(Card.of(card, folder), unpacked(stored))
    if work := work_per_voxel(model):
        card["work_per_voxel"] = work
    if measured and (cases := held_cases(record, data)):
        rows = measure(model, cases, settings, monitor or Monitor())
        labels = dict.fromkeys(case.label for found in cases.values() for case in found)
        card["protocols"] = [label for label in labels if label in PROTOCOLS]
        card["quality"] = [
            quality(group, found, name, label)
            for label in labels
            for group, found in rows.items()
            if any(row["protocol"] == label for row in found)
        ]
        mine = [row for found in rows.values() for row in found if row["model"] == name]
        card["speed"] = speeds(mine, f"{resolve().name}, {torch.get_num_threads()} threads")
    catalog.write_model(folder, content, card)
    return folder


def held_cases(record: dict[str, Any], data: Path | None) -> dict[str, list[Case]]:
    """What a run kept aside to be measured on, by group; real pairs are the headline where they were learned from.

    Args:
        record: what the run noted: `root`, `held` and `held_pairs`.
        data: the root, if it is another by now.

    Raises:
        FileError: the scans are not where they were.
    """
    root = Path(record.get("root", "."))
    validation = record["config"].get("validation", {})
    protocols = validation.get("protocols", [])

    def found(text: str) -> Path:
        path = Path(text)
        now = data / path.relative_to(root) if data is not None and path.is_relative_to(root) else path
        if not now.exists():
            raise FileError(
                f"The validation scan {now} is missing; name the folder of the data with --data, or give --unmeasured."
            )
        return now

    held = {group: [found(path) for path in paths] for group, paths in record.get("held", {}).items()}
    if "held" not in record:
        groups = {group: validation.get(group, ()) for group in ("headline", "cohort")}
        held = {group: find_scans(data or root, patterns) for group, patterns in groups.items() if patterns}
    cases = {group: scan_cases(paths, protocols) for group, paths in held.items()}
    if pairs := [(found(low), found(high)) for low, high in record.get("held_pairs", [])]:
        cases["headline"] = [*cases.get("headline", []), *pair_cases(pairs)]
    return {group: listed for group, listed in cases.items() if listed}


def describe(
    record: dict[str, Any], name: str, weights: bytes, packed: Packed, dtype: str = "float16"
) -> dict[str, Any]:
    """The card's content, without what has to be measured."""
    config = record["config"]
    texts = dict(config.get("card", {}))
    title = str(texts.pop("title", name))
    tile = texts.get("tile", packed.tile)
    return {
        "name": name,
        "title": title,
        "family": config["family"],
        "version": texts.pop("version", "1.0"),
        "license": texts.pop("license", "unknown"),
        "purpose": texts.pop("purpose", f"{title}, trained by {record['recipe']}."),
        **{key: texts[key] for key in ("label", "description", "source", "acquisition") if key in texts},
        "initial": config.get("initial", "cubic"),
        "weights": {
            "sha256": hashlib.sha256(weights).hexdigest(),
            "parameters": sum(tensor.numel() for tensor in packed.tensors.values()),
            "dtype": dtype,
        },
        "hyperparameters": packed.hyperparameters,
        "trained_for": texts.get("trained_for", packed.trained_for),
        "protocols": [],
        "contrasts": texts.get("contrasts", []),
        "training": _training(packed.seconds, record, texts),
        **({"tile": tile} if tile else {}),
        "consistency": texts.get("consistency", 0),
        "quality": [],
        "limits": texts.get("limits", []),
    }


def measure(
    model: Model, cases: dict[str, list[Case]], settings: Settings | None, monitor: Monitor
) -> dict[str, Rows]:
    """The scores of a model and of cubic interpolation, for each group."""
    models: dict[str, Model] = {"cubic": catalog.load_model("cubic"), model.card.name: model}
    return {
        group: [
            asdict(row)
            for case in listed
            for row in case.compare(models, settings or Settings(), monitor).rows
        ]
        for group, listed in cases.items()
    }


def _training(seconds: float, record: dict[str, Any], texts: dict[str, Any]) -> dict[str, Any]:
    return {
        "scans": record.get("scans", []),
        "recipe": f"configs/{record['recipe']}",
        "seconds": round(seconds),
        "machine": record.get("machine", "CPU"),
        "attribution": texts.get("attribution", []),
    }
