"""What the predictor needs of a program that runs networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from archivecolor.colour.arrays import Float32
from archivecolor.colour.kernel import Likelihood


@dataclass(frozen=True)
class NetworkOutput:
    """What a network says of a batch, on a grid that covers the whole input.

    Attributes:
        ab: float32 (N, h, w, 2), CIE a*, b* in Lab units.
        certainty: float32 (N, h, w), 0..1.
        features: float32 (N, h / 2, w / 2, c), what the decoder knows of each place; None where it was not
            asked for or the network has none.
        likelihood: shares (N, h / 2, w / 2, b); None as for features.
    """

    ab: Float32
    certainty: Float32
    features: Float32 | None = None
    likelihood: Likelihood | None = None


class Runtime(Protocol):
    """A network on its device, as numpy sees it.

    An answer depends on the picture, the weights and the shape of the batch alone: never on what is computed
    beside it.

    Attributes:
        name: of the library that computes: "torch" or "onnxruntime".
        version: of that library.
        placement: where it computes and in what, such as "cpu, bfloat16".
        title: what people call the weights.
        digest: SHA-256 of the checkpoint file that was loaded, hexadecimal.
        multiple: both sides of the input are multiples of this many pixels.
        batch_size: pictures of one shape that every call of `run` gets; 1 where batches gain nothing.
        parallel_calls: calls of `run` that gain by being made at once, each in a thread of its own.
    """

    name: str
    version: str
    placement: str
    title: str
    digest: str
    multiple: int
    batch_size: int
    parallel_calls: int

    def prepare_thread(self) -> None:
        """Make the calling thread one of those that call `run`; each calls this once before."""

    def run(
        self, lightness: Float32, *, with_features: bool = False, with_likelihood: bool = False
    ) -> NetworkOutput:
        """The network's answer.

        Args:
            lightness: float32 (N, H, W), L* scaled to -1..1 (`L / 50 - 1`); N is `batch_size`, H and W
                multiples of `multiple`.
            with_features: give the decoder's features too, where the network has them.
            with_likelihood: say how likely other colours are too, where the network can tell.

        Raises:
            OutOfMemoryError: the device has no room even for one picture at a time.
        """
