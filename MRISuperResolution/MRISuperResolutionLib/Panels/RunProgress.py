"""A progress bar that follows a whole run, and says how long the rest of it will take."""

import time
from collections.abc import Sequence

from slicer.i18n import tr as _

from ..Jobs.Plan import duration

SOON = 1.0
"""Seconds of a run before which nothing is said of its end."""

STEPS = 1000
"""Of the bar."""

WEIGHTS = {
    "model": 0.8,
    "consistency": 0.1,
    "registration": 0.8,
    "refinement": 0.5,
    "reconstruction": 1.2,
    "filters": 0.4,
    "comparison": 0.12,
    "simulation": 0.9,
    "report": 0.9,
}
"""The share of its run that a stage takes as a rule, before the shares of all are brought to a sum of 1."""

SHORT = 0.03
"""The share of all other stages."""

SAMPLED = ("model", "consistency")
"""The stages that every sample goes through; how many there are and which one is under way is told by `samples`."""

TRIED = ", own, "
"""In the stage's name while models are tried: one step is one model, and all steps are the run."""


class RunProgress:
    """Drives a ``QProgressBar``."""

    def __init__(self, bar) -> None:
        self._bar = bar
        self.begin()

    def begin(self, stages: Sequence[str] = (), expected: float | None = None, runs: int = 1) -> None:
        """A run starts.

        :param stages: what it goes through, in order.
        :param expected: seconds that it will take in all; None if that is not known.
        :param runs: how many scans go through its stages, one after the other.
        """
        self._began, self._expected, self._runs = time.monotonic(), expected, max(1, runs)
        weights = {stage: WEIGHTS.get(stage, SHORT) for stage in stages}
        self._weights = {stage: weight / sum(weights.values()) for stage, weight in weights.items()}
        self._share, self._passed, self._sample = 0.0, -1, (0, 1)
        self._showBusy()

    def show(self, stage: str, done: int, total: int) -> str:
        """So much of a stage is done; how long the rest of the run will take, as a sentence, or nothing."""
        self._share = max(self._share, min(1.0, self._shareOf(stage, done, max(1, total))))
        if self._share > 0:
            self._bar.maximum = STEPS
            self._bar.value = round(STEPS * self._share)
        spent = time.monotonic() - self._began
        left = self._secondsLeft(spent)
        if left is None or self._share > 1 - 1e-6 or spent < SOON:
            return ""
        return _(" About {time} left.").format(time=duration(left))

    def _shareOf(self, stage: str, done: int, total: int) -> float:
        """The share of the run that is behind it."""
        if TRIED in stage:
            return done / total
        if stage == "samples":
            self._sample = (done, total)
            return self._share
        stage = "model" if stage == "sampling" else stage  # what a diffusion model calls its work
        if stage not in self._weights:
            return self._share
        if stage == next(iter(self._weights)) and done == 0:
            self._passed, self._sample = self._passed + 1, (0, 1)
        return (max(0, self._passed) + self._within(stage, done / total)) / self._runs

    def _within(self, stage: str, done: float) -> float:
        """The share of one scan's stages that is behind it."""
        before = {name: sum(list(self._weights.values())[:index]) for index, name in enumerate(self._weights)}
        if stage not in SAMPLED:
            return before[stage] + self._weights[stage] * done
        start = min(before[name] for name in self._weights if name in SAMPLED)
        whole = sum(weight for name, weight in self._weights.items() if name in SAMPLED)
        inner = before[stage] - start + self._weights[stage] * done
        return start + (self._sample[0] * whole + inner) / self._sample[1]

    def _secondsLeft(self, spent: float) -> float | None:
        """What was expected counts at first, what was measured ever more, and alone from the middle of the run on."""
        measured = spent / self._share * (1 - self._share) if self._share > 0.02 else None
        if self._expected is None:
            return measured
        expected = max(0.0, self._expected - spent)
        trust = min(1.0, 2 * self._share)
        return expected if measured is None else trust * measured + (1 - trust) * expected

    def _showBusy(self) -> None:
        """A bar without an end, until the first stage tells."""
        self._bar.maximum = 0
        self._bar.value = 0
