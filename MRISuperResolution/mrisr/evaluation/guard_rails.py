"""What to know before running a model on a scan: a sentence for everything that makes its result worth less, none when all is well."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..image.grid import IN_WORDS, Grid, Target
from ..image.padding import prepared
from ..image.series import Choice, holds_dicom, is_dicom_file, series_of
from ..image.spectrum import resolved_fraction
from ..image.volume import Volume
from ..models.card import Card
from ..physics.acquisition import Acquisition
from ..physics.estimation import slice_axis
from ..pipeline.knowledge import Known
from ..pipeline.planning import plan
from .artifact_warnings import artifacts_of
from .contrast import UNLIKE, distance_to

RESOLVED = 0.75
"""Part of an axis's frequencies below which the axis is called interpolated: a wide slice profile alone leaves a little more."""

CLIPPED = 2e-4
"""Share of the voxels at the very highest value beyond which the scan was clipped; of others only a handful share it."""

GAP = 0.05
"""Part of the slices' distance that a header says was not measured, from which on it is told."""

THIN = 0.6
"""Estimated width of the slices' profile, over their distance, below which there must be a gap: slices without one look like 0.66 or more,
those that leave out half like 0.35 to 0.68. Smaller gaps cannot be told from the voxels."""

SHORT = 12
"""Voxels along an axis below which there is too little to go by."""


@dataclass(frozen=True)
class ScanWarning:
    """One thing to know.

    Args:
        code: `file`, `modality`, `acquisition`, `interpolated`, `clipped`, `factor`, `contrast`, `gap` or `tiny`; of artifacts see
            `artifact_warnings.artifacts_of`.
        sentence: for people.
    """

    code: str
    sentence: str


def check_scan(
    scan: Volume,
    card: Card | None = None,
    *,
    target: Target | Grid | None = None,
    acquisition: str | Acquisition | None = None,
    modality: str | None = None,
    known: Known | None = None,
) -> list[ScanWarning]:
    """What to know before enhancing a scan; empty if nothing.

    Args:
        scan: what is to be enhanced.
        card: of the model that is to do it; None leaves out what depends on the model.
        target: as in `enhance.Settings`.
        acquisition: as there.
        modality: as DICOM calls it, such as `MR` or `CT`; None if unknown.
        known: what headers and voxels tell of how the scan was made, see `knowledge.known_of`; None if nobody has looked.
    """
    raw, scan = scan, prepared(scan)
    planned = plan(scan.grid, target, acquisition, card, known)
    forward = planned.acquisition
    found = [ScanWarning("file", note) for note in scan.notes]
    found += [*_modality(modality), *_tiny(scan), *_interpolated(scan, forward), *_clipped(scan.array)]
    found += [ScanWarning(*each) for each in artifacts_of(raw) if modality in (None, "MR", "")]
    found += [ScanWarning("acquisition", planned.contradiction)] if planned.contradiction else []
    found += _gap(scan, known)
    if card is not None:
        misfit = card.misfit(planned.factor, forward.kspace, forward.profile, forward.width)
        found += [ScanWarning("factor", misfit)] if misfit else []
        found += _contrast(scan.array, card)
    return found


def modality_of(path: Path, choice: Choice | None = None) -> str | None:
    """The modality that a DICOM folder or file states; None for other files and folders, which do not."""
    if not (holds_dicom(path) if path.is_dir() else is_dicom_file(path)):
        return None
    return series_of(path, (choice or Choice()).series).value("Modality") or None


def _modality(modality: str | None) -> list[ScanWarning]:
    if modality in (None, "MR", ""):
        return []
    return [
        ScanWarning(
            "modality",
            f"The scan is of the modality {modality}, not MR: the models know only MRI and would make detail up.",
        )
    ]


def _tiny(scan: Volume) -> list[ScanWarning]:
    short = min(scan.shape)
    if short >= SHORT:
        return []
    return [
        ScanWarning(
            "tiny",
            f"The scan has only {short} voxels along one axis: there is little for a model to go by; use more slices.",
        )
    ]


def _interpolated(scan: Volume, acquisition: Acquisition) -> list[ScanWarning]:
    """Axes whose detail ends before their voxels do, unless the acquisition says so itself."""
    found = []
    for axis, letter in enumerate(scan.orientation):
        known = acquisition.kspace[axis] < 1 or acquisition.width[axis] > 1
        fraction = 1.0 if known else resolved_fraction(scan.array, axis)
        if fraction <= RESOLVED:
            size = scan.spacing[axis]
            found.append(
                ScanWarning(
                    "interpolated",
                    f"Along {IN_WORDS[letter]} the scan holds detail down to about {size / fraction:.2g} mm only, though its voxels are "
                    f"{size:.2g} mm: more voxels were made than measured (interpolated or zero-filled), and a model will take it for "
                    "sharper than it is; use the scan with the matrix it was measured on.",
                )
            )
    return found


def _gap(scan: Volume, known: Known | None) -> list[ScanWarning]:
    """What lies between the slices and was not measured, as the headers say, or else the voxels."""
    if known is None:
        return []
    header, axis = known.header, slice_axis(scan)
    width = None if axis is None or known.estimate is None else known.estimate.width[axis]
    if header is not None and (header.dimensions == "3D" or header.width is not None):
        between, share = header.between or 0.0, 1 - (header.width or 1.0)
        if header.dimensions == "3D" or share < GAP:
            return []
        missed = f"{share * between:.2g} mm of every {between:.2g} mm were not measured"
        said = f"Between the slices {missed} (read from the {header.origin})."
    elif axis is not None and width is not None and width <= THIN:
        said = (
            f"The slices seem much thinner than they are apart: of every {scan.spacing[axis]:.2g} mm a part was hardly measured "
            "(estimated from the voxels, which is less sure than a header)."
        )
    else:
        return []
    return [
        ScanWarning(
            "gap",
            f"{said} What a result shows there is inferred from the slices beside it, and something small may lie in it unseen; "
            "where it matters, look for it in another series.",
        )
    ]


def _clipped(array: NDArray[np.generic]) -> list[ScanWarning]:
    top = array.max()
    share = float((array == top).mean())
    if share < CLIPPED or top <= array.min():
        return []
    lost = f"{100 * share:.2g} % of the voxels have the very highest value: bright tissue was clipped and cannot be restored."
    return [ScanWarning("clipped", lost)]


def _contrast(array: NDArray[np.generic], card: Card) -> list[ScanWarning]:
    """Whether the scan's brightness is unlike all that the model's card keeps of its training."""
    if distance_to(array, card.data.get("training", {}).get("histograms", {})) <= UNLIKE:
        return []
    trained = ", ".join(card.contrasts) or "other contrasts"
    unlike = f"The scan's contrast is unlike what {card.title} was trained on ({trained}); compare the result with interpolation."
    return [ScanWarning("contrast", unlike)]
