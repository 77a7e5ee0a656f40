"""Draw scans beside their colour: python before_after_sheet.py scans/ coloured/ sheet.png (or .pdf)."""

import sys
from pathlib import Path

import archivecolor

if __name__ == "__main__":  # worker processes start from this file too
    source, output, sheet = map(Path, sys.argv[1:4])
    ending = archivecolor.colour_folder(source, output, sheet=sheet)
    print("before and after:", *ending.sheets)
