"""What an ONNX file may hold before onnxruntime runs it: one graph of known, bounded size.

A graph is a program: it could read other files, run forever, or make an array of a terabyte out of
a few bytes. So external data, functions, branches and loops are refused, and with two images the
shape of every value has to follow from the graph, and none may be out of proportion.
"""

import math
from typing import Any

from hubblefork.core.errors import RequestError, first_line

# Values of one image within a network: the first maps of published networks have a hundred times
# as many as the image, and small images become wide layers.
_MOST_EACH, _MOST = 1024, 1 << 20
# Arrays that say something of shapes are short; all others are left out where shapes are inferred.
_LARGEST_SHAPE = 4096
_TWO = 2


def check_graph(model: Any, shape: tuple[int, int, int], outputs: int, typicality: bool) -> int:
    """Return the number of features of a graph; RequestError unless it is one of ours.

    model: the parsed file (onnx.ModelProto), which is changed. shape: (H, W, C) of an image.
    outputs: the number of answers. typicality: whether it is the third output.
    """
    import onnx

    problem = _problem(model)
    if problem:
        raise RequestError(f"it {problem}: no ONNX file of hubblefork does")
    try:
        onnx.checker.check_model(model)
        _strip(model)
        inferred = onnx.shape_inference.infer_shapes(
            model, check_type=True, strict_mode=True, data_prop=True
        )
    except Exception as error:  # of the checker, of shape inference and of protobuf
        raise RequestError(f"its graph is damaged: {first_line(error)}") from error
    graph = inferred.graph
    shapes = {each.name: _shape(each) for each in (*graph.value_info, *graph.output)}
    most = _TWO * (_MOST + _MOST_EACH * math.prod(shape))
    for node in graph.node:
        for name in filter(None, node.output):
            known = shapes.get(name)
            if known is None or math.prod(known) > most:
                size = "unknown size" if known is None else f"{math.prod(known):,} values"
                raise RequestError(
                    f"its graph makes an array of {size} ({node.op_type}): more than images need"
                )
    given = [(each.name, each.type.tensor_type.elem_type, _shape(each)) for each in graph.input]
    if given != [("images", onnx.TensorProto.UINT8, (_TWO, *shape))]:
        raise RequestError(f"its input is not images of {shape} uint8")
    found = {each.name: (each.type.tensor_type.elem_type, _shape(each)) for each in graph.output}
    features = (found.get("features", (0, None))[1] or (0, 0))[-1]
    expected: dict[str, tuple[int, ...]] = {
        "answers": (_TWO, outputs),
        "features": (_TWO, features),
    }
    if typicality:
        expected["typicality"] = (_TWO,)
    if found != {name: (onnx.TensorProto.FLOAT, each) for name, each in expected.items()}:
        raise RequestError(f"its outputs are not {', '.join(expected)} of its metadata")
    return int(features)


def _problem(model: Any) -> str:
    """What a graph has that none of ours has; empty if there is nothing."""
    import onnx

    if model.functions:
        return "has functions"
    if model.graph.sparse_initializer:
        return "has sparse arrays"
    arrays = list(model.graph.initializer)
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            return f"needs {node.domain!r}"
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                return f"has branches or loops ({node.op_type})"
            arrays += [attribute.t, *attribute.tensors]
    if any(
        each.data_location == onnx.TensorProto.EXTERNAL or each.external_data for each in arrays
    ):
        return "reads other files"
    return ""


def _strip(model: Any) -> None:
    """Leave what shapes follow from: two images, and no word on shapes by the file itself."""
    graph = model.graph
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    if graph.input and graph.input[0].type.tensor_type.shape.dim:
        graph.input[0].type.tensor_type.shape.dim[0].dim_value = _TWO
    for array in graph.initializer:
        if len(array.raw_data) > _LARGEST_SHAPE:
            array.ClearField("raw_data")


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a value, if all of it is known."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    if not all(each.HasField("dim_value") for each in tensor.shape.dim):
        return None
    return tuple(each.dim_value for each in tensor.shape.dim)
