import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mrisr.compute import device, slabs
from mrisr.compute.device import Compute
from mrisr.compute.memory import is_out_of_memory
from mrisr.compute.strips import TileShape
from mrisr.compute.tile_box import TileBox
from mrisr.compute.tiling import Tiles, foreground_of
from mrisr.errors import Cancelled, OutOfMemory
from mrisr.progress import CancelToken, Monitor

CPU = Compute("cpu", "fp32")


def head(shape=(50, 46, 61), seed=0):
    """Noise inside an off-centre ellipsoid, air around it."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(-1.3, 1.1, n) for n in shape], indexing="ij"))
    return np.where((grid**2).sum(0) < 0.7, rng.uniform(0.3, 1, shape), 0).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    """Two convolutions: a receptive field of 3 voxels to each side."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ELU(), nn.Conv3d(4, 1, 5, padding=2))


def run(network, volume, side, shape=None, **kwargs):
    volume = torch.from_numpy(volume)
    shape = shape or TileShape(side=side, halo=4, multiple=2)
    return Tiles(foreground_of(volume), shape, CPU, side, **kwargs)(network, volume[None])[0].numpy()


@pytest.mark.parametrize("border", [0, 8])
@pytest.mark.parametrize("side", [16, 20, 32])
def test_tiles_never_show(network, side, border):
    """Tissue at all six faces: the border of the field is treated alike in one window and in many."""
    volume = np.random.default_rng(0).uniform(0.3, 1, (50, 46, 61)).astype(np.float32)
    shape = TileShape(halo=4, multiple=2, border=border)
    whole = run(network, volume, 200, shape)
    np.testing.assert_allclose(run(network, volume, side, shape), whole, atol=1e-6)


def test_beyond_its_border_a_volume_is_mirrored(network):
    """Against NumPy's own padding and the bare network."""
    volume = np.random.default_rng(0).uniform(0.3, 1, (22, 14, 18)).astype(np.float32)
    padded = torch.from_numpy(np.pad(volume, 8, mode="reflect"))
    with torch.inference_mode():
        expected = network(padded[None, None])[0, 0, 8:-8, 8:-8, 8:-8].numpy()
    found = run(network, volume, 200, TileShape(halo=8, multiple=2, border=8))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_network_that_does_better_with_its_own_padding_keeps_it(network):
    volume = np.random.default_rng(0).uniform(0.3, 1, (22, 14, 18)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(volume)[None, None])[0, 0].numpy()
    found = run(network, volume, 200, TileShape(halo=8, multiple=2, border=0))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_thin_volumes_are_mirrored_as_often_as_it_takes():
    volume = torch.rand(1, 60, 12, 3)
    (window,) = TileBox.around(torch.ones(60, 12, 3, dtype=bool), TileShape(border=8), 64)
    assert torch.equal(
        window.cut(volume), torch.from_numpy(np.pad(volume, [(0, 0)] + [(8, 8)] * 3, mode="reflect"))
    )


def test_air_is_left_alone_and_not_computed(network):
    volume = np.zeros((96, 40, 40), np.float32)
    volume[:16] = head((16, 40, 40))
    volume[80:] = head((16, 40, 40), 1)
    seen = []
    result = run(lambda tile: seen.append(tile.shape) or tile * 2, volume, 16, TileShape(halo=0))
    np.testing.assert_array_equal(result[32:64], 0)
    np.testing.assert_allclose(result[:16][volume[:16] > 0.3], 2 * volume[:16][volume[:16] > 0.3], rtol=1e-6)
    everything = len(TileBox.around(foreground_of(torch.from_numpy(volume)), TileShape(halo=0), 16))
    assert 0 < len(seen) < 0.7 * everything


