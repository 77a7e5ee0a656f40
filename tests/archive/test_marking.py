"""The ids follow what a derivative's bytes depend on, and nothing else."""

from archivecolor.archive.marking import Marking


def test_the_same_making_has_the_same_ids():
    assert Marking("1", "a" * 64, "s", "w").document_id == Marking("1", "a" * 64, "s", "w").document_id


def test_another_making_has_others():
    made = [
        Marking("1", "a" * 64, "s", "w"),
        Marking("2", "a" * 64, "s", "w"),
        Marking("1", "b" * 64, "s", "w"),
        Marking("1", "a" * 64, "t", "w"),
        Marking("1", "a" * 64, "s", "x"),
    ]
    assert len({marking.document_id for marking in made}) == len(made)
