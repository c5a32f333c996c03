"""Lays out the memory that is frozen into the component, so that a job writes to few pages of it.

All interpreters share the pages of the image; the first write to a page makes a copy of it. Two things write all over
the heap although a program has done next to nothing:

- An allocator hands out what was freed before anything new, and what was freed while modules were imported lies
  scattered. So every gap is filled before the interpreter is frozen (`close_gaps`): what a job allocates comes in one
  piece, from memory that nothing has used.
- To use an object is to count a reference in it. So whatever there is in the end is kept for ever, and listed for the
  linker, which gives it the count of an object that is not counted (`seal`, and `build/link/image.rs`).

This is about speed alone: no answer depends on how well it works. The host's tests count the pages.
"""

import array
import gc
import sys
import types
import weakref

# Stands before the list of what is kept, with every bit turned, so that it stands nowhere else.
_MARK = b"cofferdam: what stands in this list lives for ever!!"

# What a code object holds and the collector does not see.
_IN_CODE = ("co_consts", "co_names", "co_linetable", "co_exceptiontable", "co_filename", "co_name", "co_qualname")

# The allocator, which is the C library's, deals in multiples of so many bytes.
_STEP = 16
# Gaps up to this size are filled by blocks of just their size, larger ones to seven eighths and then the rest.
_EXACT = 1024
# Memory that stays free in one piece: more than a small program takes.
_ROOM = 1 << 20
# What an object of type `bytes` takes beside its bytes.
_HEADER = sys.getsizeof(b"")

# As long as it will ever be: a list that grows leaves gaps itself.
_fillers = [None] * (1 << 15)
_filled = 0
_kept = []


def close_gaps():
    """Fills what was freed, so that whatever is made from now on lies together."""
    gc.collect()
    top = bytes(_ROOM)
    # Above this lies what was never used.
    mark = id(top)
    del top
    size = _ROOM
    while size > 0:
        _fill(size, mark)
        size -= _STEP if size <= _EXACT else size // 8 // _STEP * _STEP


def _fill(size, mark):
    """Allocates blocks of this many bytes until one lies above the mark."""
    global _filled
    length = size - _HEADER
    while True:
        block = bytes(length) if length >= 0 else object()
        if id(block) > mark:
            return
        _fillers[_filled] = block
        _filled += 1


def seal():
    """Keeps whatever there is for ever, and closes the last gaps. The last thing that happens before the interpreter is
    frozen, called by the module that is imported last."""
    _keep()
    close_gaps()
    gc.freeze()


def _keep():
    global _list
    found = _everything()
    del found[id(found)]
    _kept.extend(found.values())
    start = len(_MARK) // 4
    # Written in place, since what is moved leaves a copy behind.
    _list = words = array.array("I", bytes(4 * (start + 1 + len(found))))
    for at in range(start):
        words[at] = 0xFFFFFFFF - int.from_bytes(_MARK[4 * at : 4 * at + 4], "little")
    words[start] = len(found)
    for at, address in enumerate(found, start + 1):
        words[at] = address


def _everything():
    """All objects that can be reached, by their addresses."""
    found = {}
    waiting = [gc.get_objects()]
    # What is about to end would leave gaps: the frames of the modules that are being imported.
    frame = sys._getframe(3)
    while frame is not None:
        waiting.append([frame, frame.f_code])
        frame = frame.f_back
    while waiting:
        for thing in waiting.pop():
            if id(thing) in found:
                continue
            found[id(thing)] = thing
            waiting.append(gc.get_referents(thing))
            # The collector looks for cycles alone, and passes over what cannot be in one.
            if isinstance(thing, types.CodeType):
                waiting.append([getattr(thing, name) for name in _IN_CODE])
            elif isinstance(thing, dict):
                waiting.append(list(thing))
            elif isinstance(thing, type):
                waiting.append(gc.get_referents(vars(thing)))
                waiting.append([thing.__mro__, thing.__bases__, *weakref.getweakrefs(thing)])
    return found
