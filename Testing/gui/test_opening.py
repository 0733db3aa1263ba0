"""What opening the module drags in; how long it takes is measured by `make bench ONLY=opening`."""

import pytest

from gui.opening import Opening, openModule


@pytest.fixture(scope="module")
def opening() -> Opening:
    return openModule()


def testOpeningTheModuleImportsNothingHeavy(opening):
    assert opening.heavy == ""


def testLoadingTheModuleFileDoesNotEvenImportTheEngine(opening):
    assert opening.light == ""
