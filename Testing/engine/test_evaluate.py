import json

import numpy as np
import pytest

from engine.conftest import phantom
from mrisr.catalog import load_model
from mrisr.cli import main
from mrisr.enhance import Settings
from mrisr.evaluate import Row, compare, evaluate, load_all, markdown_table
from mrisr.figure import comparison_figure, save, slice_of
from mrisr.files import read_volume, write_volume
from mrisr.protocols import PROTOCOLS, protocol_named
from mrisr.volume import Volume


def test_the_baselines_are_always_in_the_same_run(t1_path):
    rows = evaluate([("t1", read_volume(t1_path))], ["iso2", "kspace-2x2"], ["cubic"])
    assert {(r.protocol, r.model) for r in rows} == {
        (p, m) for p in ("iso2", "kspace-2x2") for m in ("linear", "cubic", "lanczos")
    }
    scores = {(r.protocol, r.model): r for r in rows}
    assert scores["iso2", "cubic"].psnr_mask > scores["iso2", "linear"].psnr_mask
    # On the scan's own matrix every interpolation is the scan itself.
    assert len({scores["kspace-2x2", m].psnr for m in ("linear", "cubic", "lanczos")}) == 1


def row(scan, model, psnr):
    return Row(scan, "iso2", model, psnr, psnr, 0.9, 0.8, 0.1, 2.0, 4.0, 10.0, "cpu")


def test_the_table_gives_means_deviations_and_gains_scan_by_scan():
    rows = [row("a", "cubic", 20), row("b", "cubic", 30), row("a", "net", 23), row("b", "net", 31)]
    lines = markdown_table(rows).splitlines()
    assert "| iso2 | cubic | 2 | 25.00 ± 7.07 | 0.00 ± 0.00 | 0.8000 ± 0.0000" in lines[2]
    assert "| iso2 | net | 2 | 27.00 ± 5.66 | 2.00 ± 1.41 |" in lines[3]
    assert lines[3].endswith("| 0.500 |")


def test_the_figure_shows_every_model_and_its_error(tmp_path):
    comparison = compare("phantom", phantom((24, 24, 24)), PROTOCOLS["iso2"], load_all([]))
    figure = comparison_figure(comparison, ["cubic", "lanczos"])
    titles = [ax.get_title().split("\n")[0] for ax in figure.axes if ax.get_title()]
    assert titles == ["reference", "scan", "cubic", "lanczos", "error of cubic", "error of lanczos"]
    save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_slices_are_shown_as_radiologists_look_at_them(signs, order):
    """Marks at the patient's right, front and top: right is on the left, front and top are up, in any orientation."""
    canonical = np.zeros((11, 11, 11))
    for axis in range(3):
        where = [5, 5, 5]
        where[axis] = 10
        canonical[tuple(where)] = axis + 1
    array, affine = canonical, np.eye(4)
    for axis, sign in enumerate(signs):
        if sign < 0:
            array = np.flip(array, axis)
            affine[:3, axis] *= -1
    volume = Volume(array.transpose(order), np.column_stack([affine[:, [*order]], affine[:, 3]]))
    axial, _ = slice_of(volume, "axial")
    coronal, _ = slice_of(volume, "coronal")
    sagittal, _ = slice_of(volume, "sagittal")
    assert (axial[5, 0], axial[0, 5]) == (1, 2)
    assert (coronal[5, 0], coronal[0, 5]) == (1, 3)
    assert (sagittal[5, 0], sagittal[0, 5]) == (2, 3)


def test_the_command_scores_the_mean_of_samples(tmp_path):
    scan, out = tmp_path / "scan.nii.gz", tmp_path / "rows.json"
    write_volume(phantom((20, 18, 16)), scan)
    found = {}
    for samples in (1, 4):
        arguments = ["--model", "edsr3d-iso2", "--samples", str(samples), "--output", str(out), "--progress", "off"]
        assert main(["evaluate", str(scan), *arguments]) == 0
        found[samples] = next(row for row in json.loads(out.read_text(encoding="utf-8")) if row["model"] == "edsr3d-iso2")
    models = {"edsr3d-iso2": load_model("edsr3d-iso2")}
    (expected,) = compare("scan", read_volume(scan), protocol_named("iso2"), models, settings=Settings(samples=4)).rows
    assert found[4]["psnr_mask"] == pytest.approx(expected.psnr_mask, abs=1e-3)
    assert found[4]["psnr_mask"] != pytest.approx(found[1]["psnr_mask"], abs=1e-3)
