"""The kinds of arrays that pass between functions of colour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
# Integers or floats of any size.
Numbers = npt.NDArray[np.number]
