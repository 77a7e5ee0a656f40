"""A notebook as a script: colours that are known, told by a place, and how sure the network is."""

# %% What to colour, and where to: names of your own.
import numpy as np
from PIL import Image

import archivecolor

scan, target = "anna.jpg", "anna-blue.jpg"
colourise = archivecolor.Colouriser()

# %% Without a hint; the last line of a cell is shown, grey and coloured under a slider.
automatic = colourise(scan)
automatic  # noqa: B018 - the cell's value

# %% Where the network is sure: white; where it is not: black. On its own coarse grid.
certainty = Image.fromarray(np.rint(automatic.chroma.certainty * 255).astype(np.uint8))
print(f"certainty on a grid of {certainty.width} x {certainty.height}")
certainty  # noqa: B018

# %% A letter says that the dress was blue: places are fractions of the upright picture, colours are RGB.
blue = archivecolor.Hint(0.5, 0.6, (40, 60, 150))
archivecolor.colour_file(scan, target, colourise.predictor, hints=[blue])

# %% How far the hint went: the mean distance of the two pictures' colours.
hinted = np.asarray(Image.open(target).convert("RGB"), np.float32)
change = float(np.abs(hinted - np.asarray(automatic.image, np.float32)).mean())
print(f"{target}: {change:.1f} codes from the automatic colours")
