"""Which names a scope binds, so that a column called `open` is told from the builtin.

In a function a bound name is local everywhere. In a module or class body Python falls back to the builtin before the
binding and after a deletion, so a binding counts there only where it was certainly made. A class body falls back to the
module first.
"""

import ast

from ..tables import GUARDED

# What a place allows: beside `is` a module may be named, and in an annotation no `:=` may stand but in a lambda.
COMPARED, ANNOTATING = 1, 2


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
        # "module", "class", "comprehension", "function", which lambdas are too, or "parameters" of types, which
        # annotations in a class are too: they see the names of a class that they stand in.
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
        while first.kind == "parameters":
            first = first.parent
        while scope is not None:
            # What a class body binds or declares holds there alone, with its annotations and lists of type parameters.
            if scope.kind != "class" or scope is first:
                if name in scope.globals:
                    return self.global_owner(name, scope, at)
                if (name in scope.bound or name in scope.imported) and name not in scope.nonlocals:
                    return scope, at
            at, scope = scope.at, scope.parent
        return None, 0

    def global_owner(self, name, scope, at):
        while scope.parent is not None:
            at, scope = scope.at, scope.parent
        return (scope, at) if name in scope.bound or name in scope.imported else (None, 0)

    def goes_on(self, owner, where, name, scope):
        """Whether Python may go on in the module, past the functions between: where a class body may not have bound the
        name yet, or no longer; and from type parameters and annotations in a class, where what a comprehension in its
        body bound for itself hides what the functions around bind."""
        if owner.kind == "class":
            return not _hides_builtin(owner, name, where)
        if scope.kind != "parameters":
            return False
        while scope.kind == "parameters" and scope is not owner:
            scope = scope.parent
        return scope.kind == "class"

    def meanings(self, name, scope, at):
        """The scopes whose bindings the name may mean there."""
        owner, where = self.owner(name, scope, at)
        if owner is None:
            return ()
        if not self.goes_on(owner, where, name, scope):
            return (owner,)
        beyond = self.global_owner(name, scope, at)[0]
        return (owner,) if beyond is None else (owner, beyond)

    def is_bound(self, name, scope, at):
        """Whether the name certainly means something of the program's own there."""
        owner, where = self.owner(name, scope, at)
        if owner is not None and self.goes_on(owner, where, name, scope):
            owner, where = self.global_owner(name, scope, at)
        return owner is not None and _hides_builtin(owner, name, where)

    def modules_of(self, name, scope, at):
        return [module for owner in self.meanings(name, scope, at) for module in owner.modules.get(name, ())]

    def is_imported(self, name, scope, at):
        return name in self.imported and any(name in owner.imported for owner in self.meanings(name, scope, at))

    def is_only_imported(self, name, scope, at):
        """Whether the name came from an import and nothing else binds it."""
        if not self.is_imported(name, scope, at):
            return False
        owners = self.meanings(name, scope, at)
        return all(name in owner.imported and name not in owner.bound for owner in owners)

    def is_nowhere_bound(self, name, scope):
        """Whether the name means the builtin wherever it means anything."""
        return self.owner(name, scope)[0] is None

    def guards_of(self, node, scope, at):
        """How the value of this expression may be used, where imports guard that. Several may stand behind it, and
        nobody knows which: a use must be one that all of them are there for."""
        if node.__class__ is ast.Name:
            if node.id not in self.imported:
                return ()
            return [use for owner in self.meanings(node.id, scope, at) for use in owner.guards.get(node.id, ())]
        if node.__class__ is ast.Attribute and node.value.__class__ is ast.Name and node.value.id in self.imported:
            paths = self.modules_of(node.value.id, scope, at)
            return [GUARDED[full] for full in (f"{path}.{node.attr}" for path in paths) if full in GUARDED]
        return ()


def _hides_builtin(scope, name, at):
    """Whether the name, used from this statement of the scope, certainly means what is bound there."""
    if scope.kind not in ("module", "class"):
        return True
    return name not in scope.deleted and any(first < at <= last for first, last in scope.certain.get(name, ()))
