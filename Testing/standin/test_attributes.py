"""PythonQt sets properties of C++ objects and nothing else; read in PythonQtInstanceWrapper.cpp."""

import pytest


@pytest.mark.parametrize(("cls", "name", "value"), [
    ("QLabel", "txt", "a misspelled property"), ("QPushButton", "clicked", print), ("QPushButton", "setText", print),
    ("QCheckBox", "checkedByModule", True), ("QTimer", "owner", None), ("QProgressBar", "width", 3), ("QObject", "anything", 1),
    ("QComboBox", "count", 2),
])
def testANameThatIsNoWritablePropertyIsRefused(host, cls, name, value):
    import qt

    thing = getattr(qt, cls)()
    with pytest.raises(AttributeError):
        setattr(thing, name, value)


@pytest.mark.parametrize(("cls", "name", "value"), [
    ("QLabel", "text", "words"), ("QPushButton", "enabled", False), ("QCheckBox", "checked", True), ("QTimer", "interval", 5),
    ("QWidget", "visible", False), ("QLabel", "name", "the label"),
])
def testAPropertyIsSet(host, cls, name, value):
    import qt

    thing = getattr(qt, cls)()
    setattr(thing, name, value)
    assert getattr(thing, name) == value


def testADynamicPropertyIsSetLikeAnyOther(host):
    import qt

    label = qt.QLabel()
    with pytest.raises(AttributeError, match="creating new attributes"):
        label.SlicerParameterName = "model"
    label.setProperty("SlicerParameterName", "model")
    label.SlicerParameterName = "seed"


@pytest.mark.parametrize(("module", "cls"), [("ctk", "ctkPathLineEdit"), ("ctk", "ctkSliderWidget"), ("slicer", "qMRMLNodeComboBox")])
def testSlicersOwnWidgetsAreCppObjects(host, module, cls):
    widget = getattr(__import__(module), cls)()
    for name in ("currentpath", "_hidden", "currentNode"):
        with pytest.raises(AttributeError):
            setattr(widget, name, "x")
    widget.toolTip = "words"
    assert widget.toolTip == "words"


def testItemsOfATreeHaveNoAttributes(host):
    import qt

    with pytest.raises(AttributeError):
        qt.QTreeWidgetItem().model = "cubic"


def testWhatPythonDerivesMayHaveAttributes(host):
    import qt

    class Label(qt.QLabel):
        pass

    label = Label()
    label.owner = "me"
    assert label.owner == "me"
