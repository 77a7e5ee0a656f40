"""From settings to a trainer: pictures read, network built, the user's numbers laid over the recipe's."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from archivecolor.errors import OutOfMemoryError, UsageError
from archivecolor.model.checkpoint import Checkpoint, load_checkpoint, load_foreign_tensors
from archivecolor.model.generators import Generator, build_generator, generator_class
from archivecolor.photo.collection import data_digest
from archivecolor.settings import TrainSettings, nearest
from archivecolor.training.data import (
    CACHE_MARGIN,
    CropDrawer,
    Photographs,
    Split,
    parse_source_weights,
    read_photographs,
    sampling_weights,
    split_by_content,
)
from archivecolor.training.loop import Trainer
from archivecolor.training.ranks import Ranks
from archivecolor.training.recipe import Numbers, Recipe, build_recipe, recipe_option_names

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """One run, set up.

    Attributes:
        trainer: the network in training.
        split: its pictures.
        digest: digest over the training pictures.
        dropped: pictures left out, by cause.
        others: checkpoints that the last one is the mean with.
    """

    trainer: Trainer
    split: Split
    digest: str
    dropped: dict[str, int]
    others: tuple[Checkpoint, ...] = ()


def set_up(settings: TrainSettings, ranks: Ranks) -> Training:
    """Read the pictures and build the network.

    Raises:
        UsageError: too few pictures, an unknown option, or a size or batch that does not suit the network.
        CheckpointError: weights that cannot be read or do not fit.
        OutOfMemoryError: the device has no room for the network.
    """
    # Before the seed: a network that is built draws random numbers.
    others = tuple(load_checkpoint(path) for path in settings.average_with)
    torch.manual_seed(settings.seed)
    generator, recipe = build(settings)
    check_others(settings, others, generator)
    numbers = numbers_for(settings, recipe)
    check_numbers(numbers, generator, ranks)
    photographs = read(settings, settings.data, numbers)
    split = split_photographs(settings, photographs, numbers)
    recipe.prepare(generator, split.train)
    drawer = CropDrawer(
        split.train,
        sampling_weights(split.train, parse_source_weights(settings.source_weights)),
        numbers.size,
        numbers.batch_size,
        settings.seed,
        numbers.vertical_flips,
        numbers.epoch_pictures,
        recipe.retouch(),
        ranks,
        threads_of(settings),
    )
    digest = data_digest([photograph.digest for photograph in split.train])
    try:
        trainer = Trainer(generator, recipe, settings, numbers, drawer)
    except torch.OutOfMemoryError as trouble:
        raise OutOfMemoryError(
            f"{settings.device} has no room for the network itself; end what else runs there, or try another"
            " --device or options that make the network smaller"
        ) from trouble
    return Training(trainer, split, digest, dict(photographs.dropped), others)


def check_numbers(numbers: Numbers, generator: Generator, ranks: Ranks) -> None:
    """Raise `UsageError` where size or batch do not suit the network or the processes."""
    size, batch, multiple = numbers.size, numbers.batch_size, generator.multiple
    if size % multiple:
        raise UsageError(f"the size of crops is {size}; this network takes multiples of {multiple}")
    if batch % ranks.world:
        raise UsageError(f"a batch of {batch} cannot be shared evenly by {ranks.world} processes")
    if batch == ranks.world and size == multiple:
        raise UsageError(
            f"one crop of {size} pixels leaves batch norm a single value; take two or more by --batch-size"
        )


def split_photographs(settings: TrainSettings, photographs: Photographs, numbers: Numbers) -> Split:
    """Train, validation and test set; the validation set of `--validation` where it is given."""
    if settings.validation:
        return Split(photographs.items, read(settings, settings.validation, numbers).items, ())
    split = split_by_content(photographs.items, numbers.validation_share, numbers.test_share)
    if not split.train or not split.validation:
        raise UsageError(
            f"{len(photographs.items)} colour photographs are too few to train and validate on;"
            " add more, or give --validation"
        )
    return split


def build(settings: TrainSettings) -> tuple[Generator, Recipe]:
    """The network, with the weights it starts from, and its recipe; each takes the options it knows."""
    options = parse_options(settings.options)
    known = recipe_option_names(settings.network)
    refuse_unknown(options, known | option_names(settings.network), settings.network)
    for_recipe = {name: options.pop(name) for name in known & set(options)}
    if settings.init is None:
        generator = build_generator(settings.network, options)
    else:
        generator = build_from_checkpoint(settings.init, settings.network, options)
    if settings.encoder_weights is not None:
        generator.load_encoder(load_foreign_tensors(settings.encoder_weights))
    return generator, build_recipe(settings.network, for_recipe)


def check_others(settings: TrainSettings, others: Sequence[Checkpoint], generator: Generator) -> None:
    """Raise `UsageError` where the weights of an `--average-with` are not of the generator's shape."""
    wanted = shapes_of(generator)
    for path, other in zip(settings.average_with, others, strict=True):
        if shapes_of(other.generator) != wanted:
            raise UsageError(f"{path} has other weights than the network to train: there is no mean of them")


