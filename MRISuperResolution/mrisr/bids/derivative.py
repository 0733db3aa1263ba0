"""The folder that results go into: a data set of derivatives beside, inside or around the one that they were made from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..codec import read_object
from ..errors import FileError
from ..image.bids_name import BidsName, label_of
from ..image.inheritance import DESCRIPTION
from ..image.replacement import replacing
from ..pipeline.provenance import STATEMENT, version
from .dataset import Image

BIDS_VERSION = "1.10.0"
PIPELINE = "mrisr"
CODE = "https://github.com/MRISuperResolution/SlicerMRISuperResolution"

INSIDE = "derivatives"
"""The only folder of a data set that others may write into."""

LOGS, REPORTS = "logs", "reports"
IGNORED = (LOGS, REPORTS, "group_*")
"""What validators are to pass over; with a slash behind it, the folder itself is complained of."""

CARRIED = (
    "Modality",
    "MagneticFieldStrength",
    "Manufacturer",
    "ManufacturersModelName",
    "PulseSequenceType",
    "ScanningSequence",
    "SequenceVariant",
    "EchoTime",
    "RepetitionTime",
    "InversionTime",
    "FlipAngle",
    "SkullStripped",
)
"""What a scan's sidecar says that holds of its result, too; nothing that may name a person, place or time."""

README = f"""Enhanced MRI scans, made by {PIPELINE}.

{STATEMENT}

The sidecar (.json) beside each volume says what it was made from, with which model and settings, and how far it agrees with the scan
(trust). Volumes are named as their scans with the model's name as reconstruction (rec-). `{REPORTS}` holds a page for each volume,
`group_scans.html` a table of all, `{LOGS}` what became of each scan.
"""


def check_folders(source: Path, output: Path) -> None:
    """Raise `FileError` unless results may go into `output`: the data set itself is never written to, but for its folder of derivatives."""
    inner, outer = output.resolve(), source.resolve()
    if inner == outer:
        raise FileError(
            f"{output} is the data set itself; choose another folder, such as {source / INSIDE / PIPELINE}."
        )
    if outer in inner.parents and inner.relative_to(outer).parts[0] != INSIDE:
        raise FileError(
            f"{output} lies among the data of {source}; choose {source / INSIDE / PIPELINE}, or a folder outside."
        )
    if outer in inner.parents and inner.relative_to(outer).parts == (INSIDE,):
        raise FileError(f"{output} holds the derivatives of others, too; choose {output / PIPELINE}.")


def prepare(source: Path, output: Path) -> None:
    """Write what makes a folder a data set of derivatives, where that is not there yet.

    Raises:
        FileError: it holds another data set, or cannot be written.
    """
    described = read_object(output / DESCRIPTION)
    made = [each.get("Name") for each in described.get("GeneratedBy", []) if isinstance(each, Mapping)]
    if described and PIPELINE not in made:
        raise FileError(f"{output} is a data set of something else ({DESCRIPTION}); choose another folder.")
    _put(output / DESCRIPTION, json.dumps(_description(source), indent=2) + "\n")
    _put(output / ".bidsignore", "\n".join(IGNORED) + "\n")
    _put(output / "README", README)


def result_place(image: Image, model: str, description: str | None = None) -> str:
    """Where the result of an image goes, below the output's root: its name with the model as reconstruction.

    A reconstruction that the scan has already is kept before it. Zipped NIfTI, whatever the scan is.
    """
    label = image.name.entities.get("rec", "") + label_of(model)
    return place_of(image, image.name.with_entities(rec=label, desc=description))


def place_of(image: Image, name: BidsName) -> str:
    """A file of this name in the folder of an image, below the root."""
    folder = image.place.rpartition("/")[0]
    return f"{folder}/{BidsName(name.suffix, name.entities, '.nii.gz').text}"


def page_of(place: str) -> str:
    """Where the page on a result is, below the output's root."""
    name = BidsName.of(place)
    return f"{REPORTS}/{name.stem if name else place}.html"


def told_of(images: list[Image], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What the sidecar of a result says beside its record.

    Args:
        images: what it was made from.
        metadata: of the first of them.
    """
    return {
        "Description": f"{STATEMENT} Made finer by {PIPELINE} from the image that Sources names.",
        "Sources": [f"bids:raw:{image.place}" for image in images],
        "SkullStripped": False,
        **{key: metadata[key] for key in CARRIED if key in metadata},
    }


def _description(source: Path) -> dict[str, Any]:
    raw = read_object(source / DESCRIPTION)
    link = source.resolve().as_uri()
    origin = {"URL": link, "DOI": raw.get("DatasetDOI"), "Version": raw.get("DatasetVersion")}
    code = {"Name": PIPELINE, "Version": version(), "CodeURL": CODE, "Description": STATEMENT}
    container = {
        key: os.environ[name]
        for key, name in (("Type", "MRISR_CONTAINER_TYPE"), ("Tag", "MRISR_CONTAINER_TAG"))
        if os.environ.get(name)
    }
    return {
        "Name": f"{raw.get('Name') or source.resolve().name}: enhanced MRI",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        **{key: raw[key] for key in ("License", "Authors") if raw.get(key)},
        "GeneratedBy": [code | ({"Container": container} if container else {})],
        "SourceDatasets": [{key: value for key, value in origin.items() if isinstance(value, str)}],
        "DatasetLinks": {"raw": link},
    }


def _put(path: Path, text: str) -> None:
    """Write a text, unless it stands there already."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except (OSError, ValueError):
        pass
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
