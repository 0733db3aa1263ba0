"""The Markdown pages of this repository, and the blocks of code in them. Some test runs each block, or `NOT_RUN` says why none does."""

import re
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TERMINAL, ENGINE, SLICER, DRAWING = "terminal", "engine", "Slicer", "drawing"
"""Where a block is run: by `engine/test_documented_commands.py`, `engine/test_documented_python.py`, `gui/test_documented_console.py`,
or nowhere, since it is no code."""

NOT_RUN = {
    "from dask_jobqueue import": "needs a cluster; `packaging/test_containers.py` reads it",
    "FAMILY = Family(": "is one line of a file; `engine/test_families.py` adds a family",
}
"""Parts of Python blocks that are not run, and why."""


@dataclass(frozen=True)
class Block:
    """A block of code: its page, as a path in the repository, its language, and what stands in it."""

    page: str
    language: str
    text: str

    @property
    def kind(self) -> str:
        """Where it is run.

        Raises:
            ValueError: nobody runs what is in this language.
        """
        if self.language in ("sh", "bash"):
            return TERMINAL
        if self.language == "python":
            return SLICER if re.search(r"\b(logic|slicer)\b", self.text) else ENGINE
        if self.language in ("", "text"):
            return DRAWING
        raise ValueError(f"{self.page}: no test runs a block of {self.language}")


def pages() -> list[str]:
    """All Markdown pages that belong to the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    listed = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    ).stdout.splitlines()
    return sorted({name for name in listed if (ROOT / name).is_file()})


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(kind: str | None = None, page: str | None = None) -> list[Block]:
    """The blocks of a kind, or all; of a page, or of all."""
    found = [
        Block(name, language, textwrap.dedent(text))
        for name in ([page] if page else pages())
        for language, text in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text_of(name), re.M | re.S)
    ]
    return [block for block in found if kind is None or block.kind == kind]


def run_here(kind: str) -> dict[str, list[str]]:
    """By page, the Python blocks of a kind that are to be run, in their order."""
    found: dict[str, list[str]] = {}
    for block in blocks(kind):
        if not any(part in block.text for part in NOT_RUN):
            found.setdefault(block.page, []).append(block.text)
    return found


def prose(page: str) -> str:
    """A page without its blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.M | re.S)
