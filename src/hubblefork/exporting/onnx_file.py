"""A model as one ONNX file: raw images in, calibrated answers, features and typicality out.

Its graph is the deployed module: preprocessing, test-time augmentation, network, head, mean,
calibration and typicality. Any program that runs ONNX can predict with it, without hubblefork and
without torch (docs/export.md).
"""

import copy
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hubblefork.core.errors import RequestError, first_line
from hubblefork.core.files import replacing
from hubblefork.core.outputs import check_file
from hubblefork.models.deployed import DeployedModel
from hubblefork.models.onnx_predictor import (
    OnnxPredictor,
    import_onnx,
    is_export,
    load_onnx,
    metadata_of,
    signed,
)
from hubblefork.models.predictor import Predictor
from hubblefork.models.uncertainty import UP_TO_ROUNDING, Uncertainty

# The first with antialiasing in Resize, by which images are scaled down; torch's exporter is
# written for it, and onnxruntime has it since version 1.14 of 2023.
OPSET = 18

# Protobuf cannot hold 2 GB; graph and metadata take less than the difference.
_MOST_BYTES = 2_000_000_000

# The answers of onnxruntime on random images differ from those of torch by rounding: 1e-6 or less.
_TOLERANCE = 1e-4


class Program(nn.Module):
    """The deployed module and typicality: what the graph of an ONNX file computes."""

    def __init__(self, module: DeployedModel, uncertainty: Uncertainty):
        super().__init__()
        self.module = module
        known = uncertainty.distances is not None
        self.typicality = Typicality(uncertainty) if known else None

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        answers, features = self.module(images)
        if self.typicality is None:
            return answers, features
        return answers, features, self.typicality(features)


class Typicality(nn.Module):
    """`Uncertainty.typicality` for tensors: features (N, F) float32 -> (N,) float32 in (0, 1]."""

    mean: Tensor
    directions: Tensor
    variances: Tensor
    values: Tensor
    p_values: Tensor

    def __init__(self, uncertainty: Uncertainty):
        super().__init__()
        outliers, distances = uncertainty.outliers, uncertainty.distances
        assert outliers is not None
        assert distances is not None
        for name in ("mean", "directions", "variances"):
            self.register_buffer(name, torch.from_numpy(getattr(outliers, name)).double())
        self.remainder = outliers.remainder
        values = distances.values.astype(np.float64)
        self.register_buffer("values", torch.from_numpy(values))
        # The p-value of a distance that is above so many of the stored ones.
        between = np.append(values, np.inf)
        p_values = distances.p_values(between).astype(np.float32)
        self.register_buffer("p_values", torch.from_numpy(p_values))

    def forward(self, features: Tensor) -> Tensor:
        offset = features.double() - self.mean
        along = (offset @ self.directions.T) ** 2
        across = (offset**2).sum(dim=1) - along.sum(dim=1)
        distance = (along / self.variances).sum(dim=1) + across.clamp(min=0) / self.remainder
        lower = (self.values < UP_TO_ROUNDING * distance[:, None]).sum(dim=1)
        return torch.where(distance.isnan(), torch.nan, self.p_values[lower])


# The exporter of earlier versions fails on views of one tensor.
_LEAST_TORCH = "2.9"


def check_onnx_path(path: Path) -> None:
    """RequestError unless an ONNX file can be written there; only an earlier one is replaced."""
    if path.suffix.lower() != ".onnx":
        raise RequestError(f"--out {path}: expected a name ending in .onnx")
    check_file(path, is_export, "an ONNX file of hubblefork")


def write_onnx(predictor: Predictor, path: Path) -> Path:
    """Write the model of a predictor as an ONNX file, whole or not at all, and return its path.

    Raises RequestError where a file of others is there, and where ONNX cannot express the model.
    """
    check_onnx_path(path)
    content, _ = _exported(predictor)
    with replacing(path, binary=True) as file:
        file.write(content)
    return path


