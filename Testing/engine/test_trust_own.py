import json

import numpy as np
import pytest

from engine.conftest import phantom
from engine.test_worker import Silent, do
from engine.trust_scans import degraded, reference
from mrisr.cli import main
from mrisr.errors import Cancelled, InputError
from mrisr.evaluation.scores import BASELINES
from mrisr.evaluation.trial import TRANSFER, degrade_again, fitting, gain_error, try_on
from mrisr.image.files import write_volume
from mrisr.image.grid import Target
from mrisr.models import catalog
from mrisr.physics.acquisition import Acquisition
from mrisr.physics.protocols import PROTOCOLS
from mrisr.pipeline.planning import plan
from mrisr.pipeline.settings import Settings
from mrisr.progress import Monitor


def test_the_scan_is_degraded_by_its_own_acquisition_and_everyone_restores_it():
    scan = reference("t1")
    seen = []
    trial = try_on(scan, ["cubic"], Settings(acquisition="iso2"), name="neck", report=seen.append)
    scores = {row.model: row for row in trial.rows}
    assert list(scores) == list(BASELINES)
    assert seen == trial.rows
    assert all((row.scan, row.protocol) == ("neck", "own") for row in trial.rows)
    assert scores["cubic"].psnr_mask > scores["linear"].psnr_mask
    assert trial.best == max(trial.rows, key=lambda row: row.psnr_mask).model
    assert f"**{trial.best}** (best)" in trial.table
    assert trial.best in trial.sentence
    assert trial.gain == pytest.approx(scores[trial.best].psnr_mask - scores["cubic"].psnr_mask, abs=1e-3)
    assert trial.error > TRANSFER


def test_the_error_of_a_gain_is_how_much_it_varies_from_scan_to_scan():
    """Against the gains of many other scans of the same making, whose errors are alike within eight voxels."""
    from scipy.ndimage import gaussian_filter

    def made(seed):
        rng = np.random.default_rng(seed)
        truth = rng.uniform(0.2, 1, (40, 40, 40)).astype(np.float32)
        strength = np.exp(3 * gaussian_filter(rng.standard_normal(truth.shape), 2) / 0.05)
        first = truth + 0.05 * rng.standard_normal(truth.shape)
        second = truth + 0.02 * strength.clip(0, 5) * rng.standard_normal(truth.shape)
        return gain_error(truth, first.astype(np.float32), second.astype(np.float32))

    gains, errors = zip(*(made(seed) for seed in range(24)), strict=True)
    assert np.mean(errors) == pytest.approx(np.std(gains, ddof=1), rel=0.5)
    assert np.mean(errors) > 0.1


def test_a_model_that_comes_nearest_is_named_with_its_gain_and_the_error_of_that():
    scan, acquisition = degraded(reference("t1"), "iso2")
    trial = try_on(
        scan, ["gradient-filters-iso2"], Settings(acquisition=acquisition, target=Target.factor(2))
    )
    assert trial.best == "gradient-filters-iso2"
    assert f"{trial.gain:.1f} ± {trial.error:.1f} dB above cubic interpolation" in trial.sentence


def test_the_rows_are_those_of_an_evaluation_of_the_scan():
    """Degrading the scan by iso2 and comparing with the scan is exactly what `mrisr evaluate` does with it."""
    from mrisr.evaluation.scores import evaluate

    scan = reference("t2")
    own = try_on(scan, [], Settings(acquisition="iso2")).rows
    usual = evaluate([("t2", scan)], ["iso2"], [], acquisition="told")
    assert [row.psnr_mask for row in own] == pytest.approx([row.psnr_mask for row in usual], abs=1e-3)


@pytest.mark.parametrize("factor", [2, (1, 1, 3), (1.5, 1.5, 1), (1, 2, 1)])
def test_any_planned_target_can_be_tried(factor):
    scan = phantom((36, 40, 34), seed=2)
    trial = try_on(scan, [], Settings(target=Target.factor(factor)))
    assert all(np.isfinite(row.psnr_mask) for row in trial.rows)
    assert trial.rows[1].psnr_mask > 15


