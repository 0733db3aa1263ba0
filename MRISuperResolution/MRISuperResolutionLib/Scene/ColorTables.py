"""Color tables of the maps. They are made when needed and saved with the scene: all that is transparent in a map is so by its table."""

import numpy as np
import slicer

COLORS = 256
OPACITY = 0.8

CLEAR = (0.25, 0.5)
"""Distance from the middle of the diverging table, 1 being its end, up to which it is clear and from which it is opaque."""

BLUES = ((0.0, (0.45, 0.65, 1.0)), (1.0, (0.0, 0.15, 0.95)))
REDS = ((0.0, (1.0, 0.6, 0.45)), (1.0, (0.95, 0.05, 0.0)))
RISING = (
    (0.0, (1.0, 0.95, 0.35)),
    (0.35, (1.0, 0.6, 0.1)),
    (0.7, (0.95, 0.15, 0.35)),
    (1.0, (0.6, 0.0, 0.75)),
)


def diverging():
    """Blue, clear, red."""
    return _twoSided("MRISuperResolutionResidual", BLUES, REDS)


def agreement():
    """Red, clear, blue."""
    return _twoSided("MRISuperResolutionAgreement", REDS, BLUES)


def rising():
    """Yellow, orange, red, violet."""
    return _table(
        "MRISuperResolutionSpread", _between(RISING, np.linspace(0, 1, COLORS)), np.full(COLORS, OPACITY)
    )


def _twoSided(name: str, below, above):
    """Clear in the middle, with colors of its own on either side."""
    value = np.linspace(-1, 1, COLORS)
    distance = np.abs(value)
    colors = np.where(value[:, None] < 0, _between(below, distance), _between(above, distance))
    return _table(name, colors, OPACITY * np.clip((distance - CLEAR[0]) / (CLEAR[1] - CLEAR[0]), 0, 1))


def _between(stops, position: np.ndarray) -> np.ndarray:
    """(n, 3) colors, linear between the stops."""
    places, colors = [place for place, _ in stops], np.array([color for _, color in stops])
    return np.column_stack([np.interp(position, places, colors[:, channel]) for channel in range(3)])


def _table(name: str, colors: np.ndarray, opacity: np.ndarray):
    """The scene's table of that name. It is shown in lists, as Slicer offers only what is shown there for saving."""
    node = slicer.mrmlScene.GetFirstNode(name, "vtkMRMLColorTableNode")
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", name)
    elif _isFilled(node):
        return node
    node.SetHideFromEditors(False)
    node.SetTypeToUser()
    node.SetNumberOfColors(len(colors))
    for index, (color, alpha) in enumerate(zip(colors, opacity, strict=True)):
        node.SetColor(index, *color.tolist(), float(alpha))
    return node


def _isFilled(node) -> bool:
    """A table whose file was not saved with the scene, or was lost, comes back clear throughout."""
    return node.GetNumberOfColors() == COLORS and node.GetLookupTable().GetOpacity(0) > 0
