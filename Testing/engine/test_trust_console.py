"""The examples for the Python console, run as they are written."""

import contextlib
import io
import re
from pathlib import Path

from engine.conftest import oblique_affine
from engine.trust_dicom import write_series
from engine.trust_scans import degraded, head
from mrisr.image.files import write_volume
from mrisr.image.volume import Volume
from mrisr.physics.protocols import PROTOCOLS

README = Path(__file__).resolve().parents[2] / "README.md"


def examples():
    """The Python blocks of the README's chapter on trust."""
    text = README.read_text(encoding="utf-8")
    chapter = re.search(r"^## How far to trust a result$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"```python\n(.*?)```", chapter[1], re.DOTALL) if chapter else []


def test_the_examples_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    truth = Volume(head((36, 34, 32)).array, oblique_affine())
    scan, _ = degraded(truth, "iso2")
    write_volume(truth, "reference.nii.gz")
    write_volume(scan, "scan.nii.gz")
    write_volume(PROTOCOLS["thick4"].simulate(truth, axis=0), "coronal.nii.gz")
    write_series(scan, tmp_path / "series")
    blocks = examples()
    assert len(blocks) >= 8
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(block, names)
    said = printed.getvalue()
    assert "Agrees with your scan" in said or "as near to your scan" in said
    assert "came nearest" in said or "came nearer" in said
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<img") == 3 * 4
    assert len(list((tmp_path / "derived").iterdir())) == 32
