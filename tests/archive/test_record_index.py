"""The table of records: derived from the manifest, caught up with it, made anew where it is damaged."""

import json

import pytest

from archivecolor.archive.correction import Correction, OwnSettings
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import write_decisions
from archivecolor.archive.item_filter import ItemFilter
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Output, Record, Source, Status
from archivecolor.archive.record import line_from_record
from archivecolor.archive.record_index import RecordIndex, open_index
from archivecolor.errors import Reason


def record(number, status=Status.DONE, confidence=None, folder="a", doubt=None):
    path = f"{folder}/{number:04}.jpg"
    done = status is Status.DONE
    return Record(
        path,
        status,
        Reason.COLOURED if done else Reason.TRUNCATED,
        Source(10, number, width=1000, height=1000),
        confidence=confidence,
        doubt=doubt,
        output=Output(path, 20, "0" * 64) if done else None,
        at=f"2026-01-{1 + number % 28:02}T00:00:00.000Z",
    )


@pytest.fixture
def root(tmp_path):
    Layout(tmp_path).state.mkdir()
    return tmp_path


def append(root, *records):
    with Layout(root).manifest.open("ab") as file:
        file.writelines(map(line_from_record, records))


def opened(root):
    index = RecordIndex(Layout(root).state / "index.sqlite", root)
    index.update()
    return index


@pytest.mark.parametrize("order", ["doubt", "newest", "path"])
def test_pages_follow_each_other_and_miss_nothing(root, order):
    append(root, *(record(number, confidence=number * 7 % 10 / 10 or None) for number in range(57)))
    index = opened(root)
    wanted = ItemFilter(order=order)
    paths = [item.path for page in index.items(wanted, 10) for item in page]
    assert len(paths) == len(set(paths)) == 57
    last = index.page(wanted, 57)[-1]
    before = index.page(wanted, 56, last, backwards=True)
    assert [item.path for item in reversed(before)] == paths[:-1]


def test_the_most_doubtful_come_first_and_what_has_no_doubt_of_its_own_by_its_confidence(root):
    append(root, record(1, confidence=0.9, doubt=0.7), record(2, confidence=0.1, doubt=0.2))
    append(root, record(3, confidence=0.5), record(4, Status.FAILED), record(5, doubt=1.0))
    index = opened(root)
    doubts = [(item.path[-5:-4], item.doubt) for item in index.page(ItemFilter(), 9)]
    assert doubts == [("5", 1.0), ("1", 0.7), ("3", 0.5), ("2", 0.2), ("4", None)]


def test_doubt_in_figures(root):
    append(root, record(1, confidence=0.9, doubt=0.7), record(2, confidence=0.1, doubt=0.2, folder="b"))
    append(root, record(3, confidence=0.5), record(4, Status.FAILED), record(5, doubt=1.0))
    index = opened(root)
    assert index.doubts(5) == [0, 1, 1, 1, 1]
    assert index.mean_doubt("folder") == {b"a": pytest.approx((0.7 + 0.5 + 1.0) / 3), b"b": 0.2}


def test_filters(root):
    append(root, *(record(number, confidence=0.5) for number in range(3)))
    append(root, record(7, Status.FAILED, folder="a/b"), record(8, confidence=0.1, folder="ab"))
    append(root, record(9, confidence=0.1, doubt=0.2, folder="ab"))
    index = opened(root)

    def names(**wanted):
        return [item.path for item in index.page(ItemFilter(**wanted), 10)]

    assert names(folder="a") == ["a/0000.jpg", "a/0001.jpg", "a/0002.jpg", "a/b/0007.jpg"]
    assert names(status="failed") == names(reason="truncated") == ["a/b/0007.jpg"]
    assert names(least_doubt=0.8) == ["ab/0008.jpg"]
    assert names(text="0008") == ["ab/0008.jpg"]
    assert names(day="2026-01-03") == ["a/0002.jpg"]
    assert len(names(with_output=True)) == index.count(ItemFilter(with_output=True)) == 5


