"""What a run would do with films: how many frames they have, and how long they take."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from archivecolor.archive.manifest import Manifest
from archivecolor.archive.plan import FILM, Item
from archivecolor.archive.record import Record, Status
from archivecolor.archive.walk import FILMS, extension_of
from archivecolor.engine.timing import NO_TIME, Duration, now
from archivecolor.errors import ItemError
from archivecolor.film.probe import FilmFacts, probe
from archivecolor.film.segment_plan import seconds_per_frame
from archivecolor.jobs.film_jobs import film_settings_digest
from archivecolor.jobs.films import expected_seconds
from archivecolor.settings import VideoSettings

# So many films are tried, those first that are most of the work; the others go by these.
_MOST_MEASURED = 3
# What a frame takes, against the pessimistic time that plans are made by, where nothing better is known.
_GUESSED_SHARE = 0.5


@dataclass(frozen=True)
class FilmForecast:
    """What a run would do with one film.

    Attributes:
        path: its name in the manifest.
        frames: how many it has.
        time: what it is expected to take.
        problem: why it cannot be done, empty where it can.
    """

    path: str
    frames: int = 0
    time: Duration = NO_TIME
    problem: str = ""


@dataclass(frozen=True)
class FilmsForecast:
    """What a run would do with films.

    Attributes:
        films: one by one.
        start: what it takes until the first of them is begun.
        measured: frames that were tried to know the time.
        from_last_run: films that were done with these settings say how fast they go.
    """

    films: tuple[FilmForecast, ...] = ()
    start: Duration = NO_TIME
    measured: int = 0
    from_last_run: bool = False

    @property
    def time(self) -> Duration:
        """Of all films, and of the start."""
        return sum((film.time for film in self.films), self.start)

    @property
    def frames(self) -> int:
        """Of all films."""
        return sum(film.frames for film in self.films)

    def plus(self, other: FilmsForecast) -> FilmsForecast:
        """Those of two folders, which one run does: it starts once."""
        return FilmsForecast(
            self.films + other.films,
            max(self.start, other.start, key=lambda span: span.seconds),
            self.measured + other.measured,
            self.from_last_run or other.from_last_run,
        )


@dataclass(frozen=True)
class _Found:
    """A film that can be read.

    Attributes:
        path: its name.
        facts: what it is.
        frames: how many it has.
        slowness: pessimistic seconds of all its frames, by which films are compared.
    """

    path: str
    facts: FilmFacts
    frames: int
    slowness: float


def forecast_films(
    items: Sequence[Item], settings: VideoSettings, weights: str, manifest: Manifest
) -> FilmsForecast:
    """Say what films would take: as fast as those done before, else as some frames of them are here and now.

    Args:
        items: films that are to be done.
        settings: of the run.
        weights: digest of the checkpoint.
        manifest: of the output.

    Raises:
        UnavailableError: the checkpoint, the device or an encoder cannot be used.
    """
    looked_at = [_look(item, settings) for item in items]
    found = [film for film in looked_at if isinstance(film, _Found)]
    problems = [film for film in looked_at if isinstance(film, FilmForecast)]
    share = _share_of_records(settings, manifest)
    if share is not None:
        films = [_at_share(film, Duration(share, 0.0)) for film in found]
        forecast = FilmsForecast(tuple(films), from_last_run=True)
    else:
        forecast = _measured(found, settings, weights)
    by_path = {film.path: film for film in (*forecast.films, *problems)}
    return replace(forecast, films=tuple(by_path[item.path] for item in items))


def _look(item: Item, settings: VideoSettings) -> _Found | FilmForecast:
    from archivecolor.film.clip import count_frames

    try:
        facts = probe(item.source, max_megapixels=settings.max_megapixels)
        frames = count_frames(facts)
    except ItemError as error:
        return FilmForecast(item.path, problem=str(error))
    return _Found(item.path, facts, frames, frames * expected_seconds(facts, settings))


def _share_of_records(settings: VideoSettings, manifest: Manifest) -> float | None:
    """Seconds that films of these settings took, against the pessimistic time; None where there are none."""
    digest = film_settings_digest(settings)
    done = [
        manifest.record(path)
        for path, entry in manifest.items.items()
        if entry.status == Status.DONE.value
        and entry.settings == digest
        and extension_of(os.fsencode(path)) in FILMS
    ]
    slowness = sum(_slowness(record, settings) for record in done)
    seconds = sum(record.seconds for record in done)
    return seconds / slowness if slowness > 0 and seconds > 0 else None


def _slowness(record: Record, settings: VideoSettings) -> float:
    values = record.extra.get("film")
    frames = values.get("frames") if isinstance(values, dict) else None
    if record.kind != FILM or not isinstance(frames, int):
        return 0.0
    size = (record.source.width or 0, record.source.height or 0)
    return frames * seconds_per_frame(*size, settings.working_size, settings.quality == "high")


def _at_share(film: _Found, share: Duration) -> FilmForecast:
    return FilmForecast(film.path, film.frames, share * film.slowness)


def _measured(found: Sequence[_Found], settings: VideoSettings, weights: str) -> FilmsForecast:
    """Try the films that are most of the work, and let the others go by them."""
    if not found:
        return FilmsForecast()
    began = now()
    from archivecolor.jobs.measure_film import measure_film, warm_up
    from archivecolor.jobs.network import network_opener

    open_network = network_opener(settings, weights)
    warm_up(open_network())
    start = now() - began
    films: dict[str, FilmForecast] = {}
    tried, tried_slowness, tried_time = 0, 0.0, NO_TIME
    for film in sorted(found, key=lambda film: -film.slowness)[:_MOST_MEASURED]:
        speed = measure_film(film.facts, settings, weights, open_network)
        if speed is not None:
            time = speed.per_frame * film.frames + speed.once
            films[film.path] = FilmForecast(film.path, film.frames, time)
            tried += speed.frames
            tried_slowness += film.slowness
            tried_time += time
    share = tried_time * (1 / tried_slowness) if tried_slowness else Duration(_GUESSED_SHARE, 0.0)
    rest = (films.get(film.path) or _at_share(film, share) for film in found)
    return FilmsForecast(tuple(rest), start, tried)
