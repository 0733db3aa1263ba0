"""Every setting is there once, and all three doors have it: the terminal, the panel and the console."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

from mrisr.cli import parser
from mrisr.commands._options import settings_of
from mrisr.commands._target import planned_of
from mrisr.errors import InputError
from mrisr.pipeline.settings import AUTO, Settings

MODULE = Path(__file__).resolve().parents[2] / "MRISuperResolution"

OTHERWISE = {
    "terminal": {
        "target": "--factor, --spacing and --isotropic",
        "known": "read beside the input, and looked for in it",
    },
    "panel": {
        "target": "the target's kind and its numbers",
        "acquisition": "how the scan was made: making, thickness, …",
        "residual": "always kept, as a map",
        "steps": "what the model's card says is what was measured",
        "known": "from the volume's DICOM headers",
    },
    "console": {
        "target": "the keywords factor, spacing and isotropic",
        "known": "from the volume's DICOM headers",
    },
}
"""Settings that a door has in another form, or for a reason not at all."""


def arguments(*more):
    return parser().parse_args(["enhance", "in.nii", "out.nii", *more])


def told(*more):
    args = arguments(*more)
    return settings_of(args, model=args.model, **planned_of(args))


def test_the_terminal_has_every_setting():
    missing = {each.name for each in fields(Settings)} - set(vars(arguments()))
    assert missing == set(OTHERWISE["terminal"])


def test_the_panel_has_every_setting():
    text = (MODULE / "MRISuperResolutionLib" / "Scene" / "ParameterNode.py").read_text(encoding="utf-8")
    parameters = set(re.findall(r"^    (\w+): ", text, re.MULTILINE))
    missing = {each.name for each in fields(Settings)} - parameters
    assert missing == set(OTHERWISE["panel"])


def test_the_console_takes_every_setting_by_its_name():
    text = (MODULE / "MRISuperResolutionLib" / "Logic.py").read_text(encoding="utf-8")
    process = text[text.index("def process(") : text.index("def trust(")]
    assert "**settings: Any" in process
    assert re.search(
        r"Settings\(model=model, target=targetFor\(factor, spacing, isotropic\), \*\*settings\)", process
    )
    named = {each.name for each in fields(Settings) if re.search(rf"\b{each.name}\b", process)}
    assert {each.name for each in fields(Settings)} - named <= set(OTHERWISE["console"]) | {"steps"}


def test_what_the_terminal_is_told_arrives():
    asked = [
        "--model",
        "linear",
        "--acquisition",
        "slices:3",
        "--consistency",
        "off",
        "--detail",
        "0.5",
        "--device",
        "cpu",
        "--precision",
    ]
    asked += ["fp32", "--tile", "64", "--seed", "3", "--samples", "4", "--steps", "5", "--region", ":,2:9,3:"]
    region = (0, 2, 3), (None, 9, None)
    expected = Settings("linear", None, "slices:3", 0, 0.5, region, "cpu", "fp32", 64, 3, False, 4, 5)
    assert told(*asked) == expected
    assert told() == Settings(model=AUTO)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("detail", 1.5, "between 0 and 1"),
        ("consistency", -1, "number of consistency steps must be 0 or more; got -1"),
        ("tile", 0, "side of the tiles in voxels must be 1 or more; got 0"),
        ("seed", -1, "seed must be 0 or more"),
        ("samples", -2, "number of samples must be 0 or more"),
        ("steps", 0, "number of steps must be 1 or more"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(name, value, words):
    with pytest.raises(InputError, match=words):
        Settings(**{name: value})


def test_every_setting_is_described():
    told = inspect.getdoc(Settings)
    assert [each.name for each in fields(Settings) if not re.search(rf"\b{each.name}\b", told)] == []
