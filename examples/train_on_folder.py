"""Train a network on a folder of photographs, then colour with it: python train_on_folder.py photos/ run/.

Options of `archivecolor train` may follow, such as --network unet --epochs 20 --device cuda; a command that
was interrupted goes on with --resume.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

import archivecolor

photographs, run, *options = sys.argv[1:]
command = [sys.executable, "-m", "archivecolor", "train", photographs, "-o", run, *options]
subprocess.run(command, check=True)  # a process of its own: its memory, and a graphics card's, are free again

best, last = Path(run, "best.safetensors"), Path(run, "last.safetensors")
colourise = archivecolor.Colouriser(best if best.exists() else last, device="cpu")
grey = np.tile(np.linspace(0, 255, 256).astype(np.uint8), (192, 1))
print(f"{colourise.predictor.name}: confidence {colourise(grey).confidence:.2f}")
