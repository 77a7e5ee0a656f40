"""`python -m archivecolor`, the same as the `archivecolor` command."""

import sys

if not getattr(sys.flags, "safe_path", False):
    # `python -m` puts the current folder first: what lies among the scans is not imported.
    del sys.path[0]

from archivecolor.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
