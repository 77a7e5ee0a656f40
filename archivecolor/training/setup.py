"""From settings to a trainer: pictures read, network built, the objective's numbers or the user's."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from archivecolor.datasets.collection import data_digest
from archivecolor.datasets.photographs import (
    Photograph,
    Photographs,
    Split,
    counts_text,
    read_photographs,
    split_by_content,
)
from archivecolor.errors import OutOfMemoryError, UsageError
from archivecolor.networks.base import Generator, stored_tensors, tensor_mismatch
from archivecolor.networks.checkpoint import Checkpoint, load_checkpoint, load_foreign_tensors
from archivecolor.networks.registry import build_generator, generator_class
from archivecolor.printable import quoted
from archivecolor.settings import TrainSettings, nearest
from archivecolor.training.crops import (
    CACHE_MARGIN,
    CropSampler,
    parse_source_weights,
    sampling_weights,
)
from archivecolor.training.distributed import DistributedContext
from archivecolor.training.loop import Trainer
from archivecolor.training.objective import (
    Hyperparameters,
    Objective,
    build_objective,
    objective_option_names,
)

_MANY_ENLARGED = 0.1  # of the training pictures

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingRun:
    """One run, set up.

    Attributes:
        trainer: the network in training.
        split: its pictures.
        digest: digest over the training pictures.
        dropped: files and pictures left out, by cause.
        others: checkpoints that the last one is the mean with.
    """

    trainer: Trainer
    split: Split
    digest: str
    dropped: dict[str, int]
    others: tuple[Checkpoint, ...] = ()


def set_up(settings: TrainSettings, distributed: DistributedContext) -> TrainingRun:
    """Read the pictures and build the network.

    Raises:
        UsageError: too few pictures, an unknown option, or a size or batch that does not suit the network.
        CheckpointError: weights that cannot be read or do not fit.
        OutOfMemoryError: the device has no room for the network.
    """
    # Before the seed: a network that is built draws random numbers.
    others = tuple(load_checkpoint(path) for path in settings.average_with)
    torch.manual_seed(settings.seed)
    generator, objective = _build_generator_and_objective(settings)
    _check_same_shapes(settings, others, generator)
    hyperparameters = _hyperparameters_for(settings, objective)
    _check_hyperparameters(hyperparameters, generator, distributed)
    photographs = _read_collections(settings, settings.data, hyperparameters)
    split = _split_photographs(settings, photographs, hyperparameters)
    _warn_of_small_pictures(split.train, hyperparameters.size)
    objective.prepare(generator, split.train)
    sampler = CropSampler(
        photographs=split.train,
        weights=sampling_weights(split.train, parse_source_weights(settings.source_weights)),
        size=hyperparameters.size,
        batch_size=hyperparameters.batch_size,
        seed=settings.seed,
        vertical_flips=hyperparameters.vertical_flips,
        epoch_pictures=hyperparameters.epoch_pictures,
        augment_crop=objective.crop_augmentation(),
        distributed=distributed,
        threads=_thread_count(settings),
    )
    digest = data_digest([photograph.digest for photograph in split.train])
    try:
        trainer = Trainer(generator, objective, settings, hyperparameters, sampler)
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError(
            f"{settings.device} has no room for the network itself; end what else runs there, or try another"
            " --device or options that make the network smaller"
        ) from error
    return TrainingRun(trainer, split, digest, dict(photographs.dropped), others)


def _check_hyperparameters(
    hyperparameters: Hyperparameters, generator: Generator, distributed: DistributedContext
) -> None:
    """Raise `UsageError` where size or batch do not suit the network or the processes."""
    size, batch, multiple = hyperparameters.size, hyperparameters.batch_size, generator.multiple
    if size % multiple:
        raise UsageError(f"the size of crops is {size}; this network takes multiples of {multiple}")
    if batch % distributed.world_size:
        raise UsageError(f"a batch of {batch} cannot be shared evenly by {distributed.world_size} processes")
    if batch == distributed.world_size and size == multiple:
        raise UsageError(
            f"one crop of {size} pixels leaves batch norm a single value; take two or more by --batch-size"
        )


def _split_photographs(
    settings: TrainSettings, photographs: Photographs, hyperparameters: Hyperparameters
) -> Split:
    """Train, validation and test set; the validation set of `--validation` where it is given."""
    if settings.validation:
        return Split(
            photographs.items, _read_collections(settings, settings.validation, hyperparameters).items
        )
    split = split_by_content(photographs.items, hyperparameters.validation_share, hyperparameters.test_share)
    if not split.train or not split.validation:
        raise UsageError(
            "one colour photograph is too few to train and validate on; add one, or give --validation"
        )
    return split


def enlarged_pictures(photographs: Sequence[Photograph], size: int) -> int:
    """How many pictures have a short side under `size` pixels."""
    return sum(photograph.short_side < size for photograph in photographs)


def _warn_of_small_pictures(photographs: Sequence[Photograph], size: int) -> None:
    enlarged = enlarged_pictures(photographs, size)
    if enlarged > _MANY_ENLARGED * len(photographs):
        logger.warning(
            "%d of %d photographs are smaller than the crops of %d pixels and are enlarged; a smaller --size"
            " fits them",
            enlarged,
            len(photographs),
            size,
        )


def _build_generator_and_objective(settings: TrainSettings) -> tuple[Generator, Objective]:
    """The network, with the weights it starts from, and its objective; each takes the options it knows."""
    options = _parse_options(settings.options)
    known = objective_option_names(settings.network)
    of_network = {spec.name for spec in dataclasses.fields(generator_class(settings.network).Options)}
    _check_known_options(options, known | of_network, settings.network)
    for_objective = {name: options.pop(name) for name in known & set(options)}
    if settings.init is None:
        generator = build_generator(settings.network, options)
    else:
        generator = _build_from_checkpoint(settings.init, settings.network, options)
    if settings.encoder_weights is not None:
        generator.load_encoder(load_foreign_tensors(settings.encoder_weights))
    return generator, build_objective(settings.network, for_objective)


def _check_same_shapes(settings: TrainSettings, others: Sequence[Checkpoint], generator: Generator) -> None:
    """Raise `UsageError` where the weights of an `--average-with` are not of the generator's shape."""
    for path, other in zip(settings.average_with, others, strict=True):
        if tensor_mismatch(generator, stored_tensors(other.generator)):
            raise UsageError(f"{path} has other weights than the network to train: there is no mean of them")


