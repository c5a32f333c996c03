"""Expressions."""

import ast

from ..tables import PLAIN_TYPES
from .nodes import type_call
from .scopes import ANNOTATING, COMPARED, Scope

_COLLECTIONS = frozenset((ast.Tuple, ast.List, ast.Set))
_IDENTITY = frozenset((ast.Is, ast.IsNot))


class Expressions:
    """Lambdas, comprehensions, comparisons and what else opens a scope or shows a type."""

    def function_value(self, node):
        arguments = node.args
        self.stack += arguments.defaults
        self.stack += [default for default in arguments.kw_defaults if default is not None]
        inside = Scope("function", self.scope, self.at)
        self.parameters(inside, arguments)
        self.later.append((inside, self.at, self.context & ~ANNOTATING, [node.body], False))

    def named(self, node):
        """`:=` binds in the scope around all comprehensions. Python 3.14 reads none in an annotation; older ones bind
        by it even where they never evaluate the annotation."""
        self.stack.append(node.value)
        scope = self.scope
        while scope.kind == "comprehension":
            scope = scope.parent
        if self.context & ANNOTATING:
            self.refuse("CD007", node, "no valid Python: `:=` in an annotation")
        else:
            scope.bound.add(node.target.id)
        self.stored(node.target, node.target.id)

    def comprehension(self, node):
        inside = Scope("comprehension", self.scope, self.at)
        held = [node.key, node.value] if node.__class__ is ast.DictComp else [node.elt]
        for at, generator in enumerate(node.generators):
            held.append(generator.target)
            held += generator.ifs
            if at:
                held.append(generator.iter)
            else:
                self.stack.append(generator.iter)
        self.later.append((inside, self.at, self.context, held, False))

    def formatted(self, node):
        self.type_or_expression(node.value)
        if node.format_spec is not None:
            self.stack.append(node.format_spec)

    def subscript(self, node):
        if node.ctx.__class__ is not ast.Load:
            self.modification(node)
        self.stack += (node.value, node.slice)

    def compare(self, node):
        """`module is None` and `type(value) is Class` hand their operands to nobody; comparing types with types calls
        no method of the program."""
        identity = all(operator.__class__ in _IDENTITY for operator in node.ops)
        sides = [node.left, *node.comparators]
        for side in sides:
            if identity:
                if side.__class__ is ast.Name:
                    self.names.append((side, self.scope, self.at, self.context | COMPARED))
                else:
                    self.type_or_expression(side)
            elif type_call(side) is not None:
                self.stack.append(side.args[0])
                self.compared.append((side.func, sides, self.scope, self.at))
            else:
                self.stack.append(side)

    def plain_types(self, sides, scope, at):
        """Whether all are builtin or imported classes, `type(value)`, or collections of such."""
        pending = list(sides)
        while pending:
            side = pending.pop()
            kind = side.__class__
            if kind in _COLLECTIONS:
                pending += side.elts
            elif kind is ast.Name:
                if not (side.id in PLAIN_TYPES and self.is_nowhere_bound(side.id, scope)):
                    if not self.is_only_imported(side.id, scope, at):
                        return False
            elif kind is ast.Attribute:
                if side.value.__class__ is not ast.Name or not self.is_only_imported(side.value.id, scope, at):
                    return False
            elif type_call(side) is None:
                return False
        return True
