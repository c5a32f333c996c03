"""The runner in a container: one interpreter, one program, many calls.

It is the only program in the image. It takes requests on its stdin and answers on its stdout, as frames, and nothing
else may come or go there: before a program is loaded, the channel is moved to descriptors of its own, and 0, 1 and 2
lead nowhere that matters. See README.md for the frames.

A program shares this process. It can find the channel and write frames of its own, which is to say: it can choose its
own result, as every program can. What it can do to the host is decided there, not here.
"""

import json
import os
import random
import resource
import struct
import sys
import threading

PROTOCOL = 1

# What the host sends.
HELLO, LOAD, CALL = 0, 1, 2
# What the host is sent.
READY, LOADED, FAULT, RESULT, STDOUT, STDERR, PROGRESS, USAGE, TOO_SMALL = range(9)

# What the kernel's and the init process's share of the container's memory may be.
RESERVE = 8 << 20

# Bytes of a word of progress, which is a line on a screen; the host takes no longer one for ours.
MOST_WORDS = 1 << 10


class Channel:
    """Frames to and from the host. Every frame that leaves begins with the nonce that the host sent first."""

    def __init__(self):
        self._requests = os.dup(0)
        self._answers = os.dup(1)
        nothing = os.open("/dev/null", os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        # What a program writes to 1 past Python counts as noise, which the host bounds and drops.
        os.dup2(2, 1)
        self._nonce = b""
        # A program may have threads.
        self._lock = threading.Lock()

    def take(self):
        """The next frame; `None` for its content when that does not fit into memory. Ends the process when there is no
        host any more."""
        kind, length = struct.unpack("<BQ", self._read(bytearray(9)))
        try:
            content = bytearray(length)
        except MemoryError:
            scrap = bytearray(1 << 16)
            while length:
                length -= len(self._read(memoryview(scrap)[: min(length, len(scrap))]))
            return kind, None
        return kind, self._read(content)

    def greet(self, nonce):
        self._nonce = bytes(nonce)

    def send(self, kind, payload=b""):
        with self._lock:
            self._write(self._nonce + struct.pack("<BQ", kind, len(payload)))
            self._write(payload)

    def _read(self, room):
        """Fills the buffer and answers it."""
        view, filled = memoryview(room), 0
        while filled < len(view):
            count = os.readv(self._requests, [view[filled:]])
            if count == 0:
                os._exit(0)
            filled += count
        return room

    def _write(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self._answers, view) :]


def _modules():
    """What programs may import: the standard modules of every backend, and this image's own."""
    here = os.path.dirname(os.path.abspath(__file__))
    names = []
    for file in ("standard.txt", "modules.txt"):
        with open(os.path.join(here, file), encoding="ascii") as lines:
            names += lines.read().split()
    return names


def _status(field):
    """A line of /proc/self/status, in bytes."""
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1]) << 10
    return 0


def _bound_memory(limit):
    """Has Python raise MemoryError before the kernel ends the container. Answers how many bytes are missing, if the
    interpreter itself holds too much already."""
    # Code and read-only data count in the container, and not as data.
    data = limit - _status("RssFile") - RESERVE
    missing = _status("VmData") + RESERVE - data
    if missing > 0:
        return missing
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    return 0


def _parts(frame):
    """A call's seed, params and series."""
    view = memoryview(frame)
    seed, length = struct.unpack_from("<QQ", view)
    params, place = str(view[16 : 16 + length], "utf-8"), 16 + length
    series = []
    while place < len(view):
        name_length, length = struct.unpack_from("<QQ", view, place)
        place += 16
        name = str(view[place : place + name_length], "utf-8")
        place += name_length
        series.append((name, view[place : place + length]))
        place += length
    return params, series, seed


def _processor_time():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


class Runner:
    """Answers requests until the host goes."""

    def __init__(self, channel, runtime, seed_arrays):
        self._channel = channel
        self._runtime = runtime
        self._seed_arrays = seed_arrays
        self._program = None

    def serve(self):
        while True:
            kind, frame = self._channel.take()
            before = _processor_time()
            answer, content = self._load(frame) if kind == LOAD else self._call(frame)
            del frame
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
            self._channel.send(USAGE, struct.pack("<QQ", _processor_time() - before, peak))
            self._channel.send(answer, content)

    def _load(self, frame):
        request = json.loads(frame)
        missing = _bound_memory(request["memory"])
        if missing:
            return TOO_SMALL, struct.pack("<Q", missing)
        source = request["source"]
        entry, policy = request["entry"], request["policy"]
        fine, made = self._runtime.guarded(lambda: self._runtime.load(source, entry, policy), source)
        if not fine:
            return FAULT, made
        self._program = made
        return LOADED, b""

    def _call(self, frame):
        fine, made = self._runtime.guarded(lambda: self._run(frame), self._program.source)
        # A program may have put anything in the place of its streams.
        self._runtime.guarded(lambda: sys.stdout.flush(), "")
        self._runtime.guarded(lambda: sys.stderr.flush(), "")
        return (RESULT if fine else FAULT), made

    def _run(self, frame):
        if frame is None:
            raise MemoryError
        params, series, seed = _parts(frame)
        self._seed_arrays(seed)
        return self._program.run(params, series, seed)


def main():
    channel = Channel()
    kind, nonce = channel.take()
    if kind != HELLO:
        sys.exit("the host did not greet")
    channel.greet(nonce)

    import cofferdam
    import cofferdam_runtime as runtime
    import numpy

    from confine import confine

    def seed_arrays(seed):
        numpy.random.seed([seed & 0xFFFFFFFF, seed >> 32])

    def progress(fraction, message):
        words = message.encode("utf-8", "backslashreplace")[:MOST_WORDS]
        channel.send(PROGRESS, struct.pack("<d", fraction) + words)

    cofferdam._connect(progress=progress)
    runtime.settle(
        _modules(),
        lambda text: channel.send(STDOUT, text),
        lambda text: channel.send(STDERR, text),
    )
    seed_arrays(0)
    random.seed(0)
    # Nothing of how the container was started is left to read.
    os.environ.clear()
    confine()
    channel.send(READY, json.dumps({"protocol": PROTOCOL}).encode())
    Runner(channel, runtime, seed_arrays).serve()


if __name__ == "__main__":
    main()
