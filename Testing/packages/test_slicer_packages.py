"""All but networks runs with what 3D Slicer 5.10 ships, and nothing else; the results are those of the usual packages."""

import base64
import io
import json
import re
import sys

import numpy as np
import pydicom
import pytest
from PIL import Image

from engine import test_worker
from engine.conftest import oblique_affine, phantom
from engine.trust_dicom import write_series
from mrisr.cli import main
from mrisr.evaluation.scores import BASELINES
from mrisr.image.files import read_volume, write_volume
from mrisr.image.grid import Target
from mrisr.image.volume import Volume
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.pipeline.sidecar import write_sidecar
from mrisr.reports.cut import Cut
from mrisr.reports.report import middle_of
from packages.environments import child, packages_of, required, slicer_python

TOLD = Settings(model="cubic", target=Target.factor((1, 1, 4)), acquisition="thick4")
MODELS = ("linear", "cubic", "lanczos")
SCORES = ("psnr", "psnr_mask", "ssim", "ssim_mask", "nrmse")
COMMANDS = """
import contextlib, io, json, sys
from mrisr.cli import main
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
for arguments in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def python():
    return slicer_python()


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder: a sharp scan, one with thick slices (a file and a series), its enhancement, a reference 3 mm off, and a clipped scan."""
    folder = tmp_path_factory.mktemp("scans")
    sharp = phantom((32, 36, 44), affine=oblique_affine())
    write_volume(sharp, folder / "sharp.nrrd")
    thick = PROTOCOLS["thick4"].simulate(sharp, axis=2)
    write_volume(thick, folder / "thick.nrrd")
    made = enhance(thick, TOLD)
    write_volume(made.volume, folder / "result.nrrd")
    write_sidecar(folder / "result.nrrd", made.provenance)
    write_series(thick.with_array(np.rint(thick.array)), folder / "series")
    moved = sharp.affine.copy()
    moved[:3, 3] += [2, -1, 2]
    write_volume(Volume(sharp.array, moved), folder / "moved.nrrd")
    write_volume(thick.with_array(np.minimum(thick.array, 450)), folder / "clipped.nrrd")
    return folder


@pytest.fixture
def both(python, scans, tmp_path):
    """Does a job with Slicer's packages and with the usual ones: the last events, and the folders of the outputs."""

    def do(**job):
        ends = []
        for name in ("slicer", "usual"):
            folder = tmp_path / name
            folder.mkdir()
            places = {
                key: value.format(scans=scans, out=folder) if isinstance(value, str) else value
                for key, value in job.items()
            }
            if name == "usual":
                code, events = test_worker.do(folder, **places)
                assert code == 0, events[-1]
            else:
                (folder / "job.json").write_text(json.dumps(places))
                code, said, errors = child(python, "-m", "mrisr.worker", str(folder / "job.json"))
                assert (code, errors) == (0, ""), said[-2000:]
                events = [json.loads(line) for line in said.splitlines()]
            ends.append(events[-1])
        return (*ends, tmp_path / "slicer", tmp_path / "usual")

    return do


def same(name, one, other):
    """Whether two files hold the same volume, to 1e-5 of its peak; that volume."""
    found, expected = read_volume(one / name), read_volume(other / name)
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-6)
    np.testing.assert_allclose(found.array, expected.array, atol=1e-5 * np.abs(expected.array).max())
    return found


def same_rows(found, expected):
    assert [row["model"] for row in found] == [row["model"] for row in expected]
    for mine, theirs in zip(found, expected, strict=True):
        assert [mine[score] for score in SCORES] == pytest.approx(
            [theirs[score] for score in SCORES], rel=1e-4
        )


def test_the_environment_holds_what_slicer_ships_and_nothing_more(python):
    assert packages_of(python) == required("requirements-slicer-5.10.txt")


def test_the_simulation(both):
    _, _, slicer, usual = both(
        task="simulation", input="{scans}/sharp.nrrd", output="{out}/low.nrrd", protocol="iso2-noisy", seed=3
    )
    assert same("low.nrrd", slicer, usual).shape == (16, 18, 22)


