"""Trend following on one instrument, with volatility targeting, stops and a full record of trades.

Reads `data["close"]`, and `data["high"]` and `data["low"]` where they are there; `params` may override every
setting. The result is a dictionary with the positions, the trades and the usual figures.
"""

import math
from collections import deque
from dataclasses import asdict, dataclass, field
from statistics import fmean, stdev

TRADING_DAYS = 252


@dataclass(frozen=True)
class Settings:
    """What a study varies."""

    fast: int = 20
    slow: int = 100
    breakout: int = 55
    volatility_days: int = 30
    target_volatility: float = 0.15
    stop_atr: float = 3.0
    cost: float = 0.0005
    max_leverage: float = 2.0

    def check(self):
        if not 1 < self.fast < self.slow:
            raise ValueError(f"fast ({self.fast}) must lie between 1 and slow ({self.slow})")
        if self.volatility_days < 2:
            raise ValueError("volatility_days must be at least 2")
        return self


@dataclass
class Trade:
    side: int
    opened: int
    entry: float
    closed: int = -1
    exit: float = float("nan")
    reason: str = ""

    @property
    def profit(self):
        return self.side * (self.exit / self.entry - 1.0)


@dataclass
class Book:
    """The open trade and all trades that ended."""

    trades: list = field(default_factory=list)
    open: Trade | None = None

    def enter(self, side, day, price):
        self.open = Trade(side, day, price)

    def leave(self, day, price, reason):
        trade, self.open = self.open, None
        trade.closed, trade.exit, trade.reason = day, price, reason
        self.trades.append(trade)


class RollingMean:
    """The mean of the last `size` values, in constant time."""

    def __init__(self, size):
        self.size = size
        self._values = deque()
        self._total = 0.0

    def push(self, value):
        self._values.append(value)
        self._total += value
        if len(self._values) > self.size:
            self._total -= self._values.popleft()
        return self._total / self.size if len(self._values) == self.size else None


class Extremes:
    """The highest and lowest of the last `size` values before the newest."""

    def __init__(self, size):
        self.window = deque(maxlen=size)

    def push(self, value):
        full = len(self.window) == self.window.maxlen
        bounds = (max(self.window), min(self.window)) if full else (None, None)
        self.window.append(value)
        return bounds


def true_ranges(high, low, close):
    """The largest move of each day, counted from the close before."""
    ranges = [high[0] - low[0]]
    for i in range(1, len(close)):
        before = close[i - 1]
        ranges.append(max(high[i] - low[i], abs(high[i] - before), abs(low[i] - before)))
    return ranges


def wilder(values, days):
    """Wilder's smoothing, None until there are enough values."""
    smoothed, average = [], None
    for i, value in enumerate(values):
        if i + 1 == days:
            average = fmean(values[: i + 1])
        elif average is not None:
            average += (value - average) / days
        smoothed.append(average)
    return smoothed


def volatility(close, day, days):
    """Annual volatility of the daily log returns up to a day."""
    if day < days:
        return None
    window = close[day - days : day + 1]
    changes = [math.log(b / a) for a, b in zip(window, window[1:])]
    return stdev(changes) * math.sqrt(TRADING_DAYS)


def size(settings, annual):
    """How much to hold, so that the position has the target volatility."""
    if annual is None or annual <= 0.0:
        return 0.0
    return min(settings.target_volatility / annual, settings.max_leverage)


def wanted(fast, slow, price, top, bottom):
    """The side that the rules want: 1, -1, or 0 for no opinion."""
    if None in (fast, slow, top, bottom):
        return 0
    match (fast > slow, price > top, price < bottom):
        case (True, True, _):
            return 1
        case (False, _, True):
            return -1
        case _:
            return 0


def stopped(trade, price, atr, settings):
    if trade is None or atr is None:
        return False
    return trade.side * (price - trade.entry) < -settings.stop_atr * atr


def run(close, high, low, settings):
    fast, slow = RollingMean(settings.fast), RollingMean(settings.slow)
    channel, book = Extremes(settings.breakout), Book()
    ranges = wilder(true_ranges(high, low, close), 14)
    positions, held = [], 0.0
    for day, price in enumerate(close):
        quick, calm = fast.push(price), slow.push(price)
        top, bottom = channel.push(price)
        if stopped(book.open, price, ranges[day], settings):
            book.leave(day, price, "stop")
            held = 0.0
        side = wanted(quick, calm, price, top, bottom)
        if side and (book.open is None or book.open.side != side):
            if book.open is not None:
                book.leave(day, price, "reversal")
            book.enter(side, day, price)
            held = side * size(settings, volatility(close, day, settings.volatility_days))
        positions.append(round(held, 6))
    if book.open is not None:
        book.leave(len(close) - 1, close[-1], "end")
    return positions, book.trades


def equity(close, positions, cost):
    """The value of one unit of money from day to day, after costs."""
    value, curve = 1.0, [1.0]
    for i in range(1, len(close)):
        change = close[i] / close[i - 1] - 1.0
        turnover = abs(positions[i - 1] - (positions[i - 2] if i > 1 else 0.0))
        value *= 1.0 + positions[i - 1] * change - turnover * cost
        curve.append(value)
    return curve


def drawdown(curve):
    peak, worst = curve[0], 0.0
    for value in curve:
        peak = max(peak, value)
        worst = min(worst, value / peak - 1.0)
    return worst


def figures(curve, trades):
    changes = [b / a - 1.0 for a, b in zip(curve, curve[1:])]
    spread = stdev(changes) if len(changes) > 1 else 0.0
    wins = [trade.profit for trade in trades if trade.profit > 0.0]
    return {
        "total_return": curve[-1] - 1.0,
        "sharpe": fmean(changes) / spread * math.sqrt(TRADING_DAYS) if spread else 0.0,
        "max_drawdown": drawdown(curve),
        "trades": len(trades),
        "win_rate": len(wins) / len(trades) if trades else 0.0,
    }


settings = Settings(**params).check()
close = list(data["close"])
positions, trades = run(close, list(data.get("high", close)), list(data.get("low", close)), settings)
summary = figures(equity(close, positions, settings.cost), trades)
print(f"{summary['trades']} trades, return {summary['total_return']:.2%}, worst {summary['max_drawdown']:.2%}")
result = {"positions": positions, "summary": summary, "trades": [asdict(trade) for trade in trades]}
