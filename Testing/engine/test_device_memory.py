"""A device whose memory runs out, at any stage: the run goes on, aloud, and ends with the same result.

`cpu:0` stands for a graphics card: torch computes there as on the CPU, and the engine takes it for another device. Its memory is that of
an allocator which refuses from some operation on.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine.conftest import phantom
from mrisr.compute.device import Compute
from mrisr.errors import OutOfMemory
from mrisr.image.grid import Target
from mrisr.models import catalog
from mrisr.neural.convolutional import Convolutional
from mrisr.neural.networks import build_network
from mrisr.pipeline import run
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings
from mrisr.progress import Monitor

CARD = Compute("cpu:0", "fp32")
SETTINGS = Settings(target=Target.factor(2), consistency=2, residual=True, samples=2)


class Allocator(TorchDispatchMode):
    """Counts operations and refuses those from `last` on, until the run says that it goes on with the CPU."""

    def __init__(self, last=float("inf")):
        super().__init__()
        self.last, self.operations, self.said = last, 0, []

    def __torch_dispatch__(self, operation, types, inputs=(), options=None):
        self.operations += 1
        if self.operations > self.last:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return operation(*inputs, **(options or {}))

    def hear(self, sentence):
        self.said.append(sentence)
        if "going on with the CPU" in sentence:
            self.last = float("inf")


def enhanced(model, allocator):
    with allocator:
        return enhance(phantom((12, 12, 12)), SETTINGS, model=model, monitor=Monitor(log=allocator.hear))


@pytest.fixture(scope="module")
def model():
    card = catalog.find("edsr3d-iso2")
    card = replace(card, hyperparameters={**card.hyperparameters, "width": 8, "blocks": 1})
    torch.manual_seed(0)
    small = Convolutional(card, build_network(card.family, card.hyperparameters).state_dict())
    torch.nn.init.normal_(small.network.tail.weight, std=0.01)
    return small


def test_wherever_the_memory_runs_out_the_cpu_ends_the_run_with_the_same_result(model, monkeypatch):
    monkeypatch.setattr(run, "resolve", lambda *_asked: CARD)
    enhanced(model, Allocator())  # what is measured once a process is not counted
    roomy = Allocator()
    expected = enhanced(model, roomy)
    assert expected.provenance["device"] == "cpu:0"
    assert not any("memory" in sentence for sentence in roomy.said)
    for share in np.linspace(0, 0.999, 9):
        allocator = Allocator(int(share * roomy.operations))
        found = enhanced(model, allocator)
        assert any("going on with the CPU, which is slower" in sentence for sentence in allocator.said)
        assert found.provenance["device"] == "cpu"
        for name in ("volume", "residual", "spread"):
            there, here = getattr(expected, name).array, getattr(found, name).array
            np.testing.assert_allclose(here, there, atol=1e-5 * expected.volume.array.max(), err_msg=name)


def test_a_cpu_without_memory_is_told_what_to_do(model, monkeypatch):
    monkeypatch.setattr(run, "resolve", lambda *_asked: Compute("cpu"))
    allocator = Allocator(last=3)
    with pytest.raises(OutOfMemory, match="smaller factor"):
        enhanced(model, allocator)
