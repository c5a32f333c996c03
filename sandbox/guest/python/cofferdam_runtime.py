"""What a program meets in any backend: its streams, its builtins, its event loop, its faults and its result.

A backend's runner imports this module once, before any program exists, calls `settle` when everything else is
imported, and then gives each program to a `Program` of its own.

The runtime is a convenience, not a wall. It gives programs clear errors and a clean namespace, and the same ones in
every backend; what keeps them from doing harm is what the backend puts around the interpreter.
"""

import array
import asyncio
import builtins
import gc
import importlib
import json
import random
import selectors
import sys
import types
import warnings

# Loaded lazily by the standard library in the middle of ordinary calls (`strptime`, printing of decimals, copying of
# odd types, tracebacks of groups), where it would be too late.
import _strptime  # noqa: F401
import copyreg  # noqa: F401
import locale  # noqa: F401
import traceback  # noqa: F401
import weakref  # noqa: F401
from _random import Random as _Random

import cofferdam_policy

FILE = "<program>"

_seed = _Random.seed

# A message is shown to people and stored in every record of a failure.
MESSAGE_LIMIT = 4096
# The innermost and outermost frames of a traceback say what happened; a thousand equal ones of a recursion do not.
FRAMES_SHOWN_EACH_END = 8

# What a program may import; `settle` fills it.
_allowed = frozenset()


class _Channel:
    """A text stream that ends in the host. Whole lines are passed on at once, so that what a program printed before
    it was killed is not lost."""

    encoding = "utf-8"
    errors = "backslashreplace"
    closed = False

    def __init__(self, send):
        self._send = send
        self._parts = []

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        self._parts.append(text)
        if "\n" in text or len(self._parts) > 256:
            self.flush()
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        if self._parts:
            text = "".join(self._parts)
            self._parts.clear()
            self._send(text.encode("utf-8", "backslashreplace"))

    def isatty(self):
        return False

    def readable(self):
        return False

    def writable(self):
        return True


class _Selector(selectors.BaseSelector):
    """Waits for nothing: there are no files. Sleeping moves the loop's own clock."""

    def __init__(self):
        self.now = 0.0

    def register(self, fileobj, events, data=None):
        raise OSError("there are no files and no sockets in the sandbox")

    def unregister(self, fileobj):
        raise KeyError(fileobj)

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("every task of the event loop waits and nothing can wake it")
        self.now += max(timeout, 0.0)
        return []

    def get_map(self):
        return {}

    def close(self):
        pass


class _Loop(asyncio.BaseEventLoop):
    """An event loop on virtual time: `asyncio.sleep(60)` orders tasks and takes no time."""

    def __init__(self):
        super().__init__()
        self._selector = _Selector()
        self._clock_resolution = 1e-9

    def time(self):
        return self._selector.now

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    async def shutdown_default_executor(self, timeout=None):
        pass

    def run_in_executor(self, executor, func, *args):
        raise RuntimeError("there are no threads in the sandbox")


# Python 3.14 took away the public names of what it still uses.
_events = asyncio.events
_PolicyBase = getattr(_events, "_AbstractEventLoopPolicy", None) or _events.AbstractEventLoopPolicy
_set_policy = getattr(_events, "_set_event_loop_policy", None) or _events.set_event_loop_policy


class _Policy(_PolicyBase):
    def __init__(self):
        self._loop = None

    def get_event_loop(self):
        if self._loop is None:
            raise RuntimeError("there is no current event loop")
        return self._loop

    def set_event_loop(self, loop):
        self._loop = loop

    def new_event_loop(self):
        return _Loop()


def _import(name, globals=None, locals=None, fromlist=(), level=0):
    """`import` as programs see it: what the policy's standard modules offer, and nothing else."""
    if level:
        raise ImportError("a program is one module, so it has no relative imports")
    # Functions in C (numpy's, `strptime`) import their helpers in the name of whoever called them, and then hand over a
    # list, which no import statement does.
    if name not in _allowed and type(fromlist) is not list:
        raise ModuleNotFoundError(f"no module named {name!r} in the sandbox", name=name)
    return builtins.__import__(name, globals, locals, fromlist, 0)


