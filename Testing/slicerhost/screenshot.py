"""Pictures of the module panel with the slice views beside it, as the user would see them."""

from pathlib import Path

import slicer
import vtk
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget
from vtkmodules.util.numpy_support import vtk_to_numpy

from . import plotview
from .layoutmanager import BAR, SIZE

COLORS = {"Red": "#f34a33", "Green": "#6eb04b", "Yellow": "#edd54c", None: "#749fd6"}
BACKGROUND_3D = "#9c9ede"


def save(panel: QWidget, path: Path, width: int = 480) -> Path:
    """Save ``panel`` at ``width`` points, as tall as it wants to be, and the slice views beside it."""
    form = grabPanel(panel, width, SIZE[1])
    ratio = form.devicePixelRatio()
    views = renderViews().scaled(QSize(round(SIZE[0] * ratio), round(SIZE[1] * ratio)))
    form.setDevicePixelRatio(1)
    picture = QImage(
        form.width() + views.width(), max(form.height(), views.height()), QImage.Format.Format_RGB32
    )
    painter = QPainter(picture)
    painter.fillRect(picture.rect(), panel.palette.window())
    painter.drawImage(QPoint(0, 0), form)
    painter.drawImage(QPoint(form.width(), 0), views)
    painter.end()
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(str(path))
    return path


LAPTOP = QSize(1366, 768)
PANEL = QRect(0, 150, 458, 450)
"""What Slicer's tool bars, module selector and data probe leave for the panel in a window of that size."""


def saveLaptop(panel: QWidget, path: Path) -> Path:
    """Save what a laptop shows of the panel without scrolling, in a window of Slicer's proportions."""
    panel.resize(PANEL.width(), panel.layout().heightForWidth(PANEL.width()))
    panel.show()
    QApplication.processEvents()
    form = panel.grab(QRect(0, 0, PANEL.width(), PANEL.height())).toImage()
    form.setDevicePixelRatio(1)
    picture = QImage(LAPTOP, QImage.Format.Format_RGB32)
    picture.fill(QColor("#d8d8d8"))
    views = QRect(PANEL.right() + 2, 60, LAPTOP.width() - PANEL.width() - 2, LAPTOP.height() - 84)
    painter = QPainter(picture)
    painter.drawImage(PANEL, form)
    painter.drawImage(views, renderViews())
    painter.setPen(QColor("#707070"))
    for text, box in (
        ("Tool bars", QRect(8, 0, 400, 60)),
        ("Module selector, Help", QRect(8, 60, 400, 90)),
        ("Data Probe", QRect(8, PANEL.bottom(), 400, LAPTOP.height() - PANEL.bottom())),
    ):
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
    painter.end()
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(str(path))
    return path


def grabPanel(panel: QWidget, width: int, height: int) -> QImage:
    panel.resize(width, height)
    panel.show()
    QApplication.processEvents()
    panel.resize(width, max(height, panel.layout().heightForWidth(width), panel.sizeHint.height()))
    QApplication.processEvents()
    return panel.grab().toImage()


def renderViews() -> QImage:
    """The slice views of the current layout in their places, each with Slicer's colored bar."""
    picture = QImage(QSize(*SIZE), QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.black)
    painter = QPainter(picture)
    for name, box in slicer.app.layoutManager().boxes().items():
        _drawView(painter, name, QRect(*box))
    painter.end()
    return picture


def _drawView(painter: QPainter, name: str | None, box: QRect) -> None:
    content = box.adjusted(0, BAR, 0, 0)
    if name is None:
        painter.fillRect(content, QColor(BACKGROUND_3D))
    else:
        painter.drawImage(content.topLeft(), _picture(name, content.width(), content.height()))
    color = COLORS.get(name.rstrip("+") if name else None, "#888888")
    painter.fillRect(box.x(), box.y(), box.width(), BAR, QColor(color))
    painter.setPen(Qt.GlobalColor.black)
    title = box.adjusted(6, 0, 0, BAR - box.height())
    text = painter.fontMetrics().elidedText(_title(name), Qt.TextElideMode.ElideRight, title.width())
    painter.drawText(title, Qt.AlignmentFlag.AlignVCenter, text)


def _picture(name: str, width: int, height: int) -> QImage:
    widget = slicer.app.layoutManager().sliceWidget(name)
    if widget is None:
        return grabWindow(plotview.window(slicer.util.getNode(name), width, height))
    return renderView(widget.view, width, height)


def _title(name: str | None) -> str:
    """The view's name and what it shows."""
    if name is None or slicer.app.layoutManager().sliceWidget(name) is None:
        return "1"
    composite = slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()
    shown = [
        slicer.mrmlScene.GetNodeByID(nodeID or "")
        for nodeID in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
    ]
    return "   ".join([name, " + ".join(node.GetName() for node in shown if node)])


def renderView(view, width: int, height: int) -> QImage:
    window = view.render_window()
    window.SetSize(width, height)
    return grabWindow(window)


def grabWindow(window) -> QImage:
    window.Render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.ReadFrontBufferOff()
    grabber.Update()
    output = grabber.GetOutput()
    columns, lines, _ = output.GetDimensions()
    pixels = vtk_to_numpy(output.GetPointData().GetScalars()).reshape(lines, columns, -1)[::-1, :, :3].copy()
    return QImage(pixels.data, columns, lines, 3 * columns, QImage.Format.Format_RGB888).copy()
