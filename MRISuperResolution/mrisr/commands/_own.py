"""`mrisr evaluate --own`: which model is best on the very scan, without a reference."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

from ..image.files import read_volume, replacing, stem_of
from ._options import monitor, settings_of
from ._target import add_acquisition, add_target, target_of


def add_own(parser: argparse.ArgumentParser) -> None:
    """Add --own, and the target and acquisition planned for the scan."""
    parser.add_argument(
        "--own",
        action="store_true",
        help="degrade each scan once more by its own acquisition; without --model, every model that fits",
    )
    add_target(parser)
    add_acquisition(parser)


def run_own(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    from ..evaluation.trial import try_on

    settings = replace(settings_of(args), target=target_of(args), acquisition=args.acquisition)
    watch, rows = monitor(args.progress), []
    for path in args.scans:
        trial = try_on(read_volume(path), args.model or None, settings, name=_name(path), monitor=watch)
        print(trial.table)
        print(trial.sentence)
        rows += [asdict(row) for row in trial.rows]
    if args.output:
        with replacing(args.output) as partial:
            partial.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def _name(path: Path) -> str:
    return path.name if path.is_dir() else stem_of(path)
