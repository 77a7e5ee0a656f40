"""A film of a few shots, made by FFmpeg of its test pictures."""

import subprocess

# 24 frames that grow, and as many to count by; between them a clock that runs.
_GROWING = "mandelbrot=s=96x64:r={rate},trim=end_frame=24,format=gray"
_RUNNING = "testsrc2=s=96x64:r={rate}:d=9,trim=end_frame={frames}"
_COUNTING = "testsrc=s=96x64:r={rate}:d=9,trim=end_frame=24"


def three_shots(rate=25, frames=50, *, last_in_colour=False):
    """Shots of 24, `frames` and 24 frames, grey but for the last where that is asked for."""
    counting = _COUNTING if last_in_colour else f"{_COUNTING},format=gray"
    return tuple(
        shot.format(rate=rate, frames=frames) for shot in (_GROWING, f"{_RUNNING},format=gray", counting)
    )


def write_film_of_shots(path, shots, options=()):
    """Write the shots, filters of FFmpeg that make pictures, one behind the other; gives the path."""
    graph = ";".join(f"{shot},format=yuv420p,setpts=PTS-STARTPTS[s{n}]" for n, shot in enumerate(shots))
    graph += f";{''.join(f'[s{n}]' for n in range(len(shots)))}concat=n={len(shots)}:v=1"
    words = ["ffmpeg", "-v", "error", "-y", "-filter_complex", graph, "-c:v", "libx264", *options, path]
    subprocess.run([*map(str, words)], check=True, timeout=120)
    return path
