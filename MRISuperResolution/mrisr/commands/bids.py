"""`mrisr bids`: a BIDS data set in, a data set of enhanced scans out, as BIDS apps are called."""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..bids.selection import SUFFIXES, suffix_named
from ..bids.states import ScanState
from ..errors import MISTAKE, SUCCESS
from ..jobs import bids, bids_group
from ..pipeline.provenance import STATEMENT, version
from ..pipeline.settings import AUTO
from . import USE
from ._options import Subparsers, add_model, add_progress, add_settings, monitor, names, settings_of
from ._output import add_json, tell
from ._target import add_acquisition, add_target, planned_of
from ._workers import add_workers, workers_of

EXAMPLES = """\
examples:
  mrisr bids study study/derivatives/mrisr participant
  mrisr bids study study/derivatives/mrisr group                             one table of all
  mrisr bids study out participant --participant-label 01 02 --suffix T2w,FLAIR --model edsr3d-thick
  mrisr bids study out participant --fuse                                    one volume of the stacks of a session
  mrisr bids study out participant --scheduler tcp://node7:8786              on a cluster

exit codes: 0 all is well, 2 a scan failed or something is to be mended, 130 cancelled; the same command goes on where it stopped.
"""

GROUP = USE

LEVELS = ("participant", "group")


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "bids",
        help="enhance a BIDS data set into a data set of derivatives",
        description="Enhance the anatomical scans of a BIDS data set. Results keep their scans' names with the model's as rec-…; what is "
        "there already is not made again, and the data set itself is not changed. " + STATEMENT,
        epilog=EXAMPLES,
    )
    parser.add_argument("source", type=Path, metavar="BIDS_DIR", help="root of the data set")
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUTPUT_DIR",
        help="root of the results: BIDS_DIR/derivatives/NAME, or a folder elsewhere",
    )
    parser.add_argument(
        "level", choices=LEVELS, help="participant: enhance; group: one table of all results, worst first"
    )
    _add_selection(parser)
    _add_model(parser)
    add_target(parser)
    add_acquisition(parser)
    add_settings(parser)
    add_workers(parser)
    add_progress(parser)
    add_json(parser)
    parser.add_argument("--version", action="version", version=version())  # as BIDS apps have it
    parser.set_defaults(run=run)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which scans")
    for kind, short in (("participant", "sub"), ("session", "ses")):
        group.add_argument(
            f"--{kind}-label",
            f"--{kind}_label",
            nargs="+",
            default=[],
            metavar="LABEL",
            help=f"only these, with or without {short}- (default: all)",
        )
    group.add_argument(
        "--suffix",
        type=_suffixes,
        default=list(SUFFIXES),
        metavar="LIST",
        help=f"contrasts (default: {','.join(SUFFIXES)})",
    )
    group.add_argument(
        "--filter",
        "--bids-filter-file",
        type=Path,
        metavar="FILE",
        help='JSON with queries as pybids has them, such as {"t2w": {"acquisition": "tra"}}',
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    add_model(parser, AUTO, "default: auto, decided once for each contrast and voxel size of the data set")
    parser.add_argument(
        "--model-per-scan",
        action="store_true",
        help="let auto decide for each scan: not for studies over time",
    )
    parser.add_argument(
        "--fuse",
        action="store_true",
        help="make one volume of the stacks of a session that are thick in different directions, see `mrisr fuse`",
    )
    parser.add_argument(
        "--residual",
        action="store_true",
        help="write what each result, scanned again, differs by from the scan (desc-residual)",
    )
    parser.add_argument("--no-reports", action="store_true", help="write no page on each result")
    parser.add_argument("--overwrite", action="store_true", help="make results anew that are there already")
    parser.add_argument(
        "--retry-failed",
        action="store_true",
        help="try scans again that failed before and have not changed since",
    )


def _suffixes(text: str) -> list[str]:
    if not (found := [suffix_named(name) for name in names(text)]):
        raise argparse.ArgumentTypeError(f"{text!r} names no contrast, such as T2w or T2w,FLAIR")
    return found


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    watch = monitor(args)
    if args.level == "group":
        told = bids_group.run(bids_group.Request(args.source, args.output), watch)
        tables = (
            f"{told.output}: {len(told.rows)} rows; tables are {bids_group.SCANS} and {bids_group.MODELS}."
        )
        tell(args, told, tables)
        return MISTAKE if told.failed else SUCCESS
    request = bids.Request(
        args.source,
        args.output,
        tuple(args.participant_label),
        tuple(args.session_label),
        tuple(args.suffix),
        args.filter,
        settings_of(args, model=args.model, **planned_of(args)),
        per_scan=args.model_per_scan,
        fuse=args.fuse,
        residual=args.residual,
        reports=not args.no_reports,
        overwrite=args.overwrite,
        retry=args.retry_failed,
        workers=workers_of(args),
    )

    def report(event: str, /, **state: Any) -> None:
        if event == "scan" and state["state"] != "left out":
            tell(args, state, _line(state), wrong=state["state"] == "failed")

    done = bids.run(request, watch, report)
    counts = Counter(state.state for state in done.states)
    told_of = ", ".join(f"{counts[state]} {state}" for state in ("enhanced", "fused", "left out", "failed"))
    last = f"{told_of}, {done.done_before} done before; see {args.output}"
    tell(args, {"counts": counts, "done_before": done.done_before}, *_left_out(done.states), last)
    return MISTAKE if done.failed else SUCCESS


def _line(state: dict[str, Any]) -> str:
    made = f" {state['output']}" if state["output"] else ""
    reason = f" ({state['reason']})" if state["reason"] else ""
    return f"{state['scan']}: {state['state']}{made}{reason}"


def _left_out(states: Sequence[ScanState]) -> Iterator[str]:
    """A line for each reason: there may be thousands of such images."""

    def reason(state: ScanState) -> str:
        return state.reason

    left = sorted((state for state in states if state.state == "left out"), key=reason)
    for why, group in itertools.groupby(left, key=reason):
        places = [state.scan for state in group]
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        yield f"{places[0]}{more}: left out, {why}"
