"""What a check found: one number, its limit, and the verdict that follows from them."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

Status = Literal["passed", "failed", "skipped"]

# Largest difference of hidden states, relative to the largest state, that counts as none: of two
# forwards of the same shape, which round alike, and of two shapes, which do not.
_SAME_SHAPE = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
_ANY_SHAPE = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
CHANGE = 1e-7  # the smallest relative difference that is one; what is masked changes by 0


@dataclass(frozen=True)
class Case:
    """How a check was run; empty where it makes no difference."""

    stage: str = ""  # training | generation
    attention: str = ""  # eager | sdpa
    padding: str = ""  # none | padded

    def __str__(self) -> str:
        return " ".join(filter(None, (self.stage, self.attention, self.padding))) or "–"


@dataclass(frozen=True)
class Result:
    """A check in one case."""

    check: str
    case: Case
    status: Status
    measured: float | None = None
    limit: float | None = None
    must: Literal["at most", "more than", ""] = ""  # how `measured` stands to `limit` to pass
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """Keys are only ever added."""
        values = asdict(self)
        return {"check": values.pop("check"), **values.pop("case"), **values}


def at_most(check: str, case: Case, measured: float, limit: float, detail: str = "") -> Result:
    """Passes where what was measured (not NaN) does not exceed the limit."""
    return Result(check, case, _verdict(measured <= limit), measured, limit, "at most", detail)


def more_than(check: str, case: Case, measured: float, limit: float, detail: str = "") -> Result:
    """Passes where what was measured exceeds the limit."""
    return Result(check, case, _verdict(measured > limit), measured, limit, "more than", detail)


def skipped(check: str, case: Case, why: str) -> Result:
    return Result(check, case, "skipped", detail=why)


def same_shape(dtype: torch.dtype) -> float:
    """The tolerance for two forwards of one shape."""
    return _SAME_SHAPE[dtype]


def any_shape(dtype: torch.dtype) -> float:
    """The tolerance for forwards of two shapes."""
    return _ANY_SHAPE[dtype]


def _verdict(passed: bool) -> Status:
    return "passed" if passed else "failed"
