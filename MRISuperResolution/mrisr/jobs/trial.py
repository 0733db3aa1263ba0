"""Which model is best on this very scan."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ..evaluation.scores import Row
from ..evaluation.trial import try_on
from ..image.files import read_volume, stem_of
from ..image.series import Choice
from ..pipeline.knowledge import header_known
from ..pipeline.settings import Settings
from ..progress import Monitor
from .telling import Tell, nothing


@dataclass(frozen=True)
class Request:
    """What to try.

    Args:
        input: a file or a DICOM folder.
        models: names or folders; None for all that were trained for what is planned.
        settings: the target and acquisition that are planned, and how to compute.
        choice: of several series or volumes that the input's files hold.
    """

    input: Path
    models: tuple[str | Path, ...] | None = None
    settings: Settings = field(default_factory=Settings)
    choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True)
class Reply:
    """What came of it.

    Args:
        rows: the scores, one row a model.
        best: the model that came nearest.
        sentence: that, for people.
        table: all as Markdown.
        gain: of the best over cubic interpolation in the head, in dB.
        error: one standard error of that.
    """

    rows: tuple[Row, ...]
    best: str
    sentence: str
    table: str
    gain: float = 0.0
    error: float = 0.0


def run(request: Request, monitor: Monitor | None = None, tell: Tell = nothing) -> Reply:
    """Degrade the scan once more and restore it with each model; `tell` hears an event `row` of each model as it comes.

    Raises:
        MrisrError: the scan cannot be read or is too small, or a model cannot be run.
    """
    monitor = monitor or Monitor()
    monitor.step("reading", 0, 1)
    scan, path = read_volume(request.input, request.choice), request.input
    settings = replace(
        request.settings, known=request.settings.known or header_known(path, scan, request.choice)
    )
    trial = try_on(
        scan,
        request.models,
        settings,
        name=path.name if path.is_dir() else stem_of(path),
        monitor=monitor,
        report=lambda row: tell("row", row=asdict(row)),
    )
    return Reply(tuple(trial.rows), trial.best, trial.sentence, trial.table, trial.gain, trial.error)
