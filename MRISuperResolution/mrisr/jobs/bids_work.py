"""What is done to scans of a BIDS data set, one at a time, in this process or in a worker's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..bids.dataset import Image
from ..bids.derivative import page_of, result_place
from ..errors import Cancelled, FileError, MrisrError
from ..fusion.settings import FusionSettings
from ..image.apart import read_apart
from ..image.bids_name import BidsName
from ..image.replacement import replacing
from ..image.series import Choice
from ..models import catalog
from ..pipeline.enhancement import chosen
from ..pipeline.knowledge import header_known
from ..pipeline.settings import AUTO, Settings
from ..progress import Monitor
from . import enhancement, fusion, report
from .upkeep import tidy_up

VOTES = 3
"""So many scans of a contrast and voxel size are asked which model they would get; most of them decide."""


@dataclass(frozen=True)
class ChoiceJob:
    """Scans that are to get the same model.

    Args:
        paths: of them, those that are to be asked first.
        settings: for all.
    """

    paths: tuple[Path, ...]
    settings: Settings


@dataclass(frozen=True)
class Chosen:
    """The model, why, and the scans that were asked."""

    model: str
    reason: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class ScanJob:
    """A scan to enhance.

    Args:
        image: its file.
        output: the root of the data set that the result goes into.
        settings: with `auto` for a choice of its own.
        told: what the sidecar says besides the record.
        residual, report: whether these are wanted.
    """

    image: Image
    output: Path
    settings: Settings
    told: Mapping[str, Any] = field(default_factory=dict)
    residual: bool = False
    report: bool = False


@dataclass(frozen=True)
class FusionJob:
    """Scans to make one volume of.

    Args:
        paths: of the scans.
        output: the root of the data set that the result goes into.
        place: of the result there.
        settings: how.
        told: what the sidecar says besides the record.
    """

    paths: tuple[Path, ...]
    output: Path
    place: str
    settings: FusionSettings
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What was made: places below the output's root, and what did not work beside it."""

    place: str
    report: str = ""
    note: str = ""


def choose_model(job: ChoiceJob, monitor: Monitor) -> Chosen:
    """The model that most of the scans would get; where as many speak for another one, the first scan's.

    Raises:
        FileError: none of them can be read.
    """
    votes: list[Chosen] = []
    for path in job.paths:
        monitor.cancel.check()
        try:
            votes.append(_vote(path, job.settings, monitor))
        except Cancelled:
            raise
        except MrisrError:  # told where the scan itself is enhanced
            continue
        if len(votes) == VOTES:
            break
    if not votes:
        raise FileError("None of the scans can be read.")
    best = Counter(vote.model for vote in votes).most_common(1)[0][0]
    winner = next(vote for vote in votes if vote.model == best)
    tidy_up()
    return Chosen(best, winner.reason, tuple(path for vote in votes for path in vote.paths))


def enhance_scan(job: ScanJob, monitor: Monitor) -> Made:
    """Enhance a scan into its place in the data set of results.

    Raises:
        MrisrError: it cannot be read or used, or the result not be written; then nothing is left behind.
    """
    settings = job.settings
    if settings.model == AUTO:
        settings = replace(settings, model=_vote(job.image.path, settings, monitor).model)
    model = catalog.find(settings.model).name
    place = result_place(job.image, model)
    rest = job.output / result_place(job.image, model, "residual") if job.residual else None
    request = enhancement.Request(job.image.path, job.output / place, settings, residual=rest)
    enhancement.run(request, monitor, read=read_apart, told=job.told)
    (job.output / page_of(place)).unlink(missing_ok=True)  # which told of an earlier result
    if rest is not None:
        _describe_residual(rest, job.told)
    page, note = _report(job, place, monitor) if job.report else ("", "")
    tidy_up()
    return Made(place, page, note)


def fuse_stacks(job: FusionJob, monitor: Monitor) -> Made:
    """Make one volume of several scans, into its place in the data set of results.

    Raises:
        MrisrError: they cannot be read, or do not go together; then nothing is left behind.
    """
    request = fusion.Request(job.paths, job.output / job.place, job.settings)
    fusion.run(request, monitor, told=job.told)
    tidy_up()
    return Made(job.place)


def _vote(path: Path, settings: Settings, monitor: Monitor) -> Chosen:
    volume = read_apart(path, Choice())
    asked = replace(settings, model=AUTO, known=header_known(path, volume))
    settings, reason = chosen(volume, asked, Monitor(cancel=monitor.cancel))
    return Chosen(str(settings.model), reason, (path,))


def _describe_residual(path: Path, told: Mapping[str, Any]) -> None:
    """A sidecar of its own, or that of the result would count as its."""
    text = "What the enhanced image, scanned again, differs by from the image that Sources names."
    name = BidsName.of(path)
    assert name is not None
    with replacing(path.with_name(f"{name.stem}.json")) as partial:
        partial.write_text(json.dumps({**told, "Description": text}, indent=2) + "\n", encoding="utf-8")


def _report(job: ScanJob, place: str, monitor: Monitor) -> tuple[str, str]:
    """The page's place, or why there is none: the result does not depend on it."""
    page = page_of(place)
    try:
        report.run(report.Request(job.image.path, job.output / place, job.output / page), monitor)
    except Cancelled:
        raise
    except (MrisrError, OSError, ImportError) as error:
        return "", f"without a report: {error}"
    return page, ""
