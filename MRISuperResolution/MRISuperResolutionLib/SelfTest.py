"""The self-test that runs inside Slicer, headless and without a download."""
# ruff: noqa: PT009, PT027 - Slicer runs it with unittest

import time
import unittest

import numpy as np
import slicer

from .Jobs.Job import EnhanceJob
from .Logic import Logic
from .Scene import Phantom, Records, VolumeBridge

SHAPE = (24, 28, 8)
TIMEOUT_S = 120


class SelfTest(unittest.TestCase):
    """Logic, geometry, cancel and error paths."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        volume = Phantom.head(SHAPE, 2.0)
        volume.affine[:3, 2] *= 3  # thick slices
        self.source = VolumeBridge.addNode("Head")
        VolumeBridge.updateNode(self.source, volume)
        self.source.CreateDefaultDisplayNodes()
        self.logic = Logic()

    def tearDown(self) -> None:
        self.logic.abort()

    def testProcessMakesVoxelsIsotropicAndKeepsTheFieldOfView(self) -> None:
        result = self.logic.process(self.source, model="cubic", isotropic=True)
        self.assertEqual(result.GetImageData().GetDimensions(), (SHAPE[0], SHAPE[1], SHAPE[2] * 3))
        np.testing.assert_allclose(result.GetSpacing(), (2, 2, 2))
        self._assertSameBounds(result)
        self.assertIsNot(result, self.source)

    def testProcessKeepsIntensities(self) -> None:
        result = self.logic.process(self.source, model="linear", factor=2)
        mean = [slicer.util.arrayFromVolume(node).mean() for node in (self.source, result)]
        self.assertAlmostEqual(mean[1] / mean[0], 1, delta=0.02)
        self.assertEqual(Records.provenanceOf(result)["model"], "linear")

    def testProcessRefusesWhatItCannotEnhance(self) -> None:
        labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
        for bad in (None, labels):
            with self.assertRaises(ValueError):
                self.logic.process(bad)
        with self.assertRaises(ValueError):
            self.logic.process(self.source, self.source)

    def testWorkerGivesTheSameResultAsProcess(self) -> None:
        listener = self._run(model="cubic")
        self.assertEqual(listener.outcome, "finished", listener.log)
        expected = self.logic.process(self.source, model="cubic", factor=2)
        found, wanted = (slicer.util.arrayFromVolume(node) for node in (listener.nodes[0], expected))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-2)
        self._assertSameBounds(listener.nodes[0])

    def testCancelLeavesNothing(self) -> None:
        before = slicer.mrmlScene.GetNumberOfNodes()
        listener = self._run(model="cubic", cancel=True)
        self.assertEqual(listener.outcome, "cancelled")
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)

    def testUnknownModelFailsWithASentence(self) -> None:
        listener = self._run(model="no-such-model")
        self.assertEqual(listener.outcome, "failed")
        self.assertIn("no-such-model", listener.message)

    def _run(self, model: str, cancel: bool = False) -> "_Listener":
        from mrisr.image.grid import Target
        from mrisr.pipeline.settings import Settings

        listener = _Listener()
        self.logic.start(EnhanceJob(self.source, None, Settings(model, Target.factor(2))), listener)
        if cancel:
            self.logic.cancel()
        deadline = time.monotonic() + TIMEOUT_S
        while not listener.outcome and time.monotonic() < deadline:
            slicer.app.processEvents()
            time.sleep(0.02)
        return listener

    def _assertSameBounds(self, node) -> None:
        bounds = np.zeros((2, 6))
        for row, volume in zip(bounds, (self.source, node), strict=True):
            volume.GetRASBounds(row)
        np.testing.assert_allclose(bounds[1], bounds[0], atol=1e-4)


class _Listener:
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.outcome, self.message = "", ""
        self.nodes: list = []
        self.log: list[str] = []

    def started(self, device: str) -> None:
        self.log.append(device)

    def progressed(self, stage: str, done: int, total: int) -> None:
        self.log.append(f"{stage} {done}/{total}")

    def logged(self, line: str) -> None:
        self.log.append(line)

    def finished(self, nodes: list, summary: dict) -> None:
        self.outcome, self.nodes = "finished", nodes
        self.log.append(str(summary))

    def failed(self, message: str) -> None:
        self.outcome, self.message = "failed", message

    def cancelled(self) -> None:
        self.outcome = "cancelled"


def run() -> None:
    """Run all tests; raise if one fails, with the reports of those that did."""
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(SelfTest)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    reports = [report for _, report in result.failures + result.errors]
    if reports:
        raise AssertionError("\n".join(reports))
