"""`python -m mrisr` is the `mrisr` command."""

import sys

from .cli import program

sys.exit(program())
