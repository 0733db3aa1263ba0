"""What tells harm, learned from episodes: a logistic rule with no negative coefficients, and how well it tells on scans it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .episodes import Episode

SIGNS = ("added", "claimed", "noise", "steep")
"""The signs that the rule looks at, see `harm.Signs`."""

EVEN = 0.5
"""The probability from which on interpolation is called nearer."""

LOWEST = 0.1
"""No result is amber for a probability that is less."""

RIDGE = 0.02
"""Weight of the squared standardized coefficients against the mean logarithmic loss."""

MISSED = 0.05
"""Share of the harmed runs that may stay green."""

FEWEST = 12
"""Fewer runs that clearly helped, or clearly harmed, teach nothing."""

Floats = NDArray[np.float64]


def judged(runs: Sequence[Episode]) -> dict[str, Any]:
    """What the runs of one model teach, as its card has it under `verdict`.

    Args:
        runs: on two scans or more.

    Returns:
        `rule` (intercept, coefficients and the probabilities from which on a result is amber and red), `auc` (each scan judged by a rule
        that was fitted on the others), how many runs `helped` and `harmed`, which shares of them are `green`, and the `scans`. Models that
        keep the matrix, which nothing can be held against but the scan itself, have `claims` instead.

    Raises:
        InputError: too few runs clearly helped or harmed.
    """
    scans = sorted({run.scan for run in runs})
    if not any(run.trust["signs"] for run in runs):
        return {"claims": _claims(runs), "scans": scans}
    clear = [run for run in runs if run.is_clear and run.trust["signs"]]
    harmed = np.array([run.harmed for run in clear])
    if len(scans) < 2 or min(harmed.sum(), (~harmed).sum()) < FEWEST:
        raise InputError(
            f"{harmed.sum()} runs harmed and {(~harmed).sum()} helped; {FEWEST} of each, on two scans, are the fewest that teach."
        )
    table = np.array([[run.trust["signs"][name] for name in SIGNS] for run in clear])
    names, seen = np.array([run.scan for run in clear]), np.zeros(len(clear))
    for scan in scans:
        others = names != scan
        seen[~others] = _probability(table[~others], _fitted(table[others], harmed[others]))
    whole = _fitted(table, harmed)
    rule = {"intercept": round(float(whole[0]), 4)}
    rule |= {name: round(float(c), 4) for name, c in zip(SIGNS, whole[1:], strict=True) if c > 1e-4}
    rule |= _limits(seen, harmed, clear)
    green = {
        name: round(float(np.mean([run.color(rule) == "green" for run in clear if run.harmed is kind])), 3)
        for name, kind in (("harmed", True), ("helped", False))
    }
    counts = {"helped": int((~harmed).sum()), "harmed": int(harmed.sum())}
    return {"rule": rule, "auc": round(auc(seen, harmed), 3), **counts, "green": green, "scans": scans}


def _claims(runs: Sequence[Episode]) -> list[float]:
    """What the network's own output may differ by at worst: a little more than it ever did on faithful runs, and half as much again."""
    worst = max((run.trust["network"]["worst"] for run in runs if run.is_faithful), default=0.0)
    return [round(1.1 * worst, 2), round(1.65 * worst, 2)]


def auc(values: Floats, harmed: NDArray[np.bool_]) -> float:
    """How often a run that harmed has the higher of two values (Mann & Whitney 1947).

    Example:
        >>> auc(np.array([0.1, 0.4, 0.3, 0.9]), np.array([False, False, True, True]))
        0.75
    """
    higher = values[harmed][:, None] - values[~harmed]
    return float(((higher > 0) + 0.5 * (higher == 0)).mean())


def _limits(seen: Floats, harmed: NDArray[np.bool_], clear: Sequence[Episode]) -> dict[str, float]:
    """Amber so that of all runs that harmed no more than `MISSED` pass, those that are not green for other reasons included."""
    others = np.array([run.color() == "green" for run in clear])
    passing = np.sort(seen[harmed & others])
    may = int(MISSED * harmed.sum())
    amber = float(passing[may]) - 1e-3 if len(passing) > may else EVEN
    return {"amber": round(min(max(amber, LOWEST), EVEN - 0.01), 3), "red": EVEN}


def _fitted(table: Floats, harmed: NDArray[np.bool_]) -> Floats:
    """Intercept and coefficients; each run weighs the same, so that probabilities are those among runs like these."""
    from scipy.optimize import minimize

    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled = (table - mean) / spread

    def loss(p: Floats) -> float:
        odds = p[0] + scaled @ p[1:]
        return float((np.logaddexp(0, odds) - harmed * odds).mean() + RIDGE / 2 * (p[1:] ** 2).sum() / len(p))

    bounds = [(None, None)] + [(0, None)] * table.shape[1]
    found = minimize(loss, np.zeros(table.shape[1] + 1), bounds=bounds).x
    coefficients = found[1:] / spread
    return np.asarray(np.r_[found[0] - coefficients @ mean, coefficients])


def _probability(table: Floats, rule: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(rule[0] + table @ rule[1:]))))
