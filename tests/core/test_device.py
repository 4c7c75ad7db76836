"""Devices and precisions are those that were named, or chosen by what the machine has."""

import numpy as np
import pytest
import torch

from hubblefork.core import device
from hubblefork.core.device import (
    choose_compile,
    choose_device,
    choose_precision,
    explain_out_of_memory,
)
from hubblefork.core.errors import RequestError


def test_auto_is_the_gpu_if_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    assert choose_device("cpu").type == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(RequestError, match="no CUDA GPU here"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("capabilities", "speedup", "chosen"),
    [
        ({}, 3.0, "fp32"),
        ({"avx512_bf16": True}, 1.0, "fp32"),
        ({"avx512_bf16": True}, 2.0, "bf16"),
        ({"avx512_bf16": True, "amx_bf16": True}, 1.0, "bf16"),
    ],
)
def test_auto_is_bf16_if_the_processor_is_faster_in_it(monkeypatch, capabilities, speedup, chosen):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    monkeypatch.setattr(device, "_bf16_speedup", lambda: speedup)
    assert choose_precision("auto", torch.device("cpu")) == chosen


def test_a_precision_is_chosen_once():
    cpu = torch.device("cpu")
    assert choose_precision("auto", cpu) == choose_precision("auto", cpu)
    assert choose_precision("bf16", cpu) == "bf16"
    with pytest.raises(RequestError, match="unknown precision"):
        choose_precision("half", cpu)


def test_the_speed_of_bf16_is_measured():
    assert device._bf16_speedup() > 0
    assert device._bf16_speedup() == device._bf16_speedup()


def test_more_devices_than_there_are_have_to_be_processes_on_the_cpu():
    assert choose_device("cpu", 8).type == "cpu"
    there = torch.cuda.device_count()
    with pytest.raises(RequestError, match=f"finds {there} CUDA GPUs here; --device cpu"):
        choose_device("auto", there + 2)


def test_compile_modes_are_torchs_own_and_need_one_process():
    cpu = torch.device("cpu")
    assert choose_compile("off", cpu, processes=4) == "off"
    with pytest.raises(RequestError, match="did you mean 'default'"):
        choose_compile("defaults", cpu, processes=1)
    with pytest.raises(RequestError, match="needs one process, not 4"):
        choose_compile("default", cpu, processes=4)


@pytest.mark.parametrize(
    "action",
    [
        lambda: torch.empty(1 << 50),
        lambda: np.empty(1 << 50),
        lambda: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory.")),
    ],
)
def test_too_little_memory_is_explained_in_one_line(action):
    message = "not enough memory to do this: less"
    with pytest.raises(RequestError, match=message), explain_out_of_memory("to do this", "less"):
        action()


def test_other_errors_stay_what_they_are():
    with (
        pytest.raises(RuntimeError, match="tensor size"),
        explain_out_of_memory("to do this", "less"),
    ):
        torch.zeros(2) @ torch.zeros(3)