def shapes_of(generator: Generator) -> dict[str, torch.Size]:
    """The shape of each weight by name."""
    return {name: tensor.shape for name, tensor in generator.state_dict().items()}


def option_names(network: str) -> set[str]:
    """Names of the options of the network itself. Raises `UsageError`."""
    return {spec.name for spec in dataclasses.fields(generator_class(network).Options)}


def refuse_unknown(options: Mapping[str, Any], known: set[str], network: str) -> None:
    """Raise `UsageError` where an option is neither the network's nor its recipe's."""
    for name in sorted(set(options) - known):
        raise UsageError(
            f"network {network!r} has no option {name!r}, nor has its recipe;"
            f" they have {', '.join(sorted(known))}{nearest(name, known)}"
        )


def build_from_checkpoint(path: Path, network: str, options: dict[str, Any]) -> Generator:
    """A generator with a checkpoint's weights and options, `options` laid over. Raises `UsageError`."""
    checkpoint = load_checkpoint(path)
    if checkpoint.info.network != network:
        raise UsageError(f"{path} is of network {checkpoint.info.network!r}, not {network!r}")
    generator = build_generator(network, {**checkpoint.info.options, **options})
    try:
        generator.load_state_dict(checkpoint.generator.state_dict())
    except RuntimeError as trouble:
        raise UsageError(
            f"{path} has weights for other options ({checkpoint.info.options}); leave out --options"
        ) from trouble
    return generator


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Read `NAME=VALUE` texts into values by name. Raises `UsageError`."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"option {text!r} is not NAME=VALUE")
        values[name] = parse_value(value)
    return values


def parse_value(text: str) -> Any:
    """A truth, a whole number, a number, a tuple of such (comma-separated), or the text itself."""
    if "," in text:
        return tuple(parse_value(part) for part in text.split(","))
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def numbers_for(settings: TrainSettings, recipe: Recipe) -> Numbers:
    """The recipe's numbers, the user's laid over."""
    given = {
        name: getattr(settings, name)
        for name in ("epochs", "batch_size", "size", "lr", "augment")
        if getattr(settings, name) is not None
    }
    return dataclasses.replace(recipe.numbers, **given)


def threads_of(settings: TrainSettings) -> int:
    """Threads that decode and crop."""
    return settings.jobs or os.cpu_count() or 1


def read(settings: TrainSettings, collections: Sequence[Path], numbers: Numbers) -> Photographs:
    """Decode a collection into memory, somewhat larger than the crops."""
    photographs = read_photographs(
        collections,
        round(numbers.size * CACHE_MARGIN),
        settings.cache_gigabytes * 1e9,
        threads_of(settings),
    )
    logger.info(
        "%d colour photographs; dropped: %s",
        len(photographs.items),
        ", ".join(f"{count} {cause}" for cause, count in photographs.dropped.items()) or "none",
    )
    return photographs
