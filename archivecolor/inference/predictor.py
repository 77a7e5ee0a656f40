"""The one place that asks a network for colour: windows, batches, views, saturation, hints."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from archivecolor.colour.arrays import Float32
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.guidance import NO_GUIDANCE, Guidance, chroma_of
from archivecolor.colour.kernel import Answer, Likelihood
from archivecolor.colour.lab import lightness_from_luma
from archivecolor.colour.structure import structure_gain
from archivecolor.errors import ItemError, OutOfMemoryError, Reason
from archivecolor.inference.doubt import DoubtModel, open_doubt_model
from archivecolor.inference.open_runtime import open_runtime
from archivecolor.inference.runtime import Runtime
from archivecolor.inference.tiling import (
    Window,
    cut_window,
    fit_grid,
    join_windows,
    padded_shape,
    windows_of,
)
from archivecolor.inference.views import disagreement, mean_of_views, values_of
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import InferenceOptions


@dataclass(frozen=True)
class _Part:
    """One window of one picture of a call.

    Attributes:
        picture: its index in the call.
        index: its place among the picture's windows.
        window: where it lies.
        request: how the network is asked for it.
    """

    picture: int
    index: int
    window: Window
    request: _Request


@dataclass(frozen=True)
class _Extras:
    """What the network is asked beside colour and certainty.

    Attributes:
        features: what the decoder knows of each place.
        likelihood: how likely other colours are.
        doubt: how much of a second look the answer deserves.
    """

    features: bool = False
    likelihood: bool = False
    doubt: bool = False


@dataclass(frozen=True)
class _Request:
    """How the network is asked; windows that are asked alike can share a batch.

    Attributes:
        shape: the shape that a window is shown at.
        quality: "normal" or "high".
        extras: what is wanted too.
    """

    shape: tuple[int, int]
    quality: str
    extras: _Extras


@dataclass(frozen=True)
class _Grid:
    """An answer about one window, or about a whole picture.

    Attributes:
        values: a*, b* and certainty, float32 (h, w, 3).
        features: float32 (fh, fw, c); None where they were not asked for or the network has none.
        likelihood: None as for features.
        disagreement: float32 (h, w, 1); None where it was not asked for.
    """

    values: Float32
    features: Float32 | None = None
    likelihood: Likelihood | None = None
    disagreement: Float32 | None = None


_Grids = dict[tuple[int, int], _Grid]


class Predictor:
    """Colour for grey pictures of any size.

    The answer for a picture depends on that picture, the weights, the settings and the runtime alone:
    never on what is asked for beside it, nor on the number of threads. May be called from several threads.

    Args:
        runtime: the network on its device.
        options: quality, saturation, working size.
        doubt_model: tells how much doubt its answers deserve; nobody does without it.

    Attributes:
        name: title of the weights.
        digest: SHA-256 of the checkpoint file that was loaded.
        runtime_name: the library that computes, its version, where and in what, as records have it.
        working_size: short side in pixels at which it wants its lumas.
        batch_size: pictures of one padded shape that are answered together; 1 where each is answered alone.
        parallel_calls: pictures, or batches, that should be in work at once.
        saturation: gain on the network's chroma, where a picture has none of its own.
    """

    def __init__(
        self, runtime: Runtime, options: InferenceOptions, doubt_model: DoubtModel | None = None
    ) -> None:
        self.runtime = runtime
        self.name = runtime.title
        self.digest = runtime.digest
        self.runtime_name = f"{runtime.name} {runtime.version} ({runtime.placement})"
        self.working_size = options.working_size
        self.batch_size = runtime.batch_size
        self.parallel_calls = runtime.parallel_calls
        self.saturation = options.saturation
        self._options = options
        self._doubt_model = doubt_model
        self._memory = _MemoryLock()
        self._pid = os.getpid()
        self._threads = self._new_threads()

    def _new_threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(
            self.parallel_calls, thread_name_prefix="predict", initializer=self.runtime.prepare_thread
        )

    def padded_shape(self, height: int, width: int) -> tuple[int, int]:
        """The shape (h, w) at which a luma of this size is shown, where it is no longer than one window."""
        return padded_shape(Window(0, 0, height, width), self.runtime.multiple)

    def predict(
        self, lumas: Sequence[Float32], guidance: Sequence[Guidance] = (), *, with_doubt: bool = False
    ) -> list[Chroma]:
        """Chroma for grey pictures.

        Args:
            lumas: float32 (h, w) luma codes as fractions of full scale, upright, of any sizes; the short side
                at working size for the colours the weights were made for.
            guidance: what was decided about each; none of it where there is no more of them.
            with_doubt: say too how much of a second look each deserves, of what the network itself answers.

        Returns:
            One `Chroma` per luma, in their order.

        Raises:
            OutOfMemoryError: the device has no room even for one picture at a time.
            ItemError: `BROKEN_NETWORK` where the network answers with what is not a number.
        """
        return self.start(lumas, guidance, with_doubt=with_doubt).result()

    def answers(
        self, lumas: Sequence[Float32], guidance: Sequence[Guidance] = (), *, with_likelihood: bool = False
    ) -> list[Answer]:
        """What the network says of grey pictures before hints are laid in, with the features of each place.

        Takes and raises what `predict` does; of the guidance saturation and quality count. `with_likelihood`
        has it say how likely other colours are too.
        """
        return self._start(lumas, guidance, _Extras(features=True, likelihood=with_likelihood)).answers()

    def start(
        self, lumas: Sequence[Float32], guidance: Sequence[Guidance] = (), *, with_doubt: bool = False
    ) -> Prediction:
        """Begin to predict; `predict` says what is given, `Prediction.result` answers as it does."""
        known = with_doubt and self._doubt_model is not None
        return self._start(lumas, guidance, _Extras(features=known, doubt=known))

    def _start(self, lumas: Sequence[Float32], guidance: Sequence[Guidance], extras: _Extras) -> Prediction:
        guidance = [*guidance, *[NO_GUIDANCE] * (len(lumas) - len(guidance))]
        by_request: dict[_Request, list[_Part]] = defaultdict(list)
        for part in self._parts(lumas, guidance, extras):
            by_request[part.request].append(part)
        batches = [
            parts[first : first + self.batch_size]
            for parts in by_request.values()
            for first in range(0, len(parts), self.batch_size)
        ]
        if self._pid != os.getpid():  # threads do not come along when a process forks
            self._pid, self._memory, self._threads = os.getpid(), _MemoryLock(), self._new_threads()
        futures = [self._threads.submit(self._answer, lumas, batch) for batch in batches]
        return Prediction(self, lumas, guidance, futures, self._doubt_model if extras.doubt else None)

    def _parts(self, lumas: Sequence[Float32], guidance: Sequence[Guidance], extras: _Extras) -> list[_Part]:
        return [
            _Part(picture, index, window, self._request(window, wishes, extras))
            for picture, (luma, wishes) in enumerate(zip(lumas, guidance, strict=True))
            for index, window in enumerate(windows_of(*luma.shape))
        ]

    def _request(self, window: Window, wishes: Guidance, extras: _Extras) -> _Request:
        wanted = replace(extras, features=extras.features or wishes.needs_features)
        quality = wishes.quality or self._options.quality
        return _Request(padded_shape(window, self.runtime.multiple), quality, wanted)

    def _answer(self, lumas: Sequence[Float32], parts: list[_Part]) -> _Grids:
        """Grids of the windows of one full or short batch."""
        multiple = self.runtime.multiple
        cuts = [cut_window(lumas[part.picture], part.window, multiple) for part in parts]
        cuts += [np.zeros_like(cuts[0])] * (self.batch_size - len(cuts))
        lightness = np.asarray(lightness_from_luma(np.stack(cuts)) / 50.0 - 1.0, np.float32)
        answers = self._within_memory(lightness, parts[0].request)[: len(parts)]
        if not all(np.isfinite(answer.values).all() for answer in answers):
            raise ItemError(Reason.BROKEN_NETWORK, "the network answered with what is not a number")
        return {
            (part.picture, part.index): _fitted(answer, part)
            for part, answer in zip(parts, answers, strict=True)
        }

    def _within_memory(self, lightness: Float32, request: _Request) -> list[_Grid]:
        """An answer per window; what has no room beside others is asked again with nothing beside it."""
        try:
            with self._memory.shared():
                return self._views(lightness, request)
        except OutOfMemoryError:
            if self.parallel_calls == 1:
                raise
        with self._memory.alone():
            return self._views(lightness, request)

    def _views(self, lightness: Float32, request: _Request) -> list[_Grid]:
        """One view, or the mean of four: the picture and its mirror image, at two sizes."""
        wanted = request.extras
        output = self.runtime.run(lightness, with_features=wanted.features, with_likelihood=wanted.likelihood)
        values = first = values_of(output)
        if request.quality == "high":
            values = mean_of_views(self.runtime, lightness, first)
        none = [None] * len(values)
        features = none if output.features is None else list(output.features)
        apart = disagreement(self.runtime, lightness, first) if wanted.doubt else none
        return [
            _Grid(values[index], features[index], _of_one(output.likelihood, index), apart[index])
            for index in range(len(values))
        ]

    def _answer_of(self, luma: Float32, wishes: Guidance, grids: Sequence[_Grid]) -> Answer:
        windows = windows_of(*luma.shape)
        grid = join_windows([part.values for part in grids], windows, *luma.shape)
        believed = structure_gain(luma)
        certainty = np.clip(grid[..., 2], 0.0, 1.0) * np.float32(believed)
        lightness = lightness_from_luma(_cell_means(luma, grid.shape[:2]))
        gain = believed * (self.saturation if wishes.saturation is None else wishes.saturation)
        features = _joined([part.features for part in grids], windows, luma)
        apart = _joined([part.disagreement for part in grids], windows, luma)
        likely = [part.likelihood for part in grids if part.likelihood is not None]
        shares = _joined([one.shares for one in likely], windows, luma)
        return Answer(
            grid[..., :2] * gain,
            certainty,
            lightness,
            features,
            likelihood=None if shares is None else Likelihood(likely[0].colours, shares),
            disagreement=None if apart is None else apart[..., 0],
        )


class Prediction:
    """Pictures that a predictor has in work."""

    def __init__(
        self,
        predictor: Predictor,
        lumas: Sequence[Float32],
        guidance: Sequence[Guidance],
        futures: list[Future[_Grids]],
        doubt_model: DoubtModel | None = None,
    ) -> None:
        self._predictor = predictor
        self._lumas = lumas
        self._guidance = guidance
        self._futures = futures
        self._doubt_model = doubt_model

    def result(self) -> list[Chroma]:
        """One `Chroma` per luma, in their order; waits for them. Raises as `Predictor.predict`."""
        answers, model = self.answers(), self._doubt_model
        chromas = list(map(chroma_of, answers, self._guidance))
        if model is None:
            return chromas
        return [
            replace(chroma, doubt=model.doubt(answer))
            for chroma, answer in zip(chromas, answers, strict=True)
        ]

    def answers(self) -> list[Answer]:
        """One `Answer` per luma, before hints; waits for them. Raises as `Predictor.predict`."""
        grids: _Grids = {}
        for future in self._futures:
            grids |= future.result()
        return [
            self._predictor._answer_of(luma, wishes, _of_picture(grids, picture, luma))
            for picture, (luma, wishes) in enumerate(zip(self._lumas, self._guidance, strict=True))
        ]


def _joined(grids: Sequence[Float32 | None], windows: tuple[Window, ...], luma: Float32) -> Float32 | None:
    """One grid of those of a picture's windows; None where they have none."""
    known = [grid for grid in grids if grid is not None]
    return join_windows(known, windows, *luma.shape) if known else None


