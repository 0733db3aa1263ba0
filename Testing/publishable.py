"""`make publishable`: what Slicer's Extensions Index says of what is committed now, if it is published as one commit.

    python Testing/publishable.py                       with the rules of index_rules.py
    python Testing/publishable.py --index FOLDER        besides, by the Index's own functions, from a checkout of Slicer/ExtensionsIndex
    python Testing/publishable.py --keep FOLDER         leaves the clone there, ready to be pushed

The Index clones a repository and refuses it beyond 100 MB, `.git` included. So HEAD's files become one commit without a past, in a
repository of its own, which is cloned as the Index does it, and weighed. What nobody knows before it is published is named at the end.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from index_rules import INDEX_MB, LEFT, MB, MOST_MB, RULES, Entry, by_the_index, faults, weight

ROOT = Path(__file__).resolve().parents[1]
NAME = "MRISuperResolution"


def squashed(root: Path, folder: Path) -> Path:
    """A clone, below `folder`, of a repository that has what is committed in `root` as its only commit; nothing in `root` changes."""
    source, clone = folder / "source", folder / "clone"
    _git(folder, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(source))
    named = dict(
        zip(("NAME", "EMAIL"), _git(source, "log", "-1", "--format=%an%n%ae").splitlines(), strict=True)
    )
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in named.items()}
    commit = _git(source, "commit-tree", "HEAD^{tree}", "-m", f"{NAME} {version(root)}", **who).strip()
    _git(source, "update-ref", "refs/heads/published", commit)
    # Over the file protocol, as nothing else packs what another machine would be sent.
    _git(folder, "clone", "--quiet", "--single-branch", "--branch", "published", source.as_uri(), str(clone))
    return clone


def version(root: Path) -> str:
    """Of `pyproject.toml`."""
    found = re.search(
        r'^version = "([^"]+)"', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    return found[1] if found else ""


def _git(folder: Path, *arguments: str, **environment: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def heaviest(clone: Path, count: int = 6) -> list[tuple[str, int]]:
    """What weighs most of the files, by its first two folders."""
    sizes: Counter[str] = Counter()
    for path in clone.rglob("*"):
        parts = path.relative_to(clone).parts
        if path.is_file() and parts[0] != ".git":
            sizes["/".join(parts[:2]) + ("/" if len(parts) > 2 else "")] += path.stat().st_size
    return sizes.most_common(count)


def main(arguments: list[str] | None = None) -> int:
    """Say it; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--index", type=Path, help="a checkout of Slicer/ExtensionsIndex, whose own functions are asked, too"
    )
    parser.add_argument("--keep", type=Path, help="a new folder for the clone, to be pushed from")
    args = parser.parse_args(arguments)
    rules = RULES + (by_the_index(args.index.resolve()) if args.index else ())
    with tempfile.TemporaryDirectory() as folder:
        clone = squashed(ROOT, Path(folder))
        bad = report(Entry(clone / f"{NAME}.json", clone), rules)
        if args.keep and not bad:
            shutil.move(clone, args.keep)
            _git(args.keep, "branch", "--quiet", "--move", "main")
            _git(args.keep, "remote", "remove", "origin")
    if _git(ROOT, "status", "--porcelain").strip():
        print("There are changes that are not committed; they are not in these figures.")
    return 1 if bad else 0


def report(entry: Entry, rules: tuple[Callable[[Entry], None], ...] = RULES) -> int:
    """Print each rule and the weights; the number of rules that are broken."""
    found = list(faults(entry, rules))
    for name, fault in found:
        print(f"{'FAIL' if fault else 'ok  '} {name}{': ' + fault if fault else ''}")
    whole, history = weight(entry.clone), weight(entry.clone / ".git")
    print(f"\nclone {whole / MB:.1f} MB (at most {MOST_MB} here, {INDEX_MB} in the Index): ", end="")
    print(f"files {(whole - history) / MB:.1f} MB, .git {history / MB:.1f} MB")
    for place, size in heaviest(entry.clone):
        print(f"  {size / MB:5.1f} MB  {place}")
    print("\nLeft to whoever publishes:", *(f"- {each}" for each in LEFT), sep="\n")
    return sum(bool(fault) for _name, fault in found)


if __name__ == "__main__":
    sys.exit(main())
