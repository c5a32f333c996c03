"""The check from text to answer."""

import ast
import json

from .settings import DEFAULT, rules_of
from .text import check_text
from .walk import Walk


def check(source, rules=DEFAULT):
    """Every rule that the text breaks: a list of `(code, line, column, end line, end column, message)` in the order of
    the text. Lines and columns count characters from 1; the end lies behind the last character. Never raises."""
    found = check_text(source, rules)
    if found:
        return found
    try:
        tree = compile(source, "<program>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        return [("CD007", max(line, 1), max(column, 1), max(line, 1), max(column, 1) + 1, "no valid Python")]
    except (RecursionError, MemoryError):
        return [("CD005", 1, 1, 1, 1, "the program nests deeper than this interpreter reads")]
    except ValueError:
        # An identifier that turns into `None`, `True` or `False`.
        return [("CD204", 1, 1, 1, 1, "an identifier is a keyword in other letters")]
    return Walk(source, rules).run(tree)


def answer(source, policy):
    """The same for a runner: None when nothing is wrong, else JSON for the host."""
    chosen = rules_of(policy)
    found = check(source, chosen)
    if not found:
        return None
    kept = found[: chosen.violations]
    return json.dumps({"violations": kept, "omitted": len(found) - len(kept)})
