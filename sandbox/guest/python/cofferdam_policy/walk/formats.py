"""The attributes that `str.format` reads because a replacement field in a text names them."""

import re
from unicodedata import normalize

from ..tables import LEADING_OUT, SPECIAL_LOADED
from ..words import is_special, shown

_BRACE = re.compile("[{}]")
_PATH_END = re.compile(r"[.\[{}!:]")


class Formats:
    """Replacement fields of a literal."""

    def format_fields(self, node, text):
        for name in _field_attributes(text):
            name = normalize("NFKC", name)
            hidden = name.startswith("_") or name in LEADING_OUT
            if hidden and not (is_special(name) and name in SPECIAL_LOADED):
                self.refuse("CD401", node.value, f"a replacement field reads attribute `{shown(name)}`")


def _field_attributes(text):
    """The attribute names in all replacement fields of `str.format`, also those nested in specifications."""
    found, depth, at = [], 0, 0
    while True:
        brace = _BRACE.search(text, at)
        if brace is None:
            return found
        at = brace.end()
        if depth == 0 and text.startswith(brace[0], at):
            at += 1
        elif brace[0] == "}":
            depth = max(depth - 1, 0)
        else:
            depth += 1
            is_attribute = False
            while True:
                end = _PATH_END.search(text, at)
                stop = len(text) if end is None else end.start()
                if is_attribute:
                    found.append(text[at:stop])
                at = stop
                if end is None or end[0] not in ".[":
                    break
                is_attribute = end[0] == "."
                if is_attribute:
                    at = end.end()
                else:
                    close = text.find("]", end.end())
                    at = len(text) if close < 0 else close + 1
