"""From a run to a model's folder: averaged weights in half precision, and a card with what they were measured to be worth."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..compute.device import resolve
from ..errors import FileError
from ..evaluation.scores import Rows, quality, speed
from ..models import catalog
from ..models.base import Model
from ..models.card import Card
from ..models.discovery import build
from ..physics.degradation import Degradation
from ..physics.protocols import PROTOCOLS
from ..pipeline.settings import Settings
from ..progress import Monitor
from . import checkpoint
from .config import Config
from .split import held_scans
from .validation import Case, pair_cases, scan_cases

RUN = "config.json"
REFINED = {"one": 1, "two": 2, "all": 3}


def read_run(run: Path) -> tuple[Config, dict[str, Any]]:
    """A run's configuration, and what else was noted beside it.

    Raises:
        FileError: the folder holds no run.
    """
    try:
        record = json.loads((run / RUN).read_text(encoding="utf-8"))
        return Config.of(record["config"]), record
    except (OSError, ValueError, KeyError) as error:
        raise FileError(f"{run} is no training run ({RUN} is missing or damaged); name a folder such as runs/edsr3d-iso2.") from error


def export_run(
    run: Path,
    name: str,
    folder: Path,
    *,
    data: Path | None = None,
    measured: bool = True,
    best: bool = False,
    settings: Settings | None = None,
    monitor: Monitor | None = None,
) -> Path:
    """Write a run's network as a model.

    Args:
        run: folder of the run.
        name: of the model; the folder's too.
        folder: where to write.
        data: root of the validation scans; None for where the training found them.
        measured: whether to measure the model on them. A card without measurements claims no protocol.
        best: the weights of the best validation rather than the last.
        settings: device, precision and consistency for the measurement.
        monitor: told which scan is measured, asked for cancellation.

    Nothing is written before all of it is known, so a model with the final name is complete.

    Raises:
        MrisrError: the run or its validation scans cannot be read, or the card does not follow the schema.
    """
    config, record = read_run(run)
    state = checkpoint.load(run / (checkpoint.BEST if best else checkpoint.LAST))
    weights = _with_start(config, state["average"]["weights"])
    content = _serialized(weights)
    card = describe(config, name, content, float(state["state"]["elapsed"]), record)
    catalog.check_new(card)
    if measured and (cases := held_cases(config, record, data)):
        rows = measure(build(Card.of(card, folder), _halved(weights)), cases, settings, monitor or Monitor())
        labels = dict.fromkeys(case.label for found in cases.values() for case in found)
        card["protocols"] = [label for label in labels if label in PROTOCOLS]
        card["quality"] = [
            quality(group, found, name, label)
            for label in labels
            for group, found in rows.items()
            if any(row["protocol"] == label for row in found)
        ]
        mine = [row for found in rows.values() for row in found if row["model"] == name]
        card["speed"] = {mine[0]["device"]: speed(mine, f"{resolve().name}, {torch.get_num_threads()} threads")}
    catalog.write_model(folder, content, card)
    return folder


def held_cases(config: Config, record: dict[str, Any], data: Path | None) -> dict[str, list[Case]]:
    """What a run kept aside to be measured on, by group; real pairs are the headline where they were learned from.

    Args:
        config: the run's.
        record: what the run noted: `root`, `held` and `held_pairs`.
        data: the root, if it is another by now.

    Raises:
        FileError: the scans are not where they were.
    """
    root = Path(record.get("root", "."))

    def found(text: str) -> Path:
        path = Path(text)
        now = data / path.relative_to(root) if data is not None and path.is_relative_to(root) else path
        if not now.exists():
            raise FileError(f"The validation scan {now} is missing; name the folder of the data with --data, or give --unmeasured.")
        return now

    held = {group: [found(path) for path in paths] for group, paths in record.get("held", {}).items()}
    if "held" not in record:
        held = held_scans(config, data or root)
    cases = {group: scan_cases(paths, config.validation.protocols) for group, paths in held.items()}
    if pairs := [(found(low), found(high)) for low, high in record.get("held_pairs", [])]:
        cases["headline"] = [*cases.get("headline", []), *pair_cases(pairs)]
    return {group: listed for group, listed in cases.items() if listed}


def describe(config: Config, name: str, weights: bytes, seconds: float, record: dict[str, Any]) -> dict[str, Any]:
    """The card's content, without what has to be measured."""
    from safetensors.torch import load

    texts = dict(config.card)
    title = str(texts.pop("title", name))
    return {
        "name": name,
        "title": title,
        "family": config.family,
        "version": texts.pop("version", "1.0"),
        "license": texts.pop("license", "unknown"),
        "purpose": texts.pop("purpose", f"{title}, trained by {record['recipe']}."),
        **{key: texts[key] for key in ("description", "source") if key in texts},
        "initial": config.initial,
        "weights": {
            "sha256": hashlib.sha256(weights).hexdigest(),
            "parameters": sum(tensor.numel() for tensor in load(weights).values()),
            "dtype": "float16",
        },
        "hyperparameters": dict(config.network),
        "trained_for": [trained_for(each) for each in _served(config, record)],
        "protocols": [],
        "contrasts": texts.get("contrasts", []),
        "training": _training(seconds, record, texts),
        "tile": texts.get("tile", {"side": 96, "halo": 16, "multiple": config.patches.multiple, "bytes_per_voxel": 400}),
        "consistency": texts.get("consistency", 0),
        "quality": [],
        "limits": texts.get("limits", []),
    }


def _served(config: Config, record: dict[str, Any]) -> tuple[Degradation, ...]:
    """What the network was trained for; real pairs tell their factors, and nothing of the profile."""
    if record.get("factor"):
        low, high = record["factor"]
        return (Degradation(refines=config.degradation.refines, factor=(low, high)),)
    return (config.degradation, *config.degradation.alternatives)


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


def measure(model: Model, cases: dict[str, list[Case]], settings: Settings | None, monitor: Monitor) -> dict[str, Rows]:
    """The scores of a model and of cubic interpolation, for each group."""
    models: dict[str, Model] = {"cubic": catalog.load_model("cubic"), model.card.name: model}
    return {
        group: [asdict(row) for case in listed for row in case.compare(models, settings or Settings(), monitor).rows]
        for group, listed in cases.items()
    }


def _with_start(config: Config, trained: dict[str, Tensor]) -> dict[str, Tensor]:
    """The trained weights, drawn back to those they started from as far as the configuration says."""
    if not config.start or not config.start_share:
        return trained
    start = checkpoint.starting_weights(config.start, config.experts)
    return {name: w.lerp(start[name], config.start_share) if name in start else w for name, w in trained.items()}


def _halved(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    # Counters of batch norm are not needed to use a network; half precision changes the result by far less than bf16 arithmetic.
    return {name: w.half().contiguous() for name, w in weights.items() if not name.endswith("num_batches_tracked")}


def _serialized(weights: dict[str, Tensor]) -> bytes:
    from safetensors.torch import save

    content: bytes = save(_halved(weights))
    return content


def _training(seconds: float, record: dict[str, Any], texts: dict[str, Any]) -> dict[str, Any]:
    return {
        "scans": record.get("scans", []),
        "recipe": f"configs/{record['recipe']}",
        "seconds": round(seconds),
        "machine": record.get("machine", "CPU"),
        "attribution": texts.get("attribution", []),
    }
