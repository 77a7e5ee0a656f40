"""Colour one photograph: python colour_one_picture.py scan.jpg coloured.jpg."""

import sys

import archivecolor

done = archivecolor.colour_file(sys.argv[1], sys.argv[2])
print(f"{sys.argv[2]}: {done.width} x {done.height}, grey kept by {done.luma}")
