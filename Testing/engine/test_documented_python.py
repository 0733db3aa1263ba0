"""Every Python block of the documents that needs no Slicer, run as it is written, page by page; and what they say of records."""

import contextlib
import io
import re

import pytest

from documents import ENGINE, NOT_RUN, blocks, run_here, text_of
from engine.conftest import oblique_affine
from engine.trust_dicom import write_series
from engine.trust_scans import degraded, head
from mrisr.image.files import write_volume
from mrisr.image.volume import Volume
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.pipeline.sidecar import write_sidecar

PROGRAMS = run_here(ENGINE)


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A folder with what the pages name: a head, scans and stacks of it, a DICOM series and a result that was made of it."""
    monkeypatch.chdir(tmp_path)
    truth = Volume(head((36, 34, 32)).array, oblique_affine())
    scan, _ = degraded(truth, "iso2")
    write_volume(truth, "reference.nii.gz")
    write_volume(truth, "t1.nii.gz")
    write_volume(scan, "scan.nii.gz")
    for name, axis in (("flair", 2), ("axial", 2), ("sagittal", 0), ("coronal", 0)):
        write_volume(PROTOCOLS["thick4"].simulate(truth, axis=axis), f"{name}.nii.gz")
    write_series(scan, tmp_path / "series")
    result = enhance(scan, Settings())
    write_volume(result.volume, "enhanced.nii.gz")
    write_sidecar(tmp_path / "enhanced.nii.gz", result.provenance)
    return tmp_path


def ran(page):
    """What the blocks of a page print, one after the other as one program."""
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        for block in PROGRAMS[page]:
            exec(compile(block, page, "exec"), names)
    return printed.getvalue()


@pytest.mark.parametrize("page", sorted(set(PROGRAMS) - {"docs/concepts/verdict.md", "docs/how-to/dicom.md"}))
def test_the_programs_of_a_page_run(page, there, one_thread):
    files = set(there.iterdir())
    assert ran(page) or set(there.iterdir()) > files


def test_the_programs_about_trust_say_what_their_page_says(there, one_thread):
    assert len(PROGRAMS["docs/concepts/verdict.md"]) >= 8
    said = ran("docs/concepts/verdict.md")
    assert "Agrees with your scan" in said or "as near to your scan" in said
    assert "to the reference is" in said
    report = (there / "report.html").read_text(encoding="utf-8")
    assert report.count("<img") == 3 * 3 + 5, (
        "scan, result and spread in three directions, and a part of them larger"
    )


def test_series_of_the_page_on_dicom_are_complete(there, one_thread):
    assert re.search(r"^32 .* SR cubic$", ran("docs/how-to/dicom.md"), re.M)
    assert len(list((there / "derived").iterdir())) == 32


def test_what_is_not_run_is_there():
    texts = [block.text for block in blocks(ENGINE)]
    assert [part for part in NOT_RUN if not any(part in text for text in texts)] == []


def test_every_key_of_a_record_is_on_the_page_on_records(there):
    page = text_of("docs/reference/files.md")
    rows = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    told = set(re.findall(r"`(\w+)`", rows))
    record = enhance(Volume(head((20, 20, 8)).array, oblique_affine()), Settings(model="auto")).provenance
    assert set(record) - told == set()
    assert set(record["trust"]) - told == set()