def test_a_truncated_scan_is_first_brought_to_its_true_matrix():
    """Cutting the same window out of k-space twice would change nothing, and every model would be perfect."""
    truth = reference("t1")
    scan, acquisition = degraded(truth, "kspace-2x2")
    again, low = degrade_again(scan, acquisition, scan.grid)
    halved = [round(n * k) for n, k in zip(scan.shape, acquisition.kspace, strict=True)]
    assert list(again.shape) == list(low.shape) == halved
    np.testing.assert_allclose(
        again.spacing, [s * n / m for s, n, m in zip(scan.spacing, scan.shape, halved, strict=True)]
    )
    assert np.abs(low.array - again.array)[again.array > 0.05].std() > 0.01
    trial = try_on(scan, [], Settings(acquisition="kspace-2x2", target=Target.factor(1)))
    assert all(row.psnr_mask < 45 for row in trial.rows)


def test_all_models_that_fit_are_tried_and_no_others():
    names = fitting((2, 2, 2), Acquisition.of_factor((2, 2, 2)))
    cards = {card.name: card for card in catalog.list_models()}
    assert all(cards[name].misfit((2, 2, 2)) is None for name in names)
    assert not set(BASELINES) & set(names)
    assert set(fitting((1, 9, 1), Acquisition.of_factor((1, 9, 1)))) <= {
        n for n, c in cards.items() if c.misfit((1, 9, 1)) is None
    }


def test_too_small_a_scan_is_refused_with_a_sentence():
    with pytest.raises(InputError, match="too few voxels"):
        try_on(phantom((8, 30, 30)), [], Settings(acquisition="iso2"))


def test_cancel_stops_between_models():
    monitor = Monitor(lambda stage, done, _total: monitor.cancel.cancel() if done == 1 else None)
    seen = []
    with pytest.raises(Cancelled):
        try_on(reference("t1"), [], Settings(acquisition="iso2"), monitor=monitor, report=seen.append)
    assert len(seen) == 1


def test_the_command_prints_the_table_and_writes_the_rows(tmp_path, capsys):
    path, rows = tmp_path / "scan.nii.gz", tmp_path / "rows.json"
    write_volume(reference("t2"), path)
    assert (
        main(
            [
                "evaluate",
                "--own",
                str(path),
                "--model",
                "cubic",
                "--factor",
                "2",
                "--output",
                str(rows),
                "--progress",
                "off",
            ]
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert "| own | told | cubic |" in printed
    assert "(best)" in printed
    assert [row["model"] for row in json.loads(rows.read_text(encoding="utf-8"))] == list(BASELINES)


def test_the_worker_sends_a_row_a_model_and_obeys_cancel(tmp_path):
    path = tmp_path / "scan.nrrd"
    write_volume(reference("t1"), path)
    job = {
        "task": "trial",
        "input": str(path),
        "models": [],
        "settings": {"target": {"kind": "factor", "values": [2, 2, 2]}},
    }
    code, events = do(tmp_path, **job)
    assert code == 0
    rows = [e["row"] for e in events if e["event"] == "row"]
    last = events[-1]
    assert last["event"] == "finished"
    assert last["rows"] == rows
    assert last["best"] in {row["model"] for row in rows}
    assert "PSNR" in last["table"]
    assert last["sentence"]

    class Eager(Silent):
        def __iter__(self):
            return iter(["cancel\n"])

    code, events = do(tmp_path, Eager(), **job)
    assert (code, events[-1]["event"]) == (130, "cancelled")


def test_the_protocols_whose_matrix_is_kept_all_work():
    scan = phantom((64, 60, 48), seed=1)
    for name in [p.name for p in PROTOCOLS.values() if p.same_matrix]:
        planned = plan(scan.grid, None, name)
        again, low = degrade_again(scan, planned.acquisition, planned.target)
        assert again.shape == low.shape
        assert np.abs(again.array - low.array).max() > 0.01, name
