"""`python -m gateway.main` is the command `assent`."""

from __future__ import annotations

import sys

from gateway.main import main

sys.exit(main())
