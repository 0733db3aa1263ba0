import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from engine.conftest import oblique_affine, phantom
from mrisr.compute import device, slabs
from mrisr.compute.device import Compute, resolve
from mrisr.errors import DeviceError, InputError, OutOfMemory
from mrisr.image.files import read_volume
from mrisr.image.grid import Target
from mrisr.image.volume import Volume
from mrisr.models import catalog
from mrisr.models.base import Model
from mrisr.models.catalog import load_model
from mrisr.physics.acquisition import Acquisition
from mrisr.physics.protocols import PROTOCOLS, prepare_reference
from mrisr.pipeline import run
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.planning import default_target
from mrisr.pipeline.settings import Settings
from mrisr.progress import Monitor


class Network(Model):
    """A model with a network, as a family would write it."""

    def __init__(self, network):
        card = catalog.find("cubic")
        object.__setattr__(card, "sha256", "0" * 64)
        super().__init__(card)
        self.network = network

    def restore(self, initial, context):
        return context.tiled()(self.network, initial[None])[0].numpy()


def test_a_constant_volume_stays_constant_and_in_its_units():
    for model in ("linear", "cubic", "lanczos"):
        result = enhance(
            Volume(np.full((9, 8, 7), 1234.5, np.float32), np.eye(4)), Settings(model=model, consistency=3)
        )
        np.testing.assert_allclose(result.volume.array, 1234.5, rtol=1e-5)


@pytest.mark.parametrize(("low", "high"), [(0, 3000), (-1024, 2000), (1e-4, 2e-4)])
def test_a_ramp_keeps_its_values(low, high):
    ramp = np.broadcast_to(np.linspace(low, high, 40, dtype=np.float32)[:, None, None], (40, 6, 6))
    result = enhance(Volume(ramp, np.eye(4)), Settings(target=Target.factor((2, 1, 1)))).volume.array[:, 3, 3]
    step = (high - low) / 39
    expected = low + step * ((np.arange(80) + 0.5) / 2 - 0.5)
    np.testing.assert_allclose(result[8:-8], expected[8:-8], atol=2e-3 * step + 1e-6 * abs(high))


def test_the_input_is_not_changed():
    volume = phantom()
    before = volume.array.copy()
    enhance(volume, Settings(consistency=3, detail=0.5, residual=True))
    np.testing.assert_array_equal(volume.array, before)


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_every_protocol_is_undone_onto_the_references_grid(protocol):
    reference = prepare_reference(phantom((24, 24, 24), affine=oblique_affine()))
    scan = PROTOCOLS[protocol].simulate(reference)
    result = enhance(scan, Settings(acquisition=protocol))
    assert result.volume.shape == reference.shape
    np.testing.assert_allclose(result.volume.affine, reference.affine, atol=1e-9)


def test_thick_slices_are_the_axis_that_is_refined_whatever_the_orientation():
    scan = phantom((24, 24, 6), affine=np.diag([1.0, 1, 4, 1]))
    result = enhance(scan, Settings(acquisition="thick4"))
    assert result.volume.shape == (24, 24, 24)
    assert result.provenance["acquisition"]["profile"] == ("none", "none", "gaussian")


def test_consistency_brings_the_result_nearer_to_the_scan():
    reference = prepare_reference(phantom((32, 32, 32)))
    scan = PROTOCOLS["iso2"].simulate(reference)
    misfits = [
        np.linalg.norm(
            enhance(scan, Settings(acquisition="iso2", consistency=n, residual=True)).residual.array
        )
        for n in (0, 5, 40)
    ]
    assert misfits[0] > misfits[1] > misfits[2]
    # What is nearer to the scan is, without noise, nearer to the truth.
    errors = [
        np.linalg.norm(
            enhance(scan, Settings(acquisition="iso2", consistency=n)).volume.array - reference.array
        )
        for n in (0, 40)
    ]
    assert errors[1] < errors[0]


