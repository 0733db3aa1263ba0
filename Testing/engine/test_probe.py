"""The short measurement of a machine."""

import time

import torch

from mrisr.compute import probe
from mrisr.compute.device import Compute
from mrisr.compute.probe import CHANNELS, throughput
from mrisr.compute.winograd import Winograd


def test_time_of_a_larger_convolution_follows_from_the_probe():
    layer = torch.nn.Conv3d(CHANNELS, CHANNELS, 3, padding=1).to(memory_format=torch.channels_last_3d)
    scan = torch.ones(1, CHANNELS, 40, 40, 40).contiguous(memory_format=torch.channels_last_3d)
    told = layer.weight.numel() * 40**3 / throughput(Compute("cpu"))
    with torch.inference_mode():
        layer(scan)
        start = time.process_time()
        layer(scan)
        spent = (time.process_time() - start) / torch.get_num_threads()
    # A wrong unit or a forgotten axis is a factor of 8 to 27.
    assert spent / 4 < told < 4 * spent


def test_the_probe_convolves_as_the_networks_do_in_each_precision(monkeypatch):
    made = []
    monkeypatch.setattr(Winograd, "__call__", lambda _self, x, _answer: made.append(x.dtype))
    measure = probe.pace.__wrapped__  # not kept, so that no other test is told this machine is so fast
    assert measure(Compute("cpu")).winograd > 0
    assert set(made) == {torch.float32}
    made.clear()
    reduced = measure(Compute("cpu", "bf16"))
    assert (reduced.winograd, made) == (reduced.multiply_adds, [])


def test_is_measured_once():
    assert throughput(Compute("cpu")) is throughput(Compute("cpu"))
