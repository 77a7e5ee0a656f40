"""A derivative's metadata: the source's, and the marking that its colour was invented.

exiftool carries Exif, IPTC and what else it knows how to write; XMP is laid in with the marking as one
block. Without exiftool, and for containers it cannot write, the blocks are carried by our own code.
exiftool opens the source itself, where that describes itself at all: once to copy and once to compare.
Nothing depends on the clock: the same picture twice gives the same bytes.
"""

from __future__ import annotations

import io
import json
import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.atomic import raise_if_full
from archivecolor.archive.parts import PART_SUFFIX
from archivecolor.errors import ItemError
from archivecolor.metadata.provenance import Provenance
from archivecolor.metadata.xmp import derivative_xmp
from archivecolor.photo import exiftool
from archivecolor.photo.containers.base import WritableFormat
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.reading import DamagedError, SourceFile
from archivecolor.photo.containers.registry import OpenImage
from archivecolor.photo.containers.tiff import directory
from archivecolor.photo.containers.tiff.format import TiffReader
from archivecolor.photo.exiftool import ExiftoolError, shared_exiftool
from archivecolor.photo.losses import lost_values

logger = logging.getLogger(__name__)

PROVENANCE = "marking"
SECONDS = 60.0
_BYTES_PER_SECOND = 5e6

# The groups that describe the picture. Not the colour profile, which the writer chose, and not the
# second directory of anything but a TIFF, which is the grey thumbnail.
_COPIED_TAGS = [
    "-IFD0:all",
    "-ExifIFD:all",
    "-GPS:all",
    "-InteropIFD:all",
    "-MakerNotes",
    "-IPTC",
    "-Photoshop:all",
]
_COPIED_TAGS += ["-JFIF:all", "-Comment", "-PNG:all", "-IFD0:GeoTiffDirectory", "-IFD0:GeoTiffDoubleParams"]
_COPIED_TAGS += [
    "-IFD0:GeoTiffAsciiParams",
    "-IFD0:PixelScale",
    "-IFD0:ModelTiePoint",
    "-IFD0:ModelTransform",
]
# The writer put these as the derivative has them.
_EXCLUDED_TAGS = [
    "--Orientation",
    "--PhotoshopThumbnail",
    "--ThumbnailImage",
    "--PreviewImage",
    "--PNG:ProfileName",
    # Of the source's grey codes, which these are no more.
    "--GrayResponseUnit",
    "--MinSampleValue",
    "--MaxSampleValue",
]
_EXCLUDED_IN_TIFF = ["--XResolution", "--YResolution", "--ResolutionUnit"]

_CARRIED_TAGS = directory.DESCRIPTIVE | directory.RESOLUTION
# Programs of science say in a TIFF's description how its samples are to be read: one channel, so many rows.
SHAPES = re.compile(
    rb"\s*(\{\"shape\":|shape=\(|ImageJ=|<\?xml[^>]*>\s*(<!--.*?-->\s*)*<OME|<OME)", re.DOTALL
)
DESCRIPTION = 270
_NOT_COMPARED = "not compared: exiftool gave no answer"
_NOT_CARRIED = "carried without exiftool, which gave no answer"
NOT_RESTORED = "values as the source writes them: what exiftool wrote cannot be read again"


@dataclass(frozen=True)
class _Copy:
    """What exiftool is to carry from where to where.

    Attributes:
        source: a link to the source, under a name that no program can take for anything else.
        part: the part, through a link to its folder, under a plain name.
        excluded: arguments that leave out what the writer put as the derivative has it.
        pages: of both, where both are TIFFs and have as many, so that each has its like; else 1.
        seconds: how long it may take.
    """

    source: Path
    part: Path
    excluded: tuple[str, ...]
    pages: int
    seconds: float


