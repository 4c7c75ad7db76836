"""An ONNX file is not trusted: what is damaged, foreign or hostile is refused in one line."""

import base64
import logging
import os

import numpy as np
import pytest
import torch

import hubblefork
from hubblefork.core.errors import RequestError
from hubblefork.models.model_file import load_model
from hubblefork.models.predictor import Predictor
from tests.memory import memory_limited

pytest.importorskip("onnxscript", reason="pip install 'hubblefork[onnx]'")
pytest.importorskip("torch", "2.9", reason="the exporter of older versions fails on views")
pytest.importorskip("onnxruntime", reason="pip install 'hubblefork[onnx]'")

import onnx
from onnx import TensorProto, helper

from hubblefork.models.onnx_predictor import is_onnx, open_predictor, signed


@pytest.fixture(autouse=True, scope="module")
def _no_traces():
    """The exporter of torch logs each of its steps, which pytest would keep."""
    logging.disable(logging.DEBUG)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def exported(example_run, tmp_path_factory):
    return hubblefork.export(example_run, out=tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.fixture
def changed(exported, tmp_path):
    """Writes the file with a change of its graph, and a digest that is right."""

    def write(change):
        model = onnx.load_model_from_string(exported.read_bytes())
        del model.metadata_props[-1]  # the digest
        change(model)
        path = tmp_path / "changed.onnx"
        path.write_bytes(signed(model.SerializeToString()))
        return path

    return write


def refusal(path, device="auto"):
    with pytest.raises(RequestError) as error, memory_limited(2 << 30):
        open_predictor(path, device)
    message = str(error.value)
    assert message.startswith(str(path)) or str(path) in message
    assert "\n" not in message
    assert len(message) <= 1000
    return message


def test_predict_takes_it_as_it_takes_the_run(exported, example_run, shapes, tmp_path):
    one, other = (
        hubblefork.predict(each, shapes / "disc", coverage=0.8) for each in (example_run, exported)
    )
    assert (one[["id", "predicted", "set", "problem"]] == other[one.columns][
        ["id", "predicted", "set", "problem"]
    ]).all(axis=None)  # fmt: skip
    for column in ("bar", "disc", "typicality"):
        np.testing.assert_allclose(one[column], other[column], atol=1e-5)
    # A survey keeps its model under another name.
    (tmp_path / "model.safetensors").write_bytes(exported.read_bytes())
    assert is_onnx(tmp_path / "model.safetensors")
    assert open_predictor(tmp_path / "model.safetensors").names == ("bar", "disc")
    assert open_predictor(exported, crop=7).framing.crop == 7


def test_a_model_is_run_by_onnxruntime_where_that_is_asked_for(example_run, exported, shapes):
    image = shapes / "bar" / "bar 0.png"
    tables = [hubblefork.predict(example_run, image, device=each) for each in ("cpu", "onnx")]
    tables.append(hubblefork.predict(exported, image, device="onnx"))
    for other in tables[1:]:
        np.testing.assert_allclose(other["bar"], tables[0]["bar"], atol=1e-5)
    assert "--device cpu" in refusal(exported, "cuda")


def test_only_predict_takes_it(exported, shapes):
    for verb in (hubblefork.evaluate, hubblefork.explain):
        with pytest.raises(RequestError, match="is an ONNX file, which only predicts"):
            verb(exported, shapes)
    predictor = open_predictor(exported)
    with pytest.raises(RequestError, match="has no layers"):
        _ = predictor.module
    with pytest.raises(RequestError, match="has its test-time augmentation"):
        predictor.single_view()


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_noticed(exported, tmp_path, seed):
    random, path = np.random.default_rng(seed), tmp_path / "damaged.onnx"
    content = bytearray(exported.read_bytes())
    if seed % 3 == 0:
        content = content[: random.integers(1, len(content))]
    elif seed % 3 == 1:
        content[random.integers(len(content))] ^= 1 << random.integers(8)
    else:
        content += b"more"
    path.write_bytes(content)
    assert "damaged" in refusal(path) or "did not write" in refusal(path)


def test_what_is_no_file_of_ours_is_refused(exported, tmp_path):
    path = tmp_path / "other.onnx"
    path.write_text("# hubblefork\n")
    assert "damaged" in refusal(path)
    path.write_bytes(b"")
    assert "did not write" in refusal(path)
    graph = helper.make_graph(
        [helper.make_node("Relu", ["a"], ["b"])], "foreign",
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    foreign = helper.make_model(graph)
    path.write_bytes(foreign.SerializeToString())
    assert "hubblefork did not write this file" in refusal(path)
    path.write_bytes(signed(foreign.SerializeToString()))
    assert "hubblefork did not write this ONNX file" in refusal(path)
    path.write_bytes(signed(b"hubblefork" * 9))
    assert "is not an ONNX file" in refusal(path)
    path.unlink()
    assert "no run folder or model file" in refusal(path)
    os.mkfifo(path)
    assert "a named pipe, not a file" in refusal(path)


def entry(model, key):
    return next(each for each in model.metadata_props if each.key == key)


def uncertainty_of(arrays):
    from safetensors.numpy import save

    return base64.b64encode(save(arrays)).decode()


@pytest.mark.parametrize(
    ("key", "old", "new", "message"),
    [
        ("hubblefork", '"names": ["bar", "disc"]', '"names": ["a", "b", "c"]', "outputs are not"),
        ("hubblefork", '"format": 5', '"format": 6', "it has format 6"),
        ("hubblefork", '"channels": 3', '"channels": 1', "its input is"),
        ("hubblefork", '"size": 24, "channels"', '"size": 25, "channels"', "its input is not"),
        ("hubblefork", None, "[" * 100_000, "metadata is damaged"),
        ("hubblefork.uncertainty", None, "not base64", "its uncertainty is damaged"),
        ("hubblefork.uncertainty", None, "AAAAAAAAAAAA", "its uncertainty is damaged"),
        ("hubblefork.uncertainty", None, {"calibration.temperature": np.float32(np.nan)}, "NaN"),
        ("hubblefork.uncertainty", None, {"calibration.temperature": np.float32(1)}, "has only"),
        ("hubblefork.uncertainty", None, {}, "outputs are not answers, features of its"),
    ],
)
def test_metadata_that_does_not_fit_is_refused(changed, key, old, new, message):
    def change(model):
        found = entry(model, key)
        value = new if isinstance(new, str) else uncertainty_of(
            {name: np.asarray(each) for name, each in new.items()}
        )  # fmt: skip
        if old is not None:
            assert old in found.value
            value = found.value.replace(old, value)
        found.value = value

    assert message in refusal(changed(change))


def tensor(name, values):
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def huge(model):
    """An array of 4 TB from eight bytes."""
    model.graph.initializer.append(tensor("huge", [1 << 20, 1 << 20]))
    nodes = [
        helper.make_node("ConstantOfShape", ["huge"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["features", "zero"], ["more"]),
    ]
    _answer_with(model, nodes)


def huge_by_values(model):
    """The same, of a size that the images say."""
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["numbers"], ["total"], keepdims=0),
        helper.make_node("Reshape", ["total", "one"], ["length"]),
        helper.make_node("ConstantOfShape", ["length"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["features", "zero"], ["more"]),
    ]
    model.graph.initializer.append(tensor("one", [1]))
    _answer_with(model, nodes)


def _answer_with(model, nodes):
    model.graph.node.extend(nodes)
    model.graph.output[1].name = "features"


def loop(model):
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["still"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("go", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("still", TensorProto.BOOL, [])],
    )  # fmt: skip
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def external(model):
    array = model.graph.initializer[0]
    array.ClearField("raw_data")
    array.data_location = TensorProto.EXTERNAL
    array.external_data.add(key="location", value="../../etc/passwd")


def foreign(model):
    model.graph.node.append(helper.make_node("Anything", ["images"], ["x"], domain="com.example"))
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def function(model):
    made = helper.make_function(
        "hubblefork", "F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])],
        [helper.make_opsetid("", 18)],
    )  # fmt: skip
    model.functions.append(made)


def lying(model):
    model.graph.initializer[0].dims[0] = 1 << 40


def renamed(model):
    model.graph.input[0].name = "pictures"


def unsorted(model):
    nodes = list(reversed(model.graph.node))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def less(model):
    del model.graph.output[-1]


def wrong_operation(model):
    model.graph.node[-1].op_type = "Nothing"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (huge, "makes an array of 1,099,511,627,776 values (ConstantOfShape)"),
        (huge_by_values, "makes an array of unknown size (ConstantOfShape)"),
        (loop, "has branches or loops (Loop)"),
        (external, "reads other files"),
        (foreign, "needs 'com.example'"),
        (function, "has functions"),
        (lying, "its graph is damaged"),
        (renamed, "its graph is damaged"),
        (unsorted, "its graph is damaged"),
        (less, "its outputs are not answers, features, typicality"),
        (wrong_operation, "its graph is damaged"),
    ],
)
def test_a_graph_that_could_do_harm_is_refused(changed, change, message):
    assert message in refusal(changed(change))


def test_the_file_as_it_was_is_accepted_when_it_is_written_again(changed, exported):
    images = np.zeros((2, 24, 24, 3), np.uint8)
    again = open_predictor(changed(lambda model: None)).predict(images)
    np.testing.assert_array_equal(again, open_predictor(exported).predict(images))


def test_it_uses_as_many_threads_as_torch(exported):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        options = open_predictor(exported).network._session.get_session_options()
    finally:
        torch.set_num_threads(before)
    assert options.intra_op_num_threads == 1


def test_a_file_that_is_read_as_a_model_file_says_what_it_is(exported):
    for read in (Predictor.load, load_model):
        with pytest.raises(RequestError, match="is an ONNX file, which only predicts"):
            read(exported)