def test_the_residual_is_in_the_scans_units():
    scan = phantom((16, 16, 16))
    acquisition = Acquisition.of_factor((2, 2, 2))
    result = enhance(scan, Settings(acquisition=acquisition, residual=True))
    again = acquisition.operator(result.volume.grid, scan.grid).forward(result.volume.array)
    np.testing.assert_allclose(result.residual.array, again - scan.array, atol=0.05)


def test_detail_blends_with_interpolation():
    scan = phantom((16, 16, 16))
    scan = scan.with_array(scan.array - 1)  # one that has a sign, so that nothing is cut off at 0
    full, half, none = (
        enhance(scan, Settings(detail=d), model=Network(lambda t: t + 0.1)).volume.array for d in (1, 0.5, 0)
    )
    lobes = none == 0  # of the interpolation, cut off: a magnitude is not negative
    np.testing.assert_allclose(half[~lobes], ((full + none) / 2)[~lobes], atol=1e-2)
    np.testing.assert_allclose(none, enhance(scan).volume.array, atol=1e-2)
    assert (full - none).max() > 10


def test_a_region_is_what_the_whole_would_be_there():
    scan = phantom((40, 36, 30), affine=oblique_affine((1, 1, 3)))
    whole = enhance(scan, Settings(target=Target.factor((2, 2, 3))))
    part = enhance(scan, Settings(target=Target.factor((2, 2, 3)), region=((10, 12, 9), (24, 20, 21))))
    assert part.volume.shape == (28, 16, 36)
    np.testing.assert_allclose(
        part.volume.affine[:3, 3], whole.volume.affine[:3] @ [20, 24, 27, 1], atol=1e-6
    )
    expected = whole.volume.array[20:48, 24:40, 27:63]
    np.testing.assert_allclose(part.volume.array, expected, atol=2e-3 * scan.array.max())


def test_a_region_is_scaled_as_its_whole_scan_is():
    scan = phantom((40, 36, 30))
    scan.array[2:5, 2:5, 2:5] = 9000
    wanted = {"target": Target.factor(2), "precision": "fp32"}
    root = Network(lambda tile: tile.clamp_min(0) ** 0.5)
    whole = enhance(scan, Settings(**wanted), model=root).volume
    part = enhance(scan, Settings(**wanted, region=((16, 14, 12), (24, 22, 18))), model=root).volume
    np.testing.assert_allclose(part.array, whole.array[32:48, 28:44, 24:36], rtol=2e-3)


def test_a_region_of_a_given_grid_is_cut_from_it():
    scan = phantom((40, 36, 30))
    grid = scan.grid.resampled((2, 2, 2)).cropped((0, 0, 0), (80, 72, 60))
    part = enhance(scan, Settings(target=grid, region=((10, 12, 9), (24, 20, 21)))).volume
    np.testing.assert_allclose(part.affine[:3, 3], grid.affine[:3] @ [20, 24, 18, 1])
    assert part.shape == (28, 16, 24)


def test_values_that_need_double_precision_keep_their_differences():
    ramp = 1e9 + np.broadcast_to(np.arange(20, dtype=np.float64)[:, None, None], (20, 6, 6)) - 1e9 - 50
    result = enhance(
        Volume(ramp * 1e3 + 0.25, np.eye(4)), Settings(target=Target.factor((2, 1, 1)))
    ).volume.array[:, 3, 3]
    np.testing.assert_allclose(np.diff(result[10:-10]), 500, rtol=1e-2)


def test_a_target_that_does_not_fit_the_memory_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(run, "free_memory", lambda: 10_000)
    with pytest.raises(OutOfMemory, match="smaller factor"):
        enhance(phantom())


def test_memory_that_runs_out_beside_the_tiles_is_told_as_such(monkeypatch):
    def full(*_args, **_kwargs):
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.")

    monkeypatch.setattr(run, "back_project", full)
    with pytest.raises(OutOfMemory, match="smaller factor"):
        enhance(phantom())


