"""A benchmark says what was reached, and its exit code says so too."""

import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import report

    return report


@pytest.mark.parametrize(
    ("figure", "verdict"), [(85.0, "reached"), (84.9, "MISSED"), (120.0, "reached"), (float("nan"), "MISSED")]
)
def test_a_missed_target_is_exit_code_1(report, capsys, figure, verdict):
    rows = [report.Row("said alone", 3, "s"), report.Row("a ratio", figure, "%", report.Target(least=85))]
    assert report.print_report(rows, judged=True) == (verdict == "MISSED")
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if "a ratio" in line]
    assert "at least 85 %" in line
    assert verdict in line
    assert "commit" in said
    assert "cores" in said


def test_a_target_has_two_sides(report):
    target = report.Target(least=-10, most=10)
    assert [target.holds(figure) for figure in (-11, -10, 0, 10, 11)] == [False, True, True, True, False]


def test_a_quick_run_judges_nothing(report, capsys):
    assert report.print_report([report.Row("slow", 99, "s", report.Target(most=1))], judged=False) == 0
    assert "not judged" in capsys.readouterr().out


def test_growth_is_the_second_half_over_the_first(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from processes import Held

    assert Held((1, 5, 4, 5, 5, 5)).growth == 0
    assert Held((1, 4, 4, 4, 5, 6)).growth == pytest.approx(0.5)


@pytest.fixture
def run(report, monkeypatch, capsys):
    """Runs a benchmark as a program; gives its exit code and what it printed."""

    def run(name, *words):
        monkeypatch.setattr("sys.argv", [f"{name}.py", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name="__main__")
        return ended.value.code, capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    "name", ["archive", "cluster", "estimates", "films", "photos", "set_ups", "steadiness", "train"]
)
def test_every_benchmark_tells_its_options(run, name):
    code, told = run(name, "--help")
    assert code == 0
    assert "--help" in told


def test_one_runs_to_its_table(run, tmp_path):
    code, told = run("archive", "--quick", "--folder", tmp_path)
    assert code == 0
    assert "| plan of 5,000 files" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("device", "judged"), [("cuda", "slowest"), ("cpu", "one after the other")])
def test_the_slowest_part_is_the_processor_where_all_stages_share_it(report, device, judged):
    rows = list(report.against_stages("a run", 10, {"look": 2, "predict": 3, "finish": 4}, device))
    assert [row.figure for row in rows] == [40, 90]
    assert [judged in row.what for row in rows] == [row.target is not None for row in rows]