@pytest.mark.parametrize("model", MODELS)
def test_an_interpolation_with_all_it_gives(both, model):
    end, expected, slicer, usual = both(
        task="enhancement",
        input="{scans}/thick.nrrd",
        output="{out}/out.nrrd",
        residual="{out}/rest.nrrd",
        spread="{out}/spread.nrrd",
        settings={
            "model": model,
            "acquisition": "thick4",
            "target": {"kind": "factor", "values": [1, 1, 4]},
            "samples": 2,
            "consistency": 3,
        },
    )
    assert same("out.nrrd", slicer, usual).shape == (32, 36, 44)
    same("rest.nrrd", slicer, usual)
    same("spread.nrrd", slicer, usual)
    mine, theirs = end["provenance"]["trust"], expected["provenance"]["trust"]
    assert mine["color"] == theirs["color"]
    assert mine["ratio"] == pytest.approx(theirs["ratio"], rel=1e-3)
    used, shipped = end["provenance"]["software"], required("requirements-slicer-5.10.txt")
    assert (used["numpy"], used["scipy"]) == (shipped["numpy"], shipped["scipy"])


def test_the_check_of_a_scan(both):
    end, expected, *_ = both(task="check", input="{scans}/clipped.nrrd", model="cubic")
    assert "clipped" in [warning["code"] for warning in end["warnings"]]
    assert end["warnings"] == expected["warnings"]


def test_the_trial_on_the_own_scan(both):
    end, expected, *_ = both(
        task="trial", input="{scans}/sharp.nrrd", models=["linear"],
        settings={"target": {"kind": "factor", "values": [2, 2, 2]}, "acquisition": "iso2"},
    )  # fmt: skip
    same_rows(end["rows"], expected["rows"])
    assert (end["best"], end["sentence"]) == (expected["best"], expected["sentence"])
    assert {row["model"] for row in end["rows"]} == set(BASELINES)
    assert all((row["peak_memory_mb"] is None) != sys.platform.startswith("linux") for row in end["rows"])


def test_the_comparison_with_a_reference(both):
    end, expected, slicer, usual = both(
        task="comparison",
        result="{scans}/result.nrrd",
        reference="{scans}/moved.nrrd",
        scan="{scans}/thick.nrrd",
        error="{out}/error.nrrd",
        aligned="{out}/aligned.nrrd",
    )
    assert end["translation_mm"] == pytest.approx(3, abs=0.2)
    assert end["translation_mm"] == pytest.approx(expected["translation_mm"], abs=0.05)
    assert [row["model"] for row in end["rows"]] == ["result", *MODELS]
    for mine, theirs in zip(end["rows"], expected["rows"], strict=True):  # registrations end where they end
        assert mine["psnr_mask"] == pytest.approx(theirs["psnr_mask"], abs=0.5)
    for name, likeness in (("aligned.nrrd", 0.995), ("error.nrrd", 0.95)):
        mine, theirs = (read_volume(folder / name).array for folder in (slicer, usual))
        assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > likeness


def test_the_report(both, scans):
    rows = [
        {
            "model": "cubic",
            "psnr_mask": 20.5,
            "ssim_mask": 0.7,
            "psnr": 21,
            "ssim": 0.8,
            "nrmse": 0.1,
            "seconds": 1.0,
        }
    ]
    inputs = {"scan": "{scans}/thick.nrrd", "result": "{scans}/result.nrrd", "error": "{scans}/result.nrrd"}
    _, _, slicer, usual = both(task="report", **inputs, output="{out}/a.html", rows=rows)
    page, expected = ((folder / "a.html").read_text(encoding="utf-8") for folder in (slicer, usual))
    drawn, wanted = (re.findall(r'alt="([^"]+)"[^>]*base64,([^"]+)', text) for text in (page, expected))
    assert [title for title, _ in drawn] == [title for title, _ in wanted]
    assert len(drawn) == 3 * 4 + 5, (
        "scan, result, residual and error in three directions, one place from near"
    )
    for (_, one), (_, other) in zip(drawn, wanted, strict=True):
        assert np.abs(pixels(one).astype(int) - pixels(other)).max() <= 1
    result = read_volume(scans / "result.nrrd")
    scale = np.percentile(read_volume(scans / "thick.nrrd").array, 99.9)
    shown = pixels(next(picture for title, picture in drawn if title.startswith("Result, sagittal")))
    sagittal = Cut.through(result.grid, "sagittal", middle_of(result)).of(result)
    assert np.abs(shown - 255 * np.clip(sagittal / scale, 0, 1)[..., None]).max() <= 2
    assert '<td class="number">–</td>' in page
    assert re.sub(r'base64,[^"]+', "", page) == re.sub(r'base64,[^"]+', "", expected)


