"""Fixtures of the tests on the real MRML scene; see slicerhost.fixtures."""

from slicerhost.fixtures import _host, host, scene  # noqa: F401
