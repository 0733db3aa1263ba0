"""What a run learns from and what it keeps aside: the files, before any is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError
from ..progress import Monitor
from .data.pairs import pair_files
from .data.scans import ScanFile, find_scans, sharp_axes
from .data.subjects import name_of, split_by_subject, subject_of
from .recipe import Recipe, first_fitting

PairFiles = tuple[Path, Path]


@dataclass(frozen=True)
class Split:
    """The files of a run; no subject is both learned from and held.

    Args:
        root: the folder that the configuration's patterns are relative to.
        scans: to train on, unless there are pairs.
        pairs: to train on, (low, high).
        held: scans kept for validation, by group: `headline`, `cohort`.
        held_pairs: pairs kept for validation.
    """

    root: Path
    scans: list[ScanFile] = field(default_factory=list)
    pairs: list[PairFiles] = field(default_factory=list)
    held: dict[str, list[Path]] = field(default_factory=dict)
    held_pairs: list[PairFiles] = field(default_factory=list)

    @property
    def headline(self) -> list[Path]:
        """The scans that progress is measured on."""
        return self.held.get("headline", [])

    @property
    def names(self) -> list[str]:
        """Of what is learned from."""
        return [name_of(high) for _, high in self.pairs] or [name_of(file.path) for file in self.scans]


def find_split(config: Recipe, root: Path, monitor: Monitor | None = None) -> Split:
    """The files that a configuration names.

    Raises:
        ConfigError: a pattern fits nothing, or nothing is left to train on.
    """
    held = held_scans(config, root)
    if config.data.pairs:
        return _with_pairs(config, root, held, monitor or Monitor())
    paths = find_scans(root, config.data.train, config.data.exclude)
    if config.validation.protocols and not config.validation.headline:
        paths, held["headline"] = split_by_subject(paths, config.data.validation_share, config.seed)
    kept = _without(paths, held, monitor or Monitor())
    scans = _weighted(config, root, kept)
    if not scans:
        raise ConfigError("No scan is left to train on; look at data.train, data.exclude and data.weights.")
    return Split(root, scans=scans, held=held)


def held_scans(config: Recipe, root: Path) -> dict[str, list[Path]]:
    """The validation scans that the configuration names, by group."""
    groups = {"headline": config.validation.headline, "cohort": config.validation.cohort}
    return {group: find_scans(root, patterns) for group, patterns in groups.items() if patterns}


def _with_pairs(config: Recipe, root: Path, held: dict[str, list[Path]], monitor: Monitor) -> Split:
    rows = pair_files(root / str(config.data.pairs))
    highs = [high for _, high in rows]
    if len({subject_of(high) for high in highs}) > 1 and config.validation.minutes:
        highs, _ = split_by_subject(highs, config.data.validation_share, config.seed)
    learned = set(_without(highs, held, monitor))
    pairs = [row for row in rows if row[1] in learned]
    if not pairs:
        raise ConfigError(
            "No pair is left to train on; look at data.pairs and at the scans that validation names."
        )
    return Split(root, pairs=pairs, held=held, held_pairs=[row for row in rows if row[1] not in learned])


def _without(paths: Sequence[Path], held: dict[str, list[Path]], monitor: Monitor) -> list[Path]:
    """The scans of subjects that are not held for validation."""
    subjects = {subject_of(path) for group in held.values() for path in group}
    kept = [path for path in paths if subject_of(path) not in subjects]
    if left := len(paths) - len(kept):
        monitor.log(
            f"{left} of {len(paths)} scans are left out of the training, because validation uses their subjects."
        )
    return kept


def _weighted(config: Recipe, root: Path, paths: Sequence[Path]) -> list[ScanFile]:
    """With how often each is drawn, and the axes that are truly resolved; without those never drawn or nowhere sharp."""
    sharp = sharp_axes(root / config.data.index) if config.data.index else {}
    files = []
    for path in paths:
        name = name_of(path)
        weight = first_fitting(name, config.data.weights, 1.0)
        axes = sharp.get(name, (0, 1, 2))
        if weight > 0 and axes:
            files.append(ScanFile(path, float(weight), axes))
    return files