def on_onnxruntime(predictor: Predictor) -> OnnxPredictor:
    """Return a predictor of the same model that is run by onnxruntime, on the CPU.

    Raises RequestError where ONNX cannot express the model.
    """
    framing = predictor.framing
    _, exported = _exported(predictor)
    return OnnxPredictor(
        exported.network, predictor.card, exported.device, framing, predictor.uncertainty
    )


def _exported(predictor: Predictor) -> tuple[bytes, OnnxPredictor]:
    """The bytes of an ONNX file, and the predictor of it, whose answers were compared."""
    if torch.__version__ < _LEAST_TORCH:
        raise RequestError(
            f"the export to ONNX needs torch {_LEAST_TORCH} or later; this is {torch.__version__}"
        )
    import_onnx()
    card = predictor.card
    if isinstance(predictor, OnnxPredictor):
        raise RequestError("the model is an ONNX file already: give the run or its model file")
    if card.framing.transforms:
        names = ", ".join(map(repr, card.framing.transforms))
        raise RequestError(
            f"ONNX cannot express the preprocessing {names}, which is Python code: only models "
            "without data.transforms can be exported"
        )
    # A copy in the usual layout of memory: channels-last maps are exported as more operations.
    program = copy.deepcopy(Program(predictor.module.prepared(), predictor.uncertainty))
    program.module.layout = torch.contiguous_format
    program = program.cpu().to(memory_format=torch.contiguous_format).eval().requires_grad_(False)
    weights = sum(each.nbytes for each in (*program.parameters(), *program.buffers()))
    if weights > _MOST_BYTES:
        raise RequestError(f"its weights are {weights / 1e9:.1f} GB, and ONNX files have 2 at most")
    content = _content(program, predictor)
    try:
        exported = load_onnx(content)
    except RequestError as error:
        raise RequestError(f"ONNX cannot express the network {card.network!r}: {error}") from error
    _compare(program, exported, card.network)
    return content, exported


def _content(program: Program, predictor: Predictor) -> bytes:
    card = predictor.card
    names = ["answers", "features", "typicality"][: 2 + (program.typicality is not None)]
    images = torch.from_numpy(_random_images(3, card.framing.shape))
    number = torch.export.Dim("number", min=1, max=1 << 20)
    try:
        # What it warns of concerns the exporter's own code.
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            exported = torch.onnx.export(
                program,
                (images,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["images"],
                output_names=names,
                dynamic_shapes={"images": {0: number}},
                verbose=False,
            )
        assert exported is not None
        model = exported.model_proto
    except Exception as error:  # of any kind: a registered network is code of others
        raise RequestError(
            f"ONNX cannot express the network {card.network!r}: {_reason(error)}"
        ) from error
    if any(each.type.tensor_type.shape.dim[0].HasField("dim_value") for each in model.graph.output):
        raise RequestError(
            f"ONNX cannot express the network {card.network!r}: it takes only as many images as it "
            "was traced with; their number is maps.shape[0], not len(maps) or int(...)"
        )
    # They tell in which file of this machine each operation was traced.
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    model.graph.ClearField("value_info")
    model.graph.ClearField("doc_string")
    model.ClearField("metadata_props")
    model.graph.name = model.producer_name = "hubblefork"
    model.producer_version = card.versions.get("hubblefork", "")
    for key, value in metadata_of(card, predictor.uncertainty).items():
        model.metadata_props.add(key=key, value=value)
    return signed(model.SerializeToString())


def _reason(error: Exception) -> str:
    """What torch's exporter failed for, which it tells as the cause of its own error."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return first_line(error)


def _compare(program: Program, exported: OnnxPredictor, network: str) -> None:
    """RequestError unless onnxruntime answers as torch does, for one image and for several."""
    for number in (1, 5):
        images = _random_images(number, exported.framing.shape)
        with torch.inference_mode():
            expected = program(torch.from_numpy(images))[0].numpy()
        answers = exported.network.run(images)[0]
        if not np.allclose(answers, expected, rtol=0, atol=_TOLERANCE, equal_nan=True):
            off = np.abs(answers - expected).max()
            raise RequestError(
                f"the ONNX file of {network!r} differs from the model by up to "
                f"{off:.2g}: not written"
            )


def _random_images(number: int, shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, *shape), dtype=np.uint8)
