"""What a witness says, in words: a number, a place, and why it cannot tell where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .witness import Weighed

FEWEST = 12
"""Blocks of tissue, at least, that scan and stack must share."""

CONTROL, ALIKE = (0.75, 1.35), 0.6
"""Slope and correlation of the fine structure that both measured. With the surface included, the same contrast had 1.04 to 1.11 and 0.87 to
0.96, on a phantom and in simulations at up to 2 % noise; another contrast 0.34 and 0.15, another person 0.57 and 0.45."""

TOO_LITTLE = 0.1
"""Percent of the brightness: less added detail than this nobody can see."""

UNSURE = 0.2
"""A share that is not known better than this is none."""

WORDS = (
    (0.1, "almost nothing"),
    (0.28, "about a fifth"),
    (0.42, "about a third"),
    (0.58, "about half"),
    (0.72, "about two thirds"),
    (0.87, "most"),
    (1.25, "all"),
)
"""Up to which share it is called what."""

PLANES = (("sagittal", 0), ("coronal", 1), ("axial", 2))

SIDES = (("left", "right"), ("back", "front"), ("lower", "upper"))
"""Negative and positive ends of R, A and S; R grows to the right."""

ASIDE = 1 / 6
"""Farther from the middle than this part of the object, a place is said to be on a side."""


@dataclass(frozen=True)
class Whereabouts:
    """What is known of the stack beside the numbers.

    Args:
        plane: how its slices lie, such as `coronal`; empty where they have no direction.
        converged: whether it could be placed.
        parallel: whether its slices lie as the scan's do.
        acquisition_error: by how much the share changes with what is not known of how the stack was made.
        place: where it contradicts the result most, in words; empty where it does not.
        place_ras: the same in mm; None where it does not.
        contradicted: the share of the tissue where it does.
    """

    plane: str
    converged: bool
    parallel: bool
    acquisition_error: float = 0.0
    place: str = ""
    place_ras: tuple[float, float, float] | None = None
    contradicted: float = 0.0


@dataclass(frozen=True)
class Testimony:
    """What another stack says of a result.

    Args:
        tells: whether it can tell anything.
        sentence: what it says, or why it says nothing, in plain words.
        share: of the added detail that it confirms; below 0.5 plain interpolation is nearer.
        error: one standard deviation of the share, what is not known of the stack included.
        gain_db: how much better the result predicts the stack than plain interpolation of the scan does.
        gain_error: one standard deviation of that.
        contradicted: the share of the tissue where the stack contradicts what was added.
        place_ras: where it does so most, RAS in mm; None where it does not.
        control: the slope for what the scan measured itself; near 1, or the stack is not believed.
        alike: correlation of both in fine structure.
        added_percent: the added detail as the stack would see it, root mean square in percent of the brightness.
    """

    tells: bool
    sentence: str
    share: float
    error: float
    gain_db: float
    gain_error: float
    contradicted: float
    place_ras: tuple[float, float, float] | None
    control: float
    alike: float
    added_percent: float

    def describe(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


def spoken(numbers: Weighed, found: Whereabouts) -> Testimony:
    """The numbers in words.

    Example:
        >>> numbers = Weighed(0.52, 0.05, 0.8, 0.1, 1.05, 0.01, 0.93, 2.5, 200)
        >>> spoken(numbers, Whereabouts("coronal", converged=True, parallel=False)).sentence
        'Your coronal stack confirms about half of the added detail (52 ± 5 %).'
    """
    error = float((numbers.error**2 + found.acquisition_error**2) ** 0.5)
    reason = _doubt(numbers, found, error)
    name = f"Your {found.plane or 'second'} {'stack' if found.plane else 'scan'}"
    sentence = f"{name} cannot tell: {reason}" if reason else f"{name} {_said(numbers, found, error)}"
    return Testimony(
        not reason,
        sentence,
        numbers.share,
        error,
        numbers.gain_db,
        numbers.gain_error,
        0.0 if reason else found.contradicted,
        None if reason else found.place_ras,
        numbers.control,
        numbers.alike,
        numbers.added_percent,
    )


def place_in_words(offset: Sequence[float], size: Sequence[float]) -> str:
    """Where a place is, for people.

    Args:
        offset: from the middle of the object, R, A and S in mm.
        size: of the object, in mm.

    Example:
        >>> place_in_words((-40, 50, 2), (140, 180, 160))
        'at the left front'
        >>> place_in_words((0, 0, 60), (140, 180, 160))
        'in the upper part'
    """
    x, y, z = (
        "" if abs(o) <= ASIDE * s else side[int(o > 0)]
        for o, s, side in zip(offset, size, SIDES, strict=True)
    )
    flat = " ".join(filter(None, (x, y)))
    if flat:
        return f"at the {flat}" + (f" of the {z} part" if z else "")
    return f"in the {z} part" if z else "in the middle"


def _doubt(numbers: Weighed, found: Whereabouts, error: float) -> str:
    """Why nothing can be said; empty where something can."""
    control = CONTROL[0] <= numbers.control <= CONTROL[1] and numbers.alike >= ALIKE
    reasons = (
        (
            found.parallel,
            "its slices lie as the scan's do, and lack the same; take one in another direction.",
        ),
        (numbers.blocks < FEWEST, "it and the scan have too little in common."),
        (
            not control,
            "it does not show what the scan itself measured; another contrast, motion or another person would explain that.",
        ),
        (not found.converged, "it could not be placed on the scan; look at where both lie."),
        (numbers.added_percent < TOO_LITTLE, "nothing was added that it could see."),
        (error > UNSURE, f"its noise leaves the share open ({_percent(numbers.share, error)})."),
    )
    return next((reason for doubtful, reason in reasons if doubtful), "")


def _said(numbers: Weighed, found: Whereabouts, error: float) -> str:
    share = f"({_percent(numbers.share, error)})"
    where = f"; {found.place} ({_in_mm(found)}) it contradicts it" if found.place and found.place_ras else ""
    if numbers.share < WORDS[0][0]:
        return f"confirms {WORDS[0][1]} of the added detail {share}: plain interpolation is nearer to it."
    word = next((text for limit, text in WORDS if numbers.share < limit), "")
    if not word:
        return f"confirms the added detail, and shows more of it than was added {share}{where}."
    nearer = ": plain interpolation is nearer to it" if numbers.share + 2 * error < 0.5 else ""
    return f"confirms {word} of the added detail {share}{nearer}{where}."


def _percent(share: float, error: float) -> str:
    return f"{100 * share:.0f} ± {100 * error:.0f} %"


def _in_mm(found: Whereabouts) -> str:
    assert found.place_ras is not None
    letters = (("L", "R"), ("P", "A"), ("I", "S"))
    return (
        ", ".join(
            f"{pair[int(v > 0)]} {abs(v):.0f}" for pair, v in zip(letters, found.place_ras, strict=True)
        )
        + " mm"
    )
