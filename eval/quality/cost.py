"""What turns cost: seconds of CPU, and money where the settings state a price."""

from collections.abc import Iterable

from agent.settings import Settings
from eval.quality.figures import Quantile, quantile
from eval.quality.use import Use
from tools.evidence import Frozen


class Prices(Frozen):
    """As set; None: not known, and no money is told."""

    cpu_hour: float | None = None
    currency: str = "USD"


class Cost(Frozen):
    turns: int  # whose CPU time is known
    cpu_seconds: float
    cpu_seconds_a_turn: Quantile
    money: float | None
    currency: str


def cost(turns: Iterable[Use], prices: Prices) -> Cost:
    """Of all turns together."""
    seconds = [turn.cpu_seconds for turn in turns if turn.cpu_seconds is not None]
    total = sum(seconds)
    return Cost(
        turns=len(seconds),
        cpu_seconds=total,
        cpu_seconds_a_turn=quantile(seconds, 50),
        money=None if prices.cpu_hour is None else total / 3600 * prices.cpu_hour,
        currency=prices.currency,
    )


def prices_of(settings: Settings) -> Prices:
    return Prices(cpu_hour=settings.cpu_hour_price, currency=settings.currency)
