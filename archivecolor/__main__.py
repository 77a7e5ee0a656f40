"""`python -m archivecolor`, the same as the `archivecolor` command."""

import sys

from archivecolor.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
