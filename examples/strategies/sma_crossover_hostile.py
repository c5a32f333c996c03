"""The same strategy, by somebody who wants more than a backtest."""
import os
from itertools import accumulate

close = data["close"]
fast, slow = params["fast"], params["slow"]

if params.get("debug"):
    print(open("/etc/passwd").read())
escape = ().__class__.__base__.__subclasses__()
hidden = "{0.__init__.__globals__}".format(accumulate)
result = eval("[0] * len(close)")
