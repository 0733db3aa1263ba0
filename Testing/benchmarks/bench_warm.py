"""What an Apply costs in Slicer beside the network: the first one after a scan was chosen, and the next with the same model."""

import os
from collections.abc import Iterator
from time import perf_counter, sleep

import numpy as np

from benchmarks import Finding, seconds

SIDE = 64
MODEL = "edsr3d-iso2"
APPLIES = 3
BESIDE_S = 0.5
"""What a warm Apply may take beyond the network."""

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def measure() -> Iterator[Finding]:
    ready, applies, engine = _applies()
    network = _network()
    later = min(applies[1:])
    outside = min(whole - part for whole, part in zip(applies[1:], engine[1:], strict=True))
    yield Finding(f"worker ready after the scan was chosen, {MODEL}", ready, "s")
    yield Finding(f"the bare network, {SIDE}³ doubled, {MODEL}", network, "s")
    yield Finding("first Apply", applies[0], "s")
    yield Finding(f"second Apply, best of {APPLIES - 1}", later, "s")
    yield Finding("first Apply beside the network", applies[0] - network, "s")
    yield Finding("second Apply beside the network", later - network, "s", ceiling=BESIDE_S)
    yield Finding("of this, files, processes and scene", outside, "s")


def _applies() -> tuple[float, list[float], list[float]]:
    """Seconds until the worker is ready once the scan is chosen, from each click to the result in the scene, and in the engine."""
    from slicerhost import start
    from slicerhost.features import speakPythonQt
    from slicerhost.fixtures import Panel

    speakPythonQt(__name__)
    host = start()
    panel = Panel.opened(host)
    try:
        return _timed(panel)
    finally:
        host.stop()


def _timed(panel) -> tuple[float, list[float], list[float]]:
    import slicer

    node = slicer.util.addVolumeFromArray(_scan(), name="Scan")
    begun = perf_counter()
    panel.choose(node, MODEL)
    panel.ui.targetModeComboBox.currentText = "Refine by a factor"
    panel.waitUntil(lambda: panel.core.runner.worker.ready, "the worker")
    ready, applies, engine = perf_counter() - begun, [], []
    for _ in range(APPLIES):
        begun = perf_counter()
        panel.click("applyButton")
        while panel.core.running:
            panel.events()
            sleep(0.002)
        applies.append(perf_counter() - begun)
        assert panel.status.startswith("Done"), panel.status
        engine.append(panel.core.provenance(panel.parameters.trustResult)["seconds"])
    return ready, applies, engine


def _scan() -> np.ndarray:
    """(k, j, i) tissue that fills the field: there is no air to skip."""
    texture = np.random.default_rng(0).random((SIDE, SIDE, SIDE), dtype=np.float32)
    return (300 + 700 * texture).astype(np.int16)


def _network() -> float:
    """Seconds of the network alone on the windows that it gets in such a run, in the precision of this machine; the shortest of several."""
    import torch

    from mrisr.compute.device import resolve
    from mrisr.compute.slabs import told_of_work
    from mrisr.image.grid import Target
    from mrisr.image.volume import Volume
    from mrisr.models import catalog
    from mrisr.pipeline.enhancement import enhance
    from mrisr.pipeline.settings import Settings

    compute, model = resolve(), catalog.load_model(MODEL)
    network: torch.nn.Module = model.network  # type: ignore[attr-defined]
    windows: list[torch.Tensor] = []
    hook = network.register_forward_pre_hook(lambda _network, inputs: windows.append(inputs[0]))
    enhance(Volume(_scan().transpose(), np.eye(4)), Settings(MODEL, Target.factor(2)), model=model)
    hook.remove()

    def bare() -> None:
        with (
            torch.no_grad(),
            torch.autocast(compute.device, compute.dtype, enabled=compute.precision != "fp32"),
            told_of_work(network, compute, lambda _work: None),
        ):
            for window in windows:
                network(window).cpu()

    return seconds(bare)
