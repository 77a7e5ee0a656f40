"""The options as a whole: what archives were written with stays what it was."""

from pathlib import Path

from archivecolor.settings import DirSettings

HERE = Path("x")


def test_the_digest_of_the_defaults_is_that_of_the_archives_that_exist():
    """Another digest colours every archive anew: it may change with the meaning of a default alone."""
    assert DirSettings(input=HERE, output=HERE).digest() == "d860cce38d29cbbe"


def test_what_shapes_no_byte_is_not_in_the_digest():
    plain = DirSettings(input=HERE, output=HERE)
    other = DirSettings(input=HERE, output=HERE, bag=True, premis=True, jobs=3, batch_size=1, nice=5)
    assert other.digest() == plain.digest()
    assert DirSettings(input=HERE, output=HERE, saturation=0.5).digest() != plain.digest()
