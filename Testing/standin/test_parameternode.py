"""What ``slicer.parameterNodeWrapper`` takes, refuses and tells, read in its wrapper.py, serializers.py and guiConnectors.py."""

import enum
import logging
import pathlib
from typing import Annotated, Union

import numpy as np
import pytest


class Color(enum.Enum):
    Red = 1
    Green = 2


@pytest.fixture
def wrapped(scene):
    """Makes a wrapped class with these members and defaults on a parameter node of its own, or on the one that is given."""
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    def wrap(members: dict, node=None, **defaults):
        cls = parameterNodeWrapper(type("Declared", (), {"__annotations__": members, **defaults}))
        return cls(node or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))

    return wrap


def range_(*limits):
    from slicer.parameterNodeWrapper import WithinRange

    return WithinRange(*limits)


@pytest.mark.parametrize(("annotation", "value", "error"), [
    (int, 1.0, TypeError), (int, None, ValueError), (int, "1", TypeError), (float, "1", TypeError), (float, np.float32(1), TypeError),
    (str, None, ValueError), (str, 1, TypeError), (bool, 1, TypeError), (pathlib.Path, "/tmp", TypeError), (Color, 1, TypeError),
    (Color, None, AttributeError), (int, True, ValueError),
])
def testAValueOfAnotherTypeIsRefused(wrapped, annotation, value, error):
    parameters = wrapped({"value": annotation})
    with pytest.raises(error):
        parameters.value = value


@pytest.mark.parametrize(("annotation", "value", "text"), [
    (int, 3, "3"), (float, 3, "3"), (float, np.float64(0.1), "0.1"), (str, "a b", "a b"), (bool, True, "True"),
    (pathlib.Path, pathlib.Path("/tmp/x"), "/tmp/x"), (Color, Color.Green, "Green"),
])
def testAValueIsKeptAsText(wrapped, annotation, value, text):
    parameters = wrapped({"value": annotation})
    parameters.value = value
    assert (parameters.value, parameters.parameterNode.GetParameter("value")) == (value, text)


@pytest.mark.parametrize(("annotation", "default"), [
    (int, 0), (float, 0.0), (str, ""), (bool, False), (Color, Color.Red), (pathlib.Path, pathlib.Path())])
def testWithoutADefaultThereIsOne(wrapped, annotation, default):
    assert wrapped({"value": annotation}).value == default


def testADefaultOutsideItsRangeIsFoundWhenANodeIsWrapped(wrapped):
    """Zero is the default of a number, whatever its range says."""
    with pytest.raises(ValueError, match="within range"):
        wrapped({"value": Annotated[float, range_(1, 2)]})
    assert wrapped({"value": Annotated[float, range_(1, 2)]}, value=1.5).value == 1.5


def testARangeIsCheckedAfterTheType(wrapped):
    parameters = wrapped({"value": Annotated[float, range_(0, 2)]})
    with pytest.raises(TypeError):
        parameters.value = "much"
    with pytest.raises(ValueError, match="within range"):
        parameters.value = 3.0
    assert parameters.value == 0


def testWhatIsStoredIsNotOverwrittenByADefault(wrapped):
    first = wrapped({"value": int}, value=1)
    first.value = 7
    assert wrapped({"value": int}, node=first.parameterNode, value=1).value == 7


def testATextThatIsNoNameOfTheEnumIsAnError(wrapped):
    """A scene of a later version of the module may hold one."""
    parameters = wrapped({"value": Color})
    parameters.parameterNode.SetParameter("value", "Blue")
    with pytest.raises(ValueError, match="Blue"):
        wrapped({"value": Color}, node=parameters.parameterNode)


@pytest.mark.parametrize("name", ["default", "getValue", "connectGui", "StartModify", "Modified", "allParameters"])
def testNamesThatTheWrapperNeedsAreRefused(wrapped, name):
    with pytest.raises(ValueError, match="reserved name"):
        wrapped({name: int})


def testATypeThatCannotBeKeptIsRefused(wrapped):
    with pytest.raises(Exception, match="Unable to create serializer"):
        wrapped({"value": complex})


