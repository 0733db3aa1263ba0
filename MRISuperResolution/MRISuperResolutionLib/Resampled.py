"""Volumes derived from an input and its result for looking at: the difference and the swipe."""

import numpy as np
import slicer
from mrisr.interpolation import interpolate
from mrisr.volume import Volume
from slicer.i18n import tr as _

from . import VolumeBridge


def onGridOf(volume: Volume, target: Volume) -> np.ndarray:
    """(i, j, k) float32: the volume's values at the target's voxel centers, linearly interpolated.

    :raises mrisr.errors.InputError: the two grids are not parallel.
    """
    return interpolate(np.asarray(volume.array, dtype=np.float32), volume.grid, target.grid, "linear")


def addDifference(before, after):
    """A new volume, result minus input, on the result's grid, with zero in the middle of its gray scale."""
    fine = VolumeBridge.volumeFromNode(after)
    difference = fine.array - onGridOf(VolumeBridge.volumeFromNode(before), fine)
    node = VolumeBridge.addNode(_("{after} minus {before}").format(after=after.GetName(), before=before.GetName()))
    VolumeBridge.updateNode(node, fine.with_array(difference))
    VolumeBridge.inherit(node, after)
    window = 2 * float(np.percentile(np.abs(difference), 99.5)) or 1.0
    node.GetDisplayNode().SetWindowLevel(window, 0.0)
    return node


class Swipe:
    """A hidden volume that shows the input on one side of a plane and the result on the other."""

    def __init__(self, before, after) -> None:
        fine = VolumeBridge.volumeFromNode(after)
        self._after = np.asarray(fine.array, dtype=np.float32)
        self._before = onGridOf(VolumeBridge.volumeFromNode(before), fine)
        self._axis = next(axis for axis in range(3) if fine.orientation[axis] in "RL")
        # The screen shows the patient's right on the left, where the input stays.
        self._inputFirst = fine.orientation[self._axis] == "L"
        self.node = VolumeBridge.addNode(_("Swipe"))
        self.node.SetHideFromEditors(True)
        VolumeBridge.updateNode(self.node, fine.with_array(self._before))
        VolumeBridge.inherit(self.node, after)
        self.node.SetSaveWithScene(False)

    def set(self, share: float) -> None:
        """Show the result on ``share`` (0 to 1) of the width, from the patient's left."""
        count = self._after.shape[self._axis]
        cut = round(count * (1 - share if self._inputFirst else share))
        low, high = (self._before, self._after) if self._inputFirst else (self._after, self._before)
        shown = VolumeBridge.volumeFromNode(self.node).array
        first, last = self._slices(cut)
        shown[first], shown[last] = low[first], high[last]
        slicer.util.arrayFromVolumeModified(self.node)
        slicer.util.arrayFromVolumeModified(self.node)

    def _slices(self, cut: int):
        first, last = [slice(None)] * 3, [slice(None)] * 3
        first[self._axis], last[self._axis] = slice(None, cut), slice(cut, None)
        return tuple(first), tuple(last)
