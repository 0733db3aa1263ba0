"""Trains gradient filters: quantiles, normal equations scan by scan, ridge, filters; one pass after the other.

Checkpoints hold the sums so far. Since the scans come in a fixed order and every draw has its own seed, a run that was stopped and
resumed ends with the same bits as one that was not (on the same number of threads). What was begun by another recipe or with other
scans is not gone on with.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import Cancelled, ConfigError, FileError
from ...image.replacement import replacing
from ...progress import Monitor
from ...training.data.scans import ScanFile, read_scan
from ...training.options import Options, refuse_unused
from ...training.recipe import first_fitting
from ...training.record import write_record
from ...training.split import find_split
from .bank import FilterBank
from .export import LOG, bank_from, bank_tensors, filters_file
from .pairs import Pair, make_pair
from .recipe import BankRecipe, FilterRecipe
from .ridge import choose_ridge, solve_all
from .teaching import Teacher, apply_stages, choose, features_of, learn_edges

EDGE_PAIRS = 5
EDGE_VOXELS = 50_000
VOXELS = 200_000
"""Of each pair that teach, unless the recipe says otherwise."""

Plan = list[tuple[ScanFile, int | None]]
"""Which scan is used along which special axis (None where none is special)."""


def train(table: dict[str, Any], options: Options, monitor: Monitor) -> Path:
    """Train; the run's folder, which `mrisr export` turns into a model.

    Raises:
        ConfigError: the configuration or an option cannot be used, or the work folder holds another training.
        FileError: a scan cannot be read.
        Cancelled: the training was stopped; what it has done so far is kept.
    """
    processor = "leave it out: gradient filters are trained on the CPU, in the precision that their sums need"
    ends = "leave it out: the training ends when it has seen all scans, and Ctrl-C stops it so that --resume can go on"
    model = "leave it out, and make a model of the finished run with mrisr export RUN NAME --output FOLDER"
    refuse_unused(options, table["family"], output=model, budget=ends, device=processor, precision=processor)
    recipe = FilterRecipe.of(table)
    split = find_split(recipe, recipe.root(options), monitor)
    plans = plan(recipe, split.scans), plan(recipe, [ScanFile(path) for path in split.headline])
    work = recipe.work(options)
    log = begin(work, identity(table, plans, split.root), options.resume)
    work.mkdir(parents=True, exist_ok=True)
    write_record(work, table, options, split)
    run = Run(recipe, plans, work, log, monitor)
    try:
        for number in range(len(recipe.banks)):
            run.bank(number)
    except Cancelled as error:
        raise Cancelled("Stopped; go on from the last checkpoint with --resume.") from error
    run.close()
    return work


def plan(recipe: FilterRecipe, scans: Sequence[ScanFile]) -> Plan:
    """The scans in the order in which they are used.

    Raises:
        ConfigError: one axis is special, and the recipe does not say which, or there are no scans.
    """
    if not scans:
        raise ConfigError("There are no scans to choose the ridge on; name some in validation.headline.")
    return [(scan, axis) for scan in scans for axis in recipe.special_axes(scan.name)]


def identity(table: dict[str, Any], plans: tuple[Plan, Plan], root: Path) -> str:
    """A hash of all that the sums depend on: the recipe, but for what a card merely tells, and the scans by name."""
    taught = {key: value for key, value in table.items() if key != "card"}
    scans = [[os.path.relpath(scan.path, root.absolute()) for scan, _ in each] for each in plans]
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
        raise FileError(
            f"The file {work / LOG} is missing or damaged; choose another folder with --work, or delete this one."
        ) from error
    if log.get("recipe") != recipe:
        raise ConfigError(
            f"The training in {work} was begun by another recipe or with other scans; restore them, or choose another folder with --work."
        )
    return log


class Run:
    """One training run and its files in the work folder.

    `<bank>.<pass>.safetensors` holds finished filters, `<bank>.<pass>.equations.safetensors` the sums of the pass under way, `log.json`
    the time and the ridges.

    Args:
        recipe: what is learned.
        plans: the scans that teach, and those that choose the ridge.
        work: the folder.
        log: of this run, see `begin`.
        monitor: told of progress, asked whether to stop.
    """

    def __init__(
        self,
        recipe: FilterRecipe,
        plans: tuple[Plan, Plan],
        work: Path,
        log: dict[str, Any],
        monitor: Monitor,
    ) -> None:
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
            path = self.work / filters_file(number, place)
            if not path.exists():
                self._write(path, bank_tensors(self._learn(number, place, banks), "bank"))
            self._equations(number, place).unlink(missing_ok=True)
            # What later passes are trained on is what will be shipped, rounding included.
            banks.append(bank_from(recipe.stages[place], _load(path), "bank"))
        return banks

    def close(self) -> None:
        """Note how long it took."""
        self._write_log()

    def _equations(self, number: int, place: int) -> Path:
        return self.work / f"{number}.{place}.equations.safetensors"

    def _learn(self, number: int, place: int, before: list[FilterBank]) -> FilterBank:
        recipe, name = self.recipe.banks[number], f"bank {number + 1}, pass {place + 1}"
        stage = recipe.stages[place]
        teacher = self._sums(recipe, place, before, name, self._equations(number, place))
        judge = Teacher(stage, teacher.hashing, self.recipe.kinds, teacher.cells)
        for step, (pair, _, seed, total) in enumerate(self._pairs(recipe, self._validation), 1):
            judge.add(
                pair,
                apply_stages(pair, list(recipe.stages[:place]), before),
                self.recipe.validation_voxels,
                seed,
            )
            self.monitor.step(f"{name}, validation", step, total)
        center = stage.taps.center
        ridge, shares = choose_ridge(
            teacher.equations, judge.equations, teacher.orders, center, self.recipe.ridges
        )
        self._log[f"{number}.{place}"] = {
            "ridge": ridge,
            "error left": {f"{r:g}": round(s, 5) for r, s in shares.items()},
        }
        self.monitor.log(
            f"{name}: ridge {ridge:g}, {shares[ridge]:.4f} of the squared error left on the validation scans."
        )
        return FilterBank(
            teacher.hashing, stage.taps, solve_all(teacher.equations, teacher.orders, center, ridge)
        )

    def _sums(
        self, recipe: BankRecipe, place: int, before: list[FilterBank], name: str, path: Path
    ) -> Teacher:
        """The normal equations over the training scans, from the last checkpoint on, which lies at `path`."""
        stage = recipe.stages[place]
        state = _load(path) if path.exists() else {}
        if state:
            hashing = bank_from(
                stage, {"bank.filters": torch.zeros(stage.buckets.count, stage.taps.count)} | state, "bank"
            ).hashing
        else:
            hashing = learn_edges(self._edge_features(recipe, place, before, name), stage)
        teacher = Teacher(stage, hashing, self.recipe.kinds)
        done = 0
        if state:
            teacher.equations.totals, teacher.equations.voxels = state["totals"], state["voxels"]
            done = int(state["done"])
        for step, (pair, voxels, seed, total) in enumerate(self._pairs(recipe, self._train, done), done + 1):
            teacher.add(pair, apply_stages(pair, list(recipe.stages[:place]), before), voxels, seed)
            if step % self.recipe.checkpoint == 0 and step < total:
                self._checkpoint(path, teacher, step)
            self.monitor.step(f"{name}, scans", step, total)
        return teacher

    def _edge_features(
        self, recipe: BankRecipe, place: int, before: list[FilterBank], name: str
    ) -> list[Any]:
        features = []
        every = max(1, len(self._train) // EDGE_PAIRS)
        for step, (pair, _, seed, total) in enumerate(self._pairs(recipe, self._train, every=every), 1):
            volume = apply_stages(pair, list(recipe.stages[:place]), before)
            voxels = choose(pair.taught, EDGE_VOXELS, seed)
            features.append(features_of(volume, voxels, recipe.stages[place].features))
            self.monitor.step(f"{name}, quantiles", step, -(-total // every))
        return features

    def _pairs(
        self, recipe: BankRecipe, plan: Plan, done: int = 0, every: int = 1
    ) -> Iterator[tuple[Pair, int, int, int]]:
        """Pairs from number `done` on, with how many of their voxels teach, their seed and the number of all."""
        for number in range(done, len(plan), every):
            scan, axis = plan[number]
            seed = self.recipe.seed * 100_003 + number
            volume, air, initial = read_scan(scan.path), self.recipe.air, self.recipe.initial
            pair = make_pair(
                volume, recipe.protocol, axis, noise=self.recipe.noise, seed=seed, initial=initial, air=air
            )
            yield pair, int(first_fitting(scan.name, self.recipe.voxels, VOXELS)), seed, len(plan)

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
