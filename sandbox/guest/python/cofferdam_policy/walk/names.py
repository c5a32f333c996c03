"""Names: what may be loaded, stored and used as an identifier at all."""

import ast

from ..tables import ASSIGNABLE, KEYWORDS, LOADABLE, SPECIAL_DEFINED, WATCHED_MEMBERS
from ..words import is_special, shown
from .nodes import strings
from .scopes import COMPARED


class Names:
    """A name where it is bound, and where it is read."""

    def bind(self, name):
        self.scope.bound.add(name)

    def stored_name(self, node):
        if node.ctx.__class__ is ast.Del:
            self.scope.deleted.add(node.id)
        self.stored(node, node.id)

    def stored(self, node, name, scope=None):
        """A name that is bound, deleted or declared."""
        if name in KEYWORDS:
            self.lookalike(node, name)
        if name[0] != "_":
            return
        in_class = (scope or self.scope).kind == "class"
        if name == "__match_args__":
            self.refuse_match_arguments(node)
        elif is_special(name):
            method = in_class and name in SPECIAL_DEFINED and name != "__getattr__"
            if not method and name not in ASSIGNABLE:
                self.refuse_definition(node, name)
        elif in_class:
            self.own.add(name)

    def defined(self, node, name, allowed):
        """The name after `def` or `class`."""
        if not is_special(name):
            self.stored(node, name)
        elif name not in allowed:
            self.refuse_definition(node, name)

    def match_arguments(self, value):
        members = strings(value)
        if members is None or any(member.startswith("_") or member in WATCHED_MEMBERS for member in members):
            self.refuse_match_arguments(value)

    def loaded(self, node, scope, at, context):
        """A name that is read."""
        name = node.id
        if name in KEYWORDS:
            self.lookalike(node, name)
        if name in self.imported and self.modules_of(name, scope, at):
            if not context & COMPARED:
                self.refuse("CD105", node, f"module `{shown(name)}` is used as a value")
            return
        # Whatever a guard allows: where the import did not run, the name is something else.
        self.guarded_name(node, scope, at)
        if is_special(name) and name not in self.rules.denied:
            method = scope.kind == "class" and name in SPECIAL_DEFINED
            if not method and name not in LOADABLE:
                self.refuse("CD202", node, f"special name `{shown(name)}` is not allowed")
            return
        if name in self.rules.denied:
            if not self.is_bound(name, scope, at):
                self.refuse("CD201", node, f"builtin `{name}` is not allowed")
        elif name == "type" and not self.is_bound(name, scope, at):
            self.annotated_type(node, scope, at)
