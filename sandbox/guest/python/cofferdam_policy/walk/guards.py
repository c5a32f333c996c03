"""Exports that are harmless in one use alone, and what is known of them only when the walk is over."""

import ast

from ..tables import PLAIN_TYPES, TARGETS, WATCHED_MEMBERS
from ..words import shown
from .nodes import string

# Uses of an export that may stand where any value may.
_FREE = frozenset(("claim", "field", "memory"))
_SHAPE = frozenset(("shape", "dtype", "order"))
_UNDERSCORES = ("_", "__")


class Guards:
    """What the guarded exports may be used for."""

    def learn(self, guard):
        """Notes what it means for the program that it knows such an export."""
        if guard == "claim":
            self.claims = True
        elif guard == "field":
            self.knows_fields = True

    def guarded_name(self, node, scope, at):
        """A name that is read, as far as imports guard it."""
        for guard in self.guards_of(node, scope, at):
            self.guarded_value(guard, node.id, node, scope, at)

    def guarded_value(self, guard, name, node, scope, at):
        """A guarded export that is read."""
        self.learn(guard)
        if guard in _FREE or guard in self.granted.get(node, ()):
            return
        if guard == "annotation":
            self.annotated_type(node, scope, at)
        else:
            self.refuse("CD102", node, f"`{shown(name)}` is for programs in one use alone")

    def annotated_type(self, node, scope, at):
        """`type`, under whatever name: an annotation may name it where it hands it to no method of the program."""
        place = self.annotated.get(node)
        if place is None or not self.keeps_types(place, scope, at):
            self.refuse_type(node)
        elif node in self.in_fields and self.knows_fields and not self.postpones:
            self.refuse_type(node)

    def annotation(self, root, in_field=False):
        """Notes the places of an annotation where `type` might be named, each with what else takes part in it."""
        pending = [(root, ())]
        while pending:
            node, place = pending.pop()
            kind = node.__class__
            if kind is ast.Name or kind is ast.Attribute:
                links = _links(node)
                if links[-1].__class__ is ast.Name:
                    self.annotated.update((link, place) for link in links)
                    if in_field:
                        self.in_fields.update(links)
            elif kind is ast.Tuple or kind is ast.List:
                pending += [(element, place) for element in node.elts]
            elif kind is ast.Starred:
                pending.append((node.value, place))
            elif kind is ast.Subscript:
                inside = (self.is_generic, [node.value], place)
                pending += [(node.value, inside), (node.slice, inside)]
            elif kind is ast.BinOp and node.op.__class__ is ast.BitOr:
                sides = _sides(node)
                inside = (self.joins_types, sides, place)
                pending += [(side, inside) for side in sides]

    def keeps_types(self, place, scope, at):
        """Whether all that takes part in this place of an annotation calls no method of the program."""
        while place:
            judge, nodes, around = place
            if id(place) not in self.kept:
                self.kept[id(place)] = all(judge(node, scope, at) for node in nodes)
            if not self.kept[id(place)]:
                return False
            place = around
        return True

    def is_generic(self, node, scope, at):
        """What a subscript may make a type of in the program's absence."""
        if node.__class__ is ast.Name and node.id == "type" and not self.is_bound("type", scope, at):
            return True
        return node.__class__ in (ast.Name, ast.Attribute) and self.plain_types([node], scope, at)

    def joins_types(self, side, scope, at):
        """What may stand beside a type in a union."""
        if side.__class__ is ast.Constant:
            return True
        return self.is_generic(side.value if side.__class__ is ast.Subscript else side, scope, at)

    def decorators(self, decorators):
        """`@wraps(function)` is the one use of it: a function has a namespace of its own and no hooks."""
        self.decorating += [(node, self.scope, self.at) for node in decorators if node.__class__ is ast.Call]
        self.stack += decorators

    def wrapped_once(self, call):
        """Further arguments of `wraps` name by strings the attributes that it copies."""
        further = [argument for at, argument in enumerate(call.args) if at or argument.__class__ is ast.Starred]
        further += [keyword for keyword in call.keywords if keyword.arg is None]
        if further:
            self.refuse("CD205", further[0], "keyword argument `assigned` is not allowed")

    def judge_guards(self):
        """What names a guarded export in the use that it is there for, before names are judged."""
        for call, scope, at in self.decorating:
            if "wrapping" in self.guards_of(call.func, scope, at):
                self.grant("wrapping", call.func)
                self.wrapped_once(call)
        for node in self.metaclasses:
            self.grant("metaclass", node)
        for call, scope, at in self.calls:
            for guard in self.guards_of(call.func, scope, at):
                self.guarded_call(guard, call)

    def grant(self, guard, node):
        self.granted.setdefault(node, set()).add(guard)

    def guarded_call(self, guard, call):
        """Checks the call of a guarded function; where it is one that the function is there for, the function may be
        named."""
        if guard == "memory":
            self.own_memory(call)
        elif guard == "members" and not call.keywords and self.literal_members(call.args):
            self.grant(guard, call.func)
        elif guard == "method" and self.literal_members(call.args[:1]):
            self.grant(guard, call.func)

    def literal_members(self, names):
        """Whether all these are literals, which name members of whatever they are read from; checks them."""
        if not names or any(string(name) is None for name in names):
            return False
        for node in names:
            for name in string(node).split("."):
                if name:
                    self.attribute_name(node, name, True)
                    self.method_name(node, None, name, None)
        return True

    def own_memory(self, call):
        """An array over memory that the caller hands in may take its bytes for the addresses of objects."""
        foreign = [argument for argument in call.args if argument.__class__ is ast.Starred] or call.args[2:]
        foreign += [keyword for keyword in call.keywords if keyword.arg not in _SHAPE]
        if foreign:
            self.refuse("CD205", foreign[0], "keyword argument `buffer` is not allowed")

    def target(self, method, keywords):
        """A function has no target; a method that is named by a text might."""
        for keyword in keywords:
            if keyword.arg in TARGETS:
                self.refuse("CD501", keyword, f"`{method}` hands a target to the method that it calls")

    def annotated_member(self, node):
        """A variable that a class annotates becomes an attribute that its patterns read by position."""
        if node.__class__ is ast.Name and self.scope.kind == "class" and node.id in WATCHED_MEMBERS:
            self.claims = True

    def answers(self, node):
        """`__getattr__` is asked for whatever a value lacks, and libraries ask by special names."""
        if node.name == "__getattr__" and not _leaves_special_names(node):
            self.refuse("CD304", node, "`__getattr__` answers for special names too, by which libraries reach memory")

    def positions(self):
        """Patterns that read attributes by position, once it is known whose values they may match."""
        if not self.claims:
            return
        for node, scope in self.by_position:
            plain = node.__class__ is ast.Name and node.id in PLAIN_TYPES and self.is_nowhere_bound(node.id, scope)
            if not plain:
                message = "a pattern by position could read any attribute of values that its class claims"
                self.refuse("CD305", node, message)


