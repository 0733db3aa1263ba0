"""Trains gradient filters: quantiles, normal equations scan by scan, ridge, filters; one pass after the other.

Checkpoints hold the sums so far. Since the scans come in a fixed order and every draw has its own seed, a run that was stopped and
resumed ends with the same bits as one that was not (on the same number of threads).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import catalog
from ..errors import ConfigError, FileError
from ..files import read_volume, replacing, stem_of
from ..gradient_filters.bank import FilterBank
from ..gradient_filters.export import bank_from, bank_tensors, write_model
from ..gradient_filters.pairs import Pair, make_pair
from ..gradient_filters.recipe import BankRecipe, Recipe, ScanGroup
from ..gradient_filters.solve import choose_ridge, solve_all
from ..gradient_filters.teaching import Teacher, apply_stages, choose, features_of, learn_edges
from ..progress import Monitor
from . import Options

EDGE_PAIRS = 5
EDGE_VOXELS = 50_000


def train(config: dict[str, Any], options: Options, monitor: Monitor) -> Path:
    """Train and write a model; the folder it was written to.

    Raises:
        ConfigError: the configuration cannot be used.
        FileError: a scan cannot be read.
    """
    recipe = Recipe.read(config)
    data = options.data or options.config.parent / recipe.data
    run = Run(recipe, data, options.work or Path("runs") / recipe.name, options.resume, monitor)
    banks = [run.bank(number) for number in range(len(recipe.banks))]
    folder = options.output or catalog.PACKAGED / recipe.name
    scans = sorted({stem_of(path) for group in recipe.train for path in find(data, group)})
    write_model(folder, recipe, banks, scans=scans, seconds=run.seconds(), config=f"configs/{options.config.name}")
    return folder


def find(data: Path, group: ScanGroup) -> list[Path]:
    """The files of a group, by name.

    Raises:
        FileError: a pattern fits none.
    """
    paths: list[Path] = []
    for pattern in group.scans:
        fitting = sorted(data.glob(pattern))
        if not fitting:
            raise FileError(f"No scan {pattern} in {data}; name the data folder with --data.")
        paths += fitting
    return list(dict.fromkeys(paths))


class Run:
    """One training run and its files in the work folder.

    `<bank>.<pass>.safetensors` holds finished filters, `equations.safetensors` the sums of the pass under way, `log.json` the rest.
    """

    def __init__(self, recipe: Recipe, data: Path, work: Path, resume: bool, monitor: Monitor) -> None:
        self.recipe, self.data, self.work, self.monitor = recipe, data, work, monitor
        self._begun = time.perf_counter()
        self._log: dict[str, Any] = {"seconds": 0.0}
        work.mkdir(parents=True, exist_ok=True)
        if resume and (work / "log.json").exists():
            self._log = json.loads((work / "log.json").read_text(encoding="utf-8"))
        elif not resume:
            for old in work.glob("*.safetensors"):
                old.unlink()
        self._before = float(self._log["seconds"])

    def seconds(self) -> float:
        """Time spent on this model, earlier sittings included."""
        return self._before + time.perf_counter() - self._begun

    def bank(self, number: int) -> list[FilterBank]:
        """The filters for one degradation, trained or read."""
        recipe = self.recipe.banks[number]
        banks: list[FilterBank] = []
        for place in range(len(recipe.stages)):
            path = self.work / f"{number}.{place}.safetensors"
            if not path.exists():
                self._write(path, bank_tensors(self._learn(number, place, banks), "bank"))
                (self.work / "equations.safetensors").unlink(missing_ok=True)
            # What later passes are trained on is what will be shipped, rounding included.
            banks.append(bank_from(recipe.stages[place], _load(path), "bank"))
        return banks

    def _learn(self, number: int, place: int, before: list[FilterBank]) -> FilterBank:
        recipe, name = self.recipe.banks[number], f"bank {number + 1}, pass {place + 1}"
        stage = recipe.stages[place]
        teacher = self._sums(recipe, place, before, name)
        judge = Teacher(stage, teacher.hashing, self.recipe.kinds, teacher.cells)
        for step, (pair, group, seed, total) in enumerate(self._pairs(recipe, self.recipe.validation), 1):
            judge.add(pair, apply_stages(pair, list(recipe.stages[:place]), before), group.voxels, seed)
            self.monitor.step(f"{name}, validation", step, total)
        center = stage.taps.center
        ridge, shares = choose_ridge(teacher.equations, judge.equations, teacher.orders, center, self.recipe.ridges)
        self._log[f"{number}.{place}"] = {"ridge": ridge, "error left": {f"{r:g}": round(s, 5) for r, s in shares.items()}}
        self.monitor.log(f"{name}: ridge {ridge:g}, {shares[ridge]:.4f} of the squared error left on the validation scans.")
        return FilterBank(teacher.hashing, stage.taps, solve_all(teacher.equations, teacher.orders, center, ridge))

    def _sums(self, recipe: BankRecipe, place: int, before: list[FilterBank], name: str) -> Teacher:
        """The normal equations over the training scans, from the last checkpoint on."""
        stage, path = recipe.stages[place], self.work / "equations.safetensors"
        state = _load(path) if path.exists() else {}
        if state:
            hashing = bank_from(stage, {"bank.filters": torch.zeros(stage.buckets.count, stage.taps.count)} | state, "bank").hashing
        else:
            hashing = learn_edges(self._edge_features(recipe, place, before, name), stage)
        teacher = Teacher(stage, hashing, self.recipe.kinds)
        done = 0
        if state:
            teacher.equations.totals, teacher.equations.voxels = state["totals"], state["voxels"]
            done = int(state["done"])
        for step, (pair, group, seed, total) in enumerate(self._pairs(recipe, self.recipe.train, done), done + 1):
            teacher.add(pair, apply_stages(pair, list(recipe.stages[:place]), before), group.voxels, seed)
            if step % self.recipe.checkpoint == 0 and step < total:
                self._checkpoint(path, teacher, step)
            self.monitor.step(f"{name}, scans", step, total)
        return teacher

    def _edge_features(self, recipe: BankRecipe, place: int, before: list[FilterBank], name: str) -> list[Any]:
        features = []
        every = max(1, len(self._plan(self.recipe.train)) // EDGE_PAIRS)
        for step, (pair, _, seed, total) in enumerate(self._pairs(recipe, self.recipe.train, every=every), 1):
            volume = apply_stages(pair, list(recipe.stages[:place]), before)
            voxels = choose(pair.taught, EDGE_VOXELS, seed)
            features.append(features_of(volume, voxels, recipe.stages[place].features))
            self.monitor.step(f"{name}, quantiles", step, -(-total // every))
        return features

    def _plan(self, groups: tuple[ScanGroup, ...]) -> list[tuple[Path, int | None, ScanGroup]]:
        plan: list[tuple[Path, int | None, ScanGroup]] = []
        for group in groups:
            if self.recipe.one_axis and not group.axes:
                raise ConfigError("Every group of scans needs `axes` if one axis is special, such as axes = [0, 1, 2].")
            axes: list[int | None] = list(group.axes) if self.recipe.one_axis else [None]
            plan += [(path, axis, group) for path in find(self.data, group) for axis in axes]
        return plan

    def _pairs(
        self, recipe: BankRecipe, groups: tuple[ScanGroup, ...], done: int = 0, every: int = 1
    ) -> Iterator[tuple[Pair, ScanGroup, int, int]]:
        """Pairs from number `done` on, with their group, their seed and the number of all."""
        plan = self._plan(groups)
        for number in range(done, len(plan), every):
            path, axis, group = plan[number]
            seed = self.recipe.seed * 100_003 + number
            initial = self.recipe.card.get("initial", "cubic")
            scan, air = read_volume(path), self.recipe.air
            pair = make_pair(scan, recipe.protocol, axis, noise=self.recipe.noise, seed=seed, initial=initial, air=air)
            yield pair, group, seed, len(plan)

    def _checkpoint(self, path: Path, teacher: Teacher, done: int) -> None:
        self._write(
            path,
            {
                "totals": teacher.equations.totals,
                "voxels": teacher.equations.voxels,
                "bank.strength_edges": teacher.hashing.strength_edges,
                "bank.coherence_edges": teacher.hashing.coherence_edges,
                "done": torch.tensor(done),
            },
        )

    def _write(self, path: Path, tensors: dict[str, Tensor]) -> None:
        from safetensors.torch import save_file

        with replacing(path) as partial:
            save_file(tensors, partial)
        self._log["seconds"] = self.seconds()
        with replacing(self.work / "log.json") as partial:
            partial.write_text(json.dumps(self._log, indent=1) + "\n", encoding="utf-8")


def _load(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = load_file(path)
    return tensors
