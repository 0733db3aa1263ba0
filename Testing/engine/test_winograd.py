"""Convolutions with fewer multiplications: what they compute, where they are used, and where not."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mrisr.compute.device import Compute
from mrisr.compute.slabs import told_of_work
from mrisr.compute.winograd import CHANNELS, SMALLEST, Winograd, suits


def layer(channels: int = CHANNELS, out: int = CHANNELS, seed: int = 0, **options) -> nn.Conv3d:
    torch.manual_seed(seed)
    return nn.Conv3d(channels, out, **{"kernel_size": 3, "padding": 1, **options}).requires_grad_(False)


def computed(winograd: Winograd, x: torch.Tensor) -> torch.Tensor:
    """The whole convolution, zeros beyond all ends."""
    answer = torch.empty(1, winograd._channels, *x.shape[2:]).to(memory_format=torch.channels_last_3d)
    winograd(nn.functional.pad(x, (0, 0, 0, 0, 1, 1)), answer)
    return answer


def exact(convolution: nn.Conv3d, x: torch.Tensor) -> torch.Tensor:
    """In double precision, as torch convolves."""
    bias = None if convolution.bias is None else convolution.bias.double()
    return nn.functional.conv3d(x.double(), convolution.weight.double(), bias, padding=1)


@settings(max_examples=12, deadline=None)
@given(
    planes=st.integers(1, 13),
    sides=st.tuples(st.integers(3, 14), st.integers(3, 14)),
    out=st.sampled_from([48, 56]),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_it_is_the_convolution_whatever_the_size(planes, sides, out, bias, seed):
    convolution = layer(out=out, seed=seed, bias=bias)
    x = torch.randn(1, CHANNELS, planes, *sides)
    answer = computed(Winograd(convolution), x)
    expected = exact(convolution, x)
    assert float((answer - expected).abs().max()) < 1e-5 * float(expected.abs().max())


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
def test_a_networks_layers_use_it_while_their_work_is_told(memory_format, monkeypatch):
    used = []
    fill = Winograd._fill
    monkeypatch.setattr(Winograd, "_fill", lambda *args: (used.append(args[2].shape[0]), fill(*args))[1])
    convolution, x = layer(), torch.randn(1, CHANNELS, 11, 10, 10).contiguous(memory_format=memory_format)
    works = []
    with torch.no_grad(), told_of_work(convolution, Compute("cpu"), works.append):
        answer = convolution(x)
    assert sum(used) >= 11
    assert sum(works) == convolution.weight.numel() * 11 * 10 * 10
    expected = exact(convolution, x)
    assert float((answer - expected).abs().max()) < 1e-5 * float(expected.abs().max())


def test_what_is_made_of_the_weights_is_kept_until_they_change():
    convolution, x = layer(), torch.randn(1, CHANNELS, 10, 10, 10)
    kept = Winograd.of(convolution)
    assert Winograd.of(convolution) is kept
    convolution.weight.mul_(2)
    answer = computed(Winograd.of(convolution), x)
    expected = exact(convolution, x)
    assert float((answer - expected).abs().max()) < 1e-5 * float(expected.abs().max())
    convolution.weight.data = torch.zeros_like(convolution.weight)
    convolution.bias.zero_()
    assert not computed(Winograd.of(convolution), x).any()


def test_a_stop_is_heard_between_its_planes():
    convolution, x = layer(), torch.randn(1, CHANNELS, 40, 70, 70)
    works = []

    def stop(work):
        works.append(work)
        raise KeyboardInterrupt

    with (
        torch.no_grad(),
        pytest.raises(KeyboardInterrupt),
        told_of_work(convolution, Compute("cpu"), stop),
    ):
        convolution(x)
    assert works[0] <= convolution.weight.numel() * 12 * 70 * 70


@pytest.mark.parametrize(
    ("convolution", "shape"),
    [
        (layer(CHANNELS - 1), (CHANNELS - 1, 12, 12, 12)),
        (layer(out=8), (CHANNELS, 12, 12, 12)),
        (layer(kernel_size=1, padding=0), (CHANNELS, 12, 12, 12)),
        (layer(groups=2), (CHANNELS, 12, 12, 12)),
        (layer(), (CHANNELS, 9, 9, 9)),
        (layer().bfloat16(), (CHANNELS, 12, 12, 12)),
    ],
    ids=["few in", "few out", "1³", "groups", "small", "bf16"],
)
def test_other_convolutions_are_left_to_torch(convolution, shape):
    x = torch.rand(1, *shape, dtype=convolution.weight.dtype)
    with torch.no_grad():
        assert not suits(convolution, x)


def test_what_is_being_learned_and_reduced_precision_are_left_to_torch():
    convolution, x = layer(), torch.rand(1, CHANNELS, 12, 12, 12)
    assert x[0, 0].numel() >= SMALLEST
    assert not suits(convolution, x)
    with torch.no_grad():
        assert suits(convolution, x)
        with torch.autocast("cpu", torch.bfloat16):
            assert not suits(convolution, x)
