"""`mrisr completion`: a script that lets a shell complete commands, options, models and files.

It is a script of its own, made once: pressing TAB starts no Python, which on a cluster's shared disks can take seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from ..compute.device import DEVICES
from ..models import catalog
from ._options import Subparsers, device_named, model_named, models_named

SHELLS = ("bash", "zsh", "fish", "tcsh")

INSTALL = """\
to install it:
  bash  mkdir -p ~/.local/share/bash-completion/completions && mrisr completion bash > ~/.local/share/bash-completion/completions/mrisr
  zsh   mkdir -p ~/.zfunc && mrisr completion zsh > ~/.zfunc/_mrisr      with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
  fish  mkdir -p ~/.config/fish/completions && mrisr completion fish > ~/.config/fish/completions/mrisr.fish
"""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "completion",
        help="print a script that lets a shell complete with TAB",
        description="Print a script for a shell, that completes commands, options, models and files when TAB is pressed. It knows the "
        "models that there are when it is printed; print it again after you have added some.",
        epilog=INSTALL,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that the script is for")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    import shtab

    grammar = args.whole()
    known = [card.name for card in catalog.list_models(lambda _broken: None)]
    words = {model_named: known, models_named: known, device_named: DEVICES}
    for action in _actions(grammar):
        if action.type in words:
            action.choices = words[action.type]
        elif action.type is Path or action.dest in ("names", "output"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(grammar, args.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments of a grammar and of its sub-commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _actions(each)
