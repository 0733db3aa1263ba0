"""`mrisr evaluate`: how near models come to scans that were degraded."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ..enhance import Settings
from ..evaluate import Comparison, Row, compare, load_all, markdown_table
from ..files import read_volume, replacing, stem_of
from ..job import consistency_steps
from ..protocols import protocol_named
from ._options import Subparsers, add_compute, add_progress, monitor, names


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="degrade scans, restore them with models, compare",
        description="Degrade each scan by each protocol, restore it with each model, and compare with the scan itself. linear, cubic and "
        "lanczos are always scored beside the models. Prints a Markdown table of means and standard deviations over the scans.",
    )
    parser.add_argument("scans", type=Path, nargs="+", metavar="SCAN", help="files or DICOM folders")
    parser.add_argument("--protocol", type=names, default=["iso2"], metavar="P1,P2", help="see `mrisr simulate --help` (default: iso2)")
    parser.add_argument("--model", type=names, default=[], metavar="M1,M2", help="see `mrisr models`")
    parser.add_argument("--consistency", metavar="off|N", help="steps towards agreement with the scan (default: each model's)")
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="the rows, one a scan, protocol and model")
    parser.add_argument("--figure", type=Path, metavar="FILE.png", help="slices of the first scan and protocol")
    add_compute(parser)
    add_progress(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    rows: list[Row] = []
    for comparison in _comparisons(args):
        if args.figure and not rows:
            from ..figure import comparison_figure, save

            save(comparison_figure(comparison, ["cubic", *(m for m in args.model if m != "cubic")]), args.figure)
        rows += comparison.rows
    print(markdown_table(rows))
    if args.output:
        with replacing(args.output) as partial:
            partial.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


def _comparisons(args: argparse.Namespace) -> Iterator[Comparison]:
    watch = monitor(args.progress)
    settings = Settings(
        consistency=consistency_steps(args.consistency),
        device=args.device,
        precision=args.precision,
        tile=args.tile,
        seed=args.seed,
    )
    protocols = [protocol_named(name) for name in args.protocol]
    models = load_all(args.model)
    for path in args.scans:
        volume = read_volume(path)
        for protocol in protocols:
            yield compare(stem_of(path), volume, protocol, models, settings=settings, monitor=watch)