def copy_metadata(
    picture: OpenImage, container: WritableFormat, part: Path, provenance: Provenance
) -> tuple[str, ...]:
    """Carry the source's metadata into the part, and mark it.

    Args:
        picture: the source.
        container: of the part.
        part: a finished picture without its final name; its profile, orientation and density stay.
        provenance: what it is to say of itself.

    Returns:
        Names of what could not be carried; `PROVENANCE` among them where the container holds no metadata.

    Raises:
        OutputError: the disk is full.
    """
    reader = picture.reader
    blocks, same = reader.metadata(), container is picture.image_format
    foreign = () if same else reader.foreign
    if not container.supports_metadata:
        texts = () if same else reader.texts
        return (PROVENANCE, *blocks.names, *reader.uncarried, *texts, *foreign)
    xmp = derivative_xmp(blocks.xmp, provenance)
    source = _Source(picture, blocks, _is_shape(blocks))
    lost = (*foreign, *(["xmp"] if xmp.damaged else []))
    if reader.is_silent:
        return (*lost, *_embed(container, part, MetadataUpdate(xmp)))
    # A packet that we cannot read is not shown to exiftool, which takes minutes over one built for that.
    found: tuple[str, ...] | None = None
    try:
        if not xmp.damaged:
            found = _carry_with_exiftool(source, container, part, MetadataUpdate(xmp))
    except ExiftoolError as error:
        logger.warning("exiftool: %s", error)
        lost += (_NOT_CARRIED,)
    if found is None:
        # Nobody compares values here, so what is known to go is named.
        update = MetadataUpdate(xmp, _merged_exif(source, container, part), blocks.iptc)
        texts = () if same else reader.texts
        shape = ("ImageDescription: the shape of the samples",) if source.has_shape else ()
        found = (*_embed(container, part, update), *reader.uncarried, *texts, *xmp.dropped, *shape)
    return tuple(dict.fromkeys((*lost, *found)))


@dataclass(frozen=True)
class _Source:
    """What is carried.

    Attributes:
        picture: the source.
        blocks: what it says.
        has_shape: its description says how its samples are to be read, which is no longer true.
    """

    picture: OpenImage
    blocks: MetadataBlocks
    has_shape: bool


def _is_shape(blocks: MetadataBlocks) -> bool:
    tags = directory.tags_of(blocks.exif) if blocks.exif else {}
    return DESCRIPTION in tags and SHAPES.match(tags[DESCRIPTION].data) is not None


# --- with exiftool


def _carry_with_exiftool(
    source: _Source, container: WritableFormat, part: Path, update: MetadataUpdate
) -> tuple[str, ...] | None:
    """Let exiftool carry all but XMP, and compare; None where it is missing or cannot, with nothing changed.

    Returns:
        Names of what is lost.

    Raises:
        ExiftoolError: it gave no answer; nothing is changed.
    """
    if exiftool.program() is None:
        return None
    with _prepared_copy(source, container, part) as copy:
        try:
            # Twice: what failed on a full disk may find room that another worker has given back, and
            # then the picture must be what it would have been.
            if not (_run_copy(copy) or _run_copy(copy)):
                return None
        finally:
            copy.part.with_name(copy.part.name + "_exiftool_tmp").unlink(missing_ok=True)
        try:
            update = _completed(update, source, container, copy.part)
            lost: tuple[str, ...] = ()
        except (ItemError, DamagedError) as error:
            # Of the part, so no damage of the source.
            logger.warning("what exiftool wrote cannot be read again: %s", error)
            lost = (NOT_RESTORED,)
        return (*lost, *_embed(container, copy.part, update), *_compared(copy))


def _completed(
    update: MetadataUpdate, source: _Source, container: WritableFormat, part: Path
) -> MetadataUpdate:
    """The update with what exiftool wrote otherwise than the source has it, or did not see: it may be packed.

    Raises:
        ItemError, DamagedError: exiftool left the part in a form that we do not understand.
    """
    tags = directory.tags_of(source.blocks.exif) if source.blocks.exif else {}
    with SourceFile(part) as file, container.open(file) as written:
        own = written.metadata()
    if not own.iptc:
        update = replace(update, iptc=source.blocks.iptc)
    wanted = tags.keys() & directory.DESCRIPTIVE
    if wanted and not (own.exif and wanted & directory.tags_of(own.exif).keys()):
        return replace(update, exif=_merged_exif(source, container, part))
    if container.name == "tiff":
        with part.open("rb+") as tiff:
            directory.restore_values(tiff, tags)
        return update
    block = io.BytesIO(own.exif or b"")
    return replace(update, exif=block.getvalue()) if directory.restore_values(block, tags) else update


