"""A derivative's metadata: the source's, and the marking that its colour was invented.

exiftool carries Exif, IPTC and what else it knows how to write; XMP is laid in with the marking as one
block. Without exiftool, and for containers it cannot write, the blocks are carried by our own hand.
exiftool opens the source itself, where that describes itself at all: once to copy and once to compare.
Nothing depends on the clock: the same picture twice gives the same bytes.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.atomic import PART_SUFFIX, raise_if_full
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

logger = logging.getLogger(__name__)

PROVENANCE = "marking"
SECONDS = 60.0
BYTES_PER_SECOND = 5e6

# The groups that describe the picture. Not the colour profile, which the writer chose, and not the
# second directory of anything but a TIFF, which is the grey thumbnail.
COPIED_TAGS = [
    "-IFD0:all",
    "-ExifIFD:all",
    "-GPS:all",
    "-InteropIFD:all",
    "-MakerNotes",
    "-IPTC",
    "-Photoshop:all",
]
COPIED_TAGS += ["-JFIF:all", "-Comment", "-PNG:all", "-IFD0:GeoTiffDirectory", "-IFD0:GeoTiffDoubleParams"]
COPIED_TAGS += ["-IFD0:GeoTiffAsciiParams", "-IFD0:PixelScale", "-IFD0:ModelTiePoint", "-IFD0:ModelTransform"]
# The writer put these as the derivative has them.
EXCLUDED_TAGS = [
    "--Orientation",
    "--PhotoshopThumbnail",
    "--ThumbnailImage",
    "--PreviewImage",
    "--PNG:ProfileName",
]
EXCLUDED_IN_TIFF = ["--XResolution", "--YResolution", "--ResolutionUnit"]

CARRIED_TAGS = directory.DESCRIPTIVE | directory.RESOLUTION
DESCRIPTIVE_GROUPS = ("IFD", "ExifIFD", "GPS", "InteropIFD", "IPTC", "PNG", "MakerNotes")
# All else of Photoshop's resources is how a window looked.
PHOTOSHOP_TAGS = frozenset({"Photoshop:CopyrightFlag", "Photoshop:URL"})
# How a file stores its picture, or what it says of itself alone.
STORAGE_TAG_NAMES = """
    SubfileType OldSubfileType ImageWidth ImageHeight BitsPerSample Compression PhotometricInterpretation
    Thresholding FillOrder StripOffsets SamplesPerPixel RowsPerStrip StripByteCounts PlanarConfiguration
    Predictor ColorMap TileWidth TileLength TileOffsets TileByteCounts SubIFD ExtraSamples SampleFormat
    JPEGTables YCbCrCoefficients YCbCrSubSampling YCbCrPositioning ReferenceBlackWhite T4Options T6Options
    MinSampleValue MaxSampleValue SMinSampleValue SMaxSampleValue GrayResponseUnit GrayResponseCurve
    TransferFunction XResolution YResolution ResolutionUnit Orientation Padding OffsetSchema
    ThumbnailOffset ThumbnailLength ThumbnailImage PhotoshopThumbnail PreviewImage CurrentIPTCDigest
    BitDepth ColorType Filter Interlace Palette Transparency Gamma SRGBRendering ProfileName PixelUnits
    PixelsPerUnitX PixelsPerUnitY BackgroundColor SignificantBits WhitePointX WhitePointY RedX RedY GreenX
    GreenY BlueX BlueY ExifImageWidth ExifImageHeight IPTCDigest ICC_Profile IPTC-NAA PhotoshopSettings
    ApplicationNotes
