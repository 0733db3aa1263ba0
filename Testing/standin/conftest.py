"""Fixtures of the tests of the stand-in itself; see slicerhost.fixtures."""

from slicerhost.fixtures import (  # noqa: F401
    _host,
    bareSlicer,
    console,
    host,
    noErrorsInSlots,
    panel,
    scene,
    steadyEnvironment,
)