class _MemoryLock:
    """Many calls at once, or one with all the memory there is; whoever waits for that keeps new ones out."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharing = 0
        self._waiting = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Beside others."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting == 0)
            self._sharing += 1
        try:
            yield
        finally:
            with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """When nothing else is in work, and nothing begins until it is done."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self._sharing == 0)
                yield
            finally:
                self._waiting -= 1
                self._changed.notify_all()


def _of_picture(grids: _Grids, picture: int, luma: Float32) -> list[_Grid]:
    """Answers about the windows of one picture of a call."""
    return [grids[picture, index] for index in range(len(windows_of(*luma.shape)))]


def _fitted(answer: _Grid, part: _Part) -> _Grid:
    """What of an answer lies over the window."""

    def fit(grid: Float32) -> Float32:
        return fit_grid(grid, part.window, part.request.shape)

    features, apart = (None if grid is None else fit(grid) for grid in (answer.features, answer.disagreement))
    likely = answer.likelihood
    likelihood = None if likely is None else replace(likely, shares=fit(likely.shares))
    return _Grid(fit(answer.values), features, likelihood, apart)


def _of_one(likelihood: Likelihood | None, index: int) -> Likelihood | None:
    """That of one picture of a batch."""
    return None if likelihood is None else replace(likelihood, shares=likelihood.shares[index])


def _cell_means(luma: Float32, shape: tuple[int, ...]) -> Float32:
    """Mean luma of each cell of a grid (h, w)."""
    from archivecolor.opencv import cv2

    return np.asarray(cv2.resize(luma, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def open_predictor(checkpoint: Path | None, options: InferenceOptions) -> Predictor:
    """The network of a checkpoint file, the built-in one if None, on what runs it fastest here.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        UsageError, UnavailableError: as `open_runtime`.
    """
    runtime = open_runtime(checkpoint_path(checkpoint), options)
    return Predictor(runtime, options, open_doubt_model(runtime.digest))
