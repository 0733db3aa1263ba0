"""How a scan is taken to have been made and who says so, in one line; and where its headers and its voxels disagree."""

from __future__ import annotations

from ..image.header import Header
from .assumption import SHARP, Belief


def basis_of(belief: Belief, axis: int, header: Header | None, apart: float) -> str:
    """One line about the axis that is refined most.

    Args:
        belief: what is taken of it.
        axis: which it is.
        header: of the scan, if it has one.
        apart: the distance of the scan's voxels along that axis, in mm.
    """
    if belief.source == "read" and header is not None:
        return f"{_said(belief, header, axis)} (read from the {header.origin})."
    if belief.source == "estimated":
        shown = _shown(belief.sort == "slices", belief.width, apart)
        return f"{shown} (estimated from the scan, ± {_error(belief, apart)} mm)."
    if belief.sort == "slices":
        return f"Slices taken to be {_millimeters(belief.width * apart)} mm thick, {_millimeters(apart)} mm apart (assumed)."
    return "Taken to be as sharp as its voxels are large (assumed)."


def contradiction_of(belief: Belief, axis: int, header: Header | None, apart: float) -> str:
    """What to know where the voxels do not show what the header says; empty where they do. Arguments as of `basis_of`."""
    if belief.contradicted is None or header is None:
        return ""
    said = _said(belief, header, axis)
    shown = _shown(belief.sort == "slices", belief.contradicted, apart)
    return (
        f"The {header.origin} says: {said[0].lower()}{said[1:]}; the scan shows: {shown[0].lower()}{shown[1:]} "
        f"(± {_error(belief, apart)} mm). The header is believed; state what is right."
    )


def slices_text(thickness: float, apart: float) -> str:
    """Thickness and distance of slices in mm.

    Example:
        >>> slices_text(3, 3.3)
        'Slices 3.0 mm thick, 3.3 mm apart'
    """
    return f"Slices {_millimeters(thickness)} mm thick, {_millimeters(apart)} mm apart"


def _said(belief: Belief, header: Header, axis: int) -> str:
    if belief.sort == "slices" and header.thickness is not None and header.between is not None:
        return slices_text(header.thickness, header.between)
    resolved = header.resolved[axis]
    if resolved is not None and resolved < 0.995:
        return f"Measured with {100 * resolved:.0f} % of the k-space that its voxels could hold"
    return "As sharp as its voxels are large (limited in k-space)"


def _shown(across: bool, width: float, apart: float) -> str:
    if across:
        return f"Slices about {width * apart:.1f} mm thick, {_millimeters(apart)} mm apart"
    if width <= SHARP:
        return "As sharp as its voxels are large"
    return f"Blurred over about {width * apart:.1f} mm"


def _error(belief: Belief, apart: float) -> str:
    """One standard deviation of what was estimated, in mm; less than a tenth of the distance is not told."""
    return f"{max(0.1, belief.error) * apart:.1f}"


def _millimeters(length: float) -> str:
    """One digit behind the point, or two where they are needed."""
    return f"{length:.1f}" if abs(round(length, 1) - length) < 0.005 else f"{length:.2f}"
