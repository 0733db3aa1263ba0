"""Fixtures of the tests that click in the panel; see slicerhost.fixtures."""

from slicerhost.fixtures import _host, bareSlicer, console, host, noErrorsInSlots, panel, scene  # noqa: F401
