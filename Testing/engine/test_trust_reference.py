import json

import numpy as np
import pytest
import SimpleITK as sitk

from engine.test_worker import do
from engine.trust_scans import degraded, head, reference
from mrisr.cli import main
from mrisr.errors import Cancelled
from mrisr.evaluation.reference import align, compare_with
from mrisr.image.files import read_volume, write_volume
from mrisr.image.itk import from_itk, to_itk
from mrisr.image.volume import Volume
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.progress import Monitor


def moved(volume, degrees, shift):
    """The subject turned about the volume's centre and shifted, seen on the same grid and at another brightness."""
    image = to_itk(volume.array.astype(np.float32), volume.affine)
    centre = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    motion = sitk.Euler3DTransform(centre, *np.radians(degrees), shift)
    other = from_itk(sitk.Resample(image, image, motion, sitk.sitkBSpline3, 0.0))
    return Volume(np.maximum(other.array, 0) * 3 + 20, volume.affine)


@pytest.mark.parametrize("contrast", ["t1", "t2"])
def test_a_moved_reference_is_brought_back(contrast):
    result = reference(contrast)
    degrees, shift = (3.0, -2.0, 4.0), (2.0, -1.5, 1.0)
    aligned = align(moved(result, degrees, shift), result)
    assert aligned.rotation_degrees == pytest.approx(np.linalg.norm(degrees), abs=0.5)
    assert aligned.translation_mm == pytest.approx(np.linalg.norm(shift), abs=0.4)
    seen = aligned.volume.array > 0
    inner = tuple(slice(8, -8) for _ in range(3))
    assert (
        np.corrcoef(aligned.volume.array[inner][seen[inner]], result.array[inner][seen[inner]])[0, 1] > 0.98
    )


def test_the_scores_do_not_depend_on_the_references_brightness_and_find_the_better_result():
    truth = reference("t1")
    scan, acquisition = degraded(truth, "iso2")
    result = enhance(
        scan, Settings(model="lanczos", target=truth.grid, acquisition=acquisition, consistency=10)
    ).volume
    found = compare_with(result, truth.with_array(truth.array * 700 + 5), scan)
    rows = {row.model: row for row in found.rows}
    assert list(rows) == ["result", "linear", "cubic", "lanczos"]
    assert rows["result"].psnr_mask > rows["cubic"].psnr_mask > rows["linear"].psnr_mask
    assert "| reference |  | result |" in found.table
    assert "the result" in found.sentence
    assert found.error.shape == result.shape
    # In the reference's units: as large as the scores say.
    error = np.sqrt(np.mean(found.error.array**2)) / 700
    assert -20 * np.log10(error) == pytest.approx(rows["result"].psnr, abs=0.5)


def test_an_invented_lesion_is_the_brightest_place_of_the_error_map():
    from engine.trust_scans import with_lesion

    truth = reference("t1")
    invented, where = with_lesion(truth, truth.array, 0.5)
    error = compare_with(invented, truth).error.array
    assert np.linalg.norm(np.array(np.unravel_index(np.argmax(error), error.shape)) - where) < 3


def test_cancel_stops_the_registration():
    volume = head((48, 44, 40))
    monitor = Monitor(
        lambda stage, done, _total: monitor.cancel.cancel() if stage == "registration" and done == 3 else None
    )
    with pytest.raises(Cancelled):
        align(moved(volume, (3, 0, 0), (1, 0, 0)), volume, monitor)


def test_the_command_and_the_worker(tmp_path, capsys):
    truth = head((48, 44, 40))
    scan, _ = degraded(truth, "iso2")
    paths = {name: tmp_path / f"{name}.nrrd" for name in ("scan", "result", "reference", "error", "aligned")}
    write_volume(scan, paths["scan"])
    write_volume(truth.with_array(truth.array * 0.9), paths["result"])
    write_volume(truth, paths["reference"])
    arguments = [
        paths["result"],
        paths["reference"],
        "--scan",
        paths["scan"],
        "--error",
        paths["error"],
        "--progress",
        "off",
    ]
    rows = tmp_path / "rows.json"
    assert main(["compare", *map(str, arguments), "--output", str(rows)]) == 0
    assert "Nearest to the reference is the result" in capsys.readouterr().out
    assert len(json.loads(rows.read_text(encoding="utf-8"))) == 4
    assert read_volume(paths["error"]).shape == truth.shape
    code, events = do(
        tmp_path,
        task="comparison",
        result=str(paths["result"]),
        reference=str(paths["reference"]),
        aligned=str(paths["aligned"]),
    )
    last = events[-1]
    assert (code, last["event"], len(last["rows"])) == (0, "finished", 1)
    assert last["error"] is None
    assert last["rotation_degrees"] < 0.5
    assert last["translation_mm"] < 0.3
    assert read_volume(last["aligned"]).shape == truth.shape
    assert do(tmp_path, task="comparison", result=str(paths["result"]))[0] == 2
