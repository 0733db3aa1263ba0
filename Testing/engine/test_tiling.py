import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mrisr.compute.device import Compute
from mrisr.compute.memory import is_out_of_memory
from mrisr.compute.tile_box import TileBox, TileShape
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
    tiles = Tiles(
        foreground_of(volume), shape or TileShape(side=side, halo=4, multiple=2), CPU, side, **kwargs
    )
    return tiles(network, volume[None])[0].numpy()


@pytest.mark.parametrize("side", [16, 20, 32, 200])
def test_tiled_is_untiled(network, side):
    volume = head()
    with torch.inference_mode():
        whole = network(torch.from_numpy(volume)[None, None])[0, 0].numpy()
    inside = foreground_of(volume)
    for axis in range(
        3
    ):  # at the volume's own border the untiled network sees zeros, tiles see mirrored ones
        inside = np.moveaxis(inside, axis, 0)
        inside[:4] = inside[-4:] = False
        inside = np.moveaxis(inside, 0, axis)
    np.testing.assert_allclose(run(network, volume, side)[inside], whole[inside], atol=1e-4)


def test_noise_stays_noise_beyond_the_volume_and_thin_volumes_are_extended_too():
    torch.manual_seed(0)
    foreground = np.ones((60, 12, 3), bool)
    box = TileBox.around(foreground, TileShape(side=32, halo=8, multiple=4), 32)
    assert box.start[0] < 0
    noise = torch.randn(1, 60, 12, 3)
    beyond = box.extended(noise)[:, : -box.start[0]]
    assert 0.8 < float(beyond.std(dim=1).mean()) < 1.2
    thin = TileBox(
        start=(0, 0, -4),
        size=(60, 12, 11),
        roi=(60, 12, 11),
        margins=(0, 0, 4),
        ramp=2,
        inside=((0, 60), (0, 12), (0, 3)),
    )
    assert thin.extended(noise).shape == (1, 60, 12, 11)
    assert torch.equal(thin.extended(noise)[..., 0], noise[..., 0])


def test_air_is_left_alone_and_not_computed(network):
    volume = np.zeros((96, 40, 40), np.float32)
    volume[:16] = head((16, 40, 40))
    volume[80:] = head((16, 40, 40), 1)
    seen = []
    result = run(lambda tile: seen.append(tile.shape) or tile * 2, volume, 16, TileShape(halo=0))
    np.testing.assert_array_equal(result[32:64], 0)
    np.testing.assert_allclose(result[:16][volume[:16] > 0.3], 2 * volume[:16][volume[:16] > 0.3], rtol=1e-6)
    everything = len(list(TileBox.around(foreground_of(volume), TileShape(halo=0), 16).windows()))
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
    seed=st.integers(0, 99),
)
def test_tiles_of_any_size_are_aligned_and_cover_the_head(shape, side, halo, multiple, seed):
    """The identity network gives the volume back: no voxel is lost, shifted or weighted twice."""
    volume = np.random.default_rng(seed).uniform(0.1, 1, shape).astype(np.float32)
    tile_shape = TileShape(side=side, halo=halo, multiple=multiple)
    box = TileBox.around(np.ones(shape, bool), tile_shape, side)
    assert all(
        w.start % multiple == 0 and (w.stop - w.start) % multiple == 0
        for window in box.windows()
        for w in window
    )
    assert all(start % multiple == 0 for start in box.start)
    seen = []
    result = run(lambda tile: seen.append(tuple(tile.shape[2:])) or tile, volume, side, tile_shape)
    np.testing.assert_allclose(result, volume, rtol=1e-5)
    assert seen == [tuple(w.stop - w.start for w in window) for window in box.windows()]
    assert len(seen) <= np.prod([2 + 3 * n / max(side, 2 * multiple) for n in shape])


def test_windows_are_no_longer_than_their_number_makes_necessary():
    box = TileBox.around(np.ones((140, 100, 128), bool), TileShape(side=128, halo=10, multiple=2), 128)
    assert len(box.windows()) == 2
    assert box.roi == (74 + 20, 100, 128)


def test_several_channels_in_and_another_number_out():
    volume = head((24, 24, 24))
    inputs = np.stack([volume, volume * 2, volume * 3])
    tiles = Tiles(np.ones(volume.shape, bool), TileShape(halo=2), CPU, 16)
    answer = tiles(lambda x: torch.cat([x[:, 2:], x[:, 1:2]], 1), inputs, outside=torch.zeros(2, 24, 24, 24))
    np.testing.assert_allclose(answer.numpy(), inputs[[2, 1]], rtol=1e-5)


def test_progress_counts_every_tile_and_cancel_is_honoured_at_the_next(network):
    reports, cancel = [], CancelToken()

    def watch(stage, done, total):
        reports.append((stage, done, total))
        if done == 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        run(network, head(), 16, monitor=Monitor(watch, cancel))
    assert [done for _, done, _ in reports] == [0, 1, 2]
    assert reports[0][2] > 2


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
        def free_memory(self):
            raise RuntimeError("CUDA error: out of memory")

    said = []
    volume = np.full((40, 40, 40), 0.5, np.float32)
    tiles = Tiles(
        foreground_of(volume), TileShape(side=64, halo=0), Full("cuda"), monitor=Monitor(log=said.append)
    )
    np.testing.assert_allclose(tiles(lambda tile: 2 * tile, volume[None])[0], 2 * volume)
    assert tiles.compute == Compute("cpu")
    assert said == ["Out of memory on cuda: going on with the CPU, which is slower."]


def test_the_tile_that_fits_shrinks_with_the_memory():
    shape = TileShape(side=128, halo=8, multiple=4, bytes_per_voxel=1000)
    sides = [shape.fitting(memory, "cpu") for memory in (1e12, 2e9, 5e8, 1e6)]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] == 128
    assert sides[-1] == 32
    assert all(side % 4 == 0 for side in sides)
    assert shape.fitting(int(1e12), "cuda") > 128


def test_noise_in_air_is_no_foreground():
    noise = np.hypot(*np.random.default_rng(0).normal(0, 0.02, (2, 40, 40, 40))).astype(np.float32)
    assert foreground_of(noise).mean() < 0.01
