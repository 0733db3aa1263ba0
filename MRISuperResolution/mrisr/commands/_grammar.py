"""The command line's grammar: argparse's, with usage errors about the sub-command they were made in, and guesses at what was meant."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import did_you_mean


class Paragraphs(argparse.HelpFormatter):
    """Wraps descriptions and epilogs paragraph by paragraph, and leaves those alone that have indented lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = text.strip("\n").split("\n\n")
        return "\n\n".join(
            part if "\n " in part else super(Paragraphs, self)._fill_text(part, width, indent)
            for part in parts
        )


class Grammar(argparse.ArgumentParser):
    """Reads the words of a command.

    Options may stand between names, as in `fuse a.nii b.nii --isotropic out.nii`. What a sub-command does not know is its own error, with
    its usage, and not one of the program.

    Args:
        more: of `argparse.ArgumentParser`.
    """

    _mixing = False

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"formatter_class": Paragraphs, **more})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]
        """The arguments and an empty list: nothing that is not known is handed on."""
        if self._mixing:
            return super().parse_known_args(args, namespace)
        if self._subparsers is not None:
            found, rest = super().parse_known_args(args, namespace)
        else:
            self._mixing = True  # argparse asks this method for options and names one after the other
            try:
                found, rest = self.parse_known_intermixed_args(args, namespace)
            finally:
                self._mixing = False
        if rest:
            self.error(self._unknown(rest))
        return found, rest

    def _unknown(self, rest: Sequence[str]) -> str:
        known = [name for name in self._option_string_actions if name.startswith("--")]
        words = [word.partition("=")[0] for word in rest if word.startswith("-")]
        guesses = "".join(did_you_mean(word, known) for word in words)
        return f"unrecognized: {' '.join(rest)}.{guesses}"


class Program(Grammar):
    """The whole program, whose help lists the commands in groups.

    Args:
        commands: the names of all commands there are, known or not yet described.
        more: of `argparse.ArgumentParser`.
    """

    def __init__(self, commands: Sequence[str], **more: Any) -> None:
        super().__init__(**more)
        self._commands = commands
        self.described = self.add_subparsers(
            dest="command", required=True, metavar="COMMAND", parser_class=Grammar
        )
        self.groups: Mapping[str, Sequence[str]] = {}

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]
        """As `Grammar` does; a command that does not exist is told with one that does."""
        word = next(iter(args or []), "")
        if word and not word.startswith("-") and word not in self._commands:
            self.error(
                f"there is no command {word!r}.{did_you_mean(word, self._commands)} `mrisr --help` lists them."
            )
        return super().parse_known_args(args, namespace)

    def format_help(self) -> str:
        """Usage, the commands group by group, the options, exit codes."""
        formatter = self._get_formatter()
        formatter.add_usage("%(prog)s COMMAND …", [], [])
        formatter.add_text(self.description)
        lines = {action.dest: action for action in self.described._choices_actions}
        for title, names in self.groups.items():
            formatter.start_section(title)
            formatter.add_arguments([lines[name] for name in names])
            formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments([action for action in self._actions if action is not self.described])
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()
