"""Fixtures of the tests of the stand-in itself; see slicerhost.fixtures."""

from slicerhost.fixtures import _host, bareSlicer, console, host, noErrorsInSlots, panel, scene  # noqa: F401
