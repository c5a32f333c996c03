"""The runner in the WebAssembly guest.

It is imported once, when the component is built; the interpreter is then frozen in the state that this module left
behind, and every job starts from that state. So whatever a program may import is imported here.
"""

import importlib
import random
import sys

from componentize_py_types import Err
from wit_world import WitWorld as _World
from wit_world.imports import host

import cofferdam
import cofferdam_image
import cofferdam_modules
import cofferdam_policy  # noqa: F401

# What every job runs is made after all else, and lies together.
for _name in cofferdam_modules.MODULES:
    importlib.import_module(_name)
cofferdam_image.close_gaps()

import cofferdam_runtime as runtime  # noqa: E402

_program = None


class WitWorld(_World):
    def load(self, source, entry, policy):
        global _program
        fine, made = runtime.guarded(lambda: runtime.load(source, entry, policy), source)
        if not fine:
            raise Err(made)
        _program = made

    def call(self, params, series, seed):
        try:
            fine, answer = runtime.guarded(lambda: _program.run(params, series, seed), _program.source)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        if not fine:
            raise Err(answer)
        return answer


def _close_files():
    """What is not built in or already loaded does not exist, and looking for it must not touch a file system."""
    sys.path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not importlib.machinery.PathFinder]


_indicators = {
    "rolling-mean": host.Indicator.ROLLING_MEAN,
    "rolling-std": host.Indicator.ROLLING_STD,
    "rolling-min": host.Indicator.ROLLING_MIN,
    "rolling-max": host.Indicator.ROLLING_MAX,
    "ema": host.Indicator.EMA,
    "returns": host.Indicator.RETURNS,
    "crossings": host.Indicator.CROSSINGS,
}

cofferdam._connect(
    progress=lambda fraction, message: host.progress(fraction, message.encode("utf-8", "backslashreplace")),
    compute=lambda name, window, first, second: host.compute(_indicators[name], window, first, second),
)
runtime.settle(
    cofferdam_modules.MODULES,
    lambda text: host.write(host.Channel.STDOUT, text),
    lambda text: host.write(host.Channel.STDERR, text),
)
_close_files()

_SAMPLE = """
import math
from dataclasses import dataclass

@dataclass
class Window:
    size: int = 5

    def mean(self, values):
        return sum(values[-self.size:]) / self.size

def signal(close, *, window=None):
    '''What a strategy looks like.'''
    window = window or Window()
    averages = [window.mean(close[:i]) if i >= window.size else None for i in range(len(close))]
    total, count = 0.0, 0
    for day, (price, average) in enumerate(zip(close, averages)):
        if average is None or not math.isfinite(average):
            continue
        try:
            total += price / average - 1.0
            count += 1
        except ZeroDivisionError as error:
            print(f"{day}: {error!r}")
    while count > 1_000_000:
        count //= 2
    return {"mean": total / max(count, 1), "days": count}

result = signal([float(i % 7) + 1.0 for i in range(20)], window=Window(**params))
"""


def _seed(*_):
    """componentize-py seeds `random` before the first call, which costs; each run seeds it with the host's number."""
    random.seed = random._inst.seed


def _rehearse(source, params, policy):
    """What every job does."""
    global _program
    world = WitWorld()
    world.load(source, None, policy)
    world.call(params, [], 0)
    _program = None


# What runs often finds its caches filled; then the small program that every job begins with, so that they are filled
# with that.
for _ in range(30):
    _rehearse(_SAMPLE, '{"size": 3}', "{}")
for _ in range(100):
    _rehearse("result = None", "{}", None)
random.seed = _seed
cofferdam_image.seal()
