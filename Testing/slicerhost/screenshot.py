"""Pictures of the module panel with the slice views beside it, as the user would see them."""

from pathlib import Path

import slicer
import vtk
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget
from vtkmodules.util.numpy_support import vtk_to_numpy

VIEWS = QSize(900, 720)
GAP = 3


def save(panel: QWidget, path: Path, width: int = 480, height: int | None = None) -> Path:
    """Save ``panel`` at ``width`` points, as tall as it wants to be (at least ``height``), and the slice views."""
    form = grabPanel(panel, width, height or VIEWS.height())
    ratio = form.devicePixelRatio()
    views = renderViews(QSize(round(VIEWS.width() * ratio), round(VIEWS.height() * ratio)))
    form.setDevicePixelRatio(1)
    picture = QImage(form.width() + views.width(), max(form.height(), views.height()), QImage.Format.Format_RGB32)
    picture.fill(QColor("#202020"))
    painter = QPainter(picture)
    painter.fillRect(QRect(0, 0, form.width(), picture.height()), panel.palette.window())
    painter.drawImage(QPoint(0, 0), form)
    painter.drawImage(QPoint(form.width(), 0), views)
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


def renderViews(size: QSize) -> QImage:
    """The slice views of the current layout, in rows, each with Slicer's colored bar."""
    picture = QImage(size, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.black)
    painter = QPainter(picture)
    rows = slicer.app.layoutManager().rows()
    height = size.height() // len(rows)
    for line, names in enumerate(rows):
        width = size.width() // len(names)
        for column, name in enumerate(names):
            _drawView(painter, name, QRect(column * width, line * height, width - GAP, height - GAP))
    painter.end()
    return picture


def _drawView(painter: QPainter, name: str, box: QRect) -> None:
    bar = 18
    widget = slicer.app.layoutManager().sliceWidget(name)
    image = renderView(widget.view, box.width(), box.height() - bar)
    painter.drawImage(box.topLeft() + QPoint(0, bar), image)
    red, green, blue = (round(255 * c) for c in widget.mrmlSliceNode().GetLayoutColor())
    painter.fillRect(box.x(), box.y(), box.width(), bar, QColor(red, green, blue))
    volume = slicer.mrmlScene.GetNodeByID(widget.mrmlSliceCompositeNode().GetBackgroundVolumeID() or "")
    painter.setPen(Qt.GlobalColor.black)
    title = f"{name}   {volume.GetName()}" if volume else name
    painter.drawText(box.adjusted(6, 0, 0, bar - box.height()), Qt.AlignmentFlag.AlignVCenter, title)


def renderView(view, width: int, height: int) -> QImage:
    window = view.render_window()
    window.SetSize(width, height)
    view.update_size(width, height)
    window.Render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.ReadFrontBufferOff()
    grabber.Update()
    output = grabber.GetOutput()
    columns, lines, _ = output.GetDimensions()
    pixels = vtk_to_numpy(output.GetPointData().GetScalars()).reshape(lines, columns, -1)[::-1, :, :3].copy()
    return QImage(pixels.data, columns, lines, 3 * columns, QImage.Format.Format_RGB888).copy()
