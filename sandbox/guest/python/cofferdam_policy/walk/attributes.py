"""Attributes, in whatever way they are used: read, assigned, deleted, or named by a pattern."""

import ast

from ..settings import HIDDEN, VALUE
from ..tables import (
    CLAIMING,
    CLASS_NAMES,
    DISPATCHERS,
    DOCUMENTED,
    EVALUATORS,
    FILES,
    FRAMES,
    GUARDED,
    INTROSPECTION,
    KEYWORDS,
    SPECIAL_LOADED,
    SPECIAL_STORED,
    TARGETS,
    WATCHED,
    WRITERS,
)
from ..words import is_mangled, is_special, shown
from .nodes import string

_HARMLESS_OF_MODULES = frozenset(("__name__", "__version__", "__doc__"))


class Attributes:
    """Chains of attributes, through modules and beyond."""

    def attribute(self, node, call=None):
        if node.ctx.__class__ is not ast.Load:
            self.modification(node)
        chain = [node]
        root = node.value
        while root.__class__ is ast.Attribute:
            chain.append(root)
            root = root.value
        if root.__class__ is ast.Name:
            self.chains.append((root, chain, call, self.scope, self.at, self.context))
            return
        self.type_or_expression(root)
        for index, link in enumerate(chain):
            name = link.attr
            if name in WATCHED or name[0] == "_":
                self.member(link, None if index else call, chain[index - 1] if index else None)

    def through_modules(self, modules, chain, scope, at):
        """Follows a chain (its last link first) through modules. Returns how many links, counted from the last, hang on
        what is no module."""
        links = len(chain)
        undone = 0
        for path in modules:
            for index in range(links - 1, -1, -1):
                link = chain[index]
                name = link.attr
                if is_special(name):
                    export = VALUE if name in _HARMLESS_OF_MODULES else HIDDEN
                else:
                    export = self.rules.export(path, name)
                if export is HIDDEN:
                    self.refuse_export(path, name, link)
                    # What hangs on a refused name needs no second complaint.
                    break
                if export is VALUE:
                    guard = GUARDED.get(f"{path}.{name}")
                    if guard is not None:
                        self.guarded_value(guard, f"{path}.{name}", link, scope, at)
                    undone = max(undone, index)
                    break
                path = f"{path}.{name}"
                if index == 0:
                    self.refuse("CD105", link, f"module `{shown(path)}` is used as a value")
        return undone

    def modification(self, target):
        """Assignments to what a module owns, through any attributes and subscripts."""
        root = target.value
        while root.__class__ is ast.Attribute or root.__class__ is ast.Subscript:
            root = root.value
        if root.__class__ is ast.Name:
            self.changed.append((target, root, self.scope, self.at))

    def member(self, link, call, above):
        """One attribute of an object that is no module. `above` is the attribute that is read of it."""
        name = link.attr
        if name == "__class__" and above is not None and above.attr in CLASS_NAMES and above.ctx.__class__ is ast.Load:
            # Gives a text, and hands the class to nobody.
            return
        loads = link.ctx.__class__ is ast.Load
        if name in KEYWORDS:
            self.lookalike(link, name)
        if not loads and name[0] == "_" and link.value.__class__ is ast.Name and link.value.id in ("self", "cls"):
            self.own.add(name)
        self.attribute_name(link, name, loads)
        if loads:
            self.attribute_read(name)
            self.method_name(link, link.value, name, call)

    def attribute_read(self, name):
        """Notes an attribute that is read, in whatever way."""
        if name in DISPATCHERS:
            self.dispatches = True
        elif name == CLAIMING:
            self.claims = True

    def method_name(self, node, owner, name, call):
        """The rules for methods, which need to know of what they are taken, where the text says so, and how they are
        used."""
        if name in FILES:
            self.refuse("CD501", node, f"`{name}` reads or writes files")
        elif name in EVALUATORS:
            self.refuse("CD502", node, f"`{name}` evaluates text as code")
        elif name in WRITERS:
            if call is None or not _has_no_target(call):
                self.refuse("CD501", node, f"`{name}` with a target writes a file")
        elif name == "format":
            text = None if owner is None else string(owner)
            if text is None:
                self.refuse("CD402", node, "`format` of a text that is no plain literal")
            else:
                self.format_fields(node, text)
        elif name == "format_map":
            self.refuse("CD402", node, "`format_map` of a text that is no plain literal")

    def attribute_name(self, node, name, loads):
        """The rules that need nothing but the attribute's name."""
        if is_special(name):
            if name not in (SPECIAL_LOADED if loads else SPECIAL_STORED):
                self.refuse("CD301", node, f"special attribute `{shown(name)}` is not allowed")
        elif name in FRAMES:
            self.refuse("CD302", node, f"attribute `{name}` belongs to frames, tracebacks and code")
        elif name in INTROSPECTION:
            self.refuse("CD306", node, f"attribute `{name}` reaches into the interpreter")
        elif name[0] == "_":
            if is_mangled(name):
                self.refuse_private(node, name)
            elif name not in DOCUMENTED and not all("0" <= digit <= "9" for digit in name[1:]):
                self.private.append((node, name))


def _has_no_target(call):
    """Whether a writer is called so that it returns its text."""

    def absent(value):
        return value.__class__ is ast.Constant and value.value is None

    if call.args and not absent(call.args[0]):
        return False
    return all(
        # `**options` could hold the target.
        keyword.arg is not None and (keyword.arg not in TARGETS or absent(keyword.value))
        for keyword in call.keywords
    )
