"""The options that say who does the work where there are many scans."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

from ..cluster.workers import LOCAL, LOOPBACK, Workers, gpus_here
from ..errors import InputError


def add_workers(parser: argparse.ArgumentParser, jobs: int | None = 0) -> None:
    """Add --jobs, --scheduler and --bind.

    Args:
        parser: gets them.
        jobs: scans at once where nobody says: 0 for as many as fit; None for one after the other, or one on each of several graphics cards.
    """
    group = parser.add_argument_group("several scans at once")
    usual = "as many as cores, memory and graphics cards allow"
    if jobs is None:
        usual = "one on each graphics card where there are several, else one after the other"
    group.add_argument(
        "--jobs",
        type=int,
        default=jobs,
        metavar="N",
        help=f"scans at once on this computer; 0 for as many as fit, 1 for a plain loop (default: {usual})",
    )
    group.add_argument(
        "--scheduler",
        type=_scheduler,
        default="",
        metavar=f"{LOCAL}|ADDRESS",
        help=f"Dask's: {LOCAL} starts workers here, tcp://HOST:PORT gives the work to a cluster that is there",
    )
    group.add_argument(
        "--bind",
        default=LOOPBACK,
        metavar="ADDRESS",
        help="where the local scheduler and its dashboard listen; whoever reaches them can run programs as you (default: this computer)",
    )


def workers_of(args: argparse.Namespace) -> Workers:
    """What these options ask for, and --threads where the command has it."""
    threads: Any = getattr(args, "threads", None)
    jobs = args.jobs
    if jobs is None:
        jobs = 0 if find_spec("distributed") and len(gpus_here(args.device)) > 1 else 1
    return Workers(args.scheduler, jobs, threads or 0, args.bind)


def _scheduler(text: str) -> str:
    try:
        return Workers(text).scheduler
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
