"""Statements and definitions."""

import ast

from ..tables import PLAIN_TYPES, SPECIAL_DEFINED, TYPE_SINKS
from .nodes import strings
from .scopes import ANNOTATING, Scope


class Statements:
    """What definitions, assignments and declarations bind, and what they hold."""

    def function(self, node):
        self.decorators(node.decorator_list)
        self.bind(node.name)
        self.defined(node, node.name, SPECIAL_DEFINED)
        self.answers(node)
        arguments = node.args
        self.stack += arguments.defaults
        self.stack += [default for default in arguments.kw_defaults if default is not None]
        around = self.type_parameters(node)
        annotations = [argument.annotation for argument in _arguments(arguments) if argument.annotation is not None]
        if node.returns is not None:
            annotations.append(node.returns)
        if annotations:
            self.annotations(around, annotations)
        inside = Scope("function", around, self.at)
        self.parameters(inside, arguments)
        self.later.append((inside, self.at, 0, node.body, True))

    def parameters(self, scope, arguments):
        for argument in _arguments(arguments):
            scope.bound.add(argument.arg)
            self.stored(argument, argument.arg, scope)

    def class_definition(self, node):
        self.stack += node.decorator_list
        self.bind(node.name)
        self.defined(node, node.name, ())
        around = self.type_parameters(node)
        self.keywords(node.keywords)
        self.metaclasses += [keyword.value for keyword in node.keywords if keyword.arg == "metaclass"]
        held = node.bases + [keyword.value for keyword in node.keywords]
        if held:
            self.later.append((around, self.at, self.context, held, False))
        self.later.append((Scope("class", around, self.at), self.at, 0, node.body, True))

    def type_parameters(self, node):
        """The scope in which the type parameters of a definition stand; the current one where there are none."""
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return self.scope
        scope = Scope("parameters", self.scope, self.at)
        for parameter in parameters:
            scope.bound.add(parameter.name)
            self.stored(parameter, parameter.name, scope)
            held = [getattr(parameter, field, None) for field in ("bound", "default_value")]
            held = [value for value in held if value is not None]
            if held:
                self.annotations(scope, held)
        return scope

    def type_alias(self, node):
        self.stack.append(node.name)
        self.annotations(self.type_parameters(node), [node.value])

    def annotations(self, scope, nodes, in_field=False):
        """They may be evaluated at once, later, or never."""
        if scope.kind == "class":
            # From Python 3.14 on they have a scope of their own.
            scope = Scope("parameters", scope, self.at)
        for node in nodes:
            self.annotation(node, in_field)
        self.later.append((scope, self.at, ANNOTATING, nodes, False))

    def assignment(self, node):
        self.stack.append(node.value)
        for target in node.targets:
            self.assigned(target, node.value)

    def annotated_assignment(self, node):
        self.annotations(self.scope, [node.annotation], in_field=self.scope.kind == "class")
        self.annotated_member(node.target)
        if node.value is not None:
            self.stack.append(node.value)
            self.assigned(node.target, node.value)
        elif node.simple or node.target.__class__ is not ast.Name:
            self.stack.append(node.target)
        else:
            # In parentheses the name is left alone, in a function too.
            self.stored(node.target, node.target.id)

    def assigned(self, target, value):
        if target.__class__ is ast.Name:
            if target.id == "__match_args__":
                self.bind(target.id)
                self.match_arguments(value)
                return
            if target.id == "__slots__":
                self.own.update(member for member in strings(value) or () if member and member.startswith("_"))
        self.stack.append(target)

    def augmented_assignment(self, node):
        self.stack += (node.value, node.target)
        if node.target.__class__ is ast.Name:
            # The old value is read first.
            self.names.append((node.target, self.scope, self.at, self.context))

    def deletion(self, node):
        self.stack += node.targets

    def handler(self, node):
        if node.name is not None:
            # Python deletes the name when the handler ends.
            self.bind(node.name)
            self.scope.deleted.add(node.name)
            self.stored(node, node.name)
        if node.type is not None:
            self.stack.append(node.type)
        if self.scope.kind == "function":
            self.stack += node.body

    def global_names(self, node):
        if self.scope is not self.module:
            self.scope.globals.update(node.names)
        for name in node.names:
            self.stored(node, name)
            if name in self.rules.denied or name in PLAIN_TYPES or name in TYPE_SINKS or name == "type":
                self.refuse("CD201", node, f"builtin `{name}` may not be made global")
            if self.scope is not self.module:
                self.globalised.append((node, name))

    def nonlocal_names(self, node):
        self.scope.nonlocals.update(node.names)
        for name in node.names:
            self.stored(node, name)


def _arguments(arguments):
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if arguments.vararg is not None:
        found.append(arguments.vararg)
    if arguments.kwarg is not None:
        found.append(arguments.kwarg)
    return found
