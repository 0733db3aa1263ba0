import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import Normalize
from PIL.ImageDraw import ImageDraw

from engine.conftest import phantom
from mrisr.cli import main
from mrisr.evaluation.card_entries import speed
from mrisr.evaluation.scores import BASELINES, Row, compare, evaluate, load_all, markdown_table
from mrisr.image.files import read_volume, write_volume
from mrisr.image.metrics import score
from mrisr.image.volume import Volume
from mrisr.models.card import CARD
from mrisr.models.catalog import PACKAGED, check_new, load_model
from mrisr.physics.protocols import PROTOCOLS, prepare_reference, protocol_named
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.reports.contact_sheet import CELL, GAP, MARGIN, SIZES, SPACING
from mrisr.reports.figure import PLANES, comparison_figure, save, slice_of


def test_the_baselines_are_always_in_the_same_run(t1_path):
    rows = evaluate([("t1", read_volume(t1_path))], ["iso2", "kspace-2x2"], ["cubic"], acquisition="told")
    assert {(r.protocol, r.model) for r in rows} == {
        (p, m) for p in ("iso2", "kspace-2x2") for m in BASELINES
    }
    scores = {(r.protocol, r.model): r for r in rows}
    assert scores["iso2", "cubic"].psnr_mask > scores["iso2", "linear"].psnr_mask
    assert scores["iso2", "back-projection"].psnr_mask > scores["iso2", "cubic"].psnr_mask + 0.5
    # On the scan's own matrix every interpolation is the scan itself.
    assert len({scores["kspace-2x2", m].psnr for m in ("linear", "cubic", "lanczos")}) == 1


def row(scan, model, psnr, memory=10.0):
    scores = (psnr, psnr, 0.9, 0.8, 0.1)
    return Row(scan, "iso2", model, *scores, 2.0, 4.0, memory, "cpu", acquisition="told")


@pytest.mark.parametrize(("memories", "expected"), [([8.0, 40.0, None], 6.0), ([None, None, None], None)])
def test_a_card_tells_the_memory_only_where_it_was_measured(memories, expected):
    rows = [vars(row(scan, "net", 20, memory)) for scan, memory in zip("abc", memories, strict=True)]
    del rows[2]["peak_memory_mb"]  # as `mrisr evaluate --output` writes what was not measured
    entry = speed(rows, "here")
    assert entry.get("peak_memory_mb_per_megavoxel") == expected
    data = json.loads((PACKAGED / "edsr3d-iso2" / CARD).read_text(encoding="utf-8"))
    check_new(data | {"speed": {"cpu-fp32": entry}})


def test_the_table_gives_means_deviations_and_gains_scan_by_scan():
    rows = [row("a", "cubic", 20), row("b", "cubic", 30), row("a", "net", 23), row("b", "net", 31)]
    rows += [
        replace(row("a", "cubic", 20), acquisition="default"),
        replace(row("a", "net", 19), acquisition="default"),
    ]
    lines = markdown_table(rows).splitlines()
    assert "| iso2 | told | cubic | 2 | 25.00 ± 7.07 | 0.00 ± 0.00 | 0.8000 ± 0.0000" in lines[2]
    assert "| iso2 | told | net | 2 | 27.00 ± 5.66 | 2.00 ± 1.41 |" in lines[3]
    assert lines[3].endswith("| 0.500 |")
    assert "| iso2 | default | net | 1 | 19.00 | -1.00 |" in lines[5]
    assert len({line.count("|") for line in lines}) == 1


def test_by_default_nobody_tells_and_what_is_told_is_the_protocols_own():
    volume = phantom((28, 32, 28))
    models = {name: load_model(name) for name in ("cubic", "back-projection")}
    rows = {
        known: {
            row.model: row for row in compare("a", volume, PROTOCOLS["iso2"], models, acquisition=known).rows
        }
        for known in ("default", "told", "blur:2")
    }
    assert rows["default"]["cubic"].psnr == rows["told"]["cubic"].psnr, "interpolation asks nobody"
    reference = prepare_reference(volume)
    scan = PROTOCOLS["iso2"].simulate(reference)
    for known, stated in (("default", None), ("told", "iso2"), ("blur:2", "blur:2")):
        settings = Settings(model="back-projection", target=reference.grid, acquisition=stated)
        exact = score(reference.array, enhance(scan, settings).volume.array)
        assert rows[known]["back-projection"].psnr_mask == pytest.approx(exact.psnr_mask), known
        assert {row.acquisition for row in rows[known].values()} == {known}


