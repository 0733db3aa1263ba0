"""From a model's counted errors to its intervals, and how often those hold for people who taught them nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..trust.interval import LEVEL, SHAPE, TRUSTED, Intervals
from .conformal import Floats, bootstrapped, controlled
from .residuals import COUNT, ENDS, LOWEST, RATIO, Residuals

FACTORS: Floats = np.geomspace(0.4, 6.0, 272)
"""Those that are tried, 1 % apart."""

ADDITIONS: Floats = np.arange(0, 6.05, 0.1)
"""How many times the scan's noise may be added."""

ONE: Floats = np.ones(1)

SPARSE = 2e-4
"""A bin with a smaller share of the voxels says nothing by itself."""

FEWEST = 5
"""Fewer people teach nothing."""

SEVERAL = 3
"""From so many people of a contrast on, its coverage has an interval."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person's runs: shares of the head's voxels up to each error, (runs, bins, COUNT), and the scans' noise."""

    name: str
    protocols: tuple[str, ...]
    added: NDArray[np.bool_]
    seen: Floats
    below: Floats

    @classmethod
    def of(cls, name: str, runs: Sequence[Residuals]) -> Person:
        """The runs of one."""
        counts = np.stack([run.counts for run in runs]).astype(np.float64)
        counts /= counts.sum(axis=(1, 2), keepdims=True)
        labels = tuple(f"{run.protocol}, {100 * run.noise:g} % noise" for run in runs)
        return cls(
            name,
            labels,
            np.array([run.noise > 0 for run in runs]),
            np.array([run.seen for run in runs]),
            counts.cumsum(axis=2),
        )

    def held(self, intervals: Intervals, factors: Floats) -> Floats:
        """The share of each run's voxels within the intervals times each of the factors, (runs, factors)."""
        widths = np.stack([intervals.widths(noise).astype(np.float64) for noise in self.seen])
        index = np.floor(np.log(widths[..., None] * factors / LOWEST) / np.log(RATIO) + 1e-9)
        index = index.clip(0, COUNT - 1).astype(np.intp)
        return np.asarray(np.take_along_axis(self.below, index, axis=2).sum(axis=1))

    def missed(self, intervals: Intervals, factors: Floats) -> Floats:
        """The share of the voxels outside, the mean of all runs."""
        return np.asarray(1 - self.held(intervals, factors).mean(axis=0))


