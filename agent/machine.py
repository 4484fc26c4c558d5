"""The machine that answers, in words: a figure of time means little without it."""

import os
import platform
import sys
from pathlib import Path
from typing import Any


def machine(device: str = "auto") -> str:
    """Cores this process may use, processor, GPU: "2 cores, AMD EPYC 7B13, no GPU".

    `device` is the setting; with "cpu" a GPU is there but not used, and not named. Loads nothing:
    what is not imported yet does not compute.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    counted = f"{cores} core{'' if cores == 1 else 's'}"
    return f"{counted}, {processor()}, {_gpu(device) or 'no GPU'}"


def processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _gpu(device: str) -> str | None:
    torch: Any = sys.modules.get("torch")
    if torch is None or device == "cpu":
        return None
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name(None if device == "auto" else device))
    return "Apple GPU" if torch.backends.mps.is_available() else None
