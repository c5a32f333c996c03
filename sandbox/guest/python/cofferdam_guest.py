"""The runner in the WebAssembly guest.

It is imported once, when the component is built; the interpreter is then frozen in the state that this module left
behind, and every job starts from that state. So whatever a program may import is imported here.
"""

import importlib
import sys

from componentize_py_types import Err
from wit_world import WitWorld as _World
from wit_world.imports import host

import cofferdam
import cofferdam_modules
import cofferdam_runtime as runtime

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
