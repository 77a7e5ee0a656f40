"""The networks by name.

A new network is a file here, one in `training` with its objective, and a row in `NETWORKS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archivecolor.errors import UsageError
from archivecolor.networks.options import options_from
from archivecolor.printable import quoted
from archivecolor.settings import nearest

if TYPE_CHECKING:
    from archivecolor.networks.base import Generator


@dataclass(frozen=True)
class NetworkEntry:
    """One network; its modules are imported when it is first asked for.

    Attributes:
        generator: `module:class` of the network itself.
        objective: `module:class` of how it is trained.
    """

    generator: str
    objective: str


NETWORKS: dict[str, NetworkEntry] = {
    "default": NetworkEntry(
        "archivecolor.networks.default.generator:DefaultGenerator",
        "archivecolor.training.default:DefaultObjective",
    ),
    "encoder-decoder": NetworkEntry(
        "archivecolor.networks.classic.encoder_decoder:EncoderDecoder",
        "archivecolor.training.classic.encoder_decoder:EncoderDecoderObjective",
    ),
    "unet": NetworkEntry(
        "archivecolor.networks.classic.unet:Unet",
        "archivecolor.training.classic.unet:UnetObjective",
    ),
    "cnn": NetworkEntry(
        "archivecolor.networks.classic.cnn:Cnn",
        "archivecolor.training.classic.cnn:CnnObjective",
    ),
    "pix2pix": NetworkEntry(
        "archivecolor.networks.classic.pix2pix:Pix2Pix",
        "archivecolor.training.classic.pix2pix:Pix2PixObjective",
    ),
    "resnet-autoencoder": NetworkEntry(
        "archivecolor.networks.classic.resnet_autoencoder:ResNetAutoencoder",
        "archivecolor.training.classic.resnet:ResNetObjective",
    ),
    "resnet-fcn": NetworkEntry(
        "archivecolor.networks.classic.resnet_fcn:ResNetFcn",
        "archivecolor.training.classic.resnet:ResNetObjective",
    ),
    "unet-gan": NetworkEntry(
        "archivecolor.networks.classic.unet_gan:UnetGan",
        "archivecolor.training.classic.unet_gan:UnetGanObjective",
    ),
}


def network_names() -> tuple[str, ...]:
    """Names of all networks that can be trained and loaded."""
    return tuple(NETWORKS)


def network_entry(name: str) -> NetworkEntry:
    """The row of the network called `name`. Raises `UsageError` for an unknown name."""
    if name not in NETWORKS:
        names = ", ".join(NETWORKS)
        raise UsageError(
            f"there is no network called {quoted(name)}; choose one of {names}{nearest(name, NETWORKS)}"
        )
    return NETWORKS[name]


def generator_class(name: str) -> type[Generator]:
    """The class of the network called `name`. Raises `UsageError` for an unknown name."""
    found: type[Generator] = load_class(network_entry(name).generator)
    return found


def load_class(reference: str) -> type:
    """The class that `module:class` names."""
    module, _, attribute = reference.partition(":")
    found: type = getattr(importlib.import_module(module), attribute)
    return found


def build_generator(name: str, options: Mapping[str, object]) -> Generator:
    """Make the network called `name` with random weights.

    Args:
        name: a name of `network_names()`.
        options: fields of the network's `Options` dataclass by name; lists stand for tuples, as in JSON.

    Raises:
        UsageError: an unknown network, an option the network does not have, or values of which no network
            can be made.
    """
    kind = generator_class(name)
    values = options_from(kind.Options, options, f"network {quoted(name)}")
    try:
        generator = kind(values)
    except (ValueError, RuntimeError, ArithmeticError, LookupError, AssertionError) as error:
        raise UsageError(f"network {quoted(name)} cannot be made with {_shown(values)}: {error}") from error
    if any(part.numel() == 0 for part in generator.parameters()):
        raise UsageError(
            f"network {quoted(name)} cannot be made with {_shown(values)}: a layer of it would be empty"
        )
    return generator


def _shown(values: object) -> str:
    """The options of a network as they are given on the command line."""
    return ", ".join(f"{name}={_listed(value)}" for name, value in vars(values).items())


def _listed(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
