"""What the sandbox offers to programs beyond Python: indicators over series of numbers, and a word on progress.

    from cofferdam import rolling_mean, crossings, progress

    fast = rolling_mean(data["close"], 20)
    slow = rolling_mean(data["close"], 100)
    result = list(crossings(fast, slow))

Every indicator takes an `array('d')` (as in `data`) or any sequence of numbers, and returns an `array('d')` of the
same length. A place that has no value is NaN: the first `window - 1` of a rolling window, and each place whose window
holds a number that is not finite. Nothing looks ahead: the value at `i` depends on the values up to `i` alone.

The functions below are the definition. Where the backend can, it computes them in compiled code instead, with the
same operations in the same order, so the results are equal to the last bit.
"""

from array import array
from math import sqrt

__all__ = [
    "crossings",
    "ema",
    "progress",
    "returns",
    "rolling_max",
    "rolling_mean",
    "rolling_min",
    "rolling_std",
]

_NAN = float("nan")

# What the backend puts here; see `_connect`.
_compute = None
_progress = None

# Numbers that one call into compiled code may take. It bounds what the host sets aside for the answer.
_MOST = 1 << 20


def _connect(progress=None, compute=None):
    """For the runner: `progress(fraction, message)` and `compute(name, window, first, second)` of the backend. The
    latter takes and returns little-endian bytes of `f64`."""
    global _compute, _progress
    _compute = compute
    _progress = progress


def progress(fraction, message=""):
    """Tells whoever runs this program how far it has come: a number from 0 to 1, and a few words."""
    fraction = float(fraction)
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"progress takes a number from 0 to 1, not {fraction!r}")
    message = str(message)
    if _progress is not None:
        _progress(fraction, message)


def rolling_mean(values, window):
    """The arithmetic mean of the last `window` values."""
    return _rolling("rolling-mean", values, window, _mean)


def rolling_std(values, window):
    """The sample standard deviation (divisor `window - 1`) of the last `window` values; `window` is at least 2."""
    return _rolling("rolling-std", values, window, _std, 2)


def rolling_min(values, window):
    """The least of the last `window` values."""
    return _rolling("rolling-min", values, window, _least)


def rolling_max(values, window):
    """The greatest of the last `window` values."""
    return _rolling("rolling-max", values, window, _greatest)


def ema(values, span):
    """The exponential moving average with weight `2 / (span + 1)` for the newest value. It starts with the first
    finite value; a value that is not finite gives NaN and leaves the average as it was."""
    return _rolling("ema", values, span, _ema)


def returns(values):
    """The simple return on the value before: `values[i] / values[i - 1] - 1`. The first is NaN, and so is each that is
    not finite."""
    return _call("returns", 0, _column(values), None, lambda column, _, __: _returns(column))


def crossings(first, second):
    """1 where `first` rises above `second`, -1 where it falls below, else 0. It crosses at `i` when it was not beyond at
    `i - 1` and is beyond at `i`; beside a place without a value there is no crossing."""
    first, second = _column(first), _column(second)
    if len(first) != len(second):
        raise ValueError(f"crossings takes two series of one length, not of {len(first)} and {len(second)}")
    return _call("crossings", 0, first, second, lambda a, _, b: _crossings(a, b))


def _rolling(name, values, window, reference, least=1):
    if type(window) is not int:
        raise TypeError(f"a window is a whole number, not {type(window).__name__}")
    if window < least:
        raise ValueError(f"a window is at least {least} for this indicator, not {window}")
    column = _column(values)
    # A longer window gives NaN everywhere, as this one does.
    window = min(window, len(column) + 1) if name != "ema" else min(window, 1 << 31)
    return _call(name, max(window, least), column, None, lambda column, window, _: reference(column, window))


def _column(values):
    if isinstance(values, array) and values.typecode == "d":
        return values
    return array("d", values)


def _call(name, window, first, second, reference):
    if _compute is None or len(first) > _MOST:
        return reference(first, window, second)
    answer = array("d")
    answer.frombytes(_compute(name, window, first.tobytes(), b"" if second is None else second.tobytes()))
    return answer


def _finite(value):
    return value - value == 0.0


def _mean(column, window):
    out = array("d", [_NAN]) * len(column)
    total, run, fresh = 0.0, 0, 0
    for i, value in enumerate(column):
        if not _finite(value):
            run = 0
            continue
        run += 1
        if run < window:
            continue
        # A running sum gathers rounding errors; it is summed anew once a window.
        if run == window or fresh == window:
            total = 0.0
            for j in range(i - window + 1, i + 1):
                total += column[j]
            fresh = 0
        else:
            total += value - column[i - window]
        fresh += 1
        out[i] = total / window
    return out


def _std(column, window):
    out = array("d", [_NAN]) * len(column)
    mean, squares, run, fresh = 0.0, 0.0, 0, 0
    for i, value in enumerate(column):
        if not _finite(value):
            run = 0
            continue
        run += 1
        if run < window:
            continue
        if run == window or fresh == window:
            total = 0.0
            for j in range(i - window + 1, i + 1):
                total += column[j]
            mean = total / window
            squares = 0.0
            for j in range(i - window + 1, i + 1):
                apart = column[j] - mean
                squares += apart * apart
            fresh = 0
        else:
            # Welford's update for one value that comes and one that goes.
            gone = column[i - window]
            before = mean
            mean += (value - gone) / window
            squares += (value - gone) * (value - mean + gone - before)
        fresh += 1
        out[i] = sqrt(squares / (window - 1)) if squares > 0.0 else 0.0
    return out


def _least(column, window):
    return _extreme(column, window, lambda new, old: new <= old)


def _greatest(column, window):
    return _extreme(column, window, lambda new, old: new >= old)


def _extreme(column, window, beats):
    out = array("d", [_NAN]) * len(column)
    # Places of candidates: each is beaten by none that came after it. `head` is the first that still counts.
    places, head, run = [], 0, 0
    for i, value in enumerate(column):
        if not _finite(value):
            run, places, head = 0, [], 0
            continue
        run += 1
        while len(places) > head and beats(value, column[places[-1]]):
            places.pop()
        places.append(i)
        if places[head] <= i - window:
            head += 1
        if run >= window:
            out[i] = column[places[head]]
    return out


def _ema(column, span):
    out = array("d", [_NAN]) * len(column)
    weight = 2.0 / (span + 1.0)
    average, started = 0.0, False
    for i, value in enumerate(column):
        if not _finite(value):
            continue
        average = average + weight * (value - average) if started else value
        started = True
        out[i] = average
    return out


def _returns(column):
    out = array("d", [_NAN]) * len(column)
    for i in range(1, len(column)):
        before = column[i - 1]
        if before != 0.0:
            change = column[i] / before - 1.0
            if _finite(change):
                out[i] = change
    return out


def _crossings(first, second):
    out = array("d", [0.0]) * len(first)
    for i in range(1, len(first)):
        before = first[i - 1] - second[i - 1]
        now = first[i] - second[i]
        if before <= 0.0 < now:
            out[i] = 1.0
        elif now < 0.0 <= before:
            out[i] = -1.0
    return out
