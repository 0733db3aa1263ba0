"""The `mrisr` command. Each subcommand is one file of `commands`, found by listing the folder; only the one that is asked for is loaded."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from . import commands
from .commands._bars import say
from .commands._grammar import Program
from .commands._heartbeat import CommandHeartbeat
from .commands._output import check_free
from .compute.heap import keep_freed
from .compute.threads import let_threads_sleep, limit_threads
from .errors import CANCELLED, DEFECT, MISTAKE, WARNED, Cancelled, ConfigError, MrisrError
from .image.replacement import FULL
from .interruption import Interruption, leave
from .packages import needed_for

EPILOG = f"""\
`mrisr COMMAND --help` explains a command. Exit codes: 0 done, {MISTAKE} something to mend, {CANCELLED} cancelled, \
{WARNED} a warning where --exit-code asks for that, {DEFECT} a defect of this program."""


def parser(argv: Sequence[str] | None = None) -> Program:
    """The command line's grammar.

    Args:
        argv: what is to be read with it: where that begins with a command, no other is loaded. None for all commands.
    """
    from .pipeline.provenance import STATEMENT, version

    modules = {name.replace("_", "-"): name for name in _modules()}
    top = Program(
        list(modules),
        prog="mrisr",
        description="Super-resolution of MRI scans: NIfTI, MGZ, NRRD, MetaImage or a DICOM folder in, an enhanced volume out. "
        + STATEMENT,
        epilog=EPILOG,
    )
    top.add_argument("--version", action="version", version=version())
    top.set_defaults(whole=parser)  # for `completion`, which is about all commands
    named = [] if not argv or argv[0].startswith("-") else argv[:1]
    wanted = [name for name in named if name in modules] if named else list(modules)
    groups: dict[str, list[str]] = {
        each: [] for each in (commands.USE, commands.JUDGE, commands.MAKE, commands.MORE)
    }
    for name in wanted:
        module: Any = importlib.import_module(f"{commands.__name__}.{modules[name]}")
        module.add(top.described)
        groups[getattr(module, "GROUP", commands.MORE)].append(name)
    top.groups = {title: names for title, names in groups.items() if names}
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    _limit_threads(argv)
    return _done(parser(argv).parse_args(argv))


def _done(args: argparse.Namespace) -> int:
    """Do what the command line says; the exit code."""
    try:
        with (
            needed_for(f"mrisr {args.command}", ConfigError),
            CommandHeartbeat(f"mrisr {args.command}", say, getattr(args, "progress", "bar")),
        ):
            check_free(args)
            return int(args.run(args))
    except Cancelled as error:  # what was stopped knows best what is left and how to go on
        say(str(error))
        return CANCELLED
    except KeyboardInterrupt:
        say("Cancelled; nothing unfinished was left behind.")
        return CANCELLED
    except BrokenPipeError:  # see `program`
        raise
    except (MrisrError, OSError, MemoryError) as error:
        if getattr(args, "verbose", False):
            traceback.print_exc()
        say(f"mrisr: {_sentence(error)}")
        return MISTAKE


def _sentence(error: Exception) -> str:
    if isinstance(error, MrisrError):
        return str(error)
    return (
        FULL if isinstance(error, MemoryError) else f"{error}; check the files and folders that were named."
    )


def _modules() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(commands.__path__) if not m.name.startswith("_"))


def _limit_threads(argv: Sequence[str]) -> None:
    """What --threads says, before the command is loaded, and NumPy with it; whether it makes sense the command itself will say."""
    early = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    early.add_argument("--threads", default="")
    try:
        count = early.parse_known_args(list(argv))[0].threads
    except argparse.ArgumentError:
        return
    if count.isdecimal() and int(count) > 0:
        limit_threads(int(count))


def program() -> int:
    """`main` as a program of its own: SIGTERM stops it as Ctrl-C does, and no name is too foreign to be printed."""
    signals = Interruption()
    keep_freed()
    let_threads_sleep()
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
