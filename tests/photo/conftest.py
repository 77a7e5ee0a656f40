"""Being here puts this folder on the import path, for `picture_journey`."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture
def arithmetic_jpeg() -> bytes:
    """`smooth_scene()` as cjpeg -arithmetic writes it; no encoder of ours does."""
    return (DATA / "arithmetic.jpg").read_bytes()


@pytest.fixture
def heic() -> Path:
    """Folder of HEIC files as pillow-heif writes them; the encoder of ours reads only."""
    return DATA
