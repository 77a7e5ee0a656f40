"""Networks run by torch: device, number format, threads, memory that runs short."""

from __future__ import annotations

import gc
import logging
import threading

import numpy as np
import torch
from torch import Tensor

from archivecolor.colour.arrays import Float32
from archivecolor.colour.kernel import Likelihood
from archivecolor.engine.executor import core_count
from archivecolor.errors import OutOfMemoryError
from archivecolor.inference.runtime import NetworkOutput
from archivecolor.inference.torch_optimize import cast_weights, fold_batch_norms
from archivecolor.networks.base import AbPrediction
from archivecolor.networks.checkpoint import Checkpoint
from archivecolor.networks.device import choose_device, choose_precision, is_out_of_memory, mixed_precision
from archivecolor.settings import InferenceOptions

logger = logging.getLogger(__name__)

_thread_setup = threading.Lock()


class TorchRuntime:
    """A checkpoint's network on a device of torch; a `Runtime`.

    On a processor one thread answers one picture, and as many pictures are in work as there are cores:
    faster than all threads at one picture or a batch, and the answer does not depend on how many threads
    share the sums. A graphics card gets batches of one fixed size.

    Args:
        checkpoint: the network; it is made ready to answer in place and cannot be trained afterwards.
        options: device, precision, batch size.

    Raises:
        UsageError: the device has no such name.
        UnavailableError: the machine has no such device.
    """

    name = "torch"

    def __init__(self, checkpoint: Checkpoint, options: InferenceOptions) -> None:
        self.version = str(torch.__version__)
        self.title = checkpoint.info.title or checkpoint.info.network
        self.digest = checkpoint.digest
        self.multiple = checkpoint.generator.multiple
        self.device = choose_device(options.device)
        self.precision = choose_precision(options.precision, self.device)
        self.placement = _placement(self.device, self.precision)
        on_processor = self.device.type == "cpu"
        self.batch_size = 1 if on_processor else options.batch_size
        self.parallel_calls = core_count() if on_processor else 1
        self._max_batch = self.batch_size
        self._generator = checkpoint.generator.eval().requires_grad_(False)
        fold_batch_norms(self._generator)
        cast_weights(self._generator, self.precision)
        self._generator.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepare_thread(self) -> None:
        """See `Runtime`: on a processor the thread computes alone; other threads keep what they had."""
        if self.device.type != "cpu":
            return
        with _thread_setup:
            before = torch.get_num_threads()
            torch.set_num_threads(1)
            # torch sets a thread up when it is first asked, from the number set last: asked now, it keeps 1.
            torch.get_num_threads()
            # The number for threads that come later is put back from a thread whose own does not matter.
            restore = threading.Thread(target=torch.set_num_threads, args=(before,))
            restore.start()
            restore.join()

    def run(
        self, lightness: Float32, *, with_features: bool = False, with_likelihood: bool = False
    ) -> NetworkOutput:
        """See `Runtime`: in halves, quarters ... where memory is short."""
        shown = torch.from_numpy(lightness)[:, None]
        while True:
            room = self._max_batch
            try:
                pieces = [
                    self._ask(piece, with_features, with_likelihood) for piece in torch.split(shown, room)
                ]
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                message = str(error).splitlines()[0] if str(error) else "out of memory"
            else:
                return _joined(pieces)
            # Outside the except block, whose exception would keep the failed tensors alive.
            gc.collect()
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            if room == 1:
                raise OutOfMemoryError(
                    f"{self.device} has no room for one picture of"
                    f" {lightness.shape[2]} x {lightness.shape[1]}: {message};"
                    " try a smaller --working-size or --device cpu"
                )
            self._max_batch = max(1, room // 2)
            words = "%s is short of memory; continuing with batches of %d"
            logger.warning(words, self.device, self._max_batch)

    @torch.inference_mode()
    def _ask(self, lightness: Tensor, with_features: bool, with_likelihood: bool) -> NetworkOutput:
        shown = lightness.to(self.device).contiguous(memory_format=torch.channels_last)
        with mixed_precision(self.device, self.precision):
            ask = self._generator.predict_likelihood if with_likelihood else self._generator.predict_ab
            answer = ask(shown)
        features = answer.features if with_features else None
        return NetworkOutput(
            ab=_channels_last(answer.ab),
            certainty=_channels_last(answer.certainty)[..., 0],
            features=None if features is None else _channels_last(features),
            likelihood=_likelihood(answer),
        )


def _placement(device: torch.device, precision: torch.dtype) -> str:
    named = f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
    return f"{named}, {str(precision).removeprefix('torch.')}"


def _channels_last(tensor: Tensor) -> Float32:
    """(N, c, h, w) on any device to float32 (N, h, w, c) in numpy."""
    array: Float32 = tensor.float().cpu().permute(0, 2, 3, 1).contiguous().numpy()
    return array


def _likelihood(answer: AbPrediction) -> Likelihood | None:
    if answer.likelihood is None or answer.colours is None:
        return None
    return Likelihood(answer.colours.float().cpu().numpy(), _channels_last(answer.likelihood))


def _joined(pieces: list[NetworkOutput]) -> NetworkOutput:
    if len(pieces) == 1:
        return pieces[0]
    features = [piece.features for piece in pieces if piece.features is not None]
    likely = [piece.likelihood for piece in pieces if piece.likelihood is not None]
    return NetworkOutput(
        ab=np.concatenate([piece.ab for piece in pieces]),
        certainty=np.concatenate([piece.certainty for piece in pieces]),
        features=np.concatenate(features) if features else None,
        likelihood=Likelihood(likely[0].colours, np.concatenate([one.shares for one in likely]))
        if likely
        else None,
    )
