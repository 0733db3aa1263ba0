"""qMRMLPlotView: draws a chart node with VTK's own chart, as the desktop application does."""

import slicer
import vtk

TYPES = {
    slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter: vtk.vtkChart.LINE,
    slicer.vtkMRMLPlotSeriesNode.PlotTypeLine: vtk.vtkChart.LINE,
}
LINES = {
    slicer.vtkMRMLPlotSeriesNode.LineStyleNone: vtk.vtkPen.NO_PEN,
    slicer.vtkMRMLPlotSeriesNode.LineStyleSolid: vtk.vtkPen.SOLID_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDash: vtk.vtkPen.DASH_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDot: vtk.vtkPen.DOT_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDashDot: vtk.vtkPen.DASH_DOT_LINE,
    slicer.vtkMRMLPlotSeriesNode.LineStyleDashDotDot: vtk.vtkPen.DASH_DOT_DOT_LINE,
}


class PlotsModule:
    """``slicer.modules.plots``: Slicer's own logic."""

    def __init__(self, scene, applicationLogic) -> None:
        self._logic = slicer.vtkSlicerPlotsLogic()
        self._logic.SetMRMLApplicationLogic(applicationLogic)
        self._logic.SetMRMLScene(scene)

    def logic(self):
        return self._logic


def window(viewNode, width: int, height: int):
    """A render window with the chart that the view node shows."""
    view = vtk.vtkContextView()
    view.GetRenderer().SetBackground(1, 1, 1)
    view.GetRenderWindow().SetOffScreenRendering(True)
    view.GetRenderWindow().SetMultiSamples(4)
    view.GetRenderWindow().SetSize(width, height)
    chartNode = slicer.mrmlScene.GetNodeByID(viewNode.GetPlotChartNodeID() or "")
    if chartNode is not None:
        view.GetScene().AddItem(_chart(chartNode))
    view.GetRenderWindow().view = view  # it ends with the window
    return view.GetRenderWindow()


def _chart(node):
    chart = vtk.vtkChartXY()
    chart.SetShowLegend(node.GetLegendVisibility())
    chart.SetTitle(node.GetTitle() or "")
    chart.GetAxis(vtk.vtkAxis.BOTTOM).SetTitle(node.GetXAxisTitle() or "")
    chart.GetAxis(vtk.vtkAxis.LEFT).SetTitle(node.GetYAxisTitle() or "")
    if not node.GetYAxisRangeAuto():
        chart.GetAxis(vtk.vtkAxis.LEFT).SetBehavior(vtk.vtkAxis.FIXED)
        chart.GetAxis(vtk.vtkAxis.LEFT).SetRange(*node.GetYAxisRange())
    for index in range(node.GetNumberOfPlotSeriesNodes()):
        _addPlot(chart, node.GetNthPlotSeriesNode(index))
    return chart


def _addPlot(chart, series) -> None:
    table = series.GetTableNode().GetTable()
    if table.GetNumberOfRows() < 2:
        return
    plot = chart.AddPlot(TYPES[series.GetPlotType()])
    plot.SetInputData(table, series.GetXColumnName(), series.GetYColumnName())
    plot.SetLabel(series.GetName())
    plot.SetColorF(*series.GetColor())
    plot.SetWidth(series.GetLineWidth())
    plot.GetPen().SetLineType(LINES[series.GetLineStyle()])
