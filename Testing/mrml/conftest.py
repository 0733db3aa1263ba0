"""Fixtures of the tests on the real MRML scene; see slicerhost.fixtures."""

from slicerhost.fixtures import host, scene  # noqa: F401
