"""The ids follow what a derivative's bytes depend on, and nothing else."""

from archivecolor.metadata.provenance import Provenance


def test_the_same_making_has_the_same_ids():
    assert Provenance("1", "a" * 64, "s", "w").document_id == Provenance("1", "a" * 64, "s", "w").document_id


def test_another_making_has_others():
    made = [
        Provenance("1", "a" * 64, "s", "w"),
        Provenance("2", "a" * 64, "s", "w"),
        Provenance("1", "b" * 64, "s", "w"),
        Provenance("1", "a" * 64, "t", "w"),
        Provenance("1", "a" * 64, "s", "x"),
    ]
    assert len({provenance.document_id for provenance in made}) == len(made)
