"""Colour an array with a checkpoint of your own: python another_checkpoint.py weights.safetensors."""

import sys

import numpy as np

import archivecolor

predictor = archivecolor.load_predictor(sys.argv[1], device="cpu", working_size=128)
grey = np.tile(np.arange(256, dtype=np.uint8), (192, 1))
rgb = archivecolor.colour_array(grey, predictor)

red, green, blue = np.moveaxis(rgb.astype(int), -1, 0)
luma = (299 * red + 587 * green + 114 * blue + 500) // 1000
print(f"{predictor.name}: {rgb.shape}, grey kept everywhere: {bool((luma == grey).all())}")
