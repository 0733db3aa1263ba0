"""The documents: every block is run or named, every link leads somewhere, and the site is built without a warning and without the net."""

import os
import re
import subprocess
import sys
from functools import cache

import pytest

from documents import DRAWING, ENGINE, ROOT, SLICER, TERMINAL, blocks, pages, prose, text_of

QUESTIONS = (
    "GPU not found", "Out of memory", "result looks unchanged", "Which model", "How long", "May I publish", "medical device",
    "already interpolated", "several stacks", "archive as DICOM", "on a cluster", "train it on my own scans",
)  # fmt: skip
"""What the headings of the page of questions must hold."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr + done.stdout
    return folder


def headings(text):
    """The headings of a page, without what stands in blocks."""
    return re.findall(r"^#+ (.*)$", text, re.M)


@cache
def anchors(page):
    """The places that links can lead to in a page, as GitHub and the site name them."""
    plain = (re.sub(r"\]\([^)]*\)|[`*\[\]]", "", title) for title in headings(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in plain}


def test_every_block_is_of_a_kind_that_is_run():
    kinds = {block.kind for block in blocks()}
    assert kinds == {TERMINAL, ENGINE, SLICER, DRAWING}


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere_in_the_repository(page):
    for target, place in re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)", prose(page)):
        if ":" in target:
            continue
        there = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        assert there.exists(), target
        if place and there.suffix == ".md":
            assert place in anchors(there.relative_to(ROOT).as_posix()), f"{target}#{place}"


def test_the_readme_is_short_and_begins_with_two_commands():
    readme = text_of("README.md")
    assert len(readme.splitlines()) <= 90
    first = next(block.text for block in blocks(TERMINAL, "README.md"))
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]


def test_the_page_of_questions_answers_what_is_asked_most():
    titles = "\n".join(headings(prose("docs/troubleshooting.md")))
    assert [question for question in QUESTIONS if question not in titles] == []


def test_every_protocol_is_on_the_page_of_protocols():
    from mrisr.physics.protocols import PROTOCOLS
    from mrisr.physics.stacks import STACKS

    page = text_of("docs/concepts/protocols.md")
    rows = [f"| `{name}` | {each.summary} |" for name, each in {**PROTOCOLS, **STACKS}.items()]
    assert [row for row in rows if row not in page] == []


def test_the_reference_names_all_that_is_public():
    import ast

    import mrisr

    engine = set(re.findall(r"^::: mrisr\.(\w+)$", text_of("docs/reference/engine.md"), re.M))
    assert engine == set(mrisr.__all__)
    module = ast.parse((ROOT / "MRISuperResolution" / "MRISuperResolution.py").read_text(encoding="utf-8"))
    (logic,) = (node for node in module.body if getattr(node, "name", "") == "MRISuperResolutionLogic")
    calls = {
        node.name
        for node in logic.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    told = set(
        re.findall(r"^::: MRISuperResolutionLib[\w.]*\.(\w+)$", text_of("docs/reference/slicer.md"), re.M)
    )
    assert calls - {"getParameterNode"} == told - {"Comparison"}


def test_the_site_is_built_without_a_warning_and_holds_every_command_and_picture(site):
    from mrisr.cli import parser

    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert [name for name in parser().described.choices if f"mrisr {name}<" not in commands] == []
    for page in set(site.rglob("*.html")) - {
        site / "404.html"
    }:  # which is for servers, at whose root it looks
        for source in re.findall(r'<img[^>]* src="([^"]+)"', page.read_text(encoding="utf-8")):
            assert (page.parent / source).is_file(), f"{page.name}: {source}"


def test_the_site_loads_nothing_from_the_net(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]+)"', text)
        loaded += re.findall(r'<link[^>]* href="([^"]+)"', text)
        assert [each for each in loaded if each.startswith(("http", "//"))] == [], page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name
