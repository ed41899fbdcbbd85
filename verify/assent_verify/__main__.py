"""`python -m assent_verify`."""

import sys

from assent_verify.cli import main

if __name__ == "__main__":
    sys.exit(main())
