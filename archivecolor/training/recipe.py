"""How each network is trained: its numbers, and its losses.

A recipe is one class; the loop knows nothing of networks. A new network's recipe is one file beside this one
and one row in `RECIPES`.
"""

from __future__ import annotations

import dataclasses
import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn, optim

from archivecolor.errors import UsageError
from archivecolor.model.generators import Generator
from archivecolor.training.data import Photograph
from archivecolor.training.tensors import Batch

RECIPES: Mapping[str, str] = {
    "default": "archivecolor.training.default:DefaultRecipe",
}


@dataclass(frozen=True)
class Numbers:
    """A recipe's own numbers, each of which the command line can replace.

    Attributes:
        epochs: passes over the pictures.
        batch_size: pictures per step.
        size: side of the crops in pixels.
        lr: learning rate of the generator.
        augment: strength of the archive's faults on the input; 0 where the write-up knows none.
        validation_share: of the pictures, where no validation set is given.
        test_share: of the pictures, kept aside.
        vertical_flips: crops are flipped upside down too.
        warm_up: steps until the learning rate is full.
        cosine: the learning rate falls to 0 along a cosine; constant otherwise.
    """

    epochs: int
    batch_size: int
    size: int
    lr: float
    augment: float = 0.0
    validation_share: float = 0.05
    test_share: float = 0.0
    vertical_flips: bool = False
    warm_up: int = 0
    cosine: bool = False


class Recipe(ABC):
    """How one network is trained.

    Class attributes of a recipe are `numbers` (`Numbers`) and `Options` (a frozen dataclass of its own options;
    the network's options are the network's).
    """

    numbers: Numbers
    Options: type[Any]

    def __init__(self, options: Any) -> None:
        self.options = options

    def prepare(self, generator: Generator, photographs: Sequence[Photograph]) -> None:  # noqa: B027
        """Set up what depends on the training pictures, before the first step."""

    def discriminator(self) -> nn.Module | None:
        """The network that judges, or None where there is no duel."""
        return None

    def generator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """The generator's optimiser: Adam, unless the recipe says otherwise."""
        return optim.Adam(parameters, lr=lr)

    def discriminator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """The discriminator's optimiser."""
        return optim.Adam(parameters, lr=lr)

    @abstractmethod
    def generator_losses(
        self, generator: Generator, judge: nn.Module | None, batch: Batch, progress: float
    ) -> dict[str, Tensor]:
        """Named losses whose sum the generator's step makes smaller; `progress` is 0..1 of the whole training."""

    def discriminator_losses(
        self, generator: Generator, judge: nn.Module, batch: Batch, progress: float
    ) -> dict[str, Tensor]:
        """Named losses of the discriminator's step; empty where it rests."""
        raise NotImplementedError

    def starts_discriminator_first(self) -> bool:
        """Whether a step begins with the discriminator."""
        return True


def build_recipe(network: str, options: Mapping[str, Any]) -> Recipe:
    """The recipe of a network. Raises `UsageError` for an unknown network or option."""
    if network not in RECIPES:
        raise UsageError(f"there is no recipe for {network!r}; choose one of {', '.join(RECIPES)}")
    module, _, attribute = RECIPES[network].partition(":")
    kind: type[Recipe] = getattr(importlib.import_module(module), attribute)
    return kind(kind.Options(**options))


def recipe_option_names(network: str) -> set[str]:
    """Names of the options a network's recipe has, beside the network's own."""
    module, _, attribute = RECIPES[network].partition(":")
    kind: type[Recipe] = getattr(importlib.import_module(module), attribute)
    return {spec.name for spec in dataclasses.fields(kind.Options)}
