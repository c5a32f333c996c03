"""The policy once more, over the syntax tree that this interpreter itself will run.

The host checked the text with a parser of its own before it came here. Two parsers never read every text alike, and
what the first one misread would pass. So the same rules, from the same tables (`rules.json`, which the host's build
compares with its own), are applied to the tree of CPython.

How it differs from the host's check, on purpose:

- It is handed a text that the host bounded, so it does not count nodes or depth itself. A tree that CPython cannot
  build for want of stack is refused.
- Kinds of syntax that are newer than this package are refused by an allow-list of node classes and of their fields.
  Grammar that only the host's parser cannot read is no reason to refuse.
- Where both read the same tree it refuses nothing that the host accepts.

It must stay free of recursion (a tree may be a thousand levels deep) and of imports that a program could change: it
runs before the program does, and every module of it is imported before any program exists. It is no wall; what holds
the program is what the backend puts around the interpreter.

The modules are named after those of the host's check (`sandbox/src/policy`), and a rule stands in both under the same
name.
"""

from .check import answer, check

__all__ = ["answer", "check"]
