"""`mrisr compare`: a result against a good scan of the same subject."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ..image.files import check_writable, read_volume, replacing, write_volume
from ._options import Subparsers, add_progress, monitor


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "compare",
        help="compare a result with a reference scan of the same subject",
        description="Register the reference to the result (rigidly), scale the result to it, and print the scores of `mrisr evaluate`.",
    )
    parser.add_argument("result", type=Path, metavar="RESULT")
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="a good scan: a file or a DICOM folder")
    parser.add_argument("--scan", type=Path, metavar="FILE", help="what the result was made from: scores its interpolations as well")
    parser.add_argument("--error", type=Path, metavar="FILE", help="write result minus reference")
    parser.add_argument("--aligned", type=Path, metavar="FILE", help="write the reference on the result's grid")
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="the rows, one a volume")
    add_progress(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    from ..evaluation.reference import compare_with

    for path in (args.error, args.aligned):
        if path is not None:
            check_writable(path)
    scan = read_volume(args.scan) if args.scan else None
    found = compare_with(read_volume(args.result), read_volume(args.reference), scan, monitor=monitor(args.progress))
    for path, volume in ((args.error, found.error), (args.aligned, found.aligned.volume)):
        if path is not None:
            write_volume(volume, path)
    print(found.table)
    print(found.sentence)
    if args.output:
        with replacing(args.output) as partial:
            partial.write_text(json.dumps([asdict(row) for row in found.rows], indent=1) + "\n", encoding="utf-8")
    return 0
