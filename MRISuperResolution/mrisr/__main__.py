"""`python -m mrisr` is the `mrisr` command."""

import sys

from .cli import main

sys.exit(main())
