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

from archivecolor.archive.durable import PART_SUFFIX, raise_if_full
from archivecolor.archive.marking import Marking
from archivecolor.archive.xmp import marked
from archivecolor.errors import ItemError
from archivecolor.photo import exiftool
from archivecolor.photo.embed import jp2, jpeg, png, tiff, webp
from archivecolor.photo.embed.blocks import Blocks, Load
from archivecolor.photo.exiftool import ExiftoolError, held
from archivecolor.photo.formats.base import DECODER_ERRORS

logger = logging.getLogger(__name__)

MARKING = "marking"
SECONDS = 60.0
BYTES_PER_SECOND = 5e6

CONTAINERS: dict[str, ModuleType] = {"jpeg": jpeg, "png": png, "tiff": tiff, "webp": webp, "jp2": jp2}

# The groups that describe the picture. Not the colour profile, which the writer chose, and not the
# second directory of anything but a TIFF, which is the grey thumbnail.
COPIED = [
    "-IFD0:all",
    "-ExifIFD:all",
    "-GPS:all",
    "-InteropIFD:all",
    "-MakerNotes",
    "-IPTC",
    "-Photoshop:all",
]
COPIED += ["-JFIF:all", "-Comment", "-PNG:all", "-IFD0:GeoTiffDirectory", "-IFD0:GeoTiffDoubleParams"]
COPIED += ["-IFD0:GeoTiffAsciiParams", "-IFD0:PixelScale", "-IFD0:ModelTiePoint", "-IFD0:ModelTransform"]
# The writer put these as the derivative has them.
KEPT = ["--Orientation", "--PhotoshopThumbnail", "--ThumbnailImage", "--PreviewImage", "--PNG:ProfileName"]
KEPT_IN_TIFF = ["--XResolution", "--YResolution", "--ResolutionUnit"]

