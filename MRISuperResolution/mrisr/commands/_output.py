"""What commands print as their result, and which files they may write."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..codec import encode
from ..errors import FileError
from ._bars import put

QUIET = "quiet"
"""The progress of a command that says nothing but what went wrong."""


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json, which `tell` obeys."""
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the result as JSON, an object a line, and nothing else on standard output",
    )


def tell(args: argparse.Namespace, found: Any, *lines: str, wrong: bool = False) -> None:
    """Print a result: as JSON in one line, in the given lines, or with --quiet not at all.

    Args:
        args: the command's.
        found: all of it, as `codec.encode` takes it.
        lines: the same for people.
        wrong: whether it tells what went wrong, which --quiet has on standard error.
    """
    if getattr(args, "json", False):
        put(json.dumps(encode(found), default=str), sys.stdout)
    elif getattr(args, "progress", "") != QUIET:
        put("\n".join(lines), sys.stdout)
    elif wrong:
        put("\n".join(lines), sys.stderr)


def add_written(parser: argparse.ArgumentParser, *flags: str, **more: Any) -> None:
    """Add a name of a file that the command writes, and --overwrite; see `check_free`.

    Args:
        parser: gets it.
        *flags: as `add_argument` takes them.
        **more: as `add_argument` takes it.
    """
    action = parser.add_argument(*flags, type=Path, **more)
    parser.set_defaults(written=(*(parser.get_default("written") or ()), action.dest))
    if parser.get_default("overwrite") is None:
        add_overwrite(parser)


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add --overwrite."""
    parser.add_argument("--overwrite", action="store_true", default=False, help="replace files that exist")


def check_free(args: argparse.Namespace, paths: Iterable[Path] = (), source: Path | None = None) -> None:
    """Refuse to write over a scan that no record of ours stands beside: results, maps, tables and pages are made anew as often as asked.

    Args:
        args: the command's, with all that `add_written` added.
        paths: more files that it writes.
        source: what it reads; that this is not written over is left to the work itself, which refuses it whatever may be overwritten.

    Raises:
        FileError: there is one, and --overwrite was not given.
    """
    if getattr(args, "overwrite", True):
        return
    named = [args.output] if "output" in getattr(args, "written", ()) else []
    for path in [*filter(None, named), *paths]:
        if _is_foreign(path) and not (source is not None and source.exists() and path.samefile(source)):
            raise FileError(f"{path} exists; choose another name, or replace it with --overwrite.")


def check_new(args: argparse.Namespace, path: Path) -> None:
    """Refuse to replace a model.

    Raises:
        FileError: the file exists, and --overwrite was not given.
    """
    if path.exists() and not args.overwrite:
        raise FileError(f"{path} exists; choose another name, or replace it with --overwrite.")


def _is_foreign(path: Path) -> bool:
    """Whether a file is a scan of which no record says that it was made here."""
    from ..image.files import READABLE, suffix_of
    from ..pipeline.sidecar import read_sidecar

    return (
        path.is_file()
        and path.stat().st_size > 0
        and suffix_of(path) in READABLE
        and "statement" not in read_sidecar(path)
    )
