"""Generators by name. A new network is one file here and one row in `NETWORKS`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archivecolor.errors import UsageError
from archivecolor.networks.options import options_from
from archivecolor.settings import nearest

if TYPE_CHECKING:
    from archivecolor.networks.base import Generator

NETWORKS: Mapping[str, str] = {
    "default": "archivecolor.networks.default.generator:DefaultGenerator",
    "encoder-decoder": "archivecolor.networks.classic.encoder_decoder:EncoderDecoder",
    "unet": "archivecolor.networks.classic.unet:Unet",
    "cnn": "archivecolor.networks.classic.cnn:Cnn",
    "pix2pix": "archivecolor.networks.classic.pix2pix:Pix2Pix",
    "resnet-autoencoder": "archivecolor.networks.classic.resnet_autoencoder:ResNetAutoencoder",
    "resnet-fcn": "archivecolor.networks.classic.resnet_fcn:ResNetFcn",
    "unet-gan": "archivecolor.networks.classic.unet_gan:UnetGan",
}


def network_names() -> tuple[str, ...]:
    """Names of all networks that can be trained and loaded."""
    return tuple(NETWORKS)


def generator_class(name: str) -> type[Generator]:
    """The class of the network called `name`. Raises `UsageError` for an unknown name."""
    if name not in NETWORKS:
        names = ", ".join(NETWORKS)
        raise UsageError(
            f"there is no network called {name!r}; choose one of {names}{nearest(name, NETWORKS)}"
        )
    module, _, attribute = NETWORKS[name].partition(":")
    found: type[Generator] = getattr(importlib.import_module(module), attribute)
    return found


def build_generator(name: str, options: Mapping[str, Any]) -> Generator:
    """Make the network called `name` with random weights.

    Args:
        name: a name of `network_names()`.
        options: fields of the network's `Options` dataclass by name; lists stand for tuples, as in JSON.

    Raises:
        UsageError: an unknown network, an option the network does not have, or values of which no network
            can be made.
    """
    kind = generator_class(name)
    values = options_from(kind.Options, options, f"network {name!r}")
    try:
        generator = kind(values)
    except (ValueError, RuntimeError, ArithmeticError, LookupError, AssertionError) as error:
        raise UsageError(f"network {name!r} cannot be made with {values}: {error}") from error
    if any(part.numel() == 0 for part in generator.parameters()):
        raise UsageError(f"network {name!r} cannot be made with {values}: a layer of it would be empty")
    return generator
