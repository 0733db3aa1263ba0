"""What a node selector lists, chooses and tells, read in qMRMLNodeComboBox.cxx, qMRMLSceneModel.cxx and ctkCheckableComboBox.cpp."""

import numpy as np
import pytest

VOLUMES = "vtkMRMLScalarVolumeNode"


def volume(name: str):
    import slicer

    return slicer.util.addVolumeFromArray(np.zeros((2, 2, 2)), name=name)


@pytest.fixture
def makeBox(scene):
    """Makes selectors with these properties, listens to them, and gives them the scene."""
    import slicer

    boxes = []

    def make(cls="qMRMLNodeComboBox", nodeTypes=(VOLUMES,), **properties):
        box = getattr(slicer, cls)()
        box.nodeTypes = list(nodeTypes)
        for name, value in {"addEnabled": False, "removeEnabled": False, "noneEnabled": True, **properties}.items():
            setattr(box, name, value)
        told = []
        box.currentNodeChanged.connect(told.append)
        box.setMRMLScene(scene)
        boxes.append(box)
        assert told == [box.currentNode()], "what it chooses is told once"
        told.clear()
        return box, told

    yield make
    for box in boxes:
        box.deleteLater()


def testNoSelectorWorksBeforeItHasAScene(scene):
    import slicer

    box = slicer.qMRMLNodeComboBox()
    assert not box.enabled
    box.setMRMLScene(scene)
    assert box.enabled, "even if the .ui file says otherwise"
    box.deleteLater()


def testWithoutANoneRowTheFirstNodeIsChosenOnlyWhereThereIsNothingElseInTheList(makeBox):
    """The rows "Create new …" make Qt's combo box leave the choice empty."""
    plain, _ = makeBox(noneEnabled=False)
    creating, _ = makeBox(noneEnabled=False, addEnabled=True)
    first = volume("First")
    assert plain.currentNode() is first
    assert creating.currentNode() is None
    late, _ = makeBox(noneEnabled=False, addEnabled=True)
    assert late.currentNode() is first, "it was there before the selector got the scene"


def testANodeThatIsNotListedCountsAsNone(makeBox):
    import slicer

    scan = volume("Scan")
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    box, told = makeBox()
    box.setCurrentNode(scan)
    box.setCurrentNode(table)
    assert box.currentNode() is None
    assert told == [scan, None]


def testWhenTheChosenNodeGoesTheNextOneIsChosen(makeBox, scene):
    first, second, third = map(volume, ("First", "Second", "Third"))
    box, told = makeBox()
    box.setCurrentNode(second)
    told.clear()
    scene.RemoveNode(second)
    assert told == [third]
    scene.RemoveNode(third)
    assert box.currentNode() is first, "the last in the list, if there is none after it"
    scene.RemoveNode(first)
    assert box.currentNode() is None


def testWithActionsInTheListTheLastNodeIsChosenAfterTheLastRow(makeBox, scene):
    first, second = volume("First"), volume("Second")
    box, told = makeBox(addEnabled=True)
    box.setCurrentNode(second)
    told.clear()
    scene.RemoveNode(second)
    assert told == [first], "not the line before Create new"


def testARowThatComesBeforeTheChosenOneTellsOfItAgain(makeBox):
    scan = volume("Scan")
    box, told = makeBox(noneEnabled=False)
    box.noneEnabled = True
    assert (box.currentNode(), told) == (scan, [scan])


def testOtherTypesFilterTheListAndMayTakeTheChoice(makeBox):
    import slicer

    scan, region = volume("Scan"), slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    box, told = makeBox(nodeTypes=(VOLUMES, "vtkMRMLMarkupsROINode"))
    box.setCurrentNode(scan)
    told.clear()
    box.nodeTypes = ["", "vtkMRMLMarkupsROINode"]
    assert box.nodes() == [region]
    assert list(box.nodeTypes) == ["vtkMRMLMarkupsROINode"], "empty names are left out"
    assert told[-1] is region, "the row after the one that went"


@pytest.mark.parametrize(("properties", "listed"), [
    ({}, ["Scan", "Labels"]),
    ({"showChildNodeTypes": False}, ["Scan"]),
    ({"hideChildNodeTypes": ["vtkMRMLLabelMapVolumeNode"]}, ["Scan"]),
    ({"showHidden": True}, ["Scan", "Labels", "Hidden"]),
    ({"nodeTypes": ()}, None),
])
def testWhatIsListed(makeBox, properties, listed):
    import slicer

    volume("Scan")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
    volume("Hidden").HideFromEditorsOn()
    box, _ = makeBox(**properties)
    names = [node.GetName() for node in box.nodes()]
    if listed is None:
        assert len(names) > 2, "without a type all nodes are"
    else:
        assert names == listed


def testAChosenNodeThatIsHiddenIsNoLongerChosen(makeBox):
    scan = volume("Scan")
    box, told = makeBox()
    box.setCurrentNode(scan)
    scan.HideFromEditorsOn()
    assert (box.nodes(), box.currentNode(), told[-1]) == ([], None, None)