CARRIED_TAGS = tiff.DESCRIPTIVE | tiff.RESOLUTION
GROUPS = ("IFD", "ExifIFD", "GPS", "InteropIFD", "IPTC", "PNG", "MakerNotes")
# All else of Photoshop's resources is how a window looked.
PHOTOSHOP = frozenset({"Photoshop:CopyrightFlag", "Photoshop:URL"})
# How a file stores its picture, or what it says of itself alone.
STRUCTURE_NAMES = """
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
STRUCTURE = frozenset(STRUCTURE_NAMES.split())


@dataclass(frozen=True)
class Desk:
    """Names of a source and a part that no program can take for anything else.

    Attributes:
        source: a link to the source.
        part: the part, through a link to its folder, under a plain name.
    """

    source: Path
    part: Path


def copy_metadata(source: Path, part: Path, marking: Marking) -> tuple[str, ...]:
    """Carry the source's metadata into the part, and mark it.

    Args:
        source: read only.
        part: a finished picture without its final name; its profile, orientation and density stay.
        marking: what it is to say of itself.

    Returns:
        Names of what could not be carried; `MARKING` among them where the container holds no metadata.

    Raises:
        OutputError: the disk is full.
    """
    container = container_of(part)
    blocks = blocks_of(source)
    if container is None:
        return (MARKING, *lost_names(blocks))
    xmp = marked(blocks.xmp, marking)
    lost = () if says_nothing(source) else with_exiftool(source, part)
    load = Load(xmp) if lost is not None else Load(xmp, carried_exif(blocks, part), blocks.iptc)
    return (*(lost or ()), *embedded(container, part, load), *(("xmp",) if xmp.damaged else ()))


# --- with exiftool


def with_exiftool(source: Path, part: Path) -> tuple[str, ...] | None:
    """Let exiftool carry all but XMP; None where it is missing or cannot, with nothing changed."""
    if exiftool.program() is None:
        return None
    seconds = SECONDS + part.stat().st_size / BYTES_PER_SECOND
    with on_desk(source, part) as desk:
        try:
            # Twice: what failed on a full disk may find room that another worker has given back, and
            # then the picture must be what it would have been.
            if written(desk, seconds) or written(desk, seconds):
                return names_missing(desk, seconds)
            return None
        except ExiftoolError as error:
            logger.warning("exiftool: %s", error)
            return None
        finally:
            desk.part.with_name(desk.part.name + "_exiftool_tmp").unlink(missing_ok=True)


def written(desk: Desk, seconds: float) -> bool:
    """Have exiftool write the part anew; False where it cannot.

    Raises:
        OutputError: there is no room for the second copy that it writes.
    """
    answer = held.run(copy_arguments(desk), seconds)
    if not answer.errors and b"1 image files" in answer.output:
        return True
    logger.info("exiftool: %s", "; ".join(answer.complaints) or "nothing written")
    raise_if_full(desk.part.parent.resolve(), 4096 + desk.part.stat().st_size)
    return False


@contextmanager
def on_desk(source: Path, part: Path) -> Iterator[Desk]:
    """Give both files names that are no options, patterns or line ends, whatever they are called."""
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        links = Path(folder)
        plain = part.with_name(f".{links.name}{PART_SUFFIX}")
        links.joinpath("source").symlink_to(source.resolve())
        links.joinpath("out").symlink_to(part.parent.resolve(), target_is_directory=True)
        part.rename(plain)
        try:
            yield Desk(links / "source", links / "out" / plain.name)
        finally:
            plain.rename(part)


def copy_arguments(desk: Desk) -> list[str]:
    """The command that carries everything but XMP into the part."""
    pages = range(1, common_pages(desk)) if container_of(desk.part) is tiff else ()
    return [
        "-m",
        "-overwrite_original",
        "-tagsFromFile",
        str(desk.source),
        *COPIED,
        *(f"-IFD{page}:all" for page in pages),
        *KEPT,
        *(KEPT_IN_TIFF if container_of(desk.part) is tiff else ()),
        str(desk.part),
    ]


def common_pages(desk: Desk) -> int:
    """Pages of source and part where both are TIFFs and have as many, so that each has its like; else 1."""
    if container_of(desk.source) is not tiff:
        return 1
    source, part = (tiff.count_pages(path) for path in (desk.source, desk.part))
    return part if source == part else 1


def names_missing(desk: Desk, seconds: float) -> tuple[str, ...]:
    """What the source says of its picture that the part does not, XMP aside."""
    answer = held.run(["-j", "-G1", "-a", "-n", "-q", "-q", str(desk.source), str(desk.part)], seconds)
    try:
        before, after = (set(tags) for tags in json.loads(answer.output))
    except ValueError:
        return ()
    pages = container_of(desk.part) is tiff and common_pages(desk) > 1
    return tuple(sorted(tag for tag in before - after if describes(tag, pages)))


def describes(tag: str, pages: bool) -> bool:
    """Whether a tag, `Group:Name`, describes the picture rather than how its file stores it."""
    group, _, name = tag.rpartition(":")
    if group.startswith("IFD") and group != "IFD0" and not pages:
        return False
    return tag in PHOTOSHOP or (group.startswith(GROUPS) and name not in STRUCTURE)


# --- by our own hand


def carried_exif(blocks: Blocks, part: Path) -> bytes | None:
    """The source's descriptive tags as an Exif block, with what the part's own says already."""
    if not blocks.exif:
        return None
    own = blocks_of(part).exif
    tags = {code: entry for code, entry in tiff.tags_of(blocks.exif).items() if code in CARRIED_TAGS}
    return tiff.exif_block(tags | (tiff.tags_of(own) if own else {}))


def says_nothing(path: Path) -> bool:
    """Whether a file holds nothing that would have to be carried; False where that is not known."""
    container = container_of(path)
    try:
        return container in (jpeg, png) and bool(container.says_nothing(path))
    except (*DECODER_ERRORS, ItemError):
        return False


def blocks_of(path: Path) -> Blocks:
    """The blocks of a picture file; none where it is damaged or of a kind without any."""
    container = container_of(path)
    try:
        if container is not None:
            found: Blocks = container.read(path)
            return found
        return heif_blocks(path)
    except (*DECODER_ERRORS, ItemError) as error:
        logger.info("metadata cannot be read: %s", error)
        return Blocks()


def heif_blocks(path: Path) -> Blocks:
    """Exif and XMP of a HEIC, where its reader is installed."""
    with path.open("rb") as file:
        if file.read(12)[4:8] != b"ftyp":
            return Blocks()
    try:
        import pi_heif
    except ModuleNotFoundError:
        return Blocks()
    about = pi_heif.open_heif(path, convert_hdr_to_8bit=False).info
    exif = about.get("exif")
    return Blocks(exif.removeprefix(b"Exif\0\0") if exif else None, None, about.get("xmp") or None)


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
    return tiff if tiff.Layout.of(head[:4]) else None


def lost_names(blocks: Blocks) -> tuple[str, ...]:
    """The names of the blocks there are."""
    return tuple(name for name in ("exif", "iptc", "xmp") if getattr(blocks, name))


def embedded(container: ModuleType, part: Path, load: Load) -> tuple[str, ...]:
    """Lay the blocks into the part; one whose structure we do not understand stays without marking."""
    try:
        lost: tuple[str, ...] = container.embed(part, load)
    except (ItemError, ValueError, LookupError, struct.error) as error:
        logger.warning("the marking cannot be written: %s", error)
        return (MARKING,)
    return lost
