"""Fixtures of the tests that click in the panel; see slicerhost.fixtures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slicerhost.fixtures import _host, bareSlicer, console, host, noErrorsInSlots, scene  # noqa: F401
from slicerhost.fixtures import panel as openPanel  # noqa: F401

HERE = Path(__file__).resolve().parent
ENGINE = HERE.parents[1] / "MRISuperResolution"


@pytest.fixture(scope="session")
def warmWorker(tmp_path_factory):
    """The command of a worker that has imported everything already, see forking_worker.py."""
    path = str(tmp_path_factory.mktemp("worker") / "socket")
    command = [sys.executable, str(HERE / "forking_worker.py"), path]
    environment = {**os.environ, "PYTHONPATH": str(ENGINE)}
    server = subprocess.Popen(
        command, cwd=ENGINE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert server.stdout.readline() == "ready\n"
    yield command[1:]
    server.stdin.close()
    server.wait()


@pytest.fixture
def panel(openPanel, request):  # noqa: F811 - the fixture of this name
    """The module, open on an empty scene, with one worker for many tests; those marked `ownWorker` start one of their own."""
    if request.node.get_closest_marker("ownWorker") is None:
        openPanel.core.runner._worker = request.getfixturevalue("warmWorker")
    return openPanel
