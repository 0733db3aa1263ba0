"""Trains gradient filters: quantiles, normal equations scan by scan, ridge, filters; one pass after the other.

Checkpoints hold the sums so far. Since the scans come in a fixed order and every draw has its own seed, a run that was stopped and
resumed ends with the same bits as one that was not (on the same number of threads). What was begun by another recipe or with other
scans is not gone on with.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import Cancelled, ConfigError, FileError
from ...image.files import read_volume, replacing, stem_of
from ...models import catalog
from ...progress import Monitor
from ...training.options import Options, refuse_unused
from .bank import FilterBank
from .export import bank_from, bank_tensors, write_model
from .pairs import Pair, make_pair
from .recipe import BankRecipe, Recipe, ScanGroup
from .ridge import choose_ridge, solve_all
from .teaching import Teacher, apply_stages, choose, features_of, learn_edges

EDGE_PAIRS = 5
EDGE_VOXELS = 50_000
LOG = "log.json"

Plan = list[tuple[Path, int | None, ScanGroup]]
"""Which scan is used along which special axis (None where none is special), and how."""


def train(config: dict[str, Any], options: Options, monitor: Monitor) -> Path:
    """Train and write a model; the folder it was written to.

    Raises:
        ConfigError: the configuration or an option cannot be used, or the work folder holds another training.
        FileError: a scan cannot be read.
        Cancelled: the training was stopped; what it has done so far is kept.
    """
    processor = "leave it out: gradient filters are trained on the CPU, in the precision that their sums need"
    ends = "leave it out: the training ends when it has seen all scans, and Ctrl-C stops it so that --resume can go on"
    refuse_unused(options, config["family"], budget=ends, device=processor, precision=processor)
    recipe = Recipe.read(config)
    data = options.data or options.config.parent / recipe.data
    plans = plan(recipe, recipe.train, data), plan(recipe, recipe.validation, data)
    work = options.work or Path("runs") / recipe.name
    run = Run(recipe, plans, work, begin(work, identity(config, plans, data), options.resume), monitor)
    try:
        banks = [run.bank(number) for number in range(len(recipe.banks))]
    except (Cancelled, KeyboardInterrupt) as error:
        raise Cancelled("Stopped; go on from the last checkpoint with --resume.") from error
    folder = options.output or catalog.PACKAGED / recipe.name
    scans = sorted({stem_of(path) for path, _, _ in plans[0]})
    write_model(folder, recipe, banks, scans=scans, seconds=run.seconds(), config=f"configs/{options.config.name}")
    return folder


def plan(recipe: Recipe, groups: tuple[ScanGroup, ...], data: Path) -> Plan:
    """The scans in the order in which they are used.

    Raises:
        ConfigError: one axis is special, and a group does not say which.
        FileError: a pattern fits no scan.
    """
    if recipe.one_axis and not all(group.axes for group in groups):
        raise ConfigError("Every group of scans needs `axes` if one axis is special, such as axes = [0, 1, 2].")
    return [
        (path, axis, group) for group in groups for path in find(data, group) for axis in (group.axes if recipe.one_axis else (None,))
    ]


def identity(config: dict[str, Any], plans: tuple[Plan, Plan], data: Path) -> str:
    """A hash of all that the sums depend on: the recipe, but for what a card merely tells, and the scans by name."""
    taught = {**config, "card": {"initial": config["card"].get("initial")}}
    scans = [[path.relative_to(data).as_posix() for path, _, _ in each] for each in plans]
    return hashlib.sha256(json.dumps([taught, scans], sort_keys=True, default=str).encode()).hexdigest()


def begin(work: Path, recipe: str, resume: bool) -> dict[str, Any]:
    """The log of the run in a folder, a new one where nothing was learned yet.

    Args:
        work: the folder.
        recipe: see `identity`.
        resume: whether to go on with what is there.

    Raises:
        ConfigError: the folder holds a training that is not to be gone on with, or one by another recipe.
        FileError: its log cannot be read.
    """
    if not any(work.glob("*.safetensors")):
        return {"recipe": recipe, "seconds": 0.0}
    if not resume:
        raise ConfigError(
            f"{work} holds a training already; go on with --resume, choose another folder with --work, or delete the folder to start anew."
        )
    try:
        log: dict[str, Any] = json.loads((work / LOG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"The file {work / LOG} is missing or damaged; choose another folder with --work, or delete this one.") from error
    if log.get("recipe") != recipe:
        raise ConfigError(
            f"The training in {work} was begun by another recipe or with other scans; restore them, or choose another folder with --work."
        )
    return log


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

    `<bank>.<pass>.safetensors` holds finished filters, `<bank>.<pass>.equations.safetensors` the sums of the pass under way, `log.json`
    the rest.

    Args:
        recipe: what is learned.
        plans: the scans that teach, and those that choose the ridge.
        work: the folder.
        log: of this run, see `begin`.
        monitor: told of progress, asked whether to stop.
    """

    def __init__(self, recipe: Recipe, plans: tuple[Plan, Plan], work: Path, log: dict[str, Any], monitor: Monitor) -> None:
        self.recipe, self.work, self.monitor = recipe, work, monitor
        self._train, self._validation = plans
        self._begun = time.perf_counter()
        self._log = log
        self._before = float(log["seconds"])
        self._write_log()  # first, so that no sums lie there without the name of their recipe

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
            self._equations(number, place).unlink(missing_ok=True)
            # What later passes are trained on is what will be shipped, rounding included.
            banks.append(bank_from(recipe.stages[place], _load(path), "bank"))
        return banks

    def _equations(self, number: int, place: int) -> Path:
        return self.work / f"{number}.{place}.equations.safetensors"

    def _learn(self, number: int, place: int, before: list[FilterBank]) -> FilterBank:
        recipe, name = self.recipe.banks[number], f"bank {number + 1}, pass {place + 1}"
        stage = recipe.stages[place]
        teacher = self._sums(recipe, place, before, name, self._equations(number, place))
        judge = Teacher(stage, teacher.hashing, self.recipe.kinds, teacher.cells)
        for step, (pair, group, seed, total) in enumerate(self._pairs(recipe, self._validation), 1):
            judge.add(pair, apply_stages(pair, list(recipe.stages[:place]), before), group.voxels, seed)
            self.monitor.step(f"{name}, validation", step, total)
        center = stage.taps.center
        ridge, shares = choose_ridge(teacher.equations, judge.equations, teacher.orders, center, self.recipe.ridges)
        self._log[f"{number}.{place}"] = {"ridge": ridge, "error left": {f"{r:g}": round(s, 5) for r, s in shares.items()}}
        self.monitor.log(f"{name}: ridge {ridge:g}, {shares[ridge]:.4f} of the squared error left on the validation scans.")
        return FilterBank(teacher.hashing, stage.taps, solve_all(teacher.equations, teacher.orders, center, ridge))

    def _sums(self, recipe: BankRecipe, place: int, before: list[FilterBank], name: str, path: Path) -> Teacher:
        """The normal equations over the training scans, from the last checkpoint on, which lies at `path`."""
        stage = recipe.stages[place]
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
        for step, (pair, group, seed, total) in enumerate(self._pairs(recipe, self._train, done), done + 1):
            teacher.add(pair, apply_stages(pair, list(recipe.stages[:place]), before), group.voxels, seed)
            if step % self.recipe.checkpoint == 0 and step < total:
                self._checkpoint(path, teacher, step)
            self.monitor.step(f"{name}, scans", step, total)
        return teacher

    def _edge_features(self, recipe: BankRecipe, place: int, before: list[FilterBank], name: str) -> list[Any]:
        features = []
        every = max(1, len(self._train) // EDGE_PAIRS)
        for step, (pair, _, seed, total) in enumerate(self._pairs(recipe, self._train, every=every), 1):
            volume = apply_stages(pair, list(recipe.stages[:place]), before)
            voxels = choose(pair.taught, EDGE_VOXELS, seed)
            features.append(features_of(volume, voxels, recipe.stages[place].features))
            self.monitor.step(f"{name}, quantiles", step, -(-total // every))
        return features

    def _pairs(self, recipe: BankRecipe, plan: Plan, done: int = 0, every: int = 1) -> Iterator[tuple[Pair, ScanGroup, int, int]]:
        """Pairs from number `done` on, with their group, their seed and the number of all."""
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
        self._write_log()

    def _write_log(self) -> None:
        self._log["seconds"] = self.seconds()
        with replacing(self.work / LOG) as partial:
            partial.write_text(json.dumps(self._log, indent=1) + "\n", encoding="utf-8")


def _load(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    tensors: dict[str, Tensor] = load_file(path)
    return tensors