def test_the_more_a_model_holds_the_smaller_the_target_may_be(monkeypatch):
    volumes = [
        load_model(name).volumes_at_peak
        for name in ("cubic", "gradient-filters-iso2", "edsr3d-iso2", "ddpm-iso2")
    ]
    assert volumes == sorted(volumes)
    scan = phantom()
    room = 4 * 8 * scan.array.size * (volumes[0] + 1)
    monkeypatch.setattr(run, "free_memory", lambda: room)
    enhance(scan, Settings(target=Target.factor(2)))
    with pytest.raises(OutOfMemory):
        enhance(scan, Settings(model="edsr3d-iso2", target=Target.factor(2)))


def test_a_device_that_fails_is_not_chosen_and_the_user_is_told(monkeypatch):
    """The meta device computes nothing; it stands for one whose driver is broken."""
    monkeypatch.setattr(device, "available", lambda: ["meta", "cpu"])
    chosen = resolve("auto", "fp32")
    assert chosen == Compute("cpu", "fp32")
    assert "meta is not used" in chosen.note
    said = []
    enhance(
        phantom((16, 16, 16)),
        Settings(tile=32),
        model=Network(lambda tile: tile),
        monitor=Monitor(log=said.append),
    )
    assert any("meta is not used" in sentence for sentence in said)
    monkeypatch.setattr(device, "DEVICES", (*device.DEVICES, "meta"))
    with pytest.raises(DeviceError, match="choose cpu"):
        resolve("meta")


def test_a_device_that_computes_wrong_numbers_is_noticed(monkeypatch):
    monkeypatch.setattr(device, "flaw_of", device.flaw_of.__wrapped__)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_args, **_kwargs: self)
    assert device.flaw_of("gpu") is None
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_args, **_kwargs: self.flip(-1))
    assert device.flaw_of("gpu") == "it computes wrong numbers"


def test_models_that_count_in_double_precision_stay_off_metal(monkeypatch):
    monkeypatch.setattr(run, "resolve", lambda *_asked: Compute("mps"))
    record = enhance(
        phantom((16, 16, 16)), Settings(model="gradient-filters-iso2", target=Target.factor(2))
    ).provenance
    assert record["device"] == "cpu"


def test_the_record_says_where_the_network_ran_in_the_end():
    def hungry(tile):
        if tile.shape[2] > 50:
            raise RuntimeError("out of memory")
        return tile

    record = enhance(phantom((40, 40, 40)), Settings(tile=64), model=Network(hungry)).provenance
    assert (record["device"], record["tile"]) == ("cpu", 32)


def test_a_missing_device_is_refused_for_interpolation_too():
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="offers"):
            enhance(phantom(), Settings(device="cuda"))


@pytest.mark.parametrize(
    ("factor", "spacing", "axis"), [((2, 2, 2), (1, 1, 4), 2), ((1, 1, 3), (1, 1, 3), 2), (2, (1, 1, 1), 1)]
)
def test_thick_slices_are_found_by_factor_then_thickness_then_custom(factor, spacing, axis):
    scan = phantom((16, 16, 16), affine=np.diag([*map(float, spacing), 1]))
    record = enhance(scan, Settings(acquisition="thick4", target=Target.factor(factor))).provenance
    assert [a for a in range(3) if record["acquisition"]["profile"][a] == "gaussian"] == [axis]


def test_protocols_of_one_matrix_refuse_another():
    with pytest.raises(InputError, match="keep the scan's matrix"):
        enhance(phantom(), Settings(acquisition="zoom2", target=Target.factor((2, 2, 1)), consistency=1))


def test_a_region_outside_the_scan_is_refused():
    with pytest.raises(InputError, match="does not lie in the scan"):
        enhance(phantom(), Settings(region=((0, 0, 0), (99, 3, 3))))


def test_the_default_makes_thick_slices_isotropic_and_doubles_an_isotropic_scan():
    assert default_target(phantom(affine=np.diag([1.0, 1, 3, 1])).grid).kind == "isotropic"
    assert default_target(phantom().grid) == Target.factor(2)