def test_a_volume_of_air_is_returned_as_it_is(network):
    volume = np.full((20, 20, 20), 0.01, np.float32)
    np.testing.assert_array_equal(run(network, volume, 16), volume)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    side=st.integers(4, 48),
    halo=st.integers(0, 9),
    multiple=st.integers(1, 4),
    border=st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_tiles_of_any_size_are_aligned_and_cover_the_head(shape, side, halo, multiple, border, seed):
    """The identity network gives the volume back: no voxel is lost, shifted or weighted twice."""
    volume = np.random.default_rng(seed).uniform(0.1, 1, shape).astype(np.float32)
    tile_shape = TileShape(halo=halo, multiple=multiple, border=border)
    box = TileBox.around(torch.ones(shape, dtype=bool), tile_shape, side)
    for window in box:
        assert all(n % multiple == 0 for n in window.size)
        assert all(strip.read[0] % multiple == 0 for strip in window.strips)
    seen = []
    result = run(lambda tile: seen.append(tuple(tile.shape[2:])) or tile, volume, side, tile_shape)
    np.testing.assert_allclose(result, volume, rtol=1e-5)
    assert seen == [window.size for window in box]
    assert len(seen) <= np.prod([2 + 3 * n / max(side, 2 * multiple) for n in shape])


def test_windows_are_no_longer_than_their_number_makes_necessary():
    shape = TileShape(halo=10, multiple=2, border=0)
    box = TileBox.around(torch.ones(140, 100, 128, dtype=bool), shape, 128)
    assert [window.size for window in box] == [(74 + 10, 100, 128)] * 2


def test_several_channels_in_and_another_number_out():
    volume = head((24, 24, 24))
    inputs = torch.from_numpy(np.stack([volume, volume * 2, volume * 3]))
    tiles = Tiles(torch.ones(volume.shape, dtype=bool), TileShape(halo=2), CPU, 16)
    # Given one behind the other or together.
    for channels in (inputs, [inputs[:1], inputs[1:]]):
        answer = tiles(
            lambda x: torch.cat([x[:, 2:], x[:, 1:2]], 1), channels, outside=torch.zeros(2, 24, 24, 24)
        )
        np.testing.assert_allclose(answer.numpy(), inputs[[2, 1]], rtol=1e-5)


@pytest.fixture
def slow_machine(monkeypatch):
    """One on which a quarter of a second is worth a few planes."""
    monkeypatch.setattr(slabs, "throughput", lambda _compute: 2e6)


@pytest.mark.usefixtures("slow_machine")
def test_progress_and_cancel_come_from_inside_the_network(network):
    reports, cancel = [], CancelToken()

    def watch(stage, done, total):
        reports.append((stage, done, total))
        if done >= 130:
            cancel.cancel()

    with pytest.raises(Cancelled):
        run(network, head(), 20, monitor=Monitor(watch, cancel))
    stages, counts, totals = zip(*reports, strict=True)
    assert set(stages) == {"model"}
    assert set(totals) == {totals[0]}
    assert totals[0] % 100 == 0
    assert totals[0] > 200
    assert list(counts) == sorted(counts)
    assert counts[0] == 0
    assert 130 <= counts[-1] < 160
    assert len(set(counts)) > 10


@pytest.mark.usefixtures("slow_machine")
def test_a_finished_volume_is_told_as_such(network):
    reports = []
    run(network, head(), 200, monitor=Monitor(lambda *report: reports.append(report)))
    assert reports[0] == ("model", 0, 100)
    assert reports[-1] == ("model", 100, 100)


