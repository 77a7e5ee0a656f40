"""What somebody changed stays; what a run made, even one that was killed, may be made anew."""

import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from archivecolor.archive.by_hand import (
    NO_CLAIM,
    Claim,
    Voucher,
    by_hand_output,
    clear_pending,
    is_put_aside,
    make_way,
    refuse_by_hand,
)
from archivecolor.archive.fixity import sha256_of
from archivecolor.errors import ItemError, OutputError, Reason

NEW = "0" * 64


@pytest.fixture
def output(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"coloured by a run")
    return tmp_path


@pytest.fixture
def claim(output):
    return Claim((Voucher(by_hand_output(output, "a.jpg"), by_hand=False),))


def refused(root, claim, name="a.jpg"):
    with pytest.raises(ItemError) as first:
        refuse_by_hand(root, name, claim)
    with pytest.raises(ItemError) as second:
        make_way(root, name, NEW, claim)
    assert first.value.reason is second.value.reason
    return first.value.reason


def may_be_written(root, claim, name="a.jpg"):
    refuse_by_hand(root, name, claim)
    make_way(root, name, NEW, claim)


def touch(path):
    os.utime(path, ns=(1, 1))


def test_what_is_as_recorded_may_be_written_over_and_is_not_read(output, claim):
    may_be_written(output, claim)
    # Other bytes, but of the same size and time: nobody looks.
    state = (output / "a.jpg").stat()
    (output / "a.jpg").write_bytes(b"COLOURED BY A RUN")
    os.utime(output / "a.jpg", ns=(state.st_atime_ns, state.st_mtime_ns))
    may_be_written(output, claim)


@pytest.mark.parametrize("data", [b"retouched", b"coloured by a RUN", b""])
def test_other_bytes_are_handwork_whatever_their_size(output, claim, data):
    (output / "a.jpg").write_bytes(data)
    touch(output / "a.jpg")
    assert refused(output, claim) is Reason.BY_HAND
    assert (output / "a.jpg").read_bytes() == data


def test_the_same_bytes_with_another_time_are_ours(output, claim):
    touch(output / "a.jpg")
    may_be_written(output, claim)


def test_notes_are_not_read_for_what_a_record_vouches_for(output, claim):
    # A folder in place of a list: reading it would raise. With lost times every item of a run comes here.
    (output / "_archivecolor" / "pending" / "host-1.txt").mkdir(parents=True)
    touch(output / "a.jpg")
    may_be_written(output, claim)


def test_a_record_without_a_time_goes_by_the_bytes(output, claim):
    (voucher,) = claim.vouchers
    old = Claim((replace(voucher, output=replace(voucher.output, mtime_ns=None)),))
    may_be_written(output, old)
    (output / "a.jpg").write_bytes(b"COLOURED BY A RUN")
    assert refused(output, old) is Reason.BY_HAND


def test_recorded_handwork_stays_as_it_is(output, claim):
    (voucher,) = claim.vouchers
    assert refused(output, Claim((replace(voucher, by_hand=True),))) is Reason.BY_HAND


def test_a_record_vouches_for_its_own_name_alone(output, claim):
    (output / "a.png").write_bytes(b"something else")
    refuse_by_hand(output, "a.png", claim)
    told = make_way(output, "a.png", NEW, claim)
    (aside,) = output.glob("a.png.by-hand-*")
    assert aside.name in told
    assert aside.read_bytes() == b"something else"
    assert make_way(output, "gone.png", NEW, claim) == ""


def test_what_no_record_names_is_put_aside_unless_it_is_what_would_be_written(output):
    assert make_way(output, "a.jpg", sha256_of(output / "a.jpg"), NO_CLAIM) == ""
    assert not (output / "_archivecolor").exists()
    assert "of no record" in make_way(output, "a.jpg", NEW, NO_CLAIM)
    assert [path.name[:13] for path in output.iterdir()] == ["a.jpg.by-hand"]


def test_what_a_killed_run_put_there_is_not_handwork(output, claim):
    """The run noted what it was about to write, wrote it, and was killed before the record."""
    made = b"coloured with other settings"
    (output / "part").write_bytes(made)
    make_way(output, "a.jpg", sha256_of(output / "part"), claim)
    (output / "part").replace(output / "a.jpg")
    may_be_written(output, claim)
    (output / "a.jpg").write_bytes(made + b", and by hand")
    assert refused(output, claim) is Reason.BY_HAND
    (output / "a.jpg").write_bytes(made)
    clear_pending(output)
    assert refused(output, claim) is Reason.BY_HAND


def test_a_killed_run_s_signed_output_is_not_put_aside(output):
    digest = sha256_of(output / "a.jpg")
    make_way(output, "a.jpg", digest, NO_CLAIM, is_signed=True)
    assert make_way(output, "a.jpg", NEW, NO_CLAIM, is_signed=True) == ""
    assert [path.name for path in output.iterdir() if path.is_file()] == ["a.jpg"]


def test_a_torn_note_is_none(output, claim):
    make_way(output, "a.jpg", NEW, claim)
    (note,) = (output / "_archivecolor" / "pending").iterdir()
    note.write_bytes(note.read_bytes() + b"123")
    (output / "a.jpg").write_bytes(b"retouched")
    assert refused(output, claim) is Reason.BY_HAND


def test_taken_back_it_is_put_aside_and_never_over_another(output, claim):
    day = datetime.now(UTC).date().isoformat()
    for number, name in enumerate((f"a.jpg.by-hand-{day}", f"a.jpg.by-hand-{day}-2")):
        (output / "a.jpg").write_bytes(b"retouched %d" % number)
        may_be_written(output, replace(claim, take_back=True))
        assert (output / name).read_bytes() == b"retouched %d" % number
        assert is_put_aside(name)
        assert not (output / "a.jpg").exists()
    assert not is_put_aside("a.jpg")


def test_taking_back_what_nobody_changed_puts_nothing_aside(output, claim):
    may_be_written(output, replace(claim, take_back=True))
    assert [path.name for path in output.iterdir() if path.is_file()] == ["a.jpg"]


def test_a_note_that_cannot_be_written_ends_the_run(output, claim):
    (output / "_archivecolor").write_bytes(b"")
    with pytest.raises(OutputError):
        make_way(output, "a.jpg", NEW, claim)
