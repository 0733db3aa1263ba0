import base64
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import Normalize
from PIL import Image

from engine.conftest import oblique_affine
from engine.test_worker import do
from engine.trust_scans import head
from mrisr.cli import main
from mrisr.evaluation.trial import try_on
from mrisr.image.files import write_volume
from mrisr.image.grid import Target
from mrisr.image.volume import Volume
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.provenance import STATEMENT
from mrisr.pipeline.settings import Settings
from mrisr.pipeline.sidecar import write_sidecar
from mrisr.reports.figure import slice_of
from mrisr.reports.pictures import Window, picture
from mrisr.reports.report import Maps, acquisition_of, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def made():
    scan = Volume(head((32, 36, 30)).array, oblique_affine((1.2, 1.2, 2.4)))
    return scan, enhance(
        scan, Settings(model="lanczos", target=Target.isotropic(), residual=True, samples=2, consistency=4)
    )


@pytest.fixture
def page(made, tmp_path):
    scan, result = made
    rows = [vars(row) for row in try_on(scan, [], Settings(target=Target.factor(2))).rows]
    path = tmp_path / "report.html"
    record = {**result.provenance, "input": "Doe^Jane.nii.gz"}
    maps = Maps(result.residual, result.spread, result.volume)
    write_report(path, scan, result.volume, record, maps=maps, rows=rows, name="Doe^Jane.nii.gz")
    return path


def test_the_page_holds_everything_and_needs_nothing_else(page, made):
    text = page.read_text(encoding="utf-8")
    record = made[1].provenance
    for words in (
        STATEMENT,
        record["trust"]["sentence"],
        "lanczos",
        "SHA-256",
        "Model card",
        "Models compared",
        "@media print",
    ):
        assert words in text
    assert len(re.findall(r'<img alt="[^"]+" style="[^"]+" src="data:image/png;base64,', text)) == 3 * 5
    pictures = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", text)]
    assert all(data.startswith(b"\x89PNG") for data in pictures)
    assert len(set(pictures)) == len(pictures)
    assert "http" not in re.sub(r"https?://\S*doi\S*", "", text).replace("http-equiv", "")


def test_no_name_unless_asked(page, made, tmp_path):
    assert "Doe^Jane" not in page.read_text(encoding="utf-8")
    assert ".nii" not in page.read_text(encoding="utf-8")
    named = tmp_path / "named.html"
    record = {**made[1].provenance, "input": "x.nii.gz"}
    write_report(named, made[0], made[1].volume, record, patient="Doe <Jane>", name="x.nii.gz")
    text = named.read_text(encoding="utf-8")
    assert "Doe &lt;Jane&gt;" in text
    assert "x.nii.gz" in text


def test_the_residual_and_the_verdict_are_made_up_for_if_missing(made, tmp_path):
    scan, result = made
    record = {key: value for key, value in result.provenance.items() if key != "trust"}
    path = tmp_path / "bare.html"
    write_report(path, scan, result.volume, record)
    text = path.read_text(encoding="utf-8")
    assert text.count("<img") == 3 * 3
    assert f'class="verdict {result.provenance["trust"]["color"]}"' in text
    assert acquisition_of(json.loads(json.dumps(record))) is not None
    write_report(path, scan, result.volume)  # a result of another tool: no record at all
    assert path.read_text(encoding="utf-8").count("<img") == 3 * 2


def test_what_was_not_measured_is_a_dash_in_the_table(made, tmp_path):
    scan, result = made
    rows = [vars(row) for row in try_on(scan, [], Settings(target=Target.factor(2))).rows]
    rows[0]["peak_memory_mb"] = None
    del rows[1]["peak_memory_mb"]
    write_report(tmp_path / "a.html", scan, result.volume, rows=rows)
    table = re.search(
        r"Models compared</h2><table>(.*?)</table>", (tmp_path / "a.html").read_text(encoding="utf-8")
    )[1]
    memory = [re.findall(r'<td class="number">([^<]*)</td>', line)[-1] for line in table.split("<tr")[2:]]
    assert memory[:2] == ["–", "–"]
    assert float(memory[2]) >= 0


@pytest.mark.parametrize("colors", ["gray", "berlin", "magma"])
def test_a_picture_has_matplotlibs_colors(made, colors):
    volume, (low, high) = made[1].volume, (50.0, 700.0)
    url, width = picture(volume, "coronal", Window(low, high, colors))
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))
    pixels, tall = slice_of(volume, "coronal")
    expected = colormaps[colors](Normalize(low, high)(pixels), bytes=True)[..., :3]
    assert np.abs(shown.astype(int) - expected).max() <= 2
    assert width == pytest.approx(pixels.shape[1] / (pixels.shape[0] * tall))


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_every_picture_and_prints_the_page(page, tmp_path):
    probe = tmp_path / "probe.html"
    script = (
        "<script>addEventListener('load',()=>{const i=[...document.images];"
        "document.body.setAttribute('data-pictures',i.length+' '+i.filter(p=>p.naturalWidth>0&&p.clientWidth>20).length)})</script>"
    )
    probe.write_text(
        page.read_text(encoding="utf-8").replace("</body>", script + "</body>"), encoding="utf-8"
    )
    options = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    shown = subprocess.run(
        [*options, "--dump-dom", probe.as_uri()],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    ).stdout
    assert re.search(r'data-pictures="([^"]*)"', shown)[1] == "15 15"
    pdf = tmp_path / "report.pdf"
    subprocess.run(
        [*options, f"--print-to-pdf={pdf}", page.as_uri()], capture_output=True, timeout=120, check=True
    )
    assert pdf.read_bytes().startswith(b"%PDF")
    assert pdf.stat().st_size > 20000


def test_the_command_and_the_worker(made, tmp_path):
    scan, result = made
    paths = {name: tmp_path / f"{name}.nrrd" for name in ("scan", "result", "spread")}
    write_volume(scan, paths["scan"])
    write_volume(result.volume, paths["result"])
    write_volume(result.spread, paths["spread"])
    write_sidecar(paths["result"], result.provenance)
    page = tmp_path / "a.html"
    arguments = [
        "report",
        str(paths["scan"]),
        str(paths["result"]),
        str(page),
        "--spread",
        str(paths["spread"]),
        "--progress",
        "off",
    ]
    assert main(arguments) == 0
    assert page.read_text(encoding="utf-8").count("<img") == 3 * 4
    assert main([*arguments, "--rows", str(tmp_path / "nowhere.json")]) == 2
    other = tmp_path / "b.html"
    code, events = do(
        tmp_path,
        task="report",
        scan=str(paths["scan"]),
        result=str(paths["result"]),
        output=str(other),
        patient="P. Q.",
    )
    assert (code, events[-1]) == (0, {"event": "finished", "output": str(other)})
    assert "P. Q." in other.read_text(encoding="utf-8")
    assert any(e.get("stage") == "report" for e in events)
