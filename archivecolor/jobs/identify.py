"""Which record of an archive a picture belongs to, by the picture's grey alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.archive.bag import content_root
from archivecolor.archive.fingerprint_index import FingerprintIndex, Match
from archivecolor.archive.layout import review_folder
from archivecolor.colour.fingerprint import EMPTY, fingerprint
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError
from archivecolor.jobs.file_check import check_is_file
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.photo.preview import small_preview
from archivecolor.settings import IdentifySettings

# Bits of 256, measured on 10,000 photographs: any two differed in 59 and more. Each differed from itself at
# half size as JPEG of quality 60 in at most 20; with up to 3 % cut off each side all but 3 in 1,000 in at
# most 56, with up to 6 % 994 of 1,000 in at most 96.
SURE, _POSSIBLE = 56, 96
SEEN = (512, 512)


@dataclass(frozen=True)
class Identified:
    """What is known of one picture.

    Attributes:
        file: the picture.
        matches: the records that it belongs to, the nearest first: several where scans look alike; none where
            nobody can be sure.
        near: without them, those that come nearest and may be it, the nearest first.
        trouble: why it could not be looked at.
    """

    file: Path
    matches: tuple[Match, ...] = ()
    near: tuple[Match, ...] = ()
    trouble: ItemError | None = None


def identify(settings: IdentifySettings) -> Iterator[Identified]:
    """Look up each picture in an archive; gives what is known of each, in their order.

    Raises:
        UsageError: there is no manifest, or a newer version wrote it.
    """
    existing_manifest_path(settings.archive)
    root = content_root(settings.archive)
    index = FingerprintIndex(review_folder(settings.archive, root), root)
    for file in settings.file:
        try:
            check_is_file(file)
            seen = small_preview(file, SEEN, settings.max_megapixels)
        except ItemError as error:
            yield Identified(file, trouble=error)
            continue
        wanted = fingerprint(luma_codes(seen.rgb).astype(np.float32) / np.float32(255))
        nearest = [] if wanted == EMPTY else index.nearest(wanted, settings.nearest)
        sure = tuple(match for match in nearest if match.distance <= SURE)
        near = () if sure else tuple(match for match in nearest if match.distance <= _POSSIBLE)
        yield Identified(file, sure, near)
