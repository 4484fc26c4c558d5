"""What turns cost: tokens, seconds of CPU, and money where the settings state a price."""

from collections.abc import Iterable

from agent.settings import Settings
from eval.quality.figures import Quantile, quantile
from eval.quality.use import Use
from tools.evidence import Frozen

TokenCount = tuple[str, int, int, int]  # model, turns, tokens read, tokens written


class Prices(Frozen):
    """As set; None: not known, and no money is told."""

    cpu_hour: float | None = None
    million_tokens: float | None = None
    text_model: str | None = None  # whose tokens are paid for; a local model costs CPU
    currency: str = "USD"


class Tokens(Frozen):
    """What a model read and wrote."""

    model: str
    turns: int
    read: int
    written: int


class Cost(Frozen):
    turns: int  # whose CPU time is known
    cpu_seconds: float
    cpu_seconds_a_turn: Quantile
    tokens: tuple[Tokens, ...]
    cpu_money: float | None
    tokens_money: float | None
    currency: str


def cost(turns: Iterable[Use], counted: Iterable[TokenCount], prices: Prices) -> Cost:
    """Of all turns together."""
    seconds = [turn.cpu_seconds for turn in turns if turn.cpu_seconds is not None]
    tokens = tuple(
        Tokens(model=model, turns=n, read=read, written=written)
        for model, n, read, written in counted
    )
    paid = sum(t.read + t.written for t in tokens if t.model == prices.text_model)
    return Cost(
        turns=len(seconds),
        cpu_seconds=sum(seconds),
        cpu_seconds_a_turn=quantile(seconds, 50),
        tokens=tokens,
        cpu_money=_money(sum(seconds) / 3600, prices.cpu_hour),
        tokens_money=_money(paid / 1e6, prices.million_tokens),
        currency=prices.currency,
    )


def prices_of(settings: Settings) -> Prices:
    """Those that the settings state."""
    return Prices(
        cpu_hour=settings.cpu_hour_price,
        million_tokens=settings.million_tokens_price,
        text_model=settings.text_model,
        currency=settings.currency,
    )


def _money(amount: float, price: float | None) -> float | None:
    return None if price is None else amount * price