def test_a_single_slice_is_refined_in_its_plane():
    scan = Volume(phantom((16, 18, 9)).array[:, :, 4:5], np.diag([1.0, 1, 5, 1]))
    result = enhance(scan)
    assert result.volume.shape == (32, 36, 1)
    np.testing.assert_allclose(result.volume.spacing, (0.5, 0.5, 5))
    with pytest.raises(InputError, match="single slice"):
        enhance(scan, Settings(target=Target.factor(2)))


def test_provenance_says_what_made_the_result():
    record = enhance(phantom(), Settings(seed=7, consistency=2)).provenance
    assert record["model"] == "cubic"
    assert (record["seed"], record["consistency"], record["factor"]) == (7, 2, [2, 2, 2])
    assert "Research use only" in record["statement"]
    assert record["software"]["numpy"] == np.__version__


@pytest.mark.parametrize("wrong", [{"detail": 2}, {"consistency": -1}, {"tile": 0}, {"seed": -1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError, match="must"):
        Settings(**wrong)


def test_a_network_runs_in_bf16_where_the_hardware_has_it_and_agrees_with_fp32(monkeypatch):
    monkeypatch.setattr(device, "_has_bf16", lambda _device: True)  # emulated here, if need be
    monkeypatch.setattr(slabs, "throughput", lambda _compute: 1e12)  # whose probe takes half a minute
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv3d(8, 1, 3, padding=1))
    scan = phantom((24, 24, 24))
    exact = enhance(scan, Settings(precision="fp32"), model=Network(network))
    half = enhance(scan, Settings(precision="bf16"), model=Network(network))
    scale = np.abs(exact.volume.array).max()
    assert 0 < np.abs(exact.volume.array - half.volume.array).max() < 0.03 * scale
    assert half.provenance["precision"] == "bf16"


def test_a_device_or_precision_that_is_not_here_is_refused():
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match=r"offers .*cpu"):
            resolve("cuda")
    with pytest.raises(DeviceError, match="fp16"):
        resolve("cpu", "fp16")
    with pytest.raises(DeviceError, match="Choose"):
        resolve("tpu")
    assert resolve("cpu", "fp32") == Compute("cpu", "fp32")


def test_interpolation_needs_neither_torch_nor_monai():
    code = (
        "import sys, numpy as np\n"
        "from mrisr.pipeline.enhancement import enhance\nfrom mrisr.image.volume import Volume\n"
        "enhance(Volume(np.ones((4, 4, 4), np.float32), np.eye(4)))\n"
        "print([m for m in ('torch', 'monai', 'nibabel', 'SimpleITK', 'skimage', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_real_scans_go_through(t1_path, thick_path):
    for path in (t1_path, thick_path):
        scan = read_volume(path)
        result = enhance(scan, Settings(consistency=2))
        assert min(result.volume.shape) >= min(scan.shape)
        lower = np.array(result.volume.corners).min(0) - np.array(scan.corners).min(0)
        assert np.abs(lower).max() < max(scan.spacing)
        assert result.volume.array.mean() == pytest.approx(scan.array.mean(), rel=0.02)


def test_models_of_every_family_run_without_what_only_training_and_cards_need():
    """In a process of its own, where these packages cannot be imported."""
    code = (
        "import sys\n"
        "for name in ('monai', 'jsonschema', 'skimage', 'matplotlib', 'accelerate'): sys.modules[name] = None\n"
        "import numpy as np\nfrom mrisr import Settings, Target, Volume, enhance\n"
        "scan = Volume(np.random.default_rng(0).random((8, 8, 4)).astype(np.float32), np.diag([1.0, 1, 4, 1]))\n"
        "for model in ('edsr3d-thick', 'gradient-filters-thick', 'ddpm-iso2', 'mdcsrn-kspace'):\n"
        "    told = Settings(model=model, target=Target.isotropic(), device='cpu', precision='fp32', steps=1)\n"
        "    print(enhance(scan, told).volume.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n") == 4 * ["(8, 8, 16)"] + [""], done.stderr