@settings(max_examples=40, deadline=None)
@given(
    sides=st.tuples(*[st.integers(1, 12)] * 3),
    kernel=st.sampled_from([1, 3, 5, (3, 1, 3), (1, 3, 3)]),
    speed=st.floats(1e2, 1e7),
    batch=st.integers(1, 2),
)
def test_slabs_are_the_convolution(sides, kernel, speed, batch):
    torch.manual_seed(0)
    size = (kernel,) * 3 if isinstance(kernel, int) else kernel
    network = nn.Sequential(nn.Conv3d(2, 3, size, padding=tuple(n // 2 for n in size)))
    volume, told = torch.randn(batch, 2, *sides), []
    with torch.no_grad():
        expected = network(volume)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(slabs, "throughput", lambda _compute: speed)
            with slabs.told_of_work(network, CPU, told.append):
                found = network(volume)
        torch.testing.assert_close(found, expected)
        assert torch.equal(network(volume), expected)
    assert sum(told) == pytest.approx(network[0].weight.numel() * batch * np.prod(sides))
    plane = network[0].weight.numel() * batch * sides[1] * sides[2]
    assert max(told) <= max(plane, slabs.SECONDS * speed) * (1 + 1e-9)


def test_slabs_in_half_precision_are_the_convolution_in_half_precision():
    torch.manual_seed(0)
    network = nn.Conv3d(4, 4, 3, padding=1)
    volume = torch.randn(1, 4, 12, 8, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), pytest.MonkeyPatch.context() as patch:
        patch.setattr(slabs, "throughput", lambda _compute: 1e5)
        expected = network(volume)
        with slabs.told_of_work(network, CPU, lambda _work: None):
            found = network(volume)
    assert found.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected)


def test_out_of_memory_halves_the_tile_and_says_so():
    said, sides = [], []

    def hungry(tile):
        sides.append(tile.shape[2])
        if tile.shape[2] > 40:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return tile

    volume = np.random.default_rng(0).uniform(0.1, 1, (80, 80, 80)).astype(np.float32)
    result = run(hungry, volume, 80, TileShape(side=80, halo=0), monitor=Monitor(log=said.append))
    np.testing.assert_allclose(result, volume, rtol=1e-5)
    assert sides[0] == 80
    assert sides[-1] == 32  # three windows of 32 span 80 voxels with their ramps
    assert said == ["Out of memory on cpu: tiles of 40 voxels instead of 80."]


def test_a_machine_too_small_for_the_smallest_tile_is_told_so():
    def greedy(_tile):
        raise MemoryError

    with pytest.raises(OutOfMemory, match="smaller box"):
        run(greedy, np.ones((80, 80, 80), np.float32), None, TileShape(side=64, halo=0))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    def defective(_tile):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(defective, np.ones((40, 40, 40), np.float32), 32)


@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 20.00 GiB",
        "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes.",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "GET was unable to find an engine to execute this computation",
        "Invalid buffer size: 14.24 GB",
    ],
)
def test_every_way_of_saying_that_memory_is_short_is_understood(words):
    """As torch, CUDA's libraries and Metal put it, on Linux, Windows and macOS."""
    assert is_out_of_memory(RuntimeError(words))


def test_a_device_so_full_that_it_cannot_even_say_so_is_left_for_the_cpu():
    class Full(Compute):
        def free_memory(self, wanted):
            raise RuntimeError("CUDA error: out of memory")

    said = []
    volume = torch.full((40, 40, 40), 0.5)
    tiles = Tiles(
        foreground_of(volume), TileShape(side=64, halo=0), Full("cuda"), monitor=Monitor(log=said.append)
    )
    assert torch.equal(tiles(lambda tile: 2 * tile, volume[None])[0], 2 * volume)
    assert tiles.compute == Compute("cpu")
    assert said == ["Out of memory on cuda: going on with the CPU, which is slower."]


def test_the_tile_that_fits_shrinks_with_the_memory():
    shape = TileShape(side=128, halo=8, multiple=4, bytes_per_voxel=1000)
    sides = [shape.fitting(int(memory)) for memory in (1e12, 2e10, 2e9, 1e6)]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] > 256
    assert sides[-1] == 32
    assert all(side % 4 == 0 for side in sides)
    assert shape.bytes_per_voxel * (sides[1] + 16) ** 3 <= 1e10
    assert shape.fitting(None) == 128


def test_freed_memory_is_given_back_only_where_what_else_is_free_does_not_do(monkeypatch):
    given = []
    monkeypatch.setattr(device, "give_back", lambda: given.append(True))
    monkeypatch.setattr(device, "free_memory", lambda: 4 * 10**9 if given else 10**9)
    shape = TileShape(halo=4, multiple=4, bytes_per_voxel=100)
    small, large = shape.wanted((90, 50, 20)), shape.wanted((200, 50, 20))
    assert shape.fitting(int(small)) >= 90 > shape.fitting(int(0.8 * small))
    assert (CPU.free_memory(small), given) == (10**9, [])
    assert (CPU.free_memory(large), given) == (4 * 10**9, [True])


def test_noise_in_air_is_no_foreground():
    noise = np.hypot(*np.random.default_rng(0).normal(0, 0.02, (2, 40, 40, 40))).astype(np.float32)
    assert foreground_of(torch.from_numpy(noise)).float().mean() < 0.01