"""
STORAGE_TAGS = frozenset(STORAGE_TAG_NAMES.split())


@dataclass(frozen=True)
class _Copy:
    """What exiftool is to carry from where to where.

    Attributes:
        source: a link to the source, under a name that no program can take for anything else.
        part: the part, through a link to its folder, under a plain name.
        is_tiff: the part is a TIFF.
        pages: of both, where both are TIFFs and have as many, so that each has its like; else 1.
        seconds: how long it may take.
    """

    source: Path
    part: Path
    is_tiff: bool
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
    blocks = picture.reader.metadata()
    if not container.supports_metadata:
        return (PROVENANCE, *blocks.names)
    xmp = derivative_xmp(blocks.xmp, provenance)
    lost = () if picture.reader.is_silent else _copy_with_exiftool(picture, container, part)
    update = (
        MetadataUpdate(xmp)
        if lost is not None
        else MetadataUpdate(xmp, _merged_exif(blocks, container, part), blocks.iptc)
    )
    return (*(lost or ()), *_embed(container, part, update), *(("xmp",) if xmp.damaged else ()))


# --- with exiftool


def _copy_with_exiftool(picture: OpenImage, container: WritableFormat, part: Path) -> tuple[str, ...] | None:
    """Let exiftool carry all but XMP; None where it is missing or cannot, with nothing changed."""
    if exiftool.program() is None:
        return None
    with _prepared_copy(picture, container, part) as copy:
        try:
            # Twice: what failed on a full disk may find room that another worker has given back, and
            # then the picture must be what it would have been.
            if _run_copy(copy) or _run_copy(copy):
                return _missing_tags(copy)
            return None
        except ExiftoolError as error:
            logger.warning("exiftool: %s", error)
            return None
        finally:
            copy.part.with_name(copy.part.name + "_exiftool_tmp").unlink(missing_ok=True)


@contextmanager
def _prepared_copy(picture: OpenImage, container: WritableFormat, part: Path) -> Iterator[_Copy]:
    """Give both files names that are no options, patterns or line ends, whatever they are called."""
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        links = Path(folder)
        plain = part.with_name(f".{links.name}{PART_SUFFIX}")
        links.joinpath("source").symlink_to(picture.file.path.resolve())
        links.joinpath("out").symlink_to(part.parent.resolve(), target_is_directory=True)
        seconds = SECONDS + part.stat().st_size / BYTES_PER_SECOND
        pages = _common_pages(picture, container, part)
        part.rename(plain)
        try:
            is_tiff = container.name == "tiff"
            yield _Copy(links / "source", links / "out" / plain.name, is_tiff, pages, seconds)
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
        "-overwrite_original",
        "-tagsFromFile",
        str(copy.source),
        *COPIED_TAGS,
        *(f"-IFD{page}:all" for page in range(1, copy.pages)),
        *EXCLUDED_TAGS,
        *(EXCLUDED_IN_TIFF if copy.is_tiff else ()),
        str(copy.part),
    ]


def _missing_tags(copy: _Copy) -> tuple[str, ...]:
    """What the source says of its picture that the part does not, XMP aside."""
    asked = ["-j", "-G1", "-a", "-n", "-q", "-q", str(copy.source), str(copy.part)]
    result = shared_exiftool.run(asked, copy.seconds)
    try:
        before, after = (set(tags) for tags in json.loads(result.output))
    except ValueError:
        return ()
    return tuple(sorted(tag for tag in before - after if _describes_picture(tag, copy.pages > 1)))


def _describes_picture(tag: str, pages: bool) -> bool:
    """Whether a tag, `Group:Name`, describes the picture rather than how its file stores it."""
    group, _, name = tag.rpartition(":")
    if group.startswith("IFD") and group != "IFD0" and not pages:
        return False
    return tag in PHOTOSHOP_TAGS or (group.startswith(DESCRIPTIVE_GROUPS) and name not in STORAGE_TAGS)


# --- by our own hand


def _merged_exif(blocks: MetadataBlocks, container: WritableFormat, part: Path) -> bytes | None:
    """The source's descriptive tags as an Exif block, with what the part's own says already."""
    if not blocks.exif:
        return None
    with SourceFile(part) as file, container.open(file) as written:
        own = written.metadata().exif
    tags = {code: entry for code, entry in directory.tags_of(blocks.exif).items() if code in CARRIED_TAGS}
    return directory.exif_block(tags | (directory.tags_of(own) if own else {}))


def _embed(container: WritableFormat, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Lay the blocks into the part; one that exiftool left in a form we do not understand stays unmarked."""
    try:
        return container.embed(part, update)
    except (ItemError, DamagedError) as error:
        logger.warning("the marking cannot be written: %s", error)
        return (PROVENANCE,)
