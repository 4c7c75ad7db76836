"""Devices and precisions are taken at their word, or chosen by what the machine has."""

import pytest
import torch

from hubblefork.errors import RequestError
from hubblefork.training.device import choose_device, choose_precision


def test_auto_takes_what_there_is():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    assert choose_device("cpu").type == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(RequestError, match="no CUDA GPU here"):
        choose_device("cuda")


def test_precision_is_bf16_only_where_it_is_faster():
    fast = torch.cpu.get_capabilities().get("amx_bf16", False)
    assert choose_precision("auto", torch.device("cpu")) == ("bf16" if fast else "fp32")
    assert choose_precision("bf16", torch.device("cpu")) == "bf16"
    with pytest.raises(RequestError, match="no precision"):
        choose_precision("half", torch.device("cpu"))