def _refuse(what, why):
    def refused(*args, **kwargs):
        raise PermissionError(f"{what}() does not work in the sandbox: {why}")

    refused.__name__ = refused.__qualname__ = what
    return refused


def _user_builtins():
    names = dict(vars(builtins))
    # Added by `site` for interactive use.
    for name in ("copyright", "credits", "exit", "help", "license", "quit"):
        names.pop(name, None)
    names["__import__"] = _import
    names["open"] = _refuse("open", "there are no files; data arrives in `data` and `params`")
    names["input"] = _refuse("input", "there is nobody to ask; values arrive in `params`")
    names["breakpoint"] = _refuse("breakpoint", "there is no debugger; print() reaches stdout")
    return names


_BUILTINS = _user_builtins()

# The parts of `json` that do the work, without the layers of Python above them: a call is short, and each function
# that it runs through touches memory of its own.
_scan = json.JSONDecoder().scan_once
_make_encoder = json.encoder.c_make_encoder
_quote = json.encoder.c_encode_basestring_ascii


class _Refused(Exception):
    """The policy refuses the program, read with this interpreter's own parser; holds its answer."""


class _Failure(Exception):
    """A fault of the program that Python itself would not raise."""

    def __init__(self, kind, message):
        self.kind = kind
        self.message = message


def _class_name(error):
    return type.__dict__["__name__"].__get__(type(error))


def _message(error):
    # `str` of an exception runs the program's code, which may do anything, even leave.
    try:
        text = str(error)
        if type(text) is not str:
            text = str.__str__(text)
    except BaseException:
        return "(the exception has no readable message)"
    return text[:MESSAGE_LIMIT]


def _frames(error, source):
    """The traceback's lines that lie in the program, and the number of the innermost one."""
    lines = source.splitlines()
    frames = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename == FILE:
            frames.append((step.tb_lineno, code.co_name))
        step = step.tb_next
    shown = []
    for index, (number, function) in enumerate(frames):
        if FRAMES_SHOWN_EACH_END <= index < len(frames) - FRAMES_SHOWN_EACH_END:
            if index == FRAMES_SHOWN_EACH_END:
                shown.append(f"  ... {len(frames) - 2 * FRAMES_SHOWN_EACH_END} more frames ...")
            continue
        shown.append(f'  File "{FILE}", line {number}, in {function}')
        if number is not None and 0 < number <= len(lines):
            shown.append("    " + lines[number - 1].strip()[:200])
    return shown, (frames[-1][0] if frames else None)


def _fault(error, source):
    if isinstance(error, _Failure):
        return {"kind": error.kind, "message": error.message}
    if isinstance(error, _Refused):
        return {"kind": "rejected", "message": error.args[0]}
    if isinstance(error, MemoryError):
        return {"kind": "memory", "message": "the program asked for more memory than it may have"}
    name = _class_name(error)
    if isinstance(error, SystemExit):
        return {"kind": "exit", "message": "the program ended itself with SystemExit before it gave a result"}
    message = _message(error)
    if isinstance(error, OverflowError) and "index-sized integer" in message:
        # A size beyond the address space, which has 32 bits here.
        return {"kind": "memory", "message": "the program asked for more memory than it may have"}
    if isinstance(error, SyntaxError) and error.filename == FILE:
        where = error.lineno if type(error.lineno) is int else None
        return {"kind": "syntax", "type": name, "message": message, "line": where}
    frames, line = _frames(error, source)
    last = f"{name}: {message}" if message else name
    text = "\n".join(["Traceback (most recent call last):", *frames, last]) if frames else last
    return {"kind": "exception", "type": name, "message": message, "traceback": text, "line": line}


def _plain(value):
    """What JSON has no word for but everybody means: buffers and the like become lists."""
    if isinstance(value, (array.array, memoryview)):
        return value.tolist()
    if isinstance(value, range):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise _Failure(
        "result",
        f"the result holds a value of type {_class_name(value)!r}; "
        "use numbers, strings, booleans, None, lists and dictionaries",
    )


