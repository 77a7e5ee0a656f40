"""What every generator is: a module from lightness to chroma that can say how sure it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archivecolor.errors import CheckpointError
from archivecolor.networks.options import BaseOptions


@dataclass(frozen=True)
class AbPrediction:
    """Chroma of a batch.

    Attributes:
        ab: (N, 2, h, w) CIE a*, b* in Lab units, on a grid that covers the whole input.
        certainty: (N, 1, h, w), 0..1.
        features: (N, c, h / 2, w / 2), what the decoder knows of each place; None where a network has none.
        likelihood: (N, b, h / 2, w / 2), how likely each of the network's colours is, 0..1, all of them
            together 1; None where it was not asked for or a network cannot tell.
        colours: (b, 2), a*, b* of these colours; None with `likelihood`.
    """

    ab: Tensor
    certainty: Tensor
    features: Tensor | None = None
    likelihood: Tensor | None = None
    colours: Tensor | None = None


class Generator(nn.Module, ABC):
    """A network from L* to chroma.

    Input of `forward` and `predict_ab`: (N, 1, H, W), L* scaled to -1..1 (`L / 50 - 1`), H and W multiples
    of `multiple`. What `forward` returns is the network's own affair (it is what its losses are taken on);
    `predict_ab` is the same for all. A network class names the frozen dataclass of its options as `Options`
    and is made from one.
    """

    multiple: int = 32
    Options: type[BaseOptions]
    options: BaseOptions

    def __init__(self, options: BaseOptions) -> None:
        super().__init__()
        self.options = options

    def load_encoder(self, tensors: dict[str, Tensor]) -> None:  # noqa: ARG002
        """Take up pretrained encoder weights, strictly.

        Raises:
            CheckpointError: the network has no pretrained encoder, or the tensors are not its encoder's.
        """
        raise CheckpointError("this network has no encoder to load pretrained weights into; leave them out")

    @abstractmethod
    def predict_ab(self, lightness: Tensor) -> AbPrediction:
        """The chroma of a batch in Lab units, with its certainty."""

    def predict_likelihood(self, lightness: Tensor) -> AbPrediction:
        """As `predict_ab`, and how likely other colours are, where the network can tell."""
        return self.predict_ab(lightness)


def constant_certainty(ab: Tensor) -> Tensor:
    """Certainty of a network that cannot say how sure it is: 0.5 everywhere, (N, 1, h, w)."""
    return torch.full_like(ab[:, :1], 0.5)


def load_encoder_strictly(encoder: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load pretrained tensors; all names and shapes must fit but counters. Raises `CheckpointError`."""
    if mismatch := tensor_mismatch(encoder, tensors):
        raise CheckpointError(f"the encoder weights do not fit: {mismatch}")
    encoder.load_state_dict(tensors, strict=False)


def tensor_mismatch(network: nn.Module, tensors: dict[str, Tensor]) -> str:
    """How the tensors differ from the network's own by name and shape, counters left out; "" if they fit."""
    expected = stored_tensors(network)
    missing, unknown = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    common = sorted(expected.keys() & tensors.keys())
    misshapen = [name for name in common if expected[name].shape != tensors[name].shape]
    if not (missing or unknown or misshapen):
        return ""
    first = (missing + unknown + misshapen)[0]
    return (
        f"{len(missing)} tensors missing, {len(unknown)} unknown, {len(misshapen)} of another shape,"
        f" the first of them {first}"
    )


def stored_tensors(network: nn.Module) -> dict[str, Tensor]:
    """A network's tensors as files hold them: without the counters of its batch norms."""
    return {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
