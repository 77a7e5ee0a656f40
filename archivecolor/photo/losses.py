"""What a source says and its derivative does not: values are compared, over all groups.

Only what is known to be storage, or true of the source's file alone, may differ. Whatever else is gone or
changed is named, also where nobody has heard of it.
"""

from __future__ import annotations

from collections.abc import Mapping

# A value as exiftool gives it in JSON.
Value = object
# The groups of the program itself, of the file system and of what is reckoned from other values.
_FILE_GROUPS = (
    "ExifTool",
    "System",
    "Composite",
    "JFIF",
    "ICC",
    "MPF",
    "MPImage",
    "JUMBF",
    "Unknown",
    "QuickTime",
    "Meta",
)
# How a file stores its picture, or what it says of itself alone.
_STORAGE_TAG_NAMES = """
    SubfileType OldSubfileType ImageWidth ImageHeight BitsPerSample Compression PhotometricInterpretation
    FillOrder StripOffsets SamplesPerPixel RowsPerStrip StripByteCounts PlanarConfiguration
    Predictor ColorMap TileWidth TileLength TileOffsets TileByteCounts SubIFD ExtraSamples SampleFormat
    JPEGTables YCbCrCoefficients YCbCrSubSampling YCbCrPositioning ReferenceBlackWhite T4Options T6Options
    XResolution YResolution ResolutionUnit Orientation Padding OffsetSchema
    ThumbnailOffset ThumbnailLength ThumbnailImage ThumbnailTIFF PhotoshopThumbnail PreviewImage
    PreviewImageStart PreviewImageLength CurrentIPTCDigest BitDepth ColorType Filter Interlace Palette
    Transparency Gamma SRGBRendering ProfileName PixelUnits PixelsPerUnitX PixelsPerUnitY BackgroundColor
    SignificantBits WhitePointX WhitePointY RedX RedY GreenX GreenY BlueX BlueY ExifImageWidth
    ExifImageHeight IPTCDigest ICC_Profile IPTC-NAA PhotoshopSettings ApplicationNotes InkSet NumberofInks
    DCTEncodeVersion APP14Flags0 APP14Flags1 ColorTransform EncodingProcess ColorComponents ExifByteOrder
    FileType FileTypeExtension MIMEType PageCount SourceFile CodedCharacterSet EnvelopeRecordVersion
    ApplicationRecordVersion Artifact MajorBrand MinorVersion CompatibleBrands ColorSpecMethod
    ColorSpecPrecedence ColorSpecApproximation ColorSpace BitsPerComponent ColorSpecData
    CaptureXResolution CaptureYResolution CaptureXResolutionUnit CaptureYResolutionUnit DisplayXResolution
    DisplayYResolution DisplayXResolutionUnit DisplayYResolutionUnit WebPFlags HorizontalScale
    VerticalScale VP8Version AlphaFiltering AlphaPreprocessing AlphaCompression ImageDataHash
    TrailerSignature ExifOffset GPSInfo InteropOffset NumberOfComponents WebP_Flags PreviewTIFF
    Exif_0xc5f2 GIFVersion HasColorMap ColorResolutionDepth BitsPerPixel InterleavedField
    TransparentColor
"""
_STORAGE_TAGS = frozenset(_STORAGE_TAG_NAMES.split())
# Properties of XMP that name the file itself or our step; `metadata.xmp` writes its own.
_XMP_TAGS = frozenset(
    {
        "XMPToolkit",
        "CreatorTool",
        "AISystemUsed",
        "AISystemVersionUsed",
        "AIPromptInformation",
        "AIPromptWriterName",
        "DocumentID",
        "DerivedFrom",
        "InstanceID",
        "History",
        "Thumbnails",
        "HasExtendedXMP",
        "ColorMode",
        "ICCProfileName",
    }
)
# What Photoshop says of windows, prints, its own samples, or what lies elsewhere in the file.
_WINDOW_TAG_NAMES = """
    DisplayedUnitsX DisplayedUnitsY PrintStyle PrintPosition PrintScale PixelAspectRatio GlobalAngle
    GlobalAltitude URL_List SlicesGroupName NumSlices HasRealMergedData WriterName ReaderName PhotoshopQuality
    PhotoshopFormat ProgressiveScans LayersGroupInfo LayerStateInfo LayerSelectionIDs LayerGroupsEnabledID
    PrintFlags PrintFlagsInfo PrintInfo2 PrintStyleInfo Quality IDsBaseValue EffectsVisible
    ColorHalftoningInfo ColorTransferFuncs GridGuidesInfo ColorMode NumChannels
"""
_WINDOW_TAGS = frozenset(_WINDOW_TAG_NAMES.split())


def lost_values(before: Mapping[str, Value], after: Mapping[str, Value], *, pages: bool) -> tuple[str, ...]:
    """Names of what is gone or changed.

    Args:
        before: values of the source by `Group:Name`, or `Group:CopyN:Name` where there are several.
        after: those of the derivative.
        pages: each page of the source has its like, so that all directories of a TIFF count.

    Returns:
        `Group:Name` of each, sorted.
    """
    kept: dict[str, set[str]] = {}
    for tag, value in after.items():
        kept.setdefault(tag.rpartition(":")[2], set()).add(_plain(value))
    lost = {
        _without_copy(tag)
        for tag, value in before.items()
        if _counts(tag, pages=pages) and _plain(value) not in kept.get(tag.rpartition(":")[2], ())
    }
    return tuple(sorted(lost))


def _plain(value: Value) -> str:
    """A value as text; a list of one is that one."""
    return _plain(value[0]) if isinstance(value, list) and len(value) == 1 else str(value)


def _without_copy(tag: str) -> str:
    group, _, rest = tag.partition(":")
    return f"{group}:{rest.rpartition(':')[2]}"


def _counts(tag: str, *, pages: bool) -> bool:
    """Whether a tag describes the picture."""
    group, name = tag.partition(":")[0], tag.rpartition(":")[2]
    if group.startswith(_FILE_GROUPS) or name in _STORAGE_TAGS:
        return False
    # The second directory of anything but a TIFF is the grey thumbnail.
    if group.startswith("IFD") and group != "IFD0" and not pages:
        return False
    if group == "File":
        return name == "Comment"
    if group == "RIFF":
        # The reader names these.
        return not name.startswith("Unknown_")
    if group == "Photoshop":
        return name not in _WINDOW_TAGS
    return not (group.startswith("XMP") and name in _XMP_TAGS)
