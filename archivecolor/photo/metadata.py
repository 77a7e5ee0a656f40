"""A derivative's metadata: the source's, and the marking that its colour was invented.

exiftool carries Exif, IPTC and what else it knows how to write; XMP is laid in with the marking as one
block. Without exiftool, and for containers it cannot write, the blocks are carried by our own hand.
Nothing depends on the clock: the same picture twice gives the same bytes.
"""

from __future__ import annotations

import json
import logging
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from archivecolor.archive.atomic import PART_SUFFIX, raise_if_full
from archivecolor.errors import ItemError
from archivecolor.metadata.provenance import Provenance
from archivecolor.metadata.xmp import derivative_xmp
from archivecolor.photo import exiftool
from archivecolor.photo.containers.base import DECODER_ERRORS
from archivecolor.photo.embed import jp2, jpeg, png, tiff, webp
from archivecolor.photo.embed.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.exiftool import ExiftoolError, shared_exiftool

logger = logging.getLogger(__name__)

PROVENANCE = "marking"
SECONDS = 60.0
BYTES_PER_SECOND = 5e6

CONTAINERS: dict[str, ModuleType] = {"jpeg": jpeg, "png": png, "tiff": tiff, "webp": webp, "jp2": jp2}

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

CARRIED_TAGS = tiff.DESCRIPTIVE | tiff.RESOLUTION
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
class SafeNames:
    """Names of a source and a part that no program can take for anything else.

    Attributes:
        source: a link to the source.
        part: the part, through a link to its folder, under a plain name.
    """

    source: Path
    part: Path


def copy_metadata(source: Path, part: Path, provenance: Provenance) -> tuple[str, ...]:
    """Carry the source's metadata into the part, and mark it.

    Args:
        source: read only.
        part: a finished picture without its final name; its profile, orientation and density stay.
        provenance: what it is to say of itself.

    Returns:
        Names of what could not be carried; `PROVENANCE` among them where the container holds no metadata.

    Raises:
        OutputError: the disk is full.
    """
    container = container_of(part)
    blocks = blocks_of(source)
    if container is None:
        return (PROVENANCE, *block_names(blocks))
    xmp = derivative_xmp(blocks.xmp, provenance)
    lost = () if has_no_metadata(source) else copy_with_exiftool(source, part)
    update = (
        MetadataUpdate(xmp)
        if lost is not None
        else MetadataUpdate(xmp, merged_exif(blocks, part), blocks.iptc)
    )
    return (*(lost or ()), *embed_blocks(container, part, update), *(("xmp",) if xmp.damaged else ()))


# --- with exiftool


def copy_with_exiftool(source: Path, part: Path) -> tuple[str, ...] | None:
    """Let exiftool carry all but XMP; None where it is missing or cannot, with nothing changed."""
    if exiftool.program() is None:
        return None
    seconds = SECONDS + part.stat().st_size / BYTES_PER_SECOND
    with under_safe_names(source, part) as names:
        try:
            # Twice: what failed on a full disk may find room that another worker has given back, and
            # then the picture must be what it would have been.
            if _run_copy(names, seconds) or _run_copy(names, seconds):
                return missing_tags(names, seconds)
            return None
        except ExiftoolError as error:
            logger.warning("exiftool: %s", error)
            return None
        finally:
            names.part.with_name(names.part.name + "_exiftool_tmp").unlink(missing_ok=True)


def _run_copy(names: SafeNames, seconds: float) -> bool:
    """Have exiftool write the part anew; False where it cannot.

    Raises:
        OutputError: there is no room for the second copy that it writes.
    """
    result = shared_exiftool.run(copy_arguments(names), seconds)
    if not result.errors and b"1 image files" in result.output:
        return True
    logger.info("exiftool: %s", "; ".join(result.complaints) or "nothing written")
    raise_if_full(names.part.parent.resolve(), 4096 + names.part.stat().st_size)
    return False


@contextmanager
def under_safe_names(source: Path, part: Path) -> Iterator[SafeNames]:
    """Give both files names that are no options, patterns or line ends, whatever they are called."""
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        links = Path(folder)
        plain = part.with_name(f".{links.name}{PART_SUFFIX}")
        links.joinpath("source").symlink_to(source.resolve())
        links.joinpath("out").symlink_to(part.parent.resolve(), target_is_directory=True)
        part.rename(plain)
        try:
            yield SafeNames(links / "source", links / "out" / plain.name)
        finally:
            plain.rename(part)