@contextmanager
def _prepared_copy(source: _Source, container: WritableFormat, part: Path) -> Iterator[_Copy]:
    """Give both files names that are no options, patterns or line ends, whatever they are called."""
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        links = Path(folder)
        plain = part.with_name(f".{links.name}{PART_SUFFIX}")
        links.joinpath("source").symlink_to(source.picture.file.path.resolve())
        links.joinpath("out").symlink_to(part.parent.resolve(), target_is_directory=True)
        seconds = SECONDS + part.stat().st_size / _BYTES_PER_SECOND
        pages = _common_pages(source.picture, container, part)
        part.rename(plain)
        try:
            excluded = [*_EXCLUDED_TAGS]
            excluded += _EXCLUDED_IN_TIFF if container.name == "tiff" else ()
            # The writer carries these byte for byte where both are of one container.
            excluded += ("--Comment", "--PNG:all") if container is source.picture.image_format else ()
            excluded += ("--ImageDescription",) if source.has_shape else ()
            yield _Copy(links / "source", links / "out" / plain.name, tuple(excluded), pages, seconds)
        finally:
            plain.rename(part)


def _common_pages(picture: OpenImage, container: WritableFormat, part: Path) -> int:
    if container.name != "tiff" or not isinstance(picture.reader, TiffReader):
        return 1
    with part.open("rb") as file:
        pages = len(directory.TiffStructure.read(file).chain)
    return pages if len(picture.reader.structure.chain) == pages else 1


def _run_copy(copy: _Copy) -> bool:
    """Have exiftool write the part anew; False where it cannot.

    Raises:
        OutputError: there is no room for the second copy that it writes.
    """
    result = shared_exiftool.run(_copy_arguments(copy), copy.seconds)
    if not result.errors and b"1 image files" in result.output:
        return True
    logger.info("exiftool: %s", "; ".join(result.complaints) or "nothing written")
    raise_if_full(copy.part.parent.resolve(), 4096 + copy.part.stat().st_size)
    return False


def _copy_arguments(copy: _Copy) -> list[str]:
    """The command that carries everything but XMP into the part."""
    return [
        "-m",
        # Values as they are: print forms turn odd dates and fractions into others, or drop them.
        "-n",
        "-overwrite_original",
        "-tagsFromFile",
        str(copy.source),
        *_COPIED_TAGS,
        *(f"-IFD{page}:all" for page in range(1, copy.pages)),
        *copy.excluded,
        str(copy.part),
    ]


def _compared(copy: _Copy) -> tuple[str, ...]:
    """What the source says and the part does not, by exiftool, which reads what we do not."""
    asked = ["-j", "-G1:4", "-a", "-u", "-n", "-struct", "-q", "-q", str(copy.source), str(copy.part)]
    try:
        before, after = json.loads(shared_exiftool.run(asked, copy.seconds).output)
    except (ExiftoolError, ValueError, RecursionError) as error:
        logger.warning("exiftool: %s", error)
        return (_NOT_COMPARED,)
    return lost_values(before, after, pages=copy.pages > 1)


# --- without exiftool


def _merged_exif(source: _Source, container: WritableFormat, part: Path) -> bytes | None:
    """The source's descriptive tags as an Exif block, with what the part's own says already."""
    if not source.blocks.exif:
        return None
    with SourceFile(part) as file, container.open(file) as written:
        own = written.metadata().exif
    carried = _CARRIED_TAGS - {DESCRIPTION} if source.has_shape else _CARRIED_TAGS
    tags = {code: entry for code, entry in directory.tags_of(source.blocks.exif).items() if code in carried}
    tags |= directory.tags_of(own) if own else {}
    return directory.exif_block(tags) if tags else None


def _embed(container: WritableFormat, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Lay the blocks into the part; one that exiftool left in a form we do not understand stays unmarked."""
    try:
        return container.embed(part, update)
    except (ItemError, DamagedError) as error:
        logger.warning("the marking cannot be written: %s", error)
        return (PROVENANCE,)
