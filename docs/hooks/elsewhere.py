"""What the site shows of the repository beside `docs/`: pictures, pages that lie elsewhere, and links to all other files.

Every page is written for two readers: links are relative to where it lies in the repository, so that they work there as well, and are
turned here into what leads to the same place on the site. Each picture and page exists once.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/MRISuperResolution/SlicerMRISuperResolution"

PAGES = {
    "containers/README.md": "how-to/cluster.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages that lie elsewhere, and where they stand on the site."""

MADE = {"MRISuperResolution/Resources/Models": "models/index.md"}
"""What is a folder in the repository and a page, which another hook makes of it, on the site."""

PICTURES = "Resources"

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
"""Picture or link, text, target, place on its page."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Pages and pictures from elsewhere join those of `docs/`."""
    for picture in sorted((ROOT / PICTURES).rglob("*.png")):
        files.append(_file(config, picture.relative_to(ROOT).as_posix(), picture))
    for lies, stands in PAGES.items():
        files.append(_file(config, stands, ROOT / lies))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs names them
    """Links to where things stand on the site; each picture is a link to itself, in full size."""
    lies = Path(str(page.file.abs_src_path)).parent
    return LINK.sub(lambda found: _linked(found, lies, page.file.src_uri), markdown)


def _file(config: MkDocsConfig, stands: str, lies: Path) -> File:
    return File.generated(config, stands, abs_src_path=str(lies))


def _linked(found: re.Match[str], folder: Path, page: str) -> str:
    mark, text, target, place = found.groups(default="")
    if ":" not in target and (to := _on_site((folder / target).resolve(), page)):
        target = to
    link = f"{mark}[{text}]({target}{place})"
    return f"[{link}]({target})" if mark and ":" not in target else link


def _on_site(path: Path, page: str) -> str:
    """Where a file of the repository is found from a page; empty for one that does not exist."""
    if not path.exists() or not path.is_relative_to(ROOT):
        return ""
    lies = path.relative_to(ROOT).as_posix()
    stands = {**PAGES, **MADE}.get(lies, lies.removeprefix("docs/") if lies.startswith("docs/") else "")
    if lies.startswith(f"{PICTURES}/"):
        stands = lies
    if stands:
        return posixpath.relpath(stands, posixpath.dirname(page) or ".")
    return f"{REPOSITORY}/{'tree' if path.is_dir() else 'blob'}/main/{lies}"
