import json
from dataclasses import replace

import numpy as np
import pytest

from engine.conftest import phantom
from engine.test_worker import do
from mrisr.cli import main
from mrisr.errors import InputError
from mrisr.image.files import read_volume, write_volume
from mrisr.image.grid import Target
from mrisr.models import catalog
from mrisr.models.base import Model
from mrisr.physics.acquisition import Acquisition
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.trust.spread import Flip, Moments, flips


class Uneven(Model):
    """Adds something that depends on which end is the first: what flips must average out."""

    def __init__(self, slope=0.1):
        super().__init__(catalog.find("cubic"))
        self.slope = np.float32(slope)
        self.contexts = []

    def restore(self, initial, context):
        self.contexts.append(context)
        # Scan, estimate and operator lie the same way.
        assert np.corrcoef(context.operator.forward(initial).ravel(), context.measured.ravel())[0, 1] > 0.97
        return initial + self.slope * np.linspace(-1, 1, len(initial), dtype=np.float32)[:, None, None]


class Dice(Model):
    """Adds what a seed says."""

    stochastic = True

    def restore(self, initial, context):
        return initial + np.random.default_rng(context.seed).normal(0, 0.05, initial.shape).astype(np.float32)


def not_a_magnitude():
    """A scan with negative values, of whose results nothing is cut off."""
    scan = phantom((16, 18, 12))
    return scan.with_array(scan.array - 100)


def test_flips_average_out_what_depends_on_direction_and_the_spread_shows_it():
    scan = not_a_magnitude()
    settings = Settings(target=Target.factor(2), consistency=0)
    model = Uneven()
    once = enhance(scan, settings, model=model)
    assert once.spread is None
    result = enhance(scan, replace(settings, samples=8), model=model)
    plain = enhance(scan, settings)
    np.testing.assert_allclose(result.volume.array, plain.volume.array, atol=0.05)
    scale = 0.1 * np.abs(np.linspace(-1, 1, 32)) * np.sqrt(8 / 7)
    peak = np.percentile(scan.array, 99.9) + 100
    expected = np.broadcast_to(scale[:, None, None], result.spread.shape) * peak
    np.testing.assert_allclose(result.spread.array, expected, atol=0.01 * peak)
    np.testing.assert_allclose(result.spread.affine, result.volume.affine)
    assert result.provenance["samples"] == 8
    assert len({c.measured.tobytes() for c in model.contexts[1:]}) == 8


def test_symmetric_models_have_no_spread():
    result = enhance(
        phantom((16, 18, 12)),
        Settings(model="cubic", target=Target.factor((1, 2, 4)), samples=8, consistency=3),
    )
    assert result.spread.array.max() < 1e-4 * result.volume.array.max()


def test_the_flipped_operator_is_the_operator_of_the_flipped_scan():
    """Sub-pixel phases stay right: A of the flip is the flip of A, also with k-space windows and slices that leave gaps."""
    scan = phantom((12, 14, 10))
    target = Target.factor((2, 1, 3)).grid(scan.grid)
    acquisition = Acquisition(
        profile=("gaussian", "none", "rectangle"), width=(1.2, 1, 0.7), kspace=(1, 0.5, 1)
    )
    operator = acquisition.operator(target, scan.grid)
    x = np.random.default_rng(0).random(target.shape, dtype=np.float32)
    for flip in flips(scan.grid, target, 8):
        turned = flip.operator(operator).forward(flip.array(x))
        np.testing.assert_allclose(turned, flip.array(operator.forward(x)), atol=1e-5)


def test_there_are_eight_ways_and_fewer_where_an_axis_cannot_be_turned():
    scan = phantom((12, 14, 10)).grid
    assert [f.axes for f in flips(scan, Target.factor(2).grid(scan), 4)] == [(), (0,), (1,), (2,)]
    assert len(set(flips(scan, Target.factor(2).grid(scan), 99))) == 8
    uneven = Target.factor((1, 1, 1.33)).grid(scan)  # 10 voxels become 13.3: the last one sticks out
    assert {f.axes for f in flips(scan, uneven, 8)} == {(), (0,), (1,), (0, 1)}
    assert Flip((0, 2)).array(Flip((0, 2)).array(np.arange(8).reshape(2, 2, 2)))[1, 0, 1] == 5


def test_models_that_draw_random_numbers_are_sampled_by_seed():
    scan, settings = not_a_magnitude(), Settings(target=Target.factor(2), samples=16, consistency=0)
    model = Dice(catalog.find("cubic"))
    result = enhance(scan, settings, model=model)
    peak = np.percentile(scan.array, 99.9) + 100
    assert np.median(result.spread.array) == pytest.approx(0.05 * peak, rel=0.05)
    np.testing.assert_array_equal(enhance(scan, settings, model=model).volume.array, result.volume.array)
    other = enhance(scan, replace(settings, seed=100), model=model)
    assert np.abs(other.volume.array - result.volume.array).max() > 0


def test_moments_are_those_of_numpy():
    samples = np.random.default_rng(0).normal(5, 2, (7, 4, 3, 2)).astype(np.float32)
    moments = Moments()
    for sample in samples:
        moments.add(sample)
    np.testing.assert_allclose(moments.mean, samples.mean(0), rtol=1e-5)
    np.testing.assert_allclose(moments.deviation, samples.std(0, ddof=1), rtol=1e-4)


def test_a_regions_spread_covers_the_region():
    settings = Settings(target=Target.factor(2), samples=2, region=((2, 3, 4), (8, 9, 8)))
    result = enhance(phantom((16, 18, 12)), settings, model=Uneven())
    assert result.spread.shape == result.volume.shape == (12, 12, 8)


def test_the_command_and_the_worker_write_the_spread(tmp_path):
    scan, out, spread = tmp_path / "scan.nrrd", tmp_path / "out.nrrd", tmp_path / "spread.nrrd"
    write_volume(phantom((16, 18, 12)), scan)
    assert (
        main(["enhance", str(scan), str(out), "--factor", "2", "--spread", str(spread), "--progress", "off"])
        == 0
    )
    assert read_volume(spread).shape == read_volume(out).shape == (32, 36, 24)
    assert json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["samples"] == 8
    again = tmp_path / "again.nrrd"
    settings = {"target": {"kind": "factor", "values": [2, 2, 2]}}
    job = {
        "task": "enhancement",
        "input": str(scan),
        "output": str(tmp_path / "b.nrrd"),
        "settings": settings,
    }
    code, events = do(tmp_path, **(job | {"settings": settings | {"samples": 4}}), spread=str(again))
    last = events[-1]
    assert (code, last["spread"], last["provenance"]["samples"]) == (0, str(again), 4)
    assert last["provenance"]["trust"]["agreement"] == "green"
    assert again.exists()
    code, events = do(tmp_path, **(job | {"output": str(tmp_path / "c.nrrd")}))
    assert (code, events[-1]["spread"]) == (0, None)
    code, events = do(tmp_path, **(job | {"output": str(tmp_path / "d.nrrd")}), spread="spread.xyz")
    assert (code, events[-1]["kind"]) == (2, "FileError")


def test_a_negative_number_of_samples_is_refused():
    with pytest.raises(InputError, match="samples"):
        Settings(samples=-1)
