"""Score tables: columns are found by the engine's names, whatever language their headings are in."""

import pytest

from mrml.test_earlier_scene import result  # noqa: F401

ROWS = [
    {
        "model": "linear",
        "psnr_mask": 27.123,
        "ssim_mask": 0.91234,
        "psnr": 30.0,
        "ssim": 0.95,
        "nrmse": 0.1,
        "seconds": 0.21,
        "peak_memory_mb": 512.0,
    },
    {
        "model": "cubic",
        "psnr_mask": 28.5,
        "ssim_mask": 0.92,
        "psnr": 31.25,
        "ssim": 0.96,
        "nrmse": 0.09,
        "seconds": 0.3,
        "peak_memory_mb": 640.0,
    },
]
EXPECTED = [{**ROWS[0], "psnr_mask": 27.12, "ssim_mask": 0.9123, "seconds": 0.2}, ROWS[1]]


@pytest.fixture
def table(scene):
    from MRISuperResolutionLib.Scene import VolumeBridge
    from MRISuperResolutionLib.Scene.ScoreTable import ScoreTable

    table = ScoreTable("Models tried", VolumeBridge.addNode("Scan"), costs=True)
    for row in ROWS:
        table.add(row)
    table.mark("cubic")
    return table


@pytest.fixture
def translated(host, monkeypatch):
    """Every text of a table in another language from here on."""
    from MRISuperResolutionLib.Scene import ScoreTable

    return lambda: monkeypatch.setattr(ScoreTable, "_", lambda text: f"«{text[::-1]}»")


def titles(node) -> list[str]:
    return [node.GetColumnTitle(node.GetColumnName(column)) for column in range(node.GetNumberOfColumns())]


def testColumnsAreNamedByTheEngineAndTitledForPeople(table):
    node = table.node
    assert [node.GetColumnName(column) for column in range(node.GetNumberOfColumns())] == [
        "model",
        "mark",
        *list(ROWS[0])[1:],
    ]
    assert titles(node) == [
        "Model",
        "Mark",
        "Nearness, head (dB)",
        "Likeness, head",
        "Nearness (dB)",
        "Likeness",
        "Error",
        "Seconds",
        "Memory (MB)",
    ]
    assert node.GetUseColumnTitleAsColumnHeader()


def testATableOfOneLanguageIsReadInAnother(table, translated):
    from MRISuperResolutionLib.Scene.ScoreTable import rowsOf

    assert rowsOf(table.node) == EXPECTED
    translated()
    assert rowsOf(table.node) == EXPECTED
    table.mark("linear")
    assert titles(table.node)[2] == "«)Bd( daeh ,ssenraeN»"
    assert rowsOf(table.node) == EXPECTED


def testATableSurvivesASceneFileAndAnotherLanguage(table, scene, translated, tmp_path):
    import slicer

    from MRISuperResolutionLib.Scene.ScoreTable import rowsOf

    table.node.AddDefaultStorageNode()
    table.node.GetStorageNode().SetFileName(str(tmp_path / "table.tsv"))
    assert table.node.GetStorageNode().WriteData(table.node)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    scene.Clear(0)
    translated()
    scene.Connect()
    (node,) = slicer.util.getNodesByClass("vtkMRMLTableNode")
    assert rowsOf(node) == EXPECTED
    assert titles(node)[:3] == ["Model", "Mark", "Nearness, head (dB)"]


def testWhatATableHasNoColumnForIsNone(scene):
    from MRISuperResolutionLib.Scene import VolumeBridge
    from MRISuperResolutionLib.Scene.ScoreTable import ScoreTable, rowsOf

    table = ScoreTable("Models tried", VolumeBridge.addNode("Scan"), costs=True)
    table.add({**ROWS[0], "peak_memory_mb": None})
    assert rowsOf(table.node) == [{**EXPECTED[0], "peak_memory_mb": None}]


def testATableOfAnEarlierSceneIsReadByItsHeadings(result):  # noqa: F811
    from MRISuperResolutionLib.Scene.ScoreTable import latestFor, rowsOf

    rows = rowsOf(latestFor(result))
    assert [row["model"] for row in rows] == ["result", "linear", "cubic", "lanczos"]
    assert [row["psnr_mask"] for row in rows] == [13.88, 14.05, 14.03, 14.02]
    assert rows[0]["nrmse"] == 1.1057
    assert rows[0]["seconds"] is None
