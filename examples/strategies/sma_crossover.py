"""Hold the index while its fast moving average lies above its slow one."""
from itertools import accumulate

close = data["close"]
fast, slow = params["fast"], params["slow"]

# sums[t] is the sum of the first t prices, so the sum of any window is one subtraction.
sums = [0.0, *accumulate(close)]
windows = zip(sums[slow:], sums[slow - fast :], sums)

# No position until the slow average exists.
result = [0] * (slow - 1) + [1 if (end - f) * slow > (end - s) * fast else 0 for end, f, s in windows]
