"""Every option of every job, once.

A field declares its default, its help, its unit, its choices and its bounds. The command line,
the recipe keys, the `ARCHIVECOLOR_*` variables, `--help` and the option reference are made from it.
Long names are the field's name with dashes.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import inspect
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from archivecolor.errors import UsageError

T = TypeVar("T")

DEVICE_NAME = r"auto|cpu|mps|cuda(:\d+)?"


@dataclass(frozen=True, kw_only=True)
class Option:
    """What is known of an option besides its type and default.

    Attributes:
        help: one sentence, shown by `--help` and the docs.
        unit: unit of a number, as people write it.
        choices: the closed set of words, empty where any value goes.
        low: smallest allowed number, inclusive.
        high: largest allowed number, inclusive.
        multiple_of: the number must be a multiple of this.
        pattern: regular expression that a word must match as a whole.
        short: a one-letter flag, for the commonest options only.
        argument: a positional argument of the command line rather than an option.
        shapes_output: the bytes of the output depend on it, so it belongs to the settings digest.
    """

    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    multiple_of: int | None = None
    pattern: str = ""
    short: str = ""
    argument: bool = False
    shapes_output: bool = False


def option(default: T, help: str, **about: Any) -> T:
    """Declare one option as a dataclass field. `about` are the attributes of `Option`."""
    spec = Option(help=help, **about)
    return field(default=default, metadata={"option": spec})


def required(help: str, **about: Any) -> Any:
    """Declare one option that has no default."""
    return field(metadata={"option": Option(help=help, **about)})


def option_of(spec: dataclasses.Field[Any]) -> Option:
    """The `Option` a settings field was declared with."""
    about: Option = spec.metadata["option"]
    return about


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all jobs' settings: checks itself when made, knows its own digest."""

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):
            check(spec.name, getattr(self, spec.name), option_of(spec))

    def digest(self) -> str:
        """SHA-256 (first 16 hex digits) over the options the output's bytes depend on."""
        shaping = {
            spec.name: getattr(self, spec.name)
            for spec in dataclasses.fields(self)
            if option_of(spec).shapes_output
        }
        text = json.dumps(shaping, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """All options by name, paths as text, for `run.json` and recipes."""
        return {spec.name: plain(getattr(self, spec.name)) for spec in dataclasses.fields(self)}


def plain(value: Any) -> Any:
    """`value` as JSON and TOML can hold it."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value


def check(name: str, value: Any, about: Option) -> None:
    """Raise `UsageError` where `value` is outside what the option allows."""
    if value is None:
        return
    if about.choices and value not in about.choices:
        raise UsageError(
            f"{name} is {value!r}; choose one of {', '.join(about.choices)}"
            + nearest(str(value), about.choices)
        )
    if about.low is not None and value < about.low:
        raise UsageError(f"{name} is {value}; it must be at least {about.low:g}")
    if about.high is not None and value > about.high:
        raise UsageError(f"{name} is {value}; it must be at most {about.high:g}")
    if about.pattern and not re.fullmatch(about.pattern, value):
        raise UsageError(f"{name} is {value!r}; {about.help[0].lower()}{about.help[1:]}")
    if about.multiple_of is not None and value % about.multiple_of:
        raise UsageError(f"{name} is {value}; it must be a multiple of {about.multiple_of}")


def settings_from(kind: type[T], values: Mapping[str, Any]) -> T:
    """Make settings of `kind` from plain values by name, keeping only its own fields."""
    names = {spec.name for spec in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in names})


@dataclass(frozen=True, kw_only=True)
class VoiceOptions(Settings):
    """What a run says, and where."""

    quiet: bool = option(False, "Say nothing when all is well.", short="q")
    verbose: bool = option(False, "Say more: one line per item.", short="v")
    json: bool = option(False, "Print one JSON line per item on standard output.")
    log_file: Path | None = option(None, "Append JSON log lines to this file.")


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(Settings):
    """Which network answers, and on what."""

    checkpoint: Path | None = option(None, "Checkpoint file; the built-in weights without it.")
    device: str = option(
        "auto", "Where the network runs: auto, cpu, cuda, cuda:N or mps.", pattern=DEVICE_NAME
    )
    precision: str = option("auto", "Number format of the network.", choices=("auto", "fp32", "bf16", "fp16"))
    batch_size: int = option(8, "Pictures the network sees at once.", unit="pictures", low=1, high=1024)
    working_size: int = option(
        256,
        "Short side at which the network sees a picture.",
        unit="pixels",
        low=64,
        high=2048,
        multiple_of=32,
        shapes_output=True,
    )
    quality: str = option(
        "normal",
        "normal, or high: several looks averaged, about ten times the work.",
        choices=("normal", "high"),
        shapes_output=True,
    )
    saturation: float = option(
        1.0, "Gain on all chroma; 0 leaves grey.", low=0.0, high=3.0, shapes_output=True
    )


@dataclass(frozen=True, kw_only=True)
class UnattendedOptions(Settings):
    """What a scheduler needs."""

    nice: int = option(0, "Lower the priority by this much.", low=0, high=19)
    max_runtime: float | None = option(None, "Stop cleanly after this long.", unit="seconds", low=0)
    max_failures: int | None = option(None, "Stop with exit code 7 after more failures than this.", low=0)
    wait_lock: float = option(
        0.0, "Wait this long for another run of the same output.", unit="seconds", low=0
    )


@dataclass(frozen=True, kw_only=True)
class SelectionOptions(Settings):
    """Which files of a tree are taken."""

    files_from: Path | None = option(None, "Take only the paths in this file (one a line, relative to IN).")
    include: tuple[str, ...] = option((), "Take only paths that match this glob; may be repeated.")
    exclude: tuple[str, ...] = option((), "Leave out paths that match this glob; may be repeated.")
    min_age: float = option(
        0.0, "Leave files changed less than this long ago for the next run.", unit="seconds", low=0
    )
    limit: int | None = option(None, "Stop after this many items.", low=0)
    shard: str = option("", "Take only the k-th of n shares of the tree, written k/n with k from 1 to n.")
    overwrite: bool = option(False, "Do everything again.")
    retry_failed: bool = option(False, "Try items again that failed before.")
    dry_run: bool = option(False, "Say what would be done, and do nothing.")


@dataclass(frozen=True, kw_only=True)
class DirSettings(SelectionOptions, NetworkOptions, UnattendedOptions, VoiceOptions):
    """Options of `archivecolor dir`: a tree of photographs."""

    input: Path = required("Folder of photographs.", argument=True)
    output: Path = required("Folder for the coloured tree.", argument=True)
    format: str = option(
        "keep",
        "Container of the outputs.",
        choices=("keep", "jpeg", "png", "tiff", "webp"),
        shapes_output=True,
    )
    chroma: str = option(
        "444",
        "Chroma sampling of JPEG outputs: 444, or 420 for small files.",
        choices=("444", "420"),
        shapes_output=True,
    )
    toned: str = option(
        "colour",
        "Sepia, cyanotype and the like: colour them, keep them as they are, or skip.",
        choices=("colour", "keep", "skip"),
        shapes_output=True,
    )
    colour: str = option(
        "skip",
        "Pictures already in colour: skip, copy, or recolour from their luma.",
        choices=("skip", "copy", "recolour"),
        shapes_output=True,
    )
    max_megapixels: float = option(1000.0, "Refuse pictures larger than this.", unit="megapixels", low=0.001)
    preserve_times: bool = option(False, "Give outputs the file times of their sources.")
    jobs: int = option(0, "Worker processes; 0 takes one per core.", low=0, high=256, short="j")
    timeout: float = option(600.0, "Give up on one picture after this long.", unit="seconds", low=1)
    films: bool = option(False, "Then colour all films of the tree too, with the defaults of `video`.")


@dataclass(frozen=True, kw_only=True)
class VideoSettings(NetworkOptions, UnattendedOptions, VoiceOptions):
    """Options of `archivecolor video`: films."""

    input: tuple[Path, ...] = required("Films, or folders of films.", argument=True)
    output: Path | None = option(
        None, "Folder for the coloured films; beside each film as NAME-colour without it.", short="o"
    )
    codec: str = option(
        "h264",
        "Codec of the picture.",
        choices=("h264", "h265", "ffv1", "prores", "dnxhr"),
        shapes_output=True,
    )
    crf: int | None = option(
        None,
        "Constant rate factor; the codec's archive default without it.",
        low=0,
        high=63,
        shapes_output=True,
    )
    preset: str = option("medium", "Encoder preset of h264 and h265.", shapes_output=True)
    encoder: str = option(
        "software", "software, or a hardware encoder ffmpeg knows by this name.", shapes_output=True
    )
    container: str = option(
        "keep", "Container of the film.", choices=("keep", "mp4", "mkv", "mov"), shapes_output=True
    )
    smoothing: float = option(
        0.7,
        "How steady colour is over time: 0 frame by frame, 1 the steadiest.",
        low=0.0,
        high=1.0,
        shapes_output=True,
    )
    cuts: str = option(
        "auto", "Where shots begin: auto, none, or a CSV file as written by this program.", shapes_output=True
    )
    deinterlace: str = option(
        "auto", "What to do with fields.", choices=("auto", "keep", "bwdif", "ivtc"), shapes_output=True
    )
    colour: str = option(
        "skip",
        "Shots already in colour: skip passes them through, recolour does not.",
        choices=("skip", "recolour"),
        shapes_output=True,
    )
    segment_seconds: float = option(
        60.0, "Aim for no segment that takes longer to make than this.", unit="seconds", low=1
    )
    threads: int = option(0, "Encoder threads; 0 takes the number of cores.", low=0, high=256)
    keep_work: bool = option(False, "Keep the work files.")
    strict: bool = option(False, "Fail a film of which parts are damaged or missing.")
    overwrite: bool = option(False, "Do everything again.")
    retry_failed: bool = option(False, "Try films again that failed before.")
    dry_run: bool = option(False, "Say what would be done, and do nothing.")


@dataclass(frozen=True, kw_only=True)
class TrainSettings(VoiceOptions):
    """Options of `archivecolor train`."""

    data: tuple[Path, ...] = required(
        "Folders, list files (.txt) or tar shards of colour photographs.", argument=True
    )
    output: Path = required("Folder of the run: checkpoints, samples, curves.", short="o")
    network: str = option("default", "Name of the network to train.")
    validation: tuple[Path, ...] = option(
        (), "Photographs to validate on; a split of DATA by content hash without it."
    )
    encoder_weights: Path | None = option(
        None, "Pretrained encoder file (safetensors, or .pth of plain tensors)."
    )
    init: Path | None = option(None, "Start from the weights of this checkpoint.")
    resume: bool = option(False, "Go on from the newest checkpoint in OUTPUT.")
    epochs: int | None = option(None, "Passes over the pictures; the recipe's own number without it.", low=1)
    max_steps: int | None = option(None, "Stop after this many steps in all.", low=1)
    max_runtime: float | None = option(None, "Let the schedule end after this long.", unit="seconds", low=1)
    batch_size: int | None = option(
        None, "Pictures per batch; the recipe's own number without it.", unit="pictures", low=1
    )
    compile: bool = option(False, "Compile the network first: minutes at the start, faster steps after.")
    accumulate: int = option(1, "Batches summed into one step.", low=1)
    lr: float | None = option(None, "Learning rate of the generator; the recipe's own without it.", low=0.0)
    size: int | None = option(None, "Side of the square crops.", unit="pixels", low=32, multiple_of=16)
    augment: float | None = option(
        None,
        "Strength of old film's faults on the input, 0 none; the recipe's own without it.",
        low=0.0,
        high=2.0,
    )
    source_weights: str = option("", "Sampling weights by source prefix, as 'x-=1.4,cars=0.35'.")
    device: str = option(
        "auto", "Where the network runs: auto, cpu, cuda, cuda:N or mps.", pattern=DEVICE_NAME
    )
    precision: str = option("auto", "Number format of the network.", choices=("auto", "fp32", "bf16", "fp16"))
    cache_gigabytes: float = option(4.0, "Memory for decoded pictures.", unit="GB", low=0.01)
    jobs: int = option(0, "Threads that decode; 0 takes one per core.", low=0, high=256, short="j")
    seed: int = option(0, "Seed of everything drawn at random.", low=0)
    ema: float = option(0.998, "Decay of the averaged weights; 0 for none.", low=0.0, high=0.99999)
    clip: float = option(1.0, "Largest gradient norm.", low=0.0)
    patience: int | None = option(
        None,
        "Stop after this many validations without a better one; the recipe's own number without it.",
        low=1,
    )
    checkpoint_every: float = option(300.0, "Write a checkpoint at least this often.", unit="seconds", low=1)
    sample_every: int = option(
        500,
        "Draw a sample sheet every so many steps, and keep the weights half as often.",
        unit="steps",
        low=1,
    )
    validate_every: int | None = option(
        None, "Validate every so many steps; the recipe's own number without it.", unit="steps", low=1
    )
    tensorboard: bool = option(False, "Write TensorBoard events too; needs the extra of that name.")
    options: tuple[str, ...] = option((), "Option of the network or its recipe, NAME=VALUE; may be repeated.")


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(NetworkOptions, VoiceOptions):
    """Options of `archivecolor evaluate`."""

    data: tuple[Path, ...] = required(
        "Folders, list files, tar shards of colour photographs, or films.", argument=True
    )
    checkpoints: tuple[Path, ...] = option(
        (), "Checkpoints to compare; may be repeated. The built-in weights without it."
    )
    output: Path | None = option(None, "Folder for the tables (CSV) and contact sheets (PNG).", short="o")
    features: Path | None = option(None, "Feature network (safetensors) for a Frechet distance.")
    limit: int | None = option(None, "Stop after this many pictures, or frames of each film.", low=1)


@dataclass(frozen=True, kw_only=True)
class GreySettings(VoiceOptions):
    """Options of `archivecolor grey`: the colour taken off again."""

    input: Path = required("Coloured tree (the OUT of a run).", argument=True)
    output: Path = required("Folder for the grey tree.", argument=True)
    jobs: int = option(0, "Worker processes; 0 takes one per core.", low=0, high=256, short="j")


@dataclass(frozen=True, kw_only=True)
class VerifySettings(VoiceOptions):
    """Options of `archivecolor verify`."""

    output: Path = required("Coloured tree to check against its manifest.", argument=True)
    sources: Path | None = option(None, "Check the sources too; the IN of the run.")
    jobs: int = option(0, "Worker processes; 0 takes one per core.", low=0, high=256, short="j")


@dataclass(frozen=True, kw_only=True)
class ExportSettings(VoiceOptions):
    """Options of `archivecolor manifest export`."""

    output: Path = required("Coloured tree whose manifest is taken.", argument=True)
    csv: Path | None = option(None, "Write a CSV file; - for standard output.")
    parquet: Path | None = option(None, "Write a Parquet file (needs pyarrow).")


@dataclass(frozen=True, kw_only=True)
class CompactSettings(VoiceOptions):
    """Options of `archivecolor manifest compact`."""

    output: Path = required("Coloured tree whose manifest is made smaller.", argument=True)


@dataclass(frozen=True, kw_only=True)
class DoctorSettings(Settings):
    """Options of `archivecolor doctor`."""

    checkpoint: Path | None = option(None, "Checkpoint file; the built-in weights without it.")
    device: str = option(
        "auto", "Where the network would run: auto, cpu, cuda, cuda:N or mps.", pattern=DEVICE_NAME
    )


@dataclass(frozen=True, kw_only=True)
class ModelsSettings(Settings):
    """Options of `archivecolor models`."""

    checkpoints: tuple[Path, ...] = option((), "Checkpoint files to describe.", argument=True)
    json: bool = option(False, "Print one JSON line per checkpoint.")


@dataclass(frozen=True)
class Kind:
    """What an option's values are.

    Attributes:
        base: bool, int, float, str or Path.
        many: it takes any number of them.
    """

    base: type
    many: bool


def kinds_of(settings: type[Settings]) -> dict[str, Kind]:
    """The kind of every option of a settings class, by name, in the order of `fields_of`."""
    hints = get_type_hints(settings)
    return {spec.name: kind_from(hints[spec.name]) for spec in fields_of(settings)}


def fields_of(settings: type[Settings]) -> list[dataclasses.Field[Any]]:
    """The options of a settings class, those of the class itself before those it shares."""
    specs = {spec.name: spec for spec in dataclasses.fields(settings)}
    own = [name for kind in settings.__mro__ for name in inspect.get_annotations(kind)]
    return [specs[name] for name in dict.fromkeys(own)]


def kind_from(hint: Any) -> Kind:
    """The kind behind a type hint: `T`, `T | None` or `tuple[T, ...]`."""
    parts = [part for part in get_args(hint) if part not in (type(None), Ellipsis)]
    return Kind(base=parts[0] if parts else hint, many=get_origin(hint) is tuple)


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint for a mistyped word: `; did you mean 'x'?`, empty where nothing is near."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