def testAnUnknownAnnotationIsLogged(wrapped, caplog):
    with caplog.at_level(logging.WARNING):
        wrapped({"value": Annotated[int, "millimeters"]})
    assert "Unused annotations" in caplog.text


def testAUnionKeepsItsTypesUnderTheirNumbers(wrapped):
    import slicer

    union = Union[slicer.vtkMRMLMarkupsROINode, slicer.vtkMRMLSegmentationNode, None]  # noqa: UP007
    parameters = wrapped({"region": union})
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node = parameters.parameterNode
    assert (parameters.region, node.HasParameter("region.2")) == (None, True)
    parameters.region = segmentation
    assert (parameters.region, node.HasParameter("region.2")) == (segmentation, False)
    assert node.GetNodeReference("region.1") is segmentation
    with pytest.raises(TypeError):
        parameters.region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    assert parameters.region is segmentation
    parameters.region = None
    assert node.GetNodeReference("region.1") is None


def testAUnionWithoutNoneTakesNoNone(wrapped):
    import slicer

    union = Union[slicer.vtkMRMLMarkupsROINode, slicer.vtkMRMLSegmentationNode]  # noqa: UP007
    with pytest.raises(TypeError, match="Unable to write"):
        wrapped({"region": union})


def testBarsMakeAUnion(wrapped):
    import slicer

    assert wrapped({"region": slicer.vtkMRMLMarkupsROINode | None}).region is None


def widget(name: str):
    import ctk
    import qt
    import slicer

    return next(getattr(module, name)() for module in (qt, ctk, slicer) if hasattr(module, name))


@pytest.mark.parametrize(("annotation", "name"), [
    (float, "QSpinBox"), (bool, "QSpinBox"), (Color, "QLineEdit"), (float, "QLineEdit"), (str, "ctkPathLineEdit"), (str, "QCheckBox"),
    (bool, "QRadioButton"), (bool, "QGroupBox"), (bool, "ctkCollapsibleButton"), (str, "qMRMLNodeComboBox"), (float, "QSlider"),
])
def testPairsThatSlicerCannotConnectAreRefused(wrapped, annotation, name):
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        wrapped({"value": annotation}).connectParametersToGui({"value": widget(name)})


@pytest.mark.parametrize(("annotation", "name", "message"), [
    (float, "ctkSliderWidget", "unbounded"), (int, "QSlider", "unbounded"), (str, "QComboBox", "Choice")])
def testPairsThatNeedAnAnnotationAreRefusedWithoutIt(wrapped, annotation, name, message):
    with pytest.raises(RuntimeError, match=message):
        wrapped({"value": annotation}).connectParametersToGui({"value": widget(name)})


def testWidgetsOfDerivedClassesAreRefused(wrapped):
    import qt

    class Box(qt.QCheckBox):
        pass

    with pytest.raises(RuntimeError):
        wrapped({"value": bool}).connectParametersToGui({"value": Box()})


def testACheckableSelectorIsNoNodeSelector(wrapped):
    import slicer

    with pytest.raises(RuntimeError):
        wrapped({"value": slicer.vtkMRMLScalarVolumeNode}).connectParametersToGui({"value": widget("qMRMLCheckableNodeComboBox")})


@pytest.mark.parametrize(("annotation", "name", "limits"), [
    (Annotated[float, (0, 2)], "QDoubleSpinBox", (0, 2)), (Annotated[int, (3, 9)], "QSpinBox", (3, 9)),
    (Annotated[int, (3, 9)], "QSlider", (3, 9)), (Annotated[float, (0, 2)], "ctkSliderWidget", (0, 2)),
    (int, "QSpinBox", (-(2**31), 2**31 - 1)), (float, "QDoubleSpinBox", (float("-inf"), float("inf"))),
])
def testTheRangeOfAWidgetBecomesThatOfTheAnnotation(wrapped, annotation, name, limits):
    if hasattr(annotation, "__metadata__"):
        annotation = Annotated[annotation.__origin__, range_(*annotation.__metadata__[0])]
    box = widget(name)
    wrapped({"value": annotation}, value=4 if "int" in str(annotation) else 1.5).connectParametersToGui({"value": box})
    assert (box.minimum, box.maximum) == limits


