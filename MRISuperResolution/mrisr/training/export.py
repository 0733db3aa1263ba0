"""From a run to a model's folder: averaged weights in half precision, and a card with what they were measured to be worth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from .. import catalog
from ..card import CARD, WEIGHTS, Card
from ..commands.card import Rows, quality
from ..data.degradation import Degradation
from ..data.scans import find_scans
from ..device import resolve
from ..enhance import Settings
from ..errors import FileError
from ..evaluate import compare
from ..files import read_volume, replacing, stem_of
from ..models import Model, build
from ..progress import Monitor
from ..protocols import protocol_named
from . import checkpoint
from .config import Config

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


def export(
    run: Path,
    name: str,
    folder: Path,
    *,
    data: Path | None = None,
    best: bool = False,
    settings: Settings | None = None,
    monitor: Monitor | None = None,
) -> Path:
    """Write a run's network as a model.

    Args:
        run: folder of the run.
        name: of the model; the folder's too.
        folder: where to write.
        data: root of the validation scans; None to leave the card without measured quality.
        best: the weights of the best validation rather than the last.
        settings: device, precision and consistency for the measurement.
        monitor: told which scan is measured, asked for cancellation.

    Raises:
        MrisrError: the run cannot be read, or the card does not follow the schema.
    """
    config, record = read_run(run)
    state = checkpoint.load(run / (checkpoint.BEST if best else checkpoint.LAST))
    content = _serialized(_with_start(config, state["average"]["weights"]))
    card = describe(config, name, content, float(state["state"]["elapsed"]), record)
    with replacing(folder / WEIGHTS) as partial:
        partial.write_bytes(content)
    write_card(folder, card)
    if data is not None and config.validation.headline:
        rows = measure(folder, config, data, settings, monitor or Monitor())
        protocols = config.validation.protocols
        card["quality"] = [quality(group, rows[group], name, protocol) for protocol in protocols for group in rows]
        mine = [row for found in rows.values() for row in found if row["model"] == name]
        card["speed"] = {mine[0]["device"]: _speed(mine)}
        write_card(folder, card)
    return folder


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
        "license": texts.pop("license", "MIT"),
        "purpose": texts.pop("purpose", f"{title}, trained by {record['recipe']}."),
        **{key: texts[key] for key in ("description", "source") if key in texts},
        "initial": config.initial,
        "weights": {
            "sha256": hashlib.sha256(weights).hexdigest(),
            "parameters": sum(tensor.numel() for tensor in load(weights).values()),
            "dtype": "float16",
        },
        "hyperparameters": dict(config.network),
        "trained_for": [trained_for(each) for each in (config.degradation, *config.degradation.alternatives)],
        "protocols": list(config.validation.protocols),
        "contrasts": texts.get("contrasts", []),
        "training": _training(seconds, record, texts),
        "tile": texts.get("tile", {"side": 96, "halo": 16, "multiple": config.patches.multiple, "bytes_per_voxel": 400}),
        "consistency": texts.get("consistency", 0),
        "quality": [],
        "limits": texts.get("limits", []),
    }


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


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write `card.json` after it has been checked."""
    catalog.check(Card.of(card, folder))
    with replacing(folder / CARD) as partial:
        partial.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def measure(folder: Path, config: Config, data: Path, settings: Settings | None, monitor: Monitor) -> dict[str, Rows]:
    """The scores of the model in `folder` and of cubic interpolation, for each group of validation scans."""
    card = Card.read(folder)
    models: dict[str, Model] = {"cubic": catalog.load_model("cubic"), card.name: build(card, catalog.load_weights(card))}
    rows: dict[str, Rows] = {}
    for group in ("headline", "cohort"):
        patterns: Sequence[str] = getattr(config.validation, group)
        rows[group] = [
            asdict(row)
            for path in (find_scans(data, patterns) if patterns else [])
            for protocol in config.validation.protocols
            for row in compare(stem_of(path), read_volume(path), protocol_named(protocol), models, settings=settings, monitor=monitor).rows
        ]
    return {group: found for group, found in rows.items() if found}


def _with_start(config: Config, trained: dict[str, Tensor]) -> dict[str, Tensor]:
    """The trained weights, drawn back to those they started from as far as the configuration says."""
    if not config.start or not config.start_share:
        return trained
    start = checkpoint.starting_weights(config.start, config.experts)
    return {name: w.lerp(start[name], config.start_share) if name in start else w for name, w in trained.items()}


def _serialized(weights: dict[str, Tensor]) -> bytes:
    from safetensors.torch import save

    # Counters of batch norm are not needed to use a network; half precision changes the result by far less than bf16 arithmetic.
    content: bytes = save({name: w.half().contiguous() for name, w in weights.items() if not name.endswith("num_batches_tracked")})
    return content


def _training(seconds: float, record: dict[str, Any], texts: dict[str, Any]) -> dict[str, Any]:
    return {
        "scans": record.get("scans", []),
        "recipe": f"configs/{record['recipe']}",
        "seconds": round(seconds),
        "machine": record.get("machine", "CPU"),
        "attribution": texts.get("attribution", []),
    }


def _speed(rows: Rows) -> dict[str, Any]:
    return {
        "seconds_per_megavoxel": round(median(row["seconds"] / row["megavoxels"] for row in rows), 3),
        "peak_memory_mb_per_megavoxel": round(max(1.0, median(row["peak_memory_mb"] / row["megavoxels"] for row in rows)), 1),
        "machine": f"{resolve().name}, {torch.get_num_threads()} threads",
    }
