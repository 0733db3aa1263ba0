"""What `make bench` measures: a file a subject, each with `measure()` giving findings. Timings belong here, never in tests."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Finding:
    """One figure and what it must reach.

    Args:
        name: what was measured, on what.
        value: the figure.
        unit: its unit, `x` for a ratio within this run.
        floor, ceiling: what it must not fall below or exceed, if anything.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ceiling: float | None = None

    @property
    def met(self) -> bool:
        """Whether the figure lies where it must."""
        above = self.floor is None or self.value >= self.floor
        return above and (self.ceiling is None or self.value <= self.ceiling)

    def row(self) -> str:
        """The figure as a line of a Markdown table."""
        goal = (
            f"≥ {self.floor:g}"
            if self.floor is not None
            else f"≤ {self.ceiling:g}"
            if self.ceiling is not None
            else ""
        )
        return f"| {self.name} | {self.value:.3g} {self.unit} | {goal} | {'' if not goal else 'met' if self.met else 'MISSED'} |"


def seconds(action: Callable[[], object], repeats: int = 3) -> float:
    """The shortest of several runs."""
    best = float("inf")
    for _ in range(repeats):
        started = perf_counter()
        action()
        best = min(best, perf_counter() - started)
    return best