@pytest.mark.parametrize(("version", "times"), [("5.10", 0), ("5.12", 1)])
def testANewNameOfTheChosenNodeIsToldIn512Only(host, makeBox, version, times):
    scan = volume("Scan")
    box, told = makeBox()
    box.setCurrentNode(scan)
    told.clear()
    host.become(version)
    scan.SetName("Renamed")
    host.become("5.12")
    assert told == [scan] * times


def testImportingASceneEmptiesTheChoice(makeBox, scene):
    """The list is made anew when an import ends: the choice goes to "none", and is told."""
    scan = volume("Scan")
    box, told = makeBox()
    box.setCurrentNode(scan)
    scene.StartState(scene.ImportState)
    late = volume("Late")
    assert box.nodes() == [scan], "nodes wait for the end of the import"
    scene.EndState(scene.ImportState)
    assert box.nodes() == [scan, late]
    assert (box.currentNode(), told[-1]) == (None, None)


def testClosingTheSceneEmptiesTheList(makeBox, scene):
    scan = volume("Scan")
    box, told = makeBox()
    box.setCurrentNode(scan)
    scene.Clear(0)
    assert (box.nodes(), box.currentNode(), told) == ([], None, [scan, None])


def testNewNodesAreNamedAndChosenBeforeTheyAreTold(makeBox):
    box, _ = makeBox(nodeTypes=("vtkMRMLMarkupsROINode", VOLUMES), baseName="Region")
    order = []
    box.currentNodeChanged.connect(lambda node: order.append("chosen"))
    box.nodeAddedByUser.connect(lambda node: order.append("added"))
    node = box.addNode()
    assert (node.GetClassName(), node.GetName(), order) == ("vtkMRMLMarkupsROINode", "Region", ["chosen", "added"])
    assert box.addNode().GetName() == "Region_1"
    assert box.addNode(VOLUMES).GetName() == "Region_2"
    assert box.addNode("vtkMRMLTableNode") is None, "it is not among the types"


def testABaseNameIsOfTheTypesOfItsMoment(makeBox):
    """Connecting a parameter overwrites the types: names given for others are lost."""
    box, _ = makeBox(nodeTypes=(VOLUMES,), baseName="Scan")
    box.nodeTypes = ["vtkMRMLMarkupsROINode"]
    assert box.baseName == ""
    assert box.addNode().GetName() == "R"


@pytest.mark.parametrize(("version", "times"), [("5.10", 2), ("5.12", 1)])
def testTheUsersNewNodeIsToldTwiceIn510(host, makeBox, version, times):
    box, _ = makeBox(addEnabled=True)
    added = []
    box.nodeAddedByUser.connect(added.append)
    host.become(version)
    node = box.chooseCreateNew()
    host.become("5.12")
    assert added == [node] * times


def testOtherWordsForNoneInAnEmptyListAreToldAsNone(makeBox):
    box, told = makeBox(noneDisplay="Choose")
    box.noneDisplay = "New volume"
    assert (box.currentNode(), told[-1]) == (None, None)


def testASelectorIsNoComboBox(makeBox):
    """The combo box is inside, out of a module's reach."""
    box, _ = makeBox()
    for name in ("count", "currentIndex", "currentText", "addItem", "findText"):
        assert not hasattr(box, name), name


def testChecksAreToldWhenTheyChange(makeBox):
    import qt

    first, second = volume("First"), volume("Second")
    box, _ = makeBox("qMRMLCheckableNodeComboBox", noneEnabled=False)
    told = []
    box.checkedNodesChanged.connect(lambda: told.append(list(box.checkedNodes())))
    volume("Third")
    assert told == [], "a node that comes unchecked changes nothing"
    box.setCheckState(second, qt.Qt.Checked)
    box.setCheckState(first, qt.Qt.Checked)
    box.setCheckState(first, qt.Qt.Checked)
    assert told == [[second], [first, second]]
    assert [node.GetName() for node in box.uncheckedNodes()] == ["Third"]


def testACheckedNodeThatGoesIsNotToldUntilTheNextChange(makeBox, scene):
    import qt

    scan, other = volume("Scan"), volume("Other")
    box, _ = makeBox("qMRMLCheckableNodeComboBox", noneEnabled=False)
    box.setCheckState(scan, qt.Qt.Checked)
    told = []
    box.checkedNodesChanged.connect(lambda: told.append(list(box.checkedNodes())))
    scene.RemoveNode(scan)
    assert (box.checkedNodes(), told) == ([], [])
    other.SetName("Renamed")
    assert told == [[]]


def testChecksAreLostWhenASceneIsImported(makeBox, scene):
    import qt

    scan = volume("Scan")
    box, _ = makeBox("qMRMLCheckableNodeComboBox", noneEnabled=False)
    box.setCheckState(scan, qt.Qt.Checked)
    scene.StartState(scene.ImportState)
    scene.EndState(scene.ImportState)
    assert box.checkedNodes() == []
