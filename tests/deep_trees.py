"""Trees deeper than any path reaches, made and cleared away step by step."""

import os
import subprocess
from pathlib import Path


def nest(root, name, count, data=b"x", file="z.jpg"):
    """`count` folders of that name within each other below `root`, each with a file."""
    before = Path.cwd()
    try:
        os.chdir(root)
        for _ in range(count):
            os.mkdir(name)  # noqa: PTH102 - the path as a whole may be too long for the system
            os.chdir(name)
            Path(file).write_bytes(data)
    finally:
        os.chdir(before)


def clear(*roots):
    """Remove trees that Python's own `rmtree` is too shallow for."""
    subprocess.run(["rm", "-rf", *roots], check=True)
