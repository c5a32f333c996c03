"""Which names a scope binds, so that a column called `open` is told from the builtin.

In a function a bound name is local everywhere. In a module or class body Python falls back to the builtin before the
binding and after a deletion, so a binding counts there only where it was certainly made.
"""

import ast

from ..tables import GUARDED

# What a place allows: beside `is` a module may be named. An annotation may never be evaluated, so what `:=` binds there
# does not count, but in a lambda of its own.
COMPARED, UNCERTAIN = 1, 2


class Scope:
    """A scope and what it binds. `at` is the number of the statement of the parent in which it stands."""

    __slots__ = (
        "kind",
        "parent",
        "at",
        "bound",
        "certain",
        "deleted",
        "modules",
        "imported",
        "guards",
        "globals",
        "nonlocals",
    )

    def __init__(self, kind, parent, at):
        # "module", "class", "comprehension", or "function", which lambdas and type parameters are too.
        self.kind = kind
        self.parent = parent
        self.at = at
        # By anything but an import.
        self.bound = set()
        # In a module or class: after which statement, and up to which, a name is certainly bound.
        self.certain = {}
        # Names that it may unbind again.
        self.deleted = set()
        # The dotted modules that imports bind to a name.
        self.modules = {}
        self.imported = set()
        # How imported names may be used, where that is guarded; for each name the uses of all its imports.
        self.guards = {}
        self.globals = set()
        self.nonlocals = set()


class Scopes:
    """Looks names up. For use when the walk is over, and every binding known."""

    def owner(self, name, scope, at=0):
        """The scope that a name belongs to, and the statement of its body from which it is used."""
        first = scope
        while scope is not None:
            if name in scope.globals:
                while scope.parent is not None:
                    at, scope = scope.at, scope.parent
                return (scope, at) if name in scope.bound or name in scope.imported else (None, 0)
            # The names of a class body are seen from that body alone.
            if name in scope.bound or name in scope.imported:
                if name not in scope.nonlocals and (scope.kind != "class" or scope is first):
                    return scope, at
            at, scope = scope.at, scope.parent
        return None, 0

    def is_bound(self, name, scope, at):
        """Whether the name certainly means something of the program's own there."""
        scope, at = self.owner(name, scope, at)
        if scope is None:
            return False
        if scope.kind in ("function", "comprehension"):
            return True
        return name not in scope.deleted and any(first < at <= last for first, last in scope.certain.get(name, ()))

    def modules_of(self, name, scope):
        owner = self.owner(name, scope)[0]
        return () if owner is None else owner.modules.get(name, ())

    def is_imported(self, name, scope):
        owner = self.owner(name, scope)[0] if name in self.imported else None
        return owner is not None and name in owner.imported

    def is_only_imported(self, name, scope):
        """Whether the name came from an import and nothing else binds it."""
        return self.is_imported(name, scope) and name not in self.owner(name, scope)[0].bound

    def is_nowhere_bound(self, name, scope):
        """Whether the name means the builtin wherever it means anything."""
        return self.owner(name, scope)[0] is None

    def guards_of(self, node, scope):
        """How the value of this expression may be used, where imports guard that. Several may stand behind it, and nobody
        knows which: a use must be one that all of them are there for."""
        if node.__class__ is ast.Name:
            owner = self.owner(node.id, scope)[0] if node.id in self.imported else None
            return () if owner is None else owner.guards.get(node.id, ())
        if node.__class__ is ast.Attribute and node.value.__class__ is ast.Name and node.value.id in self.imported:
            paths = self.modules_of(node.value.id, scope)
            return [GUARDED[full] for full in (f"{path}.{node.attr}" for path in paths) if full in GUARDED]
        return ()
