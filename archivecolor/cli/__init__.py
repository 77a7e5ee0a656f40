"""Commands, one file each: read options, start a job, print its summary, set the exit code."""