def _check_known_options(options: Mapping[str, object], known: set[str], network: str) -> None:
    """Raise `UsageError` where an option is neither the network's nor its objective's."""
    for name in sorted(set(options) - known):
        raise UsageError(
            f"network {quoted(network)} has no option {quoted(name)}, nor has its objective;"
            f" they have {', '.join(sorted(known))}{nearest(name, known)}"
        )


def _build_from_checkpoint(path: Path, network: str, options: dict[str, object]) -> Generator:
    """A generator with a checkpoint's weights and options, `options` laid over. Raises `UsageError`."""
    checkpoint = load_checkpoint(path)
    if checkpoint.info.network != network:
        raise UsageError(f"{path} is of network {quoted(checkpoint.info.network)}, not {quoted(network)}")
    generator = build_generator(network, {**checkpoint.info.options, **options})
    try:
        generator.load_state_dict(checkpoint.generator.state_dict())
    except RuntimeError as error:
        raise UsageError(
            f"{path} has weights for other options ({checkpoint.info.options}); leave out --options"
        ) from error
    return generator


def _parse_options(texts: Sequence[str]) -> dict[str, object]:
    """Read `NAME=VALUE` texts into values by name. Raises `UsageError`."""
    values: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"option {quoted(text)} is not NAME=VALUE")
        values[name] = _parse_value(value)
    return values


def _parse_value(text: str) -> object:
    """A truth, a whole number, a number, a tuple of such (comma-separated), or the text itself."""
    if "," in text:
        return tuple(_parse_value(part) for part in text.split(","))
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _hyperparameters_for(settings: TrainSettings, objective: Objective) -> Hyperparameters:
    """The objective's numbers, the user's in place of them where given."""
    given = {
        name: getattr(settings, name)
        for name in ("epochs", "batch_size", "size", "lr", "augment")
        if getattr(settings, name) is not None
    }
    return dataclasses.replace(objective.hyperparameters, **given)


def _thread_count(settings: TrainSettings) -> int:
    """Threads that decode and crop."""
    return settings.jobs or os.cpu_count() or 1


def _read_collections(
    settings: TrainSettings, collections: Sequence[Path], hyperparameters: Hyperparameters
) -> Photographs:
    """Decode a collection into memory, somewhat larger than the crops."""
    photographs = read_photographs(
        collections,
        round(hyperparameters.size * CACHE_MARGIN),
        settings.cache_gigabytes * 1e9,
        _thread_count(settings),
    )
    logger.info(
        "%d colour photographs; dropped: %s",
        len(photographs.items),
        counts_text(photographs.dropped) or "none",
    )
    return photographs