def entry_of(
    runs: Sequence[Residuals], contrasts: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """What the runs of one model teach, as its card has it under `interval`.

    Args:
        runs: of `FEWEST` people or more, all made in the same ways.
        contrasts: which scans are of which contrast.

    Returns:
        Table, noise and factor (see `trust.interval.Intervals`); `coverage` of those who were left out, of all and by contrast and
        protocol; `trusted`, the share of their voxels that is trusted and the share of those that is off by more than that allows all
        the same; `width`, the half-widths' median; and `scans`.

    Raises:
        InputError: there are too few people.
    """
    people = [
        Person.of(name, [run for run in runs if run.scan == name]) for name in sorted({r.scan for r in runs})
    ]
    if len(people) < FEWEST:
        raise InputError(
            f"{len(people)} scans are too few to learn intervals from; {FEWEST} people are the least."
        )
    table = cache(lambda left: _fitted([p for p in people if p.name not in left]))
    whole, judged = (
        _calibrated(people, (), table),
        [(p, _calibrated(people, (p.name,), table)) for p in people],
    )
    shares = {p.name: float(p.held(found, ONE).mean()) for p, found in judged}
    return {
        "level": LEVEL,
        "table": [[float(f"{value:.3g}") for value in row] for row in whole.table],
        "noise": round(whole.noise, 2),
        "factor": round(whole.factor, 4),
        "coverage": _coverage(shares, contrasts or {}),
        "protocols": _by_protocol(judged),
        "trusted": _trusted(judged),
        "width": round(_median(judged), 4),
        "scans": [p.name for p in people],
    }


def _calibrated(
    people: Sequence[Person], left: tuple[str, ...], table: Callable[[frozenset[str]], Intervals]
) -> Intervals:
    """Intervals from all but those left out: each is judged by the others' table, and so gives the factor.

    Cross-validation in the place of a second set of people (Cohen, Angelopoulos, Bates et al. 2024, arXiv:2401.11974).
    """
    taught = [p for p in people if p.name not in left]
    losses = np.stack([p.missed(table(frozenset((*left, p.name))), FACTORS) for p in taught])
    factor = controlled(losses, FACTORS, 1 - LEVEL)
    plain = table(frozenset(left))
    return Intervals(plain.table, plain.noise, factor)


def _fitted(people: Sequence[Person]) -> Intervals:
    """Table and noise, the factor being 1; each person weighs the same, and so does each of their runs."""
    clean = [p.below[~p.added].mean(axis=0) for p in people if not p.added.all()]
    table = _quantiles(np.mean(clean or [p.below.mean(axis=0) for p in people], axis=0))
    noisy = [p for p in people if p.added.any()]

    def holds(addition: float) -> bool:
        found = Intervals(table, addition, 1.0)
        return fmean(float(p.held(found, ONE)[p.added].mean()) for p in noisy) >= LEVEL

    least = bisect_left(ADDITIONS, True, key=holds) if noisy else 0  # more of the noise holds more
    return Intervals(table, float(ADDITIONS[min(least, len(ADDITIONS) - 1)]), 1.0)


def _quantiles(below: Floats) -> tuple[tuple[float, ...], ...]:
    """The errors' quantile in each bin, made to never fall along either axis; bins that few voxels are in take their neighbors'."""
    total = below[:, -1]
    first = (below >= LEVEL * total[:, None]).argmax(axis=1)
    known = np.where(total >= SPARSE, ENDS[first], 0.0).reshape(SHAPE)
    rising = np.maximum.accumulate(np.maximum.accumulate(known, axis=0), axis=1)
    least = rising[rising > 0].min() if (rising > 0).any() else float(ENDS[0])
    return tuple(tuple(float(value) for value in row) for row in rising.clip(least))


def _coverage(shares: Mapping[str, float], contrasts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    groups = {
        "all": list(shares),
        **{name: [s for s in scans if s in shares] for name, scans in contrasts.items()},
    }
    found: dict[str, Any] = {}
    for name, scans in groups.items():
        if not scans:
            continue
        values = np.array([shares[scan] for scan in scans])
        found[name] = {
            "people": len(scans),
            "share": round(float(values.mean()), 4),
            "least": round(float(values.min()), 4),
        }
        if len(scans) >= SEVERAL:
            found[name]["interval"] = [round(value, 4) for value in bootstrapped(values)]
    return found


def _by_protocol(judged: Sequence[tuple[Person, Intervals]]) -> dict[str, float]:
    shares: dict[str, list[float]] = {}
    for person, found in judged:
        for label, share in zip(person.protocols, person.held(found, ONE)[:, 0], strict=True):
            shares.setdefault(label, []).append(float(share))
    return {label: round(fmean(values), 4) for label, values in shares.items()}


def _trusted(judged: Sequence[tuple[Person, Intervals]]) -> dict[str, float]:
    """The share of voxels that are trusted, and that of those whose error is larger than `TRUSTED` all the same."""
    inside, wrong = [], []
    last = int(np.searchsorted(ENDS, TRUSTED))
    for person, found in judged:
        narrow = np.stack([found.widths(noise) <= TRUSTED for noise in person.seen])
        trusted = (person.below[..., -1] * narrow).sum(axis=1)
        kept = (person.below[..., last] * narrow).sum(axis=1)
        inside.append(trusted.mean())
        wrong.append((trusted - kept).mean())
    return {
        "share": round(float(np.mean(inside)), 4),
        "wrong": round(float(np.mean(wrong) / max(float(np.mean(inside)), 1e-9)), 4),
    }


def _median(judged: Sequence[tuple[Person, Intervals]]) -> float:
    """The half-width that half of all voxels have at most."""
    widths = np.concatenate([found.widths(noise) for person, found in judged for noise in person.seen])
    weights = np.concatenate([run[:, -1] for person, _ in judged for run in person.below])
    order = np.argsort(widths)
    reached = weights[order].cumsum()
    return float(widths[order][np.searchsorted(reached, reached[-1] / 2)])