def testWhatAFormsDecimalsCannotShowIsRoundedWithoutAWordAndTheParameterStays(wrapped):
    """The range of an annotation is rounded to the decimals of the form, too."""
    box = widget("QDoubleSpinBox")
    parameters = wrapped({"value": Annotated[float, range_(0.0, 2.0)]}, value=1.2345)
    parameters.connectParametersToGui({"value": box})
    assert (box.value, parameters.value) == (1.23, 1.2345)


def testAnIntegerMakesADoubleSpinBoxShowNone(wrapped):
    box = widget("QDoubleSpinBox")
    parameters = wrapped({"value": int})
    parameters.connectParametersToGui({"value": box})
    box.value = 3
    assert (box.decimals, parameters.value, type(parameters.value)) == (0, 3, int)


def testAFormWithMoreItemsThanTheEnumCannotBeConnectedIfOneOfTheseIsChosen(wrapped):
    box = widget("QComboBox")
    box.addItems(["a", "b", "c"])
    box.currentIndex = 2
    with pytest.raises(IndexError):
        wrapped({"value": Color}).connectParametersToGui({"value": box})


def testAButtonIsMadeCheckable(wrapped, caplog):
    button = widget("QPushButton")
    with caplog.at_level(logging.WARNING):
        parameters = wrapped({"value": bool})
        parameters.connectParametersToGui({"value": button})
    button.click()
    assert (button.checkable, parameters.value) == (True, True)
    assert "checkable" in caplog.text


def testWidgetAndParameterFollowEachOther(wrapped):
    import qt

    form = qt.QWidget()
    parameters = wrapped({"name": str, "size": int, "color": Color, "on": bool, "path": pathlib.Path})
    gui = {"name": qt.QLineEdit(form), "size": qt.QSpinBox(form), "color": qt.QComboBox(form), "on": qt.QCheckBox(form),
           "path": widget("ctkPathLineEdit")}
    parameters.connectParametersToGui(gui)
    gui["name"].text, gui["size"].value, gui["color"].currentIndex, gui["on"].checked = "a", 5, 1, True
    gui["path"].currentPath = "/tmp"
    assert (parameters.name, parameters.size, parameters.color, parameters.on) == ("a", 5, Color.Green, True)
    assert parameters.path == pathlib.Path("/tmp")
    parameters.name, parameters.color, parameters.on = "b", Color.Red, False
    assert (gui["name"].text, gui["color"].currentIndex, gui["on"].checked) == ("b", 0, False)


def testConnectGuiFindsTheWidgetsByTheirPropertyAndGivesATag(wrapped):
    import qt

    form = qt.QWidget()
    box = qt.QSpinBox(form)
    box.setProperty("SlicerParameterName", "size")
    parameters = wrapped({"size": int})
    tag = parameters.connectGui(form)
    box.value = 4
    parameters.disconnectGui(tag)
    box.value = 5
    assert parameters.size == 4
    parameters.disconnectGui(tag)


def testAFormThatNamesAnUnknownParameterIsRefused(wrapped):
    with pytest.raises(ValueError, match="Cannot find"):
        wrapped({"size": int}).connectParametersToGui({"sise": widget("QSpinBox")})


@pytest.mark.parametrize(("version", "left"), [("5.10", 1), ("5.12", 0)])
def testDisconnectingLeavesTheNodesObserverBehindIn510(host, wrapped, version, left):
    parameters = wrapped({"size": int})
    observers = []
    cls = type(parameters)
    add, remove = cls.AddObserver, cls.RemoveObserver
    cls.AddObserver = lambda self, *arguments: observers.append(tag := add(self, *arguments)) or tag
    cls.RemoveObserver = lambda self, tag: observers.remove(tag) or remove(self, tag)
    host.become(version)
    parameters.disconnectGui(parameters.connectParametersToGui({"size": widget("QSpinBox")}))
    host.become("5.12")
    assert len(observers) == left
