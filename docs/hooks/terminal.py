"""The reference of the commands, made of the grammar that reads them: it says what `mrisr COMMAND --help` says."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

# Of this checkout, whatever is installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MRISuperResolution"))
from mrisr.cli import parser

MARK = "<!-- commands -->"
"""Where they stand on their page."""


WIDTH = "84"
"""Characters in a line of usage."""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs names them
    """The page with the commands in the place of the mark."""
    return markdown.replace(MARK, reference()) if MARK in markdown else markdown


def reference() -> str:
    """All commands, group by group, in Markdown."""
    os.environ["COLUMNS"] = WIDTH  # whatever the width of the terminal that builds
    program = parser()
    commands = program.described.choices
    parts = []
    for title, names in program.groups.items():
        parts += [f"## {_sentence(title)}", *(_command(commands[name]) for name in names)]
    return "\n\n".join(parts)


def _command(command: argparse.ArgumentParser) -> str:
    parts = [f"### {command.prog}", _text(command.description or "")]
    usage = command.format_usage().removeprefix("usage: ").rstrip()
    parts.append(f"```text\n{re.sub(r'^ {7}', '', usage, flags=re.MULTILINE)}\n```")
    for group in command._action_groups:
        rows = list(_rows(command, group))
        if rows:
            parts.append(f"| {_sentence(group.title or '')} | |\n|---|---|\n" + "\n".join(rows))
    if command.epilog:
        parts.append(_text(command.epilog))
    return "\n\n".join(part for part in parts if part)


def _rows(command: argparse.ArgumentParser, group: argparse._ArgumentGroup) -> Iterator[str]:
    """A row of a table for each argument and option that `--help` shows."""
    formatter = command._get_formatter()
    for action in group._group_actions:
        if action.help is argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        names = formatter._format_action_invocation(action)
        meaning = formatter._expand_help(action) if action.help else ""
        yield f"| `{names}` | {_plain(meaning)} |"


def _sentence(title: str) -> str:
    return title[:1].upper() + title[1:]


def _text(text: str) -> str:
    """Paragraphs; those with indented lines, such as examples, stay as they are."""
    return "\n\n".join(_paragraph(part) for part in text.strip("\n").split("\n\n"))


def _paragraph(text: str) -> str:
    if "\n " not in text:
        return _plain(" ".join(text.split()))
    title, _, lines = text.partition("\n")
    return f"{_plain(title)}\n\n```text\n{re.sub(r'^  ', '', lines, flags=re.MULTILINE)}\n```"


def _plain(text: str) -> str:
    """Text in which nothing is Markdown but what stands in backquotes."""
    parts = re.split(r"(`[^`]*`)", text)
    escaped = [part if part.startswith("`") else re.sub(r"([*_<>\[\]])", r"\\\1", part) for part in parts]
    return "".join(escaped).replace("|", r"\|")
