"""`mrisr report`: all that is known about a result, on one page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import FileError
from ..jobs import report
from . import JUDGE
from ._options import Subparsers, add_choice, add_progress, choice_of, monitor
from ._output import add_json, add_written, tell

GROUP = JUDGE


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "report",
        help="write a report on a result (HTML, prints to PDF)",
        description="One HTML file with pictures, maps, tables, settings and hashes inside. The record beside the result (.json) is used.",
    )
    parser.add_argument("scan", type=Path, metavar="SCAN", help="what was measured")
    parser.add_argument("result", type=Path, metavar="RESULT", help="what `mrisr enhance` made of it")
    add_written(parser, "output", metavar="REPORT.html")
    parser.add_argument(
        "--residual", type=Path, metavar="FILE", help="from `mrisr enhance --residual` (default: computed)"
    )
    parser.add_argument("--spread", type=Path, metavar="FILE", help="from `mrisr enhance --spread`")
    parser.add_argument("--error", type=Path, metavar="FILE", help="from `mrisr compare --error`")
    parser.add_argument(
        "--rows",
        type=Path,
        metavar="FILE.json",
        help="from `mrisr evaluate --own` or `mrisr compare`, with --output",
    )
    parser.add_argument(
        "--witness", type=Path, metavar="FILE.json", help="from `mrisr witness`, with --output"
    )
    parser.add_argument(
        "--patient", metavar="NAME", help="print this name and the file's; otherwise no name is printed"
    )
    parser.add_argument(
        "--no-record",
        action="store_true",
        help="the result is another program's: report on it without the record beside it",
    )
    add_choice(parser)
    add_progress(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    maps = {name: getattr(args, name) for name in ("residual", "spread", "error")}
    request = report.Request(
        args.scan,
        args.result,
        args.output,
        rows=_rows(args.rows),
        witness=_witness(args.witness),
        provenance={} if args.no_record else None,
        patient=args.patient,
        choice=choice_of(args),
        **maps,
    )
    done = report.run(request, monitor(args))
    tell(args, done, str(done.output))
    return 0


def _witness(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["testimony"]["sentence"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{path} holds no testimony ({error}); write it with --output of `mrisr witness`."
        ) from error


def _rows(path: Path | None) -> tuple[dict[str, Any], ...]:
    if path is None:
        return ()
    try:
        return tuple(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise FileError(
            f"{path} holds no rows ({error}); write them with --output of `mrisr evaluate` or `mrisr compare`."
        ) from error
