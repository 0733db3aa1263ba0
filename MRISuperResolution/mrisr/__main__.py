"""`python -m mrisr` is the `mrisr` command."""

from .cli import process

process()
