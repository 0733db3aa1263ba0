"""Whose scan a file is, by the names alone; and a split that keeps each subject on one side."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ...errors import ConfigError
from ...image.files import stem_of

BIDS_SUBJECT = re.compile(r"sub-[A-Za-z0-9]+")
HCP_SUBJECT = re.compile(r"\d{6}")
"""A subject's folder. Dates and job numbers have six digits too: it is HCP's only right above one of `HCP_CONTENT`."""

HCP_CONTENT = ("T1w", "T2w", "MNINonLinear", "unprocessed")
"""How the files and folders in a subject's folder of HCP begin."""

NAMED_SUBJECT = re.compile(r".*?(?<![A-Za-z0-9])sub(-[A-Za-z0-9]+|(ject)?[-_]?[0-9]+)", re.IGNORECASE)

SUBJECT_RULE = (
    "A scan's subject is the folder of BIDS (sub-01) or HCP (100307) that it lies in, else its name up to sub-01, else its name without "
    "what follows the last _, or the whole name if that is a number"
)
"""What `subject_of` does, for messages."""


def home_of(path: Path) -> Path | None:
    """The subject's folder in BIDS's or HCP's layout that a path lies in, by the names alone."""
    below = path.name
    for folder in path.parents:
        if BIDS_SUBJECT.fullmatch(folder.name) or (
            HCP_SUBJECT.fullmatch(folder.name) and below.startswith(HCP_CONTENT)
        ):
            return folder
        below = folder.name
    return None


def name_of(path: Path) -> str:
    """What tables and patterns call a scan: its stem, after its subject where only the folder tells it, as in HCP's layout."""
    stem, home = stem_of(path), home_of(path.absolute())
    return stem if home is None or home.name in stem else f"{home.name}_{stem}"


def subject_of(path: Path) -> str:
    """Whose scan this is, by the names alone.

    The first of these that there is:

    1. the folder of BIDS (`sub-01`) or HCP (`100307`) that it lies in;
    2. its name up to and with `sub-01`, or `sub01`, `sub_01`, `subject01`: both `sub01_ses1` and `sub01_ses2` are of `sub01`;
    3. its name without the last part, which is its contrast (`p07_flair` and `p07_t1` are of `p07`), or the whole name if that part is a
       number (`scan_01` and `scan_02` are of two subjects). Where two numbers come before the contrast, the second counts sessions:
       `ms_03_1_flair` and `ms_03_2_t1` are of `ms_03`. Parts are separated by `_`, or by `-` in a name without `_`.
    """
    home = home_of(path.absolute())
    if home:
        return home.name
    stem = stem_of(path)
    if match := NAMED_SUBJECT.match(stem):
        return match[0]
    before, _, last = stem.rpartition("_" if "_" in stem else "-")
    if not before or last.isdecimal():
        return stem
    return re.sub(r"((?:^|_)\d+)_\d+$", r"\1", before)


def split_by_subject(paths: Iterable[Path], share: float, seed: int) -> tuple[list[Path], list[Path]]:
    """Training and validation scans, no subject in both; `share` of the subjects go to validation, at least one and never all."""
    paths = list(paths)
    subjects = sorted({subject_of(p) for p in paths})
    if len(subjects) < 2:
        only = f"these are all of {subjects[0]!r}" if subjects else "there are none"
        mend = "name validation.headline, or add scans"
        raise ConfigError(
            f"A split by subject needs scans of at least two subjects, and {only}; {mend}. {SUBJECT_RULE}."
        )
    order = np.random.default_rng(seed).permutation(len(subjects))
    held = {subjects[n] for n in order[: min(max(1, round(share * len(subjects))), len(subjects) - 1)]}
    return [p for p in paths if subject_of(p) not in held], [p for p in paths if subject_of(p) in held]