def copy_arguments(names: SafeNames) -> list[str]:
    """The command that carries everything but XMP into the part."""
    pages = range(1, common_pages(names)) if container_of(names.part) is tiff else ()
    return [
        "-m",
        "-overwrite_original",
        "-tagsFromFile",
        str(names.source),
        *COPIED_TAGS,
        *(f"-IFD{page}:all" for page in pages),
        *EXCLUDED_TAGS,
        *(EXCLUDED_IN_TIFF if container_of(names.part) is tiff else ()),
        str(names.part),
    ]


def common_pages(names: SafeNames) -> int:
    """Pages of source and part where both are TIFFs and have as many, so that each has its like; else 1."""
    if container_of(names.source) is not tiff:
        return 1
    source, part = (tiff.count_pages(path) for path in (names.source, names.part))
    return part if source == part else 1


def missing_tags(names: SafeNames, seconds: float) -> tuple[str, ...]:
    """What the source says of its picture that the part does not, XMP aside."""
    result = shared_exiftool.run(
        ["-j", "-G1", "-a", "-n", "-q", "-q", str(names.source), str(names.part)], seconds
    )
    try:
        before, after = (set(tags) for tags in json.loads(result.output))
    except ValueError:
        return ()
    pages = container_of(names.part) is tiff and common_pages(names) > 1
    return tuple(sorted(tag for tag in before - after if describes_picture(tag, pages)))


def describes_picture(tag: str, pages: bool) -> bool:
    """Whether a tag, `Group:Name`, describes the picture rather than how its file stores it."""
    group, _, name = tag.rpartition(":")
    if group.startswith("IFD") and group != "IFD0" and not pages:
        return False
    return tag in PHOTOSHOP_TAGS or (group.startswith(DESCRIPTIVE_GROUPS) and name not in STORAGE_TAGS)


# --- by our own hand


def merged_exif(blocks: MetadataBlocks, part: Path) -> bytes | None:
    """The source's descriptive tags as an Exif block, with what the part's own says already."""
    if not blocks.exif:
        return None
    own = blocks_of(part).exif
    tags = {code: entry for code, entry in tiff.tags_of(blocks.exif).items() if code in CARRIED_TAGS}
    return tiff.exif_block(tags | (tiff.tags_of(own) if own else {}))


def has_no_metadata(path: Path) -> bool:
    """Whether a file holds nothing that would have to be carried; False where that is not known."""
    container = container_of(path)
    try:
        return container in (jpeg, png) and bool(container.has_no_metadata(path))
    except (*DECODER_ERRORS, ItemError):
        return False


def blocks_of(path: Path) -> MetadataBlocks:
    """The blocks of a picture file; none where it is damaged or of a kind without any."""
    container = container_of(path)
    try:
        if container is not None:
            found: MetadataBlocks = container.read(path)
            return found
        return heif_blocks(path)
    except (*DECODER_ERRORS, ItemError) as error:
        logger.info("metadata cannot be read: %s", error)
        return MetadataBlocks()


def heif_blocks(path: Path) -> MetadataBlocks:
    """Exif and XMP of a HEIC, where its reader is installed."""
    with path.open("rb") as file:
        if file.read(12)[4:8] != b"ftyp":
            return MetadataBlocks()
    try:
        import pi_heif
    except ModuleNotFoundError:
        return MetadataBlocks()
    about = pi_heif.open_heif(path, convert_hdr_to_8bit=False).info
    exif = about.get("exif")
    return MetadataBlocks(exif.removeprefix(b"Exif\0\0") if exif else None, None, about.get("xmp") or None)


def container_of(path: Path) -> ModuleType | None:
    """The container of a file by its first bytes; None where it holds no blocks of ours."""
    with path.open("rb") as file:
        head = file.read(16)
    starts = {b"\xff\xd8\xff": "jpeg", png.SIGNATURE: "png", jp2.SIGNATURE: "jp2"}
    for start, name in starts.items():
        if head.startswith(start):
            return CONTAINERS[name]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return webp
    return tiff if tiff.ByteLayout.of(head[:4]) else None


def block_names(blocks: MetadataBlocks) -> tuple[str, ...]:
    """The names of the blocks there are."""
    return tuple(name for name in ("exif", "iptc", "xmp") if getattr(blocks, name))


def embed_blocks(container: ModuleType, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
    """Lay the blocks into the part; one whose structure we do not understand stays without marking."""
    try:
        lost: tuple[str, ...] = container.embed(part, update)
    except (ItemError, ValueError, LookupError, struct.error) as error:
        logger.warning("the marking cannot be written: %s", error)
        return (PROVENANCE,)
    return lost
