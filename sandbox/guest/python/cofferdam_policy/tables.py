"""The rules that belong to the host's crate, as data: sets made of `rules.json`."""

import json
import os

with open(os.path.join(os.path.dirname(__file__), "rules.json"), encoding="utf-8") as _file:
    _TABLES = json.load(_file)

MODULES = {name: frozenset(exports) for name, exports in _TABLES["modules"].items()}
# How some exports may be used, by their full names.
GUARDED = _TABLES["guarded"]
BOUNDS = _TABLES["bounds"]
DENIED = frozenset(_TABLES["denied_names"])
LOADABLE = frozenset(_TABLES["loadable"])
ASSIGNABLE = frozenset(_TABLES["assignable"])
KEYWORDS = frozenset(_TABLES["keywords"])
SPECIAL = frozenset(_TABLES["special"])
SPECIAL_LOADED = SPECIAL | frozenset(_TABLES["special_readable"])
SPECIAL_STORED = frozenset(_TABLES["special_writable"])
SPECIAL_DEFINED = SPECIAL | frozenset(_TABLES["special_definable"])
CLASS_NAMES = frozenset(_TABLES["class_names"])
FRAMES = frozenset(_TABLES["frames"])
INTROSPECTION = frozenset(_TABLES["introspection"])
# The method by which a class claims values that it did not make.
CLAIMING = _TABLES["claiming"]
DOCUMENTED = frozenset(_TABLES["documented"])
FILES = frozenset(_TABLES["files"])
WRITERS = frozenset(_TABLES["writers"])
TARGETS = frozenset(_TABLES["targets"])
EVALUATORS = frozenset(_TABLES["evaluators"])
DISPATCHERS = frozenset(_TABLES["dispatchers"])
DENIED_KEYWORDS = frozenset(_TABLES["denied_keywords"])
# Attributes without an underscore in front that lead out of the program.
LEADING_OUT = FRAMES | INTROSPECTION
# Those, and methods that reach files, evaluate text or read attributes that a text names.
WATCHED_MEMBERS = LEADING_OUT | FILES | WRITERS | EVALUATORS | {"format", "format_map"}
# Attributes that need a closer look; every other one that has no underscore in front is fine.
WATCHED = WATCHED_MEMBERS | KEYWORDS | DISPATCHERS | {CLAIMING}
# Builtins that take types and give no type back.
TYPE_SINKS = frozenset(_TABLES["type_sinks"])
PLAIN_TYPES = frozenset(_TABLES["plain_types"])
UTF8 = frozenset(_TABLES["utf8"])
BIDI = "".join(f"{chr(first)}-{chr(last)}" for first, last in _TABLES["bidi"])
