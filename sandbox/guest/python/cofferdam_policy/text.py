"""What can be told from the text alone, before anything reads it as Python."""

import re

from .tables import BIDI, UTF8
from .words import shown

_CHARACTERS = re.compile(f"(?P<control>[\x00-\x08\x0b\x0e-\x1f\x7f]|\r(?!\n))|[{BIDI}]")
_COOKIE = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)


def check_text(source, rules):
    """What can be told without reading the text as Python."""
    size = len(source) if source.isascii() else len(source.encode("utf-8", "surrogatepass"))
    if size > rules.source_bytes:
        return [("CD001", 1, 1, 1, 1, f"the program has {size} bytes, the limit is {rules.source_bytes}")]
    found = []
    for match in _CHARACTERS.finditer(source):
        start = match.start()
        line, column = source.count("\n", 0, start) + 1, start - source.rfind("\n", 0, start)
        code, kind = ("CD002", "control") if match["control"] else ("CD003", "direction-changing")
        found.append((code, line, column, line, column + 1, f"{kind} character U+{ord(match[0]):04X} in the program"))
        if len(found) > rules.violations:
            break
    for at, line in enumerate(source.split("\n", 2)[:2], 1):
        match = _COOKIE.match(line)
        if match and match[1].lower().replace("_", "-") not in UTF8:
            place = (at, match.start(1) + 1, at, match.end(1) + 1)
            found.append(("CD004", *place, f"the program declares the encoding `{shown(match[1])}`"))
    found.sort(key=lambda violation: violation[1:3])
    return found
