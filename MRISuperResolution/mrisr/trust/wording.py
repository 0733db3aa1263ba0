"""What a clinician is told of a result: one or two sentences; the numbers stand beside them."""

from __future__ import annotations

from dataclasses import dataclass

from .circumstances import Circumstances
from .yardstick import RATIO, Agreement, Color

UNCHANGED = "Nothing was changed: the result is your scan."


@dataclass(frozen=True)
class Findings:
    """What the verdict rests on.

    Args:
        worse: the agreement of the network's own output, or of the result, with the scan: the worse of the two.
        claimed: whether it is the network's own output.
        in_one_place: whether the disagreement is in one place rather than on the whole.
        harm: how likely it is that plain interpolation would have been nearer to the truth; None where nothing tells.
        harmful: what that means: 0 green, 1 amber, 2 red.
    """

    worse: Agreement
    claimed: bool
    in_one_place: bool
    harm: float | None
    harmful: int


def sentence(agreement: Color, found: Findings, known: Circumstances) -> str:
    """What is said beside the color; the gravest first.

    Args:
        agreement: the color that all answers give.
        found: the answers.
        known: what was only assumed, and what the scan's voxels show instead.
    """
    condition = known.condition
    if known.unchanged:
        return UNCHANGED
    if agreement == "green":
        good = (
            "Is as near to your scan as plain interpolation"
            if found.worse.ratio > RATIO
            else "Agrees with your scan"
        )
        return f"{good}, if {condition}." if condition else f"{good}."
    said = [text for text in (_differing(found), _harming(found), known.outside) if text]
    return " ".join(said) + (f" Judged as if {condition}." if condition else "")


def _differing(found: Findings) -> str:
    where = "in one place" if found.in_one_place else "on the whole"
    if found.worse.color == "red":
        who = "What the network made up contradicts" if found.claimed else "Contradicts"
        return f"{who} your scan {where}: structures may be invented or lost. Do not rely on them."
    if found.worse.color == "amber":
        who = "What the network added differs" if found.claimed else "Differs"
        return f"{who} from your scan {where} by more than its noise: look at the map of disagreement before you rely on it."
    return ""


def _harming(found: Findings) -> str:
    if not found.harmful or found.harm is None:
        return ""
    sure = "is probably" if found.harmful == 2 else "may be"
    return (
        f"Plain interpolation {sure} nearer to the truth than this result ({100 * found.harm:.0f} % likely)."
    )