def pixels(text):
    """(rows, columns, 3) of a picture in a page."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


def test_the_dicom_series(both, scans):
    end, _, slicer, _ = both(
        task="dicom",
        result="{scans}/result.nrrd",
        source="{scans}/series",
        output="{out}/series",
        provenance={"model": "cubic"},
    )
    result = read_volume(scans / "result.nrrd")
    assert end["files"] == len(list((slicer / "series").iterdir())) == result.shape[2]
    back = read_volume(slicer / "series")  # by SimpleITK, which may count the slices from the other end
    order = slice(None) if (np.linalg.inv(back.affine) @ result.affine)[2, 2] > 0 else slice(None, None, -1)
    np.testing.assert_allclose(back.array[:, :, order], result.array, atol=0.51)
    first = pydicom.dcmread(slicer / "series" / "IM00001.dcm")
    assert (first.PatientName, first.SeriesNumber) == ("Doe^Jane", 9003)
    assert first.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert str(first.SeriesInstanceUID) == end["series_uid"]


def test_the_worker_that_stays(python, scans, tmp_path):
    """It starts without torch, enhances, and names what a network needs."""
    requests = []
    for model in ("edsr3d-thick", "cubic"):
        path = tmp_path / f"{model}.job"
        settings = {"model": model, "target": {"kind": "factor", "values": [1, 1, 4]}}
        job = {"input": str(scans / "thick.nrrd"), "output": str(tmp_path / f"{model}.nrrd")}
        path.write_text(json.dumps({"task": "enhancement", **job, "settings": settings}))
        requests.append(json.dumps({"job": str(path)}))
    code, said, errors = child(python, "-m", "mrisr.worker", requests=[*requests, '{"idle": 0.1}'])
    assert (code, errors) == (0, "")
    events = [json.loads(line) for line in said.splitlines()]
    ends = [event for event in events if event["event"] in ("failed", "finished")]
    assert [event["event"] for event in ends] == ["failed", "finished"]
    assert "torch, safetensors" in ends[0]["message"]
    assert read_volume(tmp_path / "cubic.nrrd").shape == (32, 36, 44)


def test_the_commands(python, scans, tmp_path):
    scan, result, sharp = (str(scans / f"{name}.nrrd") for name in ("thick", "result", "sharp"))
    lines = [
        ["--help"],
        ["models"],
        ["check", scan],
        ["simulate", sharp, str(tmp_path / "low.nrrd"), "--protocol", "iso2"],
        ["enhance", scan, str(tmp_path / "out.nrrd"), "--model", "cubic", "--factor", "1,1,4"],
        [
            "evaluate",
            sharp,
            "--protocol",
            "iso2",
            "--figure",
            str(tmp_path / "slicer.png"),
            "--output",
            str(tmp_path / "rows.json"),
        ],
        ["compare", result, sharp],
        ["report", scan, result, str(tmp_path / "a.html")],
        ["dicom", result, str(scans / "series"), str(tmp_path / "series")],
        ["enhance", scan, str(tmp_path / "net.nrrd"), "--model", "edsr3d-thick"],
        ["enhance", str(tmp_path / "a.nii.gz"), str(tmp_path / "b.nrrd"), "--model", "cubic"],
        ["figure", "schedule", str(tmp_path / "b.png")],
    ]
    (tmp_path / "a.nii.gz").write_bytes(b"")
    code, said, errors = child(python, "-c", COMMANDS, json.dumps(lines))
    assert (code, errors) == (0, "")
    done = [json.loads(line) for line in said.splitlines()]
    assert [code for code, _ in done] == [0] * 9 + [2] * 3, done
    assert read_volume(tmp_path / "out.nrrd").shape == (32, 36, 44)
    for (_, words), packages in zip(done[9:], ("torch, safetensors", "nibabel", "torch"), strict=True):
        named = re.search(r"mrisr: .* needs the Python packages? (.*); install with pip", words)[1]
        assert set(named.split(", ")) == set(packages.split(", "))
    usual, rows = tmp_path / "usual.png", tmp_path / "usual.json"
    assert main([*lines[5][:4], "--figure", str(usual), "--output", str(rows), "--progress", "off"]) == 0
    same_rows(
        *(json.loads((tmp_path / name).read_text(encoding="utf-8")) for name in ("rows.json", "usual.json"))
    )
    ours, theirs = (np.asarray(Image.open(path)).astype(int) for path in (tmp_path / "slicer.png", usual))
    assert np.mean(np.abs(ours - theirs)) < 1  # letters may differ by a shade from one Pillow to the next
