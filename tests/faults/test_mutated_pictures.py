"""Random damage to pictures of every format: no crash, no hang, no wrong picture without a word."""

from collections import Counter
from concurrent.futures import as_completed

import pytest
from mutants import Mutant, Outcome, originals, read_mutant, without_exiftool

from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.errors import ItemError, Reason
from archivecolor.jobs.photograph_tasks import init_worker

ORIGINALS = originals()
# What Pillow cannot read as 8-bit grey or RGB: there is no second opinion on these.
UNCOMPARED = {"deep.jpg", "deep.tif", "grey.heic"}
LONGEST_SECONDS = 30
# What a damaged file may be called. Anything else is a fault of ours.
FAIR = {
    reason.value
    for reason in (Reason.EMPTY, Reason.UNREADABLE, Reason.TRUNCATED, Reason.UNSUPPORTED, Reason.TOO_LARGE)
}


def read_in_worker(context, mutant):
    return read_mutant(mutant)


def outcomes_of(mutants, start):
    """What became of the mutants, as workers of a run read them."""
    options = WorkerOptions(count=2, timeout=LONGEST_SECONDS, initializer=start)
    with LocalExecutor(options, None) as executor:
        futures = {executor.submit(read_in_worker, mutant): mutant for mutant in mutants}
        for future in as_completed(futures):
            try:
                yield future.result()
            except ItemError as error:
                # The process died of it, or did not end.
                yield Outcome(futures[future].seed, error.reason.value)


def assert_fair(name, outcomes):
    found = list(outcomes)
    counts = Counter(outcome.reason for outcome in found)
    assert counts.keys() <= FAIR | {"done"}, (name, [o for o in found if o.reason not in FAIR | {"done"}])
    wrong = [outcome for outcome in found if outcome.difference]
    assert not wrong, (name, wrong)
    assert counts["done"] < len(found)


def test_a_hundred_mutants(processes, tmp_path):
    """The quick selection: every format, and metadata by exiftool."""
    mutants = [
        Mutant(tmp_path, name[name.index(".") :], content, 1000 * number + seed)
        for number, (name, content) in enumerate(ORIGINALS.items())
        for seed in range(8)
    ]
    assert_fair("all", outcomes_of(mutants, init_worker))


@pytest.mark.fault
@pytest.mark.parametrize("name", ORIGINALS)
def test_ten_thousand_mutants(processes, tmp_path, name):
    suffix, content = name[name.index(".") :], ORIGINALS[name]
    mutants = (Mutant(tmp_path, suffix, content, seed) for seed in range(10_000))
    assert_fair(name, outcomes_of(mutants, without_exiftool))


def test_the_originals_are_done_and_exact(tmp_path):
    for number, (name, content) in enumerate(ORIGINALS.items()):
        mutant = Whole(tmp_path, name[name.index(".") :], content, number)
        outcome = read_mutant(mutant)
        assert outcome.reason == "done", name
        assert outcome.difference == (None if name in UNCOMPARED else 0), name


class Whole(Mutant):
    """A mutant that nothing happened to."""

    def damaged(self):
        return self.content