def _find_non_finite(value):
    """Where in the result the first NaN or infinity stands, as a Python expression."""
    pending = [("result", value)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, float) and item - item != 0.0:
            return f"{path} is {float.__repr__(item)}"
        if isinstance(item, dict):
            pending.extend((f"{path}[{key!r}]", item[key]) for key in reversed(list(item)))
        elif isinstance(item, (list, tuple, array.array)):
            pending.extend((f"{path}[{i}]", item[i]) for i in range(len(item) - 1, -1, -1))
    return "the result holds NaN or infinity"


def _encode(value):
    try:
        encode = _make_encoder({}, _plain, _quote, None, ":", ",", False, False, False)
        text = "".join(encode(value, 0))
    except _Failure:
        raise
    except ValueError as error:
        if "circular" in _message(error).lower():
            raise _Failure("result", "the result contains itself; return plain values") from None
        where = _find_non_finite(value)[:MESSAGE_LIMIT]
        raise _Failure("result", f"{where}; JSON has only finite numbers, so return None where there is no value") from None
    except RecursionError:
        raise _Failure("result", "the result is nested too deeply; return flat lists and dictionaries") from None
    except TypeError as error:
        raise _Failure("result", f"the result cannot be written as JSON: {_message(error)}") from None
    return text.encode("utf-8", "backslashreplace")


class Program:
    """A program, compiled once and run by each call in a fresh namespace."""

    def __init__(self, source, entry):
        self.source = source
        self.entry = entry
        self.code = compile(source, FILE, "exec", dont_inherit=True)

    def run(self, params, series, seed):
        # `random.seed`, without its conversions of what is no number.
        _seed(random._inst, seed)
        random._inst.gauss_next = None
        data = {}
        for name, values in series:
            column = array.array("d")
            column.frombytes(values)
            data[name] = column
        module = types.ModuleType("__main__")
        names = vars(module)
        names["__builtins__"] = _BUILTINS.copy()
        names["data"] = data
        names["params"] = params = _scan(params, 0)[0]
        # Classes of the program look themselves up here (dataclasses, enum, typing).
        sys.modules["__main__"] = module
        exec(self.code, names)
        if self.entry is not None:
            function = names.get(self.entry)
            if function is None:
                raise _Failure("no-result", f"the program defines no function `{self.entry}`")
            return _encode(function(data, params))
        if "result" not in names:
            raise _Failure("no-result", "the program ended without setting `result`")
        return _encode(names["result"])


def load(source, entry, policy):
    """A program, once the policy has seen the tree that this interpreter makes of it. Without a policy (`None`) it is
    not asked: the program came unchecked, or the host remembers the answer."""
    # What is no Python to this interpreter is that before it is anything else.
    program = Program(source, entry)
    if policy is not None:
        refusal = cofferdam_policy.answer(source, policy)
        if refusal is not None:
            raise _Refused(refusal)
    return program


def guarded(work, source):
    """Runs `work`. Answers `(True, what it returned)`, or `(False, the fault as JSON)` for whatever it raised: nothing
    that a program raises may pass."""
    try:
        return True, work()
    except BaseException as error:
        try:
            fault = _fault(error, source)
        except BaseException:
            fault = {"kind": "exception", "message": "the program failed, and its exception could not be read"}
        # The frames of the traceback hold the program's data.
        error.__traceback__ = None
    return False, json.dumps(fault).encode("utf-8", "backslashreplace")


def settle(modules, stdout, stderr):
    """Leaves the interpreter as every job shall find it. `modules` is what programs may import; `stdout` and `stderr`
    take bytes of text."""
    global _allowed
    for name in modules:
        importlib.import_module(name)
    _allowed = frozenset(modules)
    sys.stdin = sys.__stdin__ = None
    sys.stdout = sys.__stdout__ = _Channel(stdout)
    sys.stderr = sys.__stderr__ = _Channel(stderr)
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    _set_policy(_Policy())
    # First use fills caches that every job would otherwise fill again.
    sample = "result = {'a': [1.5, None, True]}"
    guarded(lambda: load(sample, None, "{}").run('{"a": [1.5, null, true]}', [], 0), sample)
    gc.collect()
    # What exists now is never garbage: the collector need not walk it (nor dirty its memory) in any job.
    gc.freeze()
