"""The images of a BIDS data set, found by the names of folders and files; nothing of it is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..image.bids_name import BidsName

IMAGES = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Image:
    """An image of a data set.

    Args:
        path: of the file.
        place: the same below the root, with `/` between folders, as BIDS writes it.
        name: taken apart.
        datatype: the folder's name, such as `anat`.
    """

    path: Path
    place: str
    name: BidsName
    datatype: str

    @property
    def subject(self) -> str:
        """The label after `sub-`."""
        return self.name.entities["sub"]

    @property
    def session(self) -> str:
        """The label after `ses-`; empty where the data set has no sessions."""
        return self.name.entities.get("ses", "")


def find_images(root: Path, subjects: Sequence[str] = (), sessions: Sequence[str] = ()) -> list[Image]:
    """The images of a data set, by name; those that are not named as BIDS says are left out.

    Args:
        root: of the data set.
        subjects: their labels, with or without `sub-`; none for all.
        sessions: likewise, with or without `ses-`.

    Raises:
        InputError: it holds no subjects, or not one that is asked for, or no such session.
    """
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; name the root of a BIDS data set.")
    chosen = _chosen(_folders(root, "sub"), subjects, "sub", root)
    if not chosen:
        raise InputError(
            f"{root} holds no folder sub-…, so that it is no BIDS data set; name the folder that has one for each subject."
        )
    wanted = {label.removeprefix("ses-") for label in sessions}
    found, met = [], set()
    for subject in chosen:
        for session in [*_folders(root / f"sub-{subject}", "ses"), ""]:
            if not wanted or session in wanted:
                met.add(session)
                found += list(_images(root, subject, session))
    if missing := sorted(wanted - met):
        raise InputError(f"No subject has a session {missing[0]}; correct --session-label.")
    return sorted(found, key=lambda image: image.place)


def _chosen(there: list[str], wanted: Sequence[str], kind: str, root: Path) -> list[str]:
    labels = [label.removeprefix(f"{kind}-") for label in wanted]
    if missing := [label for label in labels if label not in there]:
        raise InputError(
            f"{root} has no {kind}-{missing[0]}; it has {len(there)} of them, such as {', '.join(there[:3])}."
        )
    return sorted(set(labels)) if labels else there


def _folders(path: Path, kind: str) -> list[str]:
    """The labels of the folders of this kind, sorted."""
    with os.scandir(path) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(f"{kind}-") and entry.is_dir()]
    return sorted(name.removeprefix(f"{kind}-") for name in names)


def _images(root: Path, subject: str, session: str) -> Iterator[Image]:
    parts = [f"sub-{subject}", *([f"ses-{session}"] if session else [])]
    base = root.joinpath(*parts)
    with os.scandir(base) as entries:
        datatypes = [
            entry.name
            for entry in entries
            if entry.is_dir() and "-" not in entry.name and not entry.name.startswith(".")
        ]
    for datatype in datatypes:
        with os.scandir(base / datatype) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(IMAGES)]
        for text in names:
            name = BidsName.of(text)
            if name is not None and name.entities.get("sub") == subject:
                yield Image(base / datatype / text, "/".join([*parts, datatype, text]), name, datatype)
