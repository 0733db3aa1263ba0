"""The `mrisr` command. Each subcommand is one file of `commands`, found by listing the folder."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import pkgutil
import sys
from collections.abc import Sequence
from typing import NoReturn

from . import commands
from .commands._heartbeat import CommandHeartbeat
from .commands._options import say
from .errors import CANCELLED, MISTAKE, Cancelled, ConfigError, MrisrError
from .image.replacement import FULL
from .interruption import Interruption, leave
from .packages import needed_for
from .pipeline.provenance import STATEMENT, version


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="mrisr",
        description="Super-resolution of MRI scans: NIfTI, MGZ, NRRD, MetaImage or a DICOM folder in, an enhanced volume out.",
        epilog=f"{STATEMENT} Exit codes: 0 done, 2 something to mend, 130 cancelled.",
    )
    top.add_argument("--version", action="version", version=version())
    subparsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in sorted(
        m.name for m in pkgutil.iter_modules(commands.__path__) if not m.name.startswith("_")
    ):
        importlib.import_module(f"{commands.__name__}.{module}").add(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    args = parser().parse_args(argv)
    try:
        with (
            needed_for(f"mrisr {args.command}", ConfigError),
            CommandHeartbeat(f"mrisr {args.command}", say, getattr(args, "progress", "bar")),
        ):
            return int(args.run(args))
    except Cancelled as error:  # what was stopped knows best what is left and how to go on
        say(str(error))
        return CANCELLED
    except KeyboardInterrupt:
        say("Cancelled; nothing unfinished was left behind.")
        return CANCELLED
    except MrisrError as error:
        say(f"mrisr: {error}")
        return MISTAKE
    except BrokenPipeError:  # see `program`
        raise
    except OSError as error:
        say(f"mrisr: {error}; check the files and folders that were named.")
        return MISTAKE
    except MemoryError:
        say(f"mrisr: {FULL}")
        return MISTAKE


def program() -> int:
    """`main` as a program of its own: SIGTERM stops it as Ctrl-C does, and no name is too foreign to be printed."""
    signals = Interruption()
    code = _completed()
    if (ended := signals.code(code)) != code:
        say("Stopped as asked, but only now: what the command was to do is done.")
    return ended


def process() -> NoReturn:
    """`program` as all that a process does."""
    leave(program())


def _completed() -> int:
    """Run the command line and write all that it prints; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = main()
        sys.stdout.flush()
        return code
    except SystemExit as end:  # of argparse
        return int(end.code or 0)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    process()
