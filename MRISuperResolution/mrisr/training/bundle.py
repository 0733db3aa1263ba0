"""A training as a folder of some megabytes, for a borrowed computer that has torch and little else; see `borrowed`."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, FileError
from ..progress import Monitor
from .config import Config
from .data.mosaics import as_picture, from_picture
from .data.scans import Scan, ScanFile, load_scan, load_scans
from .options import Options
from .split import find_split

BUNDLE = "bundle.json"

RECIPE = "config.toml"

START = "start.pt"

LARGEST_MB = 50.0
"""Of the scans of a bundle; the ones that are drawn most come first."""

BOX = 64
"""Voxels on a side of what is kept of each validation scan."""

HELD = 6
"""Validation scans in a bundle."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """What a borrowed computer is given.

    Args:
        table: the configuration.
        recipe: its file's name.
        scans: to learn from.
        held: boxes to measure progress on, by name.
        root: the folder that the validation scans were in, for whoever exports the run.
        held_paths: where they lay, by group.
        folder: of the bundle.
    """

    table: dict[str, Any]
    recipe: str
    scans: list[Scan]
    held: dict[str, NDArray[np.float32]]
    root: str
    held_paths: dict[str, list[str]]
    folder: Path

    @property
    def start(self) -> Path | None:
        """The file of the weights that it starts with, if there are any."""
        path = self.folder / START
        return path if path.exists() else None


def write_bundle(table: dict[str, Any], options: Options, folder: Path, monitor: Monitor) -> Path:
    """Write a network's training as a bundle; the folder.

    Args:
        table: the configuration.
        options: what the command line adds.
        folder: where to write; it may not exist yet.
        monitor: told of progress, and of what does not fit.

    Raises:
        MrisrError: the configuration or a scan cannot be used, or there is such a folder.
    """
    import torch

    from .checkpoint import starting_weights

    config = Config.of(table)
    if config.data.pairs or config.teacher or config.adversary:
        raise ConfigError("A bundle holds neither pairs nor a teacher nor an adversary; leave them out.")
    if folder.exists():
        raise ConfigError(f"{folder} exists; name a new folder for the bundle.")
    split = find_split(config, config.root(options), monitor)
    scans = load_scans(sorted(split.scans, key=lambda scan: -scan.weight), monitor)
    folder.mkdir(parents=True)
    written = _write_scans(scans, folder, monitor)
    held = [load_scan(ScanFile(path)) for path in split.headline[:HELD]]
    boxes = [
        _write(Scan(each.name, _middle(each.array), 1.0), folder, f"held-{n:02d}")
        for n, each in enumerate(held)
    ]
    if config.start:
        weights = starting_weights(config.start, config.experts)
        torch.save({name: weight.half() for name, weight in weights.items()}, folder / START)
    data = {
        "table": table,
        "recipe": options.config.name,
        "scans": written,
        "held": boxes,
        "root": str(split.root.absolute()),
        "held_paths": {
            group: [str(path.absolute()) for path in paths] for group, paths in split.held.items()
        },
    }
    shutil.copyfile(options.config, folder / RECIPE)
    (folder / BUNDLE).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return folder


def read_bundle(folder: Path) -> Bundle:
    """The bundle in a folder.

    Raises:
        FileError: there is none, or it is damaged.
    """
    try:
        data = json.loads((folder / BUNDLE).read_text(encoding="utf-8"))
        scans, held = ([_read(folder, each) for each in data[key]] for key in ("scans", "held"))
        return Bundle(
            data["table"],
            data["recipe"],
            scans,
            {scan.name: np.asarray(scan.array / np.float32(255)) for scan in held},
            data["root"],
            data["held_paths"],
            folder,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{folder} holds no bundle ({error}); make one with mrisr train CONFIG --bundle {folder}."
        ) from error


def _write_scans(scans: list[Scan], folder: Path, monitor: Monitor) -> list[dict[str, Any]]:
    """The scans that fit, each as a picture."""
    written: list[dict[str, Any]] = []
    room, left = LARGEST_MB * 1e6, []
    for done, scan in enumerate(scans):
        monitor.step("writing scans", done, len(scans))
        entry = _write(scan, folder, f"scan-{done:02d}", room)
        if entry is None:
            left.append(scan.name)
            continue
        room -= (folder / entry["file"]).stat().st_size
        written.append(entry)
    monitor.step("writing scans", len(scans), len(scans))
    if left:
        monitor.log(
            f"{len(left)} of {len(scans)} scans do not fit into {LARGEST_MB:.0f} MB and are left out: {', '.join(left)}."
        )
    return written


def _write(scan: Scan, folder: Path, stem: str, room: float = np.inf) -> dict[str, Any] | None:
    """A scan's entry in the list; None if its picture is too large."""
    content = as_picture(scan.array)
    if len(content) > room:
        return None
    (folder / f"{stem}.webp").write_bytes(content)
    entry = asdict(scan) | {"file": f"{stem}.webp", "shape": scan.array.shape}
    return {key: value for key, value in entry.items() if key != "array"}


def _read(folder: Path, entry: dict[str, Any]) -> Scan:
    array = from_picture((folder / Path(entry["file"]).name).read_bytes(), entry["shape"])
    return Scan(
        str(entry["name"]), array, float(entry["weight"]), tuple(int(axis) for axis in entry["sharp"])
    )


def _middle(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    cuts = [slice(max(0, (n - BOX) // 2), max(0, (n - BOX) // 2) + BOX) for n in array.shape]
    return np.ascontiguousarray(array[tuple(cuts)])
