#!/bin/bash
# One run on this machine and others that ssh reaches: two-machines.sh /shared/archive other-host [another ...]
#
# Each has archivecolor[cluster] of the same version, and the archive's file system under the same path.
# REMOTE is where it is installed there; DASK_HOST is the name under which the others reach this machine.

set -euo pipefail

archive=${1:?give the folder of the archive, and the other machines: two-machines.sh /shared/archive other-host}
shift
remote=${REMOTE:-/opt/archivecolor/.venv/bin}
file=$archive/scheduler-$$.json

# Workers start processes of their own, which the daemons of Dask's nannies may not.
export DASK_DISTRIBUTED__WORKER__DAEMON=False
trap 'kill $(jobs -p) 2>/dev/null || true; rm -f "$file"' EXIT

dask scheduler --scheduler-file "$file" --host "${DASK_HOST:-$(hostname -f)}" --port 0 --no-dashboard &
while [ ! -s "$file" ]; do sleep 1; done

# One Dask thread: the worker's own processes take all cores. No memory limit: Dask would not count theirs.
worker=(worker --scheduler-file "$file" --nthreads 1 --memory-limit 0 --no-dashboard --death-timeout 60)
dask "${worker[@]}" &
for host in "$@"; do
    # -tt: the worker ends with the connection.
    ssh -tt -o BatchMode=yes "$host" env DASK_DISTRIBUTED__WORKER__DAEMON=False \
        "$remote/dask" "${worker[@]@Q}" </dev/null &
done

archivecolor dir "$archive/scans" "$archive/coloured" --cluster "$file"
