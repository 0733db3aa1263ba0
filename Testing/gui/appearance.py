"""Finding text that does not fit."""

import qt


def clipped(parent) -> list[str]:
    """Names of the visible labels, buttons and sections whose text needs more room than they have."""
    kinds = (qt.QLabel, qt.QPushButton, qt.QCheckBox, qt.QSpinBox, qt.QDoubleSpinBox)
    found = []
    for widget in parent.findChildren(qt.QWidget):
        if (
            isinstance(widget, kinds)
            and widget.isVisibleTo(parent)
            and widget.objectName
            and _tooSmall(widget)
        ):
            found.append(widget.objectName)
    return found


def overlapping(parent) -> list[tuple[str, str]]:
    """Names of visible widgets that lie over each other although they stand side by side in a layout."""
    found = []
    for widget in [parent, *parent.findChildren(qt.QWidget)]:
        children = [child for child in widget.children() if isinstance(child, qt.QWidget)]
        shown = [child for child in children if child.isVisibleTo(parent) and child.objectName]
        found += [
            (one.objectName, other.objectName)
            for number, one in enumerate(shown)
            for other in shown[:number]
            if one.geometry.intersects(other.geometry)
        ]
    return found


def _tooSmall(widget) -> bool:
    if isinstance(widget, qt.QLabel) and widget.wordWrap:
        return widget.height < widget.heightForWidth(widget.width)
    return widget.width < widget.minimumSizeHint.width() or widget.height < widget.minimumSizeHint.height()