@pytest.fixture
def written(monkeypatch):
    """The lines that are written on pictures."""
    lines, write = [], ImageDraw.text
    monkeypatch.setattr(
        ImageDraw,
        "text",
        lambda pen, where, text, **more: (lines.append(text), write(pen, where, text, **more)),
    )
    return lines


def test_the_figure_shows_every_model_and_its_error(written):
    comparison = compare("phantom", phantom((28, 28, 28)), PROTOCOLS["iso2"], load_all([]))
    figure = comparison_figure(comparison, ["cubic", "lanczos"])
    heads = ["reference", "scan", "cubic", "lanczos", "error of cubic", "error of lanczos"]
    assert [line for line in written if line in heads] == heads
    scores = {row.model: row for row in comparison.rows}
    assert f"{scores['lanczos'].psnr_mask:.2f} dB, SSIM {scores['lanczos'].ssim_mask:.3f}" in written
    assert written[-1].startswith("iso2. Research use only.")
    assert CELL[0] == 280  # 28 voxels across: each becomes 10 by 10 dots
    top = figure.height - 3 * (CELL[0] + GAP) - round(SPACING * SIZES[0]) - MARGIN
    dots = np.asarray(figure)
    for row, plane in enumerate(PLANES):
        y, exact = top + row * (CELL[0] + GAP), slice_of(comparison.reference, plane)[0]
        cells = [
            dots[y : y + 280, x : x + 280][5::10, 5::10]
            for x in range(MARGIN, figure.width - MARGIN, CELL[0] + GAP)
        ]
        assert np.abs(cells[0] - 255 * exact[..., None]).max() <= 1
        estimate = slice_of(comparison.restored["cubic"], plane)[0]
        assert np.abs(cells[2] - 255 * np.clip(estimate, 0, 1)[..., None]).max() <= 1
        expected = colormaps["berlin"](Normalize(-0.2, 0.2)(estimate - exact), bytes=True)[..., :3]
        assert np.abs(cells[4].astype(int) - expected).max() <= 2


def test_the_scan_in_the_figure_shows_its_voxels():
    comparison = compare("phantom", phantom((28, 28, 28)), PROTOCOLS["iso2"], load_all([]))
    figure = comparison_figure(comparison, [], ["axial"])
    dots = np.asarray(figure)[-MARGIN - round(SPACING * SIZES[0]) - GAP - 280 :, MARGIN + CELL[0] + GAP :][
        :280, :280
    ]
    voxels = dots[5::10, 5::10, 0]
    assert np.array_equal(voxels[::2], voxels[1::2])
    assert np.array_equal(voxels[:, ::2], voxels[:, 1::2])
    assert len(np.unique(voxels)) > 20


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.PDF", b"%PDF")])
def test_figures_are_written_as_their_names_say(tmp_path, name, start):
    comparison = compare("phantom", phantom((16, 16, 16)), PROTOCOLS["iso2"], load_all([]))
    save(comparison_figure(comparison, ["cubic"]), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_a_figure_of_lines_is_refused_before_anything_is_computed(tmp_path, capsys):
    write_volume(phantom((16, 16, 16)), tmp_path / "scan.nii.gz")
    assert (
        main(
            [
                "evaluate",
                str(tmp_path / "scan.nii.gz"),
                "--figure",
                str(tmp_path / "a.svg"),
                "--progress",
                "off",
            ]
        )
        == 2
    )
    assert "end its name in one of .png, .pdf" in capsys.readouterr().err


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
        arguments = [
            "--model",
            "edsr3d-iso2",
            "--samples",
            str(samples),
            "--output",
            str(out),
            "--overwrite",
            "--progress",
            "off",
        ]
        assert main(["evaluate", str(scan), *arguments]) == 0
        found[samples] = next(
            row for row in json.loads(out.read_text(encoding="utf-8")) if row["model"] == "edsr3d-iso2"
        )
    models = {"edsr3d-iso2": load_model("edsr3d-iso2")}
    (expected,) = compare(
        "scan", read_volume(scan), protocol_named("iso2"), models, settings=Settings(samples=4)
    ).rows
    assert found[4]["psnr_mask"] == pytest.approx(expected.psnr_mask, abs=1e-3)
    assert found[4]["psnr_mask"] != pytest.approx(found[1]["psnr_mask"], abs=1e-3)
