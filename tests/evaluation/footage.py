"""Small colour films, made as a film would be."""

from fractions import Fraction

import av
import numpy as np


def film(path, frames):
    """Encode RGB frames without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "bgr0"
        for rgb in frames:
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"))
            )
        container.mux(stream.encode())
    return path


def panned(rgb, step, count):
    """A camera that moves to the right over a picture."""
    return [rgb[:, number * step : number * step + 64] for number in range(count)]
