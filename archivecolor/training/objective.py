"""How each network is trained: its numbers, its losses, and when which of them counts.

An objective is one class; the loop knows nothing of networks. `networks.registry` says whose it is.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn, optim

from archivecolor.datasets.photographs import Photograph
from archivecolor.networks.base import Generator
from archivecolor.networks.options import BaseOptions, options_from
from archivecolor.networks.registry import load_class, network_entry
from archivecolor.printable import quoted
from archivecolor.training.crops import CropAugmentation
from archivecolor.training.tensors import Batch


@dataclass(frozen=True)
class Hyperparameters:
    """An objective's own numbers, each of which the command line can replace.

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
        epoch_pictures: pictures of an epoch; as many as there are if None.
        validate_every: steps between validations; once an epoch if None.
        patience: validations without a better one after which training ends; it never does so if None.
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
    epoch_pictures: int | None = None
    validate_every: int | None = None
    patience: int | None = None


@dataclass(frozen=True)
class TrainingProgress:
    """When in a training a step is taken.

    Attributes:
        epoch: epochs done.
        epoch_share: of this epoch that is done, 0..1.
        training_share: of the whole training that is done, 0..1.
    """

    epoch: int
    epoch_share: float
    training_share: float


class Objective(ABC):
    """How one network is trained.

    Class attributes of an objective are `hyperparameters` (`Hyperparameters`) and `Options` (a frozen
    dataclass of its own options; the network's options are the network's).
    """

    hyperparameters: Hyperparameters
    Options: type[BaseOptions] = BaseOptions

    def __init__(self, options: BaseOptions) -> None:
        self.options = options

    def prepare(self, generator: Generator, photographs: Sequence[Photograph]) -> None:  # noqa: B027
        """Set up what depends on the training pictures, before the first step."""

    def crop_augmentation(self) -> CropAugmentation | None:
        """What is done to a crop before its colour is taken off, None for nothing."""
        return None

    def discriminator(self, size: int) -> nn.Module | None:
        """The network that judges crops of `size` pixels a side, or None where it learns alone."""
        return None

    def generator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """The generator's optimiser: Adam, unless the objective says otherwise."""
        return optim.Adam(parameters, lr=lr)

    def discriminator_optimiser(self, parameters: Iterable[nn.Parameter], lr: float) -> optim.Optimizer:
        """The discriminator's optimiser."""
        return optim.Adam(parameters, lr=lr)

    @abstractmethod
    def generator_losses(
        self, generator: Generator, discriminator: nn.Module | None, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """Named losses whose sum the generator's step makes smaller; empty where it rests."""

    def discriminator_losses(
        self, generator: Generator, discriminator: nn.Module, batch: Batch, progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """Losses of the discriminator's step, which goes first, "judge" among them; empty where it rests."""
        raise NotImplementedError


def build_objective(network: str, options: Mapping[str, object]) -> Objective:
    """The objective of a network. Raises `UsageError` for an unknown network or option."""
    kind = _objective_class(network)
    return kind(options_from(kind.Options, options, f"the objective of {quoted(network)}"))


def _objective_class(network: str) -> type[Objective]:
    """The class of a network's objective. Raises `UsageError` for an unknown network."""
    found: type[Objective] = load_class(network_entry(network).objective)
    return found


def objective_option_names(network: str) -> set[str]:
    """Names of the options a network's objective has, beside the network's own. Raises `UsageError`."""
    return {spec.name for spec in dataclasses.fields(_objective_class(network).Options)}
