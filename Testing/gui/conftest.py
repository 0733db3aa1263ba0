"""Fixtures of the tests that click in the panel; see slicerhost.fixtures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slicerhost.fixtures import (  # noqa: F401
    _host,
    bareSlicer,
    console,
    host,
    noErrorsInSlots,
    scene,
    steadyEnvironment,
)
from slicerhost.fixtures import panel as openPanel  # noqa: F401

HERE = Path(__file__).resolve().parent
ENGINE = HERE.parents[1] / "MRISuperResolution"


@pytest.fixture(scope="session")
def warmWorker(tmp_path_factory):
    """The command of a worker that has imported everything already, see forking_worker.py."""
    path = str(tmp_path_factory.mktemp("worker") / "socket")
    program = str(HERE / "forking_worker.py")
    environment = {**os.environ, "PYTHONPATH": str(ENGINE)}
    server = subprocess.Popen(
        [sys.executable, program, "--serve", path],
        cwd=ENGINE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert server.stdout.readline() == "ready\n"
    yield [program, path]
    server.stdin.close()
    server.wait()


@pytest.fixture
def forks(host, steadyEnvironment, warmWorker):  # noqa: F811 - fixtures of these names
    """All runs are made by forks of one process, which end with them."""
    import qt

    from MRISuperResolutionLib.System import WarmWorker

    qt.QSettings().setValue(WarmWorker.KEEP_KEY, 0)
    WarmWorker.shared().command = warmWorker
    yield
    WarmWorker.shared().command = WarmWorker.COMMAND
    qt.QSettings().remove(WarmWorker.KEEP_KEY)


@pytest.fixture
def panel(host, request):  # noqa: F811 - the fixture of this name
    """The module, open on an empty scene. Tests marked `ownWorker` have the worker as users have it; the others' runs are forks."""
    import qt

    from MRISuperResolutionLib.System import WarmWorker

    if request.node.get_closest_marker("ownWorker") is None:
        request.getfixturevalue("forks")
    else:
        qt.QSettings().setValue(WarmWorker.KEEP_KEY, WarmWorker.KEEP_MINUTES)
    panel = request.getfixturevalue("openPanel")
    yield panel
    panel.core.close()
    panel.core.runner.worker.command = WarmWorker.COMMAND
    qt.QSettings().remove(WarmWorker.KEEP_KEY)