def _links(chain):
    """A chain of attributes down to what it starts from."""
    links = [chain]
    while links[-1].__class__ is ast.Attribute:
        links.append(links[-1].value)
    return links


def _sides(union):
    sides, pending = [], [union]
    while pending:
        node = pending.pop()
        if node.__class__ is ast.BinOp and node.op.__class__ is ast.BitOr:
            pending += (node.left, node.right)
        else:
            sides.append(node)
    return sides


def _leaves_special_names(function):
    """Whether it raises for every name with an underscore in front before it does anything else."""
    body = function.body
    if body[0].__class__ is ast.Expr and string(body[0].value) is not None:
        body = body[1:]
    if not body or function.decorator_list:
        return False
    first = body[0]
    if first.__class__ is ast.If:
        parameters = [*function.args.posonlyargs, *function.args.args]
        if len(parameters) < 2 or not _is_hidden(first.test, parameters[1].arg):
            return False
        first = first.body[0]
    return first.__class__ is ast.Raise


def _is_hidden(test, name):
    """`name.startswith('_')` or `name.startswith('__')`."""
    if test.__class__ is not ast.Call or test.func.__class__ is not ast.Attribute or test.keywords:
        return False
    of_name = test.func.value.__class__ is ast.Name and test.func.value.id == name
    underscored = len(test.args) == 1 and string(test.args[0]) in _UNDERSCORES
    return of_name and underscored and test.func.attr == "startswith"
