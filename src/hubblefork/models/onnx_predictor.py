"""Prediction by an ONNX file: `open_predictor("model.onnx").predict(images)`, by onnxruntime.

The file is one that `hubblefork.export` wrote: its graph is the deployed module, and its metadata
what else a model file has. It may come from anywhere, so `models/onnx_checks.py` looks at it before
onnxruntime does.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor, nn

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.regular_files import not_a_file
from hubblefork.models.deployed import DeployedModel, Output
from hubblefork.models.find import find_model
from hubblefork.models.model_card import ModelCard
from hubblefork.models.onnx_checks import check_graph
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import Uncertainty
from hubblefork.networks.weights import check_finite

# Keys of the metadata: the JSON of the card; a JSON list of the names of the outputs, for programs
# that do not know our decision trees; the arrays of the uncertainty, a safetensors file in base64;
# the digest of all bytes before it.
CARD, NAMES = "hubblefork", "hubblefork.names"
UNCERTAINTY, DIGEST = "hubblefork.uncertainty", "hubblefork.sha256"

# onnxruntime prints warnings of its own optimisations otherwise: only errors.
_ERRORS_ONLY = 3


def import_onnx() -> None:
    """RequestError where the packages of the extra `onnx` are missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError:
        raise RequestError(
            "ONNX needs onnx, onnxscript and onnxruntime: pip install 'hubblefork[onnx]'"
        ) from None


class OnnxProgram(nn.Module):
    """The graph of an ONNX file as a module that gives what the deployed module gives.

    content: the bytes of the file, which were checked. Raises RequestError where onnxruntime cannot
    run them.
    """

    def __init__(self, content: bytes):
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # of classes of its own, which have no name in common
            raise RequestError(f"onnxruntime cannot run it: {first_line(error)}") from error

    def forward(self, images: Tensor) -> Output:
        """(N, H, H, C) uint8 -> answers (N, outputs) and features (N, F)."""
        answers, features = self.run(images.numpy())[:2]
        return Output(torch.from_numpy(answers), torch.from_numpy(features))

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """All outputs: answers, features, and typicality if the model knows it."""
        try:
            outputs: list[np.ndarray] = self._session.run(None, {"images": images})
        except Exception as error:
            raise RequestError(f"onnxruntime failed: {first_line(error)}") from error
        return outputs


class OnnxPredictor(Predictor):
    """A `Predictor` whose deployed module is run by onnxruntime: it predicts, and has no layers."""

    network: OnnxProgram

    @cached_property
    def module(self) -> DeployedModel:
        raise RequestError("an ONNX file has no layers to look at: give the run or its model file")

    def outputs(self, images: Tensor) -> Output:
        return self.network(images)

    @property
    def parallel(self) -> bool:
        return False  # onnxruntime has threads of its own

    def twin(self) -> Predictor:
        return self

    def single_view(self) -> Predictor:
        raise RequestError("an ONNX file has its test-time augmentation: give the model file")


def open_predictor(
    model: str | os.PathLike[str], device: str = "auto", crop: int | None = None
) -> Predictor:
    """Open a model for prediction: what `Predictor.load` takes, or an ONNX file of hubblefork.

    Raises RequestError where `Predictor.load` does, for an ONNX file that is damaged, or that
    hubblefork did not write, and for one on a GPU.
    """
    path = find_model(model)
    if not is_onnx(path):
        return Predictor.load(path, device, crop)
    if device not in ("auto", "cpu", "onnx"):
        raise RequestError(f"--device {device}: onnxruntime runs {path} on the CPU: --device cpu")
    try:
        predictor = read_onnx(path)
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error
    if crop is None:
        return predictor
    return replace(predictor, framing=replace(predictor.framing, crop=crop))


def is_onnx(path: Path) -> bool:
    """Whether a file is called as ONNX, or was written by `hubblefork.export` as that."""
    return path.suffix.lower() == ".onnx" or is_export(path)


def is_export(path: Path) -> bool:
    """Whether a file ends as those that `hubblefork.export` writes do."""
    if not_a_file(path) or path.stat().st_size < len(signed(b"")):
        return False
    with path.open("rb") as file:
        file.seek(-len(signed(b"")), os.SEEK_END)
        return file.read().startswith(_BEFORE_DIGEST)


def read_onnx(path: Path) -> OnnxPredictor:
    """Read an ONNX file of hubblefork; RequestError for any other, or a damaged one."""
    import_onnx()
    if reason := not_a_file(path):
        raise RequestError(f"no ONNX file there ({reason})")
    return load_onnx(path.read_bytes())


def load_onnx(content: bytes) -> OnnxPredictor:
    """Make a predictor of the bytes of an ONNX file; RequestError as `read_onnx`."""
    unsigned = content[: -len(signed(b""))]
    if content != signed(unsigned):
        if CARD.encode() not in content:
            raise RequestError("hubblefork did not write this file, or little of it is left")
        raise RequestError("it is damaged: its content is not what was written")
    from onnx import load_model_from_string

    try:
        graph = load_model_from_string(content)
    except Exception as error:  # of protobuf, which differ from version to version
        raise RequestError(f"it is not an ONNX file: {first_line(error)}") from error
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    if CARD not in metadata:
        raise RequestError("hubblefork did not write this ONNX file")
    card = ModelCard.from_text(metadata[CARD])
    uncertainty = _uncertainty(metadata.get(UNCERTAINTY, ""))
    known = uncertainty.distances is not None
    features = check_graph(graph, card.framing.shape, card.task.outputs, known)
    uncertainty.check_fits(card.task.exclusive, features)
    del graph
    program = OnnxProgram(content)
    return OnnxPredictor(program, card, torch.device("cpu"), card.framing, uncertainty)


def metadata_of(card: ModelCard, uncertainty: Uncertainty) -> Mapping[str, str]:
    """The metadata of an ONNX file, but for its digest."""
    # As scikit-learn made them, some have their axes in another order in memory.
    arrays = {key: np.array(value, order="C") for key, value in uncertainty.to_arrays().items()}
    return {
        CARD: json.dumps(card.to_json()),
        NAMES: json.dumps(card.task.names),
        UNCERTAINTY: base64.b64encode(save(arrays)).decode(),
    }


def signed(content: bytes) -> bytes:
    """Return an ONNX file with the digest of all before it as its last entry of metadata.

    Fields of protobuf may stand one after another, so it is appended: by the tags and lengths of
    `metadata_props` of ModelProto (14), and of key (1) and value (2) of StringStringEntryProto.

    >>> len(signed(b"")), signed(b"abc")[:5]
    (87, b'abcrU')
    """
    return content + _BEFORE_DIGEST + hashlib.sha256(content).hexdigest().encode()


def _field(number: int, length: int) -> bytes:
    return bytes([number << 3 | 2, length])


_KEY_ENTRY = _field(1, len(DIGEST)) + DIGEST.encode() + _field(2, 64)
_BEFORE_DIGEST = _field(14, len(_KEY_ENTRY) + 64) + _KEY_ENTRY


def _uncertainty(text: str) -> Uncertainty:
    try:
        arrays: dict[str, Any] = load(base64.b64decode(text, validate=True)) if text else {}
    except (binascii.Error, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"its uncertainty is damaged: {first_line(error)}") from error
    check_finite({key: torch.from_numpy(np.atleast_1d(value)) for key, value in arrays.items()})
    return Uncertainty.from_arrays(arrays)
