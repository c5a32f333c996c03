"""Calls, and strings that name methods."""

import ast

from ..tables import (
    DENIED_KEYWORDS,
    DISPATCHERS,
    EVALUATORS,
    FILES,
    KEYWORDS,
    LEADING_OUT,
    TYPE_SINKS,
    WRITERS,
)
from ..words import is_special, shown
from .nodes import string, type_call

_DENIED_METHODS = FILES | WRITERS | EVALUATORS | LEADING_OUT


class Calls:
    """What is called, and what it is handed."""

    def call(self, node):
        function, arguments = node.func, node.args
        kind = function.__class__
        if kind is ast.Name or kind is ast.Attribute:
            self.calls.append((node, self.scope, self.at))
        if kind is ast.Name:
            name = function.id
            if name == "type":
                self.types.append((function, None, self.scope, self.at))
            else:
                self.stack.append(function)
            if name in TYPE_SINKS:
                self.tested_types(arguments, name)
                arguments = ()
        elif kind is ast.Attribute:
            name = function.attr
            self.attribute(function, node)
            if name in DISPATCHERS:
                self.dispatched([*arguments, *(keyword.value for keyword in node.keywords)])
                self.target(name, node.keywords)
        else:
            self.stack.append(function)
        self.stack += arguments
        if node.keywords:
            self.keywords(node.keywords)
            self.stack += [keyword.value for keyword in node.keywords]

    def keywords(self, keywords):
        for keyword in keywords:
            name = keyword.arg
            if name is None:
                continue
            if name in KEYWORDS:
                self.lookalike(keyword, name)
            if name in DENIED_KEYWORDS or is_special(name):
                self.refuse("CD205", keyword, f"keyword argument `{shown(name)}` is not allowed")

    def tested_types(self, arguments, sink):
        """Arguments of a builtin that hands no type on may be `type` or `type(value)`, alone or in tuples; unless the
        name of that builtin is the program's own."""
        pending = list(arguments)
        while pending:
            argument = pending.pop()
            if argument.__class__ is ast.Tuple:
                pending += argument.elts
            elif argument.__class__ is ast.Name and argument.id == "type":
                self.types.append((argument, sink, self.scope, self.at))
            elif type_call(argument) is not None:
                self.types.append((argument.func, sink, self.scope, self.at))
                self.stack.append(argument.args[0])
            else:
                self.stack.append(argument)

    def type_or_expression(self, node):
        """A place from which `type(value)` does not get further."""
        value = type_call(node)
        self.stack.append(node if value is None else value)

    def dispatched(self, arguments):
        """Strings that `agg` and its like take for the name of a method."""
        pending = list(arguments)
        while pending:
            argument = pending.pop()
            kind = argument.__class__
            if kind is ast.List or kind is ast.Tuple:
                pending += argument.elts
            elif kind is ast.Dict:
                pending += argument.values
            else:
                name = string(argument)
                if name is not None and (name.startswith("_") or name in _DENIED_METHODS):
                    self.refuse_method(argument, name)
                elif name is None and _is_made_text(argument):
                    self.refuse("CD503", argument, "the name of a method is put together while the program runs")

    def constant(self, node):
        """A string that is exactly the name of a method for files: harmless, unless some method is called by name."""
        text = node.value
        if text.__class__ is str and (text in FILES or text in WRITERS):
            self.file_methods.append(node)


def _is_made_text(node):
    """Whether the expression makes a text: `'to_' + name`, `'to_%s' % name`, or an f-string."""
    pending = [node]
    while pending:
        node = pending.pop()
        if node.__class__ is ast.JoinedStr:
            return True
        if node.__class__ is ast.BinOp:
            if string(node.left) is not None or string(node.right) is not None:
                return True
            pending += (node.left, node.right)
    return False
