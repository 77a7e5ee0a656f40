"""Networks run by ONNX Runtime on the processor, in float32 or with the decoder in int8."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from archivecolor.colour.arrays import Float32
from archivecolor.colour.kernel import Likelihood
from archivecolor.engine.executor import core_count
from archivecolor.errors import OutOfMemoryError
from archivecolor.inference.runtime import NetworkOutput
from archivecolor.networks.checkpoint import StoredCheckpoint
from archivecolor.networks.graph import INPUT, graph_for, initialisers

# ONNX Runtime has no error class for memory that runs short; its messages have one of these.
OUT_OF_MEMORY = ("bad allocation", "bad_alloc", "Failed to allocate memory")
# On Windows, and where somebody else imported it first (see the package's `__init__`), it reports less
# from here on.
ort.disable_telemetry_events()
_FATAL = 4  # of the levels of its own log, which goes to standard error; errors are raised besides


class OnnxRuntime:
    """A checkpoint's network on the processor, by the package's graph of it; a `Runtime`.

    One thread answers one picture, and as many pictures are in work as there are cores: so sums do not depend
    on how many threads share them.

    Args:
        checkpoint: the network's weights.
        precision: "int8" quantises the decoder's convolutions; all else is float32.

    Raises:
        UnavailableError: the package has no graph for this network and its options.
        CheckpointError: the checkpoint's tensors are not those of its network.
    """

    name = "onnxruntime"

    def __init__(self, checkpoint: StoredCheckpoint, precision: str = "auto") -> None:
        int8 = precision == "int8"
        graph = graph_for(checkpoint.info, int8=int8)
        self.placement = "cpu, int8" if int8 else "cpu, float32"
        self.version = str(ort.__version__)
        self.title = checkpoint.info.title or checkpoint.info.network
        self.digest = checkpoint.digest
        self.multiple = graph.info.multiple
        self.batch_size = 1
        self.parallel_calls = core_count()
        values = {
            name: ort.OrtValue.ortvalue_from_numpy(value)
            for name, value in initialisers(graph.info, checkpoint).items()
        }
        options = _session_options()
        options.add_external_initializers(list(values), list(values.values()))
        self._session = ort.InferenceSession(graph.content, options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]

    def prepare_thread(self) -> None:
        """See `Runtime`; a session computes in the thread that asks it."""

    def run(
        self, lightness: Float32, *, with_features: bool = False, with_likelihood: bool = False
    ) -> NetworkOutput:
        """See `Runtime`."""
        wanted = {"features": with_features, "likelihood": with_likelihood, "colours": with_likelihood}
        names = [name for name in self._outputs if wanted.get(name, True)]
        try:
            answers = self._session.run(names, {INPUT: lightness[:, None]})
        except (ort_errors.RuntimeException, ort_errors.Fail, MemoryError) as error:
            if not isinstance(error, MemoryError) and not any(word in str(error) for word in OUT_OF_MEMORY):
                raise
            height, width = lightness.shape[1:]
            raise OutOfMemoryError(
                f"the machine has no room for one picture of {width} x {height}; try a smaller --working-size"
            ) from error
        given = dict(zip(names, answers, strict=True))
        colours = given.pop("colours", None)
        maps = {name: _channels_last(answer) for name, answer in given.items()}
        likelihood = None if colours is None else Likelihood(colours, maps["likelihood"])
        return NetworkOutput(maps["ab"], maps["certainty"][..., 0], maps.get("features"), likelihood)


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Plans of memory are for inputs that keep their shape.
    options.enable_mem_pattern = False
    options.log_severity_level = _FATAL
    return options


def _channels_last(array: Float32) -> Float32:
    """(N, c, h, w) to (N, h, w, c), contiguous."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))
