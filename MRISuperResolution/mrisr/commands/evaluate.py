"""`mrisr evaluate`: how near models come to scans that were degraded."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from ..errors import MISTAKE, Cancelled, FileError, InputError, MrisrError
from ..evaluation.scores import BASELINES, Comparison, Row, compare, load_all, markdown_table
from ..image.files import read_volume, stem_of
from ..image.volume import Volume
from ..models.base import Model
from ..physics.protocols import protocol_named
from ..progress import Monitor
from ..reports.figure import FIGURES, comparison_figure, save
from . import JUDGE
from ._options import (
    COMPUTATION,
    RUNS,
    Subparsers,
    add_choice,
    add_progress,
    add_settings,
    choices_of,
    models_named,
    monitor,
    names,
    settings_of,
)  # fmt: skip
from ._output import add_json, add_written, tell
from ._rows import write_rows
from ._trial import add_trial, run_trial

GROUP = JUDGE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="degrade scans, restore them with models, compare",
        description="Degrade each scan by each protocol, restore it with each model, and compare with the scan itself. linear, cubic, "
        "lanczos and back-projection are always scored beside the models. By default nobody tells how the degraded scans were made, as "
        "with a scan off a scanner. Prints a Markdown table of means and standard deviations over the scans.",
    )
    parser.add_argument("scans", type=Path, nargs="+", metavar="SCAN", help="files or DICOM folders")
    parser.add_argument(
        "--protocol",
        type=names,
        default=["iso2"],
        metavar="P1,P2",
        help="see `mrisr simulate --help` (default: iso2)",
    )
    parser.add_argument("--model", type=models_named, default=[], metavar="M1,M2", help="see `mrisr models`")
    add_settings(parser, (*RUNS, *COMPUTATION))
    add_written(
        parser, "-o", "--output", metavar="FILE.json", help="the rows, one a scan, protocol and model"
    )
    add_written(
        parser, "--figure", metavar="FILE.png", help="PNG or PDF: slices of the first scan and protocol"
    )
    parser.add_argument(
        "--features",
        action="store_true",
        help="also the distance from the scan in the features of a network: low where texture is alike",
    )
    add_trial(parser)
    add_choice(parser, "SCAN")
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    if args.own and args.features:
        raise InputError("--features compares with a reference of --protocol; leave it out with --own.")
    if args.own:
        return run_trial(args)
    _check(args)
    watch = monitor(args)
    rows: list[Row] = []
    failures = 0
    models = load_all(args.model)
    choices = choices_of(args, len(args.scans))
    for (name, path), choice in zip(_named(args.scans), choices, strict=True):
        try:
            volume = read_volume(path, choice)
            for comparison in _comparisons(args, name, volume, models, watch):
                if args.figure and not rows:
                    _draw(comparison, args)
                rows += comparison.rows
        except Cancelled:
            raise
        except MrisrError as error:
            failures += 1
            watch.log(f"{path}: {error}")
    if rows:
        known = [{key: value for key, value in asdict(row).items() if value is not None} for row in rows]
        if args.output:
            write_rows(args.output, known)
        tell(args, {"rows": known}, markdown_table(rows))
    return MISTAKE if failures else 0


def _check(args: argparse.Namespace) -> None:
    """Refuse, before anything is computed, what would fail at the end."""
    if not args.protocol:
        raise InputError("Name at least one protocol; see `mrisr simulate --help`.")
    for name in args.protocol:
        protocol_named(name)
    if args.figure and args.figure.suffix.lower() not in FIGURES:
        raise FileError(
            f"{args.figure} is of no kind that can be drawn; end its name in one of {', '.join(FIGURES)}."
        )


def _named(paths: list[Path]) -> list[tuple[str, Path]]:
    """A name of its own for each scan: its file's, with the folder's before it where two files are called the same."""
    stems = [path.name if path.is_dir() else stem_of(path) for path in paths]
    return [
        (stem if stems.count(stem) == 1 else str(path), path) for stem, path in zip(stems, paths, strict=True)
    ]


def _comparisons(
    args: argparse.Namespace, name: str, volume: Volume, models: dict[str, Model], watch: Monitor
) -> Iterator[Comparison]:
    settings = settings_of(args)
    for protocol in args.protocol:
        comparison = compare(
            name,
            volume,
            protocol_named(protocol),
            models,
            settings=settings,
            monitor=watch,
            acquisition=args.acquisition,
        )
        yield _featured(comparison) if args.features else comparison


def _featured(comparison: Comparison) -> Comparison:
    """The same with the feature distances in its rows."""
    from ..training.losses.distance import FeatureDistance

    distance = FeatureDistance()
    reference, restored = comparison.reference.array, comparison.restored
    rows = [
        replace(row, feature_distance=distance(reference, restored[row.model].array))
        for row in comparison.rows
    ]
    return replace(comparison, rows=rows)


def _draw(comparison: Comparison, args: argparse.Namespace) -> None:
    shown = [name for name in comparison.restored if name not in BASELINES]
    save(comparison_figure(comparison, ["cubic", *shown]), args.figure)
