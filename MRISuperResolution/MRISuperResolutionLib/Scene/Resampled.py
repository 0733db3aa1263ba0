"""Volumes derived from an input and its result for looking at: the difference and the swipe."""

import numpy as np
import slicer
from slicer.i18n import tr as _

from mrisr.image.volume import Volume
from mrisr.physics.interpolation import interpolate

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
    node = VolumeBridge.addNode(
        _("{after} minus {before}").format(after=after.GetName(), before=before.GetName())
    )
    VolumeBridge.updateNode(node, fine.with_array(difference))
    VolumeBridge.inherit(node, after)
    window = 2 * float(np.percentile(np.abs(difference), 99.5)) or 1.0
    node.GetDisplayNode().SetWindowLevel(window, 0.0)
    return node


class Swipe:
    """A hidden volume that shows the result on the left of a plane, as seen on the screen, and the input on its right.

    The plane follows the slider: the further to the right, the more of the result is seen.
    """

    def __init__(self, before, after) -> None:
        fine = VolumeBridge.volumeFromNode(after)
        self._after = np.asarray(fine.array, dtype=np.float32)
        self._before = onGridOf(VolumeBridge.volumeFromNode(before), fine)
        self._axis = next(axis for axis in range(3) if fine.orientation[axis] in "RL")
        # Slice views show the patient's right on the left; an axis that points to the left begins there.
        self._beginsOnTheLeft = fine.orientation[self._axis] == "L"
        self.node = VolumeBridge.addNode("Swipe")
        self.node.SetName(f"{after.GetName()} | {before.GetName()}")
        self.node.SetHideFromEditors(True)
        self.node.SetSaveWithScene(False)
        VolumeBridge.updateNode(self.node, fine.with_array(self._before))
        VolumeBridge.inherit(self.node, after)

    def set(self, share: float) -> None:
        """Show the result on ``share`` (0 to 1) of the width."""
        count = self._after.shape[self._axis]
        width = round(count * share)
        cut = width if self._beginsOnTheLeft else count - width
        low, high = (self._after, self._before) if self._beginsOnTheLeft else (self._before, self._after)
        shown = VolumeBridge.volumeFromNode(self.node).array
        first, last = self._slices(cut)
        shown[first], shown[last] = low[first], high[last]
        slicer.util.arrayFromVolumeModified(self.node)

    def _slices(self, cut: int):
        first, last = [slice(None)] * 3, [slice(None)] * 3
        first[self._axis], last[self._axis] = slice(None, cut), slice(cut, None)
        return tuple(first), tuple(last)
