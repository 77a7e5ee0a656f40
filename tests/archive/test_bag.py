"""The output as a bag, held valid by the Library of Congress' own validator."""

import os
import re

import bagit
import pytest
from deep_trees import nest

from archivecolor.archive.bag import (
    bag_payload,
    check_bag_name,
    content_root,
    content_root_for_run,
    is_bag,
    write_bag,
)
from archivecolor.archive.fixity import Digest, read_digests, sha256_of
from archivecolor.archive.parts import PART_SUFFIX
from archivecolor.errors import ItemError, OutputError, UsageError

NAMES = ["a.jpg", "deep/b c.tif", "ä/ü.png", "line\nend.jpg", "cr\r.jpg", "_archivecolor/manifest.jsonl"]


@pytest.fixture
def bag(tmp_path):
    for name in NAMES:
        path = bag_payload(tmp_path / "bag") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
    return tmp_path / "bag"


def test_the_validator_agrees(bag):
    write_bag(bag, [], "archivecolor 1.0")
    read = bagit.Bag(str(bag))
    read.validate()
    assert read.info["Payload-Oxum"] == f"{sum(len(os.fsencode(name)) for name in NAMES)}.{len(NAMES)}"
    assert sorted(read.payload_files()) == sorted(f"data/{name}" for name in NAMES)


def test_it_is_written_anew_as_the_tree_grows(bag):
    write_bag(bag, [], "archivecolor 1.0")
    (bag / "data" / "new.jpg").write_bytes(b"new")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(bag)).validate()
    write_bag(bag, [Digest("new.jpg", sha256_of(bag / "data" / "new.jpg"))], "archivecolor 1.0")
    bagit.Bag(str(bag)).validate()


def test_a_known_digest_is_taken_and_a_wrong_one_found_by_the_validator(bag):
    write_bag(bag, [Digest("a.jpg", "0" * 64)], "archivecolor 1.0")
    with pytest.raises(bagit.BagValidationError, match=r"a\.jpg"):
        bagit.Bag(str(bag)).validate()


def test_locks_and_parts_are_no_payload(bag):
    passing = [bag / "data" / "_archivecolor" / "lock", bag / "data" / f".a.jpg.1{PART_SUFFIX}"]
    for path in passing:
        path.write_bytes(b"")
    write_bag(bag, [], "archivecolor 1.0")
    for path in passing:
        path.unlink()
    bagit.Bag(str(bag)).validate()


def test_a_name_that_no_bag_can_list_is_refused(bag):
    (bag / "data" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"")
    with pytest.raises(OutputError, match=r"data/caf.xe9\.jpg: the name is not UTF-8"):
        write_bag(bag, [], "archivecolor 1.0")
    assert not (bag / "manifest-sha256.txt").exists()


def test_names_are_encoded_by_the_letter_of_the_standard(bag):
    """A file of somebody else's may have any name; ours are refused where validators differ."""
    odd = ["100%.jpg", "a%0Ab.jpg", "a%25.jpg", "a%0D\r\n%.jpg"]
    for name in odd:
        (bag / "data" / name).write_bytes(b"")
        with pytest.raises(ItemError, match="percent sign"):
            check_bag_name(name)
    write_bag(bag, [], "archivecolor 1.0")
    lines = (bag / "manifest-sha256.txt").read_bytes().splitlines()
    listed = {line.split(b"  ", 1)[1] for line in lines}
    # What RFC 8493 has a reader undo, and nothing else.
    escapes = {b"%25": b"%", b"%0D": b"\r", b"%0A": b"\n"}
    decoded = {re.sub(rb"%(25|0D|0A)", lambda found: escapes[found[0]], name) for name in listed}
    assert decoded == {f"data/{name}".encode() for name in [*NAMES, *odd]}
    assert not any(re.search(rb"%(?!25|0D|0A)", name) for name in listed)
    assert {digest.path for digest in read_digests(bag / "manifest-sha256.txt")} == {
        f"data/{name}" for name in [*NAMES, *odd]
    }


def test_a_folder_that_cannot_be_listed_makes_no_bag(bag, deep_root):
    nest(deep_root, "d" * 200, 30)
    deep_root.rename(bag / "data" / "down")
    try:
        with pytest.raises(OutputError, match="cannot be listed"):
            write_bag(bag, [], "archivecolor 1.0")
    finally:
        (bag / "data" / "down").rename(deep_root)


def test_a_bag_is_known_before_its_first_run_has_ended(bag):
    assert is_bag(bag)
    assert content_root(bag) == content_root_for_run(bag, bag=True) == bag / "data"
    with pytest.raises(UsageError, match="add --bag"):
        content_root_for_run(bag, bag=False)


def test_a_plain_output_is_no_bag_even_with_a_folder_of_that_name(bag):
    (bag / "_archivecolor").mkdir()
    assert content_root(bag) == content_root_for_run(bag, bag=False) == bag
    with pytest.raises(UsageError, match="begun without --bag"):
        content_root_for_run(bag, bag=True)


def test_a_new_folder_may_become_either(tmp_path):
    assert content_root_for_run(tmp_path / "new", bag=True) == tmp_path / "new" / "data"
    assert content_root_for_run(tmp_path / "new", bag=False) == tmp_path / "new"


def test_a_payload_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "bag").mkdir()
    (tmp_path / "elsewhere").mkdir()
    bag_payload(tmp_path / "bag").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        content_root_for_run(tmp_path / "bag", bag=True)
