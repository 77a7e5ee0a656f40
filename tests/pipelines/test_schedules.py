"""The shipped schedules are true: each is checked by its own tool, and what it would run is run."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_archive import tree

from archivecolor.errors import ExitCode

SCHEDULES = Path(__file__).parents[2] / "pipelines" / "schedule"
RECIPE = SCHEDULES.parent / "photos-nightly.toml"
PROGRAMS = Path(sys.executable).parent
INSTALLED = "/opt/archivecolor/.venv/bin"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
needs_cron = pytest.mark.skipif(
    shutil.which("cron") is None or shutil.which("unshare") is None or os.geteuid() != 0,
    reason="a cron of one's own needs cron, and root for a place to put it",
)
# What the shipped recipe leaves to the tests: small pictures, and files that were made just now.
QUICK = {"WORKING_SIZE": "64", "JOBS": "2", "DEVICE": "cpu", "MIN_AGE": "0", "NICE": "0"}


@pytest.fixture
def placed(archive, tmp_path):
    """The archive and the nightly recipe where an operator would have them."""
    shutil.copytree(archive, tmp_path / "scans")
    shutil.copy(RECIPE, tmp_path)
    return tmp_path


@pytest.fixture
def variables():
    """The environment that makes runs quick ones."""
    return {f"ARCHIVECOLOR_{name}": value for name, value in QUICK.items()}


def crontab():
    """Variables and lines of the shipped crontab."""
    lines = (SCHEDULES / "archivecolor.cron").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    return settings, [line for line in lines if not re.match(r"[A-Z]+=", line)]


def in_place(text, folder):
    """`text` with the shipped paths replaced by those of this machine."""
    return text.replace("/srv/archive", str(folder)).replace(INSTALLED, str(PROGRAMS))


def unit(name):
    """A systemd unit; keys keep their case, and one that stands twice keeps its last value."""
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(SCHEDULES / name)
    return parser


def test_every_schedule_says_what_it_is_for():
    for path in SCHEDULES.iterdir():
        text = path.read_text()
        comments = sum(line.startswith("#") for line in text.splitlines())
        assert comments >= 3, path
        assert text.startswith("#"), path


def test_the_crontab_line_runs_as_cron_would_run_it_and_says_nothing(placed, variables, undisturbed):
    settings, (line,) = crontab()
    minute, hour, day, month, weekday, command = line.split(None, 5)
    assert 0 <= int(minute) < 60
    assert 0 <= int(hour) < 24
    assert (day, month, weekday) == ("*", "*", "*")
    for name in ("broken.jpg", "empty.png"):
        (placed / "scans" / name).unlink()
    environment = {"PATH": in_place(settings["PATH"], placed), "HOME": str(placed), **variables}
    shell = ["/bin/sh", "-c", in_place(command, placed)]
    done = subprocess.run(
        shell, check=False, capture_output=True, text=True, env=environment, cwd="/", timeout=300
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert tree(placed / "coloured") == tree(undisturbed)


@pytest.mark.fault
@needs_cron
def test_a_real_cron_runs_the_line(placed, variables, undisturbed):
    """A cron daemon of its own, in a mount namespace, with the shipped crontab set to every minute."""
    settings, (line,) = crontab()
    lines = [f"{name}={value}" for name, value in {**settings, **variables}.items() if name != "MAILTO"]
    lines += ['MAILTO=""', f"* * * * * {line.split(None, 5)[5]}; echo $? >> /srv/archive/codes"]
    (placed / "crontab").write_text(in_place("\n".join(lines) + "\n", placed))
    private = (
        "for folder in /var/spool/cron /run /etc/cron.d; do mount -t tmpfs tmpfs $folder || exit 1; done"
        f" && mkdir /var/spool/cron/crontabs && crontab {placed}/crontab && exec cron -f"
    )
    daemon = subprocess.Popen(["unshare", "--mount", "sh", "-c", private])
    try:
        deadline = time.monotonic() + 240
        while not (placed / "codes").exists() and time.monotonic() < deadline:
            time.sleep(0.5)
    finally:
        daemon.terminate()
        daemon.wait()
    assert (placed / "codes").read_text().split()[0] == str(int(ExitCode.SOME_FAILED))
    assert tree(placed / "coloured") == tree(undisturbed)


@needs_systemd
def test_the_units_are_valid(placed):
    for name in ("archivecolor.service", "archivecolor.timer"):
        (placed / name).write_text(in_place((SCHEDULES / name).read_text(), placed))
    done = subprocess.run(
        ["systemd-analyze", "verify", placed / "archivecolor.timer", placed / "archivecolor.service"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    when = unit("archivecolor.timer")["Timer"]["OnCalendar"]
    subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True, timeout=60)


def test_the_service_runs_what_the_crontab_runs():
    service = unit("archivecolor.service")["Service"]
    assert service["ExecStart"].removeprefix(INSTALLED + "/") == crontab()[1][0].split(None, 5)[5]
    assert service["SuccessExitStatus"] == str(int(ExitCode.LOCKED))


def test_the_array_colours_the_archive_in_shares(placed, variables, undisturbed, here):
    script = SCHEDULES / "archivecolor.slurm"
    orders = re.findall(r"^#SBATCH (--[a-z-]+)=(\S+)$", script.read_text(), re.MULTILINE)
    assert {name for name, _ in orders} >= {"--array", "--cpus-per-task", "--time", "--signal", "--output"}
    assert dict(orders)["--array"].startswith("1-")
    shares = 2
    environment = os.environ | variables | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    found = {}
    for task in range(1, shares + 1):
        slurm = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": str(shares)}
        done = subprocess.run(
            ["bash", script, placed],
            check=False,
            capture_output=True,
            text=True,
            env=environment | slurm | {"SLURM_CPUS_PER_TASK": "1"},
            timeout=300,
        )
        assert done.returncode in (0, 3), done.stderr
        assert done.stdout == ""
        share = tree(placed / f"coloured-{task}")
        assert share
        assert not share.keys() & found.keys()
        found |= share
    assert found == tree(undisturbed)
    put_together(placed, shares)
    done = here("dir", placed / "scans", placed / "coloured")
    assert "0 done; 8 up to date; 2 failed before" in done.stderr
    assert tree(placed / "coloured") == tree(undisturbed)
    assert here("verify", placed / "coloured").returncode == 0


def put_together(folder, shares):
    """One output of the shares, by the words of the operators' cookbook."""
    text = (SCHEDULES.parents[1] / "docs" / "operators.md").read_text()
    words = next(block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "coloured-*" in block)
    assert len(list(folder.glob("coloured-[0-9]"))) == shares
    environment = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euc", words], check=True, cwd=folder, timeout=60, env=environment)
