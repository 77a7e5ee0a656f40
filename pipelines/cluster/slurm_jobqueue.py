"""One run by workers that are SLURM jobs of their own.

    python slurm_jobqueue.py /shared/archive

For a queue that gives nodes one by one: the run begins with the first worker, and takes in others as SLURM
lets them start. The command and Dask's scheduler run where this is called, which must stay: a login node in
tmux, or a small job. One run, one manifest; the same command again does only what is missing.

Needs `pip install 'archivecolor[cluster]' dask-jobqueue` on all nodes. WORKERS, WORKER_CORES, WORKER_MEMORY
and WORKER_HOURS say what is asked of SLURM, `jobqueue.slurm` in Dask's configuration under which account.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster

WORKERS = int(os.environ.get("WORKERS", "8"))
CORES = int(os.environ.get("WORKER_CORES", "16"))
MEMORY = os.environ.get("WORKER_MEMORY", "32GB")
HOURS = int(os.environ.get("WORKER_HOURS", "12"))


def workers() -> SLURMCluster:
    """The workers as SLURM is asked for them; none is asked for yet."""
    return SLURMCluster(
        # One Dask thread: the worker's own processes take the cores of its job.
        cores=1,
        processes=1,
        job_cpu=CORES,
        memory=MEMORY,
        walltime=f"{HOURS}:00:00",
        # A nanny's daemon may start no processes; a worker that dies is replaced by SLURM, not by a nanny.
        nanny=False,
        worker_extra_args=[
            # Dask would not count the memory of the worker's processes: SLURM does.
            *("--memory-limit", "0"),
            "--no-dashboard",
            # Gone by themselves, not all at once, before SLURM takes the nodes.
            *("--lifetime", f"{HOURS * 60 - 30}m", "--lifetime-stagger", "5m"),
        ],
        scheduler_options={"dashboard": False},
        log_directory=os.environ.get("WORKER_LOGS"),
    )


def main(archive: Path) -> int:
    """Colour `archive/scans` into `archive/coloured`; gives archivecolor's exit code."""
    with workers() as cluster:
        cluster.scale(jobs=WORKERS)
        command = ["archivecolor", "dir", archive / "scans", archive / "coloured"]
        options = ["--cluster", cluster.scheduler_address, "--jobs", CORES, "-q"]
        return subprocess.run([*map(str, [*command, *options])], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
