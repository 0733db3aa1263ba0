"""Names of the Brain Imaging Data Structure: `sub-01_ses-1_acq-hires_T2w.nii.gz`.

A small parser: what is needed of the standard is the order of the entities, a table. The official schema package (bidsschematools) knows
it, too, and would add four packages to every installation; pybids makes a database of the whole data set first, and needs pandas. A test
compares the table with the schema where that is installed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ENTITIES = {
    "sub": "subject",
    "tpl": "template",
    "ses": "session",
    "cohort": "cohort",
    "sample": "sample",
    "task": "task",
    "tracksys": "tracksys",
    "acq": "acquisition",
    "nuc": "nucleus",
    "voi": "volume",
    "ce": "ceagent",
    "trc": "tracer",
    "stain": "stain",
    "rec": "reconstruction",
    "dir": "direction",
    "run": "run",
    "mod": "modality",
    "echo": "echo",
    "flip": "flip",
    "inv": "inversion",
    "mt": "mtransfer",
    "part": "part",
    "proc": "processing",
    "hemi": "hemisphere",
    "space": "space",
    "split": "split",
    "recording": "recording",
    "chunk": "chunk",
    "atlas": "atlas",
    "seg": "segmentation",
    "scale": "scale",
    "res": "resolution",
    "den": "density",
    "label": "label",
    "desc": "description",
}
"""The entities in the order in which names have them, with the names that filters call them by."""

SUFFIXES = (".nii.gz", ".nii", ".json")

_PART = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9+]+)")
_KIND = re.compile(r"[a-zA-Z0-9]+")


@dataclass(frozen=True)
class BidsName:
    """A name, taken apart.

    Args:
        suffix: what the file holds, such as `T2w`.
        entities: label by entity, such as `{"sub": "01"}`.
        extension: with its dot.

    Example:
        >>> name = BidsName.of("sub-01_run-2_T2w.nii.gz")
        >>> name.with_entities(rec="cubic").text
        'sub-01_rec-cubic_run-2_T2w.nii.gz'
    """

    suffix: str
    entities: Mapping[str, str] = field(default_factory=dict)
    extension: str = ".nii.gz"

    @classmethod
    def of(cls, name: str | Path) -> BidsName | None:
        """The parts of a file's name; None for one that is not of this kind."""
        text = Path(name).name
        extension = next((each for each in SUFFIXES if text.endswith(each)), None)
        if extension is None:
            return None
        *parts, suffix = text.removesuffix(extension).split("_")
        found = [_PART.fullmatch(part) for part in parts]
        if not _KIND.fullmatch(suffix) or not all(found):
            return None
        entities = {match[1]: match[2] for match in found if match}
        return cls(suffix, entities, extension) if len(entities) == len(parts) else None

    @property
    def stem(self) -> str:
        """The name without its extension; entities stand in their order, those that nobody knows last."""
        order = list(ENTITIES)
        keys = sorted(self.entities, key=lambda key: order.index(key) if key in ENTITIES else len(order))
        return "_".join([*(f"{key}-{self.entities[key]}" for key in keys), self.suffix])

    @property
    def text(self) -> str:
        """The whole name."""
        return self.stem + self.extension

    def with_entities(self, **changed: str | None) -> BidsName:
        """The same with other labels; None takes an entity away."""
        kept = {key: value for key, value in {**self.entities, **changed}.items() if value is not None}
        return BidsName(self.suffix, kept, self.extension)

    def applies_to(self, other: BidsName) -> bool:
        """Whether a sidecar of this name tells of a file of another: same suffix, and all its entities are the other's."""
        return self.suffix == other.suffix and self.entities.items() <= other.entities.items()


def label_of(text: str) -> str:
    """A text as a label: its letters and digits.

    Example:
        >>> label_of("edsr3d-thick")
        'edsr3dthick'
    """
    return re.sub(r"[^a-zA-Z0-9]", "", text)