def test_it_catches_up_with_the_manifest_and_the_decisions(root):
    append(root, record(1, confidence=0.5), record(2, confidence=0.4))
    index = opened(root)
    number = index.named("a/0001.jpg").number
    append(root, record(1, confidence=0.9), record(3, confidence=0.3))
    with Layout(root).manifest.open("ab") as file:
        file.write(line_from_record(record(4))[:30])  # a run writes it just now
    assert index.update()
    assert index.named("a/0001.jpg").confidence == 0.9
    assert index.named("a/0001.jpg").number == number
    assert index.count(ItemFilter()) == 3
    assert index.record(index.named("a/0003.jpg")).confidence == 0.3
    with Layout(root).manifest.open("ab") as file:
        file.write(line_from_record(record(4))[30:])
    corrected = Decision("a/0002.jpg", correction=Correction(settings=OwnSettings(saturation=0.5)), by="Ann")
    write_decisions(Layout(root).decisions, [Decision("*/0003.jpg", State.ACCEPTED, glob=True), corrected])
    assert index.update()
    assert not index.update()
    assert index.count(ItemFilter()) == 4
    assert [item.path for item in index.page(ItemFilter(decided="accepted"), 9)] == ["a/0003.jpg"]
    assert [item.by for item in index.page(ItemFilter(decided="corrected"), 9)] == ["Ann"]
    write_decisions(Layout(root).decisions, [corrected])
    assert index.update()
    assert index.count(ItemFilter(decided="accepted")) == 0
    assert index.count(ItemFilter(decided="corrected")) == 1


@pytest.mark.parametrize("damage", ["garbage", "other manifest", "other version"])
def test_it_is_made_anew(root, damage):
    append(root, record(1), record(2))
    index = opened(root)
    index.close()
    file = Layout(root).state / "index.sqlite"
    if damage == "garbage":
        file.write_bytes(b"no table at all" * 1000)
    elif damage == "other manifest":
        Layout(root).manifest.unlink()
        append(root, record(9))
    else:
        content = bytearray(file.read_bytes())
        content[60:64] = b"\0\0\0\x7f"  # the user's version, in SQLite's header
        file.write_bytes(content)
    index = opened(root)
    assert index.count(ItemFilter()) == (1 if damage == "other manifest" else 2)


def test_damage_that_opening_does_not_see_is_made_anew(root, caplog):
    append(root, *(record(number) for number in range(500)))
    opened(root).close()
    file = Layout(root).state / "index.sqlite"
    with file.open("r+b") as table:
        table.seek(4096)
        table.write(b"\xa5" * (file.stat().st_size - 4096))
    with opened(root) as index:
        assert len(index.page(ItemFilter(), 600)) == 500
    assert "is damaged and is made anew" in caplog.text


def test_where_it_can_only_be_read_another_is_made(root, tmp_path):
    append(root, record(1))
    opened(root).close()
    file = Layout(root).state / "index.sqlite"
    content = file.read_bytes()
    # Written by a version that is read only: as a disk that is mounted so, which root heeds too.
    file.write_bytes(content[:18] + b"\3\1" + content[20:])
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with open_index(root, root, scratch) as index:
        index.update()
        assert index.count(ItemFilter()) == 1
    assert (scratch / "index.sqlite").exists()


def test_sidecars_are_no_items_and_names_are_bytes(root):
    append(root, record(1))
    with Layout(root).manifest.open("ab") as file:
        values = json.loads(line_from_record(record(2))) | {"kind": "sidecar"}
        file.write(json.dumps(values).encode() + b"\n")
        file.write(line_from_record(record(3, folder=b"\xff".decode("utf-8", "surrogateescape"))))
    index = opened(root)
    assert {item.path for item in index.page(ItemFilter(), 9)} == {"a/0001.jpg", "\udcff/0003.jpg"}
    assert index.count(ItemFilter(folder="\udcff")) == 1
