"""The policy once more, over the syntax tree that this interpreter itself will run.

The host checked the text with a parser of its own before it came here. Two parsers never read every text alike, and
what the first one misread would pass. So the same rules, from the same tables (`cofferdam_rules.json`, which the host's
build compares with its own), are applied to the tree of CPython.

How it differs from the host's check, on purpose:

- It is handed a text that the host bounded, so it does not count nodes or depth itself. A tree that CPython cannot
  build for want of stack is refused.
- Kinds of syntax that are newer than this file are refused by an allow-list of node classes and of their fields.
  Grammar that only the host's parser cannot read is no reason to refuse.
- Where both read the same tree it refuses nothing that the host accepts.

It must stay free of recursion (a tree may be a thousand levels deep) and of imports that a program could change: it
runs before the program does. It is no wall; what holds the program is what the backend puts around the interpreter.
"""

import ast
import json
import os
import re
from unicodedata import normalize

with open(os.path.join(os.path.dirname(__file__), "cofferdam_rules.json"), encoding="utf-8") as _file:
    _TABLES = json.load(_file)

_MODULES = {name: frozenset(exports) for name, exports in _TABLES["modules"].items()}
_BOUNDS = _TABLES["bounds"]
_DENIED = frozenset(_TABLES["denied_names"])
_LOADABLE = frozenset(_TABLES["loadable"])
_ASSIGNABLE = frozenset(_TABLES["assignable"])
_KEYWORDS = frozenset(_TABLES["keywords"])
_SPECIAL = frozenset(_TABLES["special"])
_SPECIAL_LOADED = _SPECIAL | frozenset(_TABLES["special_readable"])
_SPECIAL_STORED = frozenset(_TABLES["special_writable"])
_SPECIAL_DEFINED = _SPECIAL | frozenset(_TABLES["special_definable"])
_CLASS_NAMES = frozenset(_TABLES["class_names"])
_FRAMES = frozenset(_TABLES["frames"])
_INTROSPECTION = frozenset(_TABLES["introspection"])
_DOCUMENTED = frozenset(_TABLES["documented"])
_FILES = frozenset(_TABLES["files"])
_WRITERS = frozenset(_TABLES["writers"])
_TARGETS = frozenset(_TABLES["targets"])
_EVALUATORS = frozenset(_TABLES["evaluators"])
_DISPATCHERS = frozenset(_TABLES["dispatchers"])
_DENIED_KEYWORDS = frozenset(_TABLES["denied_keywords"])
_HARMLESS_OF_MODULES = frozenset(("__name__", "__version__", "__doc__"))
# Attributes that need a closer look; every other one that has no underscore in front is fine.
_WATCHED = _FRAMES | _INTROSPECTION | _FILES | _WRITERS | _EVALUATORS | _KEYWORDS | _DISPATCHERS
_WATCHED |= {"format", "format_map"}
# Builtins that take types and give no type back.
_TYPE_SINKS = frozenset(_TABLES["type_sinks"])
_PLAIN_TYPES = frozenset(_TABLES["plain_types"])
_UTF8 = frozenset(_TABLES["utf8"])
_BIDI = "".join(f"{chr(first)}-{chr(last)}" for first, last in _TABLES["bidi"])
_CHARACTERS = re.compile(f"(?P<control>[\x00-\x08\x0b\x0e-\x1f\x7f]|\r(?!\n))|[{_BIDI}]")
_COOKIE = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)

# What the words of a program may take of a message.
_WORD = 60

_VALUE, _MODULE, _HIDDEN = "value", "module", "hidden"


class Rules:
    """What the service that accepted the program configured: the text of `Program::policy` in the host. `{}` is the
    default policy; a field that is missing has its default."""

    def __init__(self, policy="{}"):
        chosen = json.loads(policy)
        modules = chosen.get("modules")
        if modules is None:
            modules = {name: "reviewed" for name in _MODULES if "." not in name}
        # Top-level module: "reviewed", "public", or the names.
        self.modules = {
            name: frozenset(rule["names"]) if isinstance(rule, dict) else rule for name, rule in modules.items()
        }
        self.denied = _DENIED | frozenset(chosen.get("denied_names", ()))
        bounds = chosen.get("bounds", {})
        self.source_bytes = min(bounds.get("source_bytes", _BOUNDS["source_bytes"]), _BOUNDS["ceiling_source_bytes"])
        self.violations = max(bounds.get("violations", _BOUNDS["violations"]), 1)
        self.watched_names = self.denied | _KEYWORDS | {"type"}

    def importable(self, path):
        """Whether `import path` may stand, or None where its top-level module is not allowed at all."""
        rule = self.modules.get(path.partition(".")[0])
        if rule is None:
            return None
        if rule == "reviewed":
            return path in _MODULES
        if rule == "public":
            return not any(part.startswith("_") for part in path.split("."))
        return "." not in path

    def export(self, path, name):
        """What `path.name` is to a program."""
        rule = self.modules.get(path.partition(".")[0])
        if rule is None:
            # The import itself is refused.
            return _VALUE
        if rule == "reviewed":
            if f"{path}.{name}" in _MODULES:
                return _MODULE
            return _VALUE if name in _MODULES.get(path, ()) else _HIDDEN
        if rule == "public":
            return _HIDDEN if name.startswith("_") else _VALUE
        return _VALUE if name in rule else _HIDDEN


_DEFAULT = Rules()
_recent = ("{}", _DEFAULT)


def rules(policy):
    """The rules for a policy as JSON. The last one is kept, since a service has one."""
    global _recent
    if _recent[0] != policy:
        _recent = (policy, Rules(policy))
    return _recent[1]


def check(source, rules=_DEFAULT):
    """Every rule that the text breaks: a list of `(code, line, column, end line, end column, message)` in the order of
    the text. Lines and columns count characters from 1; the end lies behind the last character. Never raises."""
    found = _text(source, rules)
    if found:
        return found
    try:
        tree = compile(source, "<program>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        return [("CD007", max(line, 1), max(column, 1), max(line, 1), max(column, 1) + 1, "no valid Python")]
    except (RecursionError, MemoryError):
        return [("CD005", 1, 1, 1, 1, "the program nests deeper than this interpreter reads")]
    except ValueError:
        # An identifier that turns into `None`, `True` or `False`.
        return [("CD204", 1, 1, 1, 1, "an identifier is a keyword in other letters")]
    return _Walk(source, rules).run(tree)


def answer(source, policy):
    """The same for a runner: None when nothing is wrong, else JSON for the host."""
    chosen = rules(policy)
    found = check(source, chosen)
    if not found:
        return None
    kept = found[: chosen.violations]
    return json.dumps({"violations": kept, "omitted": len(found) - len(kept)})


def _text(source, rules):
    """What can be told without reading the text as Python."""
    size = len(source) if source.isascii() else len(source.encode("utf-8", "surrogatepass"))
    if size > rules.source_bytes:
        return [("CD001", 1, 1, 1, 1, f"the program has {size} bytes, the limit is {rules.source_bytes}")]
    found = []
    for match in _CHARACTERS.finditer(source):
        start = match.start()
        line, column = source.count("\n", 0, start) + 1, start - source.rfind("\n", 0, start)
        code, kind = ("CD002", "control") if match["control"] else ("CD003", "direction-changing")
        found.append((code, line, column, line, column + 1, f"{kind} character U+{ord(match[0]):04X} in the program"))
        if len(found) > rules.violations:
            break
    for at, line in enumerate(source.split("\n", 2)[:2], 1):
        match = _COOKIE.match(line)
        if match and match[1].lower().replace("_", "-") not in _UTF8:
            place = (at, match.start(1) + 1, at, match.end(1) + 1)
            found.append(("CD004", *place, f"the program declares the encoding `{_shown(match[1])}`"))
    found.sort(key=lambda violation: violation[1:3])
    return found


# What a place allows: in an annotation `type` may be named, beside `is` a module may. An annotation may never be
# evaluated, so what `:=` binds there does not count, but in a lambda of its own.
_ANNOTATION, _COMPARED, _UNCERTAIN = 1, 2, 4


class _Scope:
    """A scope and what it binds. `at` is the number of the statement of the parent in which it stands."""

    __slots__ = ("kind", "parent", "at", "bound", "certain", "deleted", "modules", "imported", "globals", "nonlocals")

    def __init__(self, kind, parent, at):
        # "module", "class", "comprehension", or "function", which lambdas and type parameters are too.
        self.kind = kind
        self.parent = parent
        self.at = at
        self.bound = set()
        # In a module or class: after which statement, and up to which, a name is certainly bound.
        self.certain = {}
        # Names that it may unbind again.
        self.deleted = set()
        # The dotted modules that imports bind to a name.
        self.modules = {}
        self.imported = set()
        self.globals = set()
        self.nonlocals = set()


# Kinds of node that have no rule of their own, with the fields that hold nodes.
_PLAIN = {
    "Assert": ("test", "msg"),
    "Await": ("value",),
    "BinOp": ("left", "right"),
    "BoolOp": ("values",),
    "Dict": ("keys", "values"),
    "Expr": ("value",),
    "If": ("test", "body", "orelse"),
    "IfExp": ("test", "body", "orelse"),
    "List": ("elts",),
    "MatchOr": ("patterns",),
    "MatchSequence": ("patterns",),
    "MatchValue": ("value",),
    "Raise": ("exc", "cause"),
    "Return": ("value",),
    "Set": ("elts",),
    "Slice": ("lower", "upper", "step"),
    "Starred": ("value",),
    "Tuple": ("elts",),
    "UnaryOp": ("operand",),
    "While": ("test", "body", "orelse"),
    "Yield": ("value",),
    "YieldFrom": ("value",),
    "AsyncFor": ("target", "iter", "body", "orelse"),
    "AsyncWith": ("items", "body"),
    "Break": (),
    "Continue": (),
    "For": ("target", "iter", "body", "orelse"),
    "JoinedStr": ("values",),
    "Match": ("subject", "cases"),
    "MatchSingleton": (),
    "Module": ("body",),
    "Pass": (),
    "Try": ("body", "handlers", "orelse", "finalbody"),
    "TryStar": ("body", "handlers", "orelse", "finalbody"),
    "With": ("items", "body"),
    "match_case": ("pattern", "guard", "body"),
    "withitem": ("context_expr", "optional_vars"),
}

# The fields of the kinds with rules of their own, and of those that the rules of another kind look at.
_OTHER = {
    "AnnAssign": "target annotation value simple",
    "Assign": "targets value",
    "AsyncFunctionDef": "name args body decorator_list returns type_params",
    "Attribute": "value attr",
    "AugAssign": "target op value",
    "Call": "func args keywords",
    "ClassDef": "name bases keywords body decorator_list type_params",
    "Compare": "left ops comparators",
    "Constant": "value",
    "Delete": "targets",
    "DictComp": "key value generators",
    "ExceptHandler": "type name body",
    "FormattedValue": "value conversion format_spec",
    "FunctionDef": "name args body decorator_list returns type_params",
    "GeneratorExp": "elt generators",
    "Global": "names",
    "Import": "names",
    "ImportFrom": "module names level",
    "Lambda": "args body",
    "ListComp": "elt generators",
    "MatchAs": "pattern name",
    "MatchClass": "cls patterns kwd_attrs kwd_patterns",
    "MatchMapping": "keys patterns rest",
    "MatchSingleton": "value",
    "MatchStar": "name",
    "Name": "id",
    "NamedExpr": "target value",
    "Nonlocal": "names",
    "ParamSpec": "name default_value",
    "SetComp": "elt generators",
    "Subscript": "value slice",
    "TypeAlias": "name type_params value",
    "TypeVar": "name bound default_value",
    "TypeVarTuple": "name default_value",
    "alias": "name asname",
    "arg": "arg annotation",
    "arguments": "posonlyargs args vararg kwonlyargs kw_defaults kwarg defaults",
    "comprehension": "target iter ifs is_async",
    "keyword": "arg value",
}
# Fields of any kind that hold nothing to check.
_SILENT = frozenset(("ctx", "kind", "op", "type_comment", "type_ignores"))


def _newer_fields():
    """For each class of node, the fields that this file does not know: what a newer grammar put there."""
    newer = {}
    for name in _PLAIN.keys() | _OTHER.keys():
        known = _SILENT.union(_PLAIN.get(name, ()), _OTHER.get(name, "").split())
        kind = getattr(ast, name, None)
        fields = tuple(field for field in getattr(kind, "_fields", ()) if field not in known)
        if fields:
            newer[kind] = fields
    return newer


class _Walk:
    """One walk. Work that belongs to another scope waits in `later`; what depends on the bindings of a scope waits
    until the walk is over."""

    def __init__(self, source, rules):
        self.source = source
        self.rules = rules
        self.lines = None
        self.found = {}
        # Where the walk stands.
        self.scope = _Scope("module", None, 0)
        self.module = self.scope
        self.at = 0
        self.context = 0
        self.stack = []
        self.later = []
        # What is judged at the end.
        self.names = []
        self.chains = []
        self.changed = []
        self.types = []
        self.compared = []
        self.placed = []
        self.private = []
        # Strings that name methods for files, and whether some method is called that takes such a name.
        self.file_methods = []
        self.dispatches = False
        # Every name that some import binds, in whatever scope.
        self.imported = set()
        # Underscored members that the program's own classes define.
        self.own = set()

    def run(self, tree):
        if _NEWER_FIELDS:
            for node in ast.walk(tree):
                if any(getattr(node, field, None) for field in _NEWER_FIELDS.get(node.__class__, ())):
                    self.newer(node)
        self.body(tree.body)
        later = self.later
        while later:
            self.scope, self.at, self.context, nodes, is_body = later.pop()
            if is_body:
                self.body(nodes)
            else:
                self.drain(nodes)
        self.judge()
        return sorted(self.found.values(), key=lambda violation: violation[1:3] + violation[:1])

    def body(self, statements):
        """The body of a scope. In a module or class, where the order counts, its statements are numbered."""
        scope = self.scope
        if scope.kind == "function":
            self.drain(statements[::-1])
            return
        number = 0
        # The open blocks, each with the extents that end where it ends.
        blocks = [(iter(statements), [])]
        while blocks:
            block, extents = blocks[-1]
            statement = next(block, None)
            if statement is None:
                blocks.pop()
                for extent in extents:
                    extent[1] = number
                continue
            number += 1
            self.at = number
            self.certain(_certain(statement), extents)
            head, bodies = _parts(statement)
            for body, targets in reversed(bodies):
                blocks.append((iter(body), []))
                self.certain(targets, blocks[-1][1])
            self.drain(head)

    def certain(self, names, extents):
        """The names are bound after the current statement, up to the end of the block with these extents."""
        for name in names:
            extent = [self.at, None]
            extents.append(extent)
            self.scope.certain.setdefault(name, []).append(extent)

    def drain(self, stack):
        """Visits nodes and what they hold, without recursion."""
        self.stack = stack
        names, pop, push = self.names, stack.pop, stack.append
        plain, handlers, context = _PLAIN_NODES, _HANDLERS, self.context
        watched, bind = self.rules.watched_names, self.scope.bound.add
        name_class, load_class = ast.Name, ast.Load
        while stack:
            node = pop()
            kind = node.__class__
            if kind is name_class:
                name = node.id
                if node.ctx.__class__ is load_class:
                    names.append((node, self.scope, self.at, context))
                    continue
                bind(name)
                if name in watched or name[0] == "_" or node.ctx.__class__ is not ast.Store:
                    self.stored_name(node)
                continue
            fields = plain.get(kind)
            if fields is not None:
                for field in fields:
                    value = getattr(node, field)
                    if value.__class__ is list:
                        stack += value
                    elif value is not None:
                        push(value)
                continue
            if node is None:
                # The key of `**other` in a dict.
                continue
            handler = handlers.get(kind)
            if handler is None:
                self.newer(node)
            else:
                handler(self, node)

    # Statements.

    def function(self, node):
        self.stack += node.decorator_list
        self.bind(node.name)
        self.defined(node, node.name, _SPECIAL_DEFINED)
        arguments = node.args
        self.stack += arguments.defaults
        self.stack += [default for default in arguments.kw_defaults if default is not None]
        around = self.type_parameters(node)
        annotations = [argument.annotation for argument in _arguments(arguments) if argument.annotation is not None]
        if node.returns is not None:
            annotations.append(node.returns)
        if annotations:
            self.later.append((around, self.at, _ANNOTATION | _UNCERTAIN, annotations, False))
        inside = _Scope("function", around, self.at)
        self.parameters(inside, arguments)
        self.later.append((inside, self.at, 0, node.body, True))

    def function_value(self, node):
        arguments = node.args
        self.stack += arguments.defaults
        self.stack += [default for default in arguments.kw_defaults if default is not None]
        inside = _Scope("function", self.scope, self.at)
        self.parameters(inside, arguments)
        self.later.append((inside, self.at, self.context & ~_UNCERTAIN, [node.body], False))

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
        held = node.bases + [keyword.value for keyword in node.keywords]
        if held:
            self.later.append((around, self.at, self.context, held, False))
        self.later.append((_Scope("class", around, self.at), self.at, 0, node.body, True))

    def type_parameters(self, node):
        """The scope in which the type parameters of a definition stand; the current one where there are none."""
        parameters = getattr(node, "type_params", None)
        if not parameters:
            return self.scope
        scope = _Scope("function", self.scope, self.at)
        for parameter in parameters:
            scope.bound.add(parameter.name)
            self.stored(parameter, parameter.name, scope)
            held = [getattr(parameter, field, None) for field in ("bound", "default_value")]
            held = [value for value in held if value is not None]
            if held:
                self.later.append((scope, self.at, _ANNOTATION | _UNCERTAIN, held, False))
        return scope

    def type_alias(self, node):
        self.stack.append(node.name)
        self.later.append((self.type_parameters(node), self.at, _ANNOTATION | _UNCERTAIN, [node.value], False))

    def assignment(self, node):
        self.stack.append(node.value)
        for target in node.targets:
            self.assigned(target, node.value)

    def annotated_assignment(self, node):
        self.later.append((self.scope, self.at, _ANNOTATION | _UNCERTAIN, [node.annotation], False))
        if node.value is not None:
            self.stack.append(node.value)
            self.assigned(node.target, node.value)
        else:
            self.stack.append(node.target)

    def assigned(self, target, value):
        if target.__class__ is ast.Name:
            if target.id == "__match_args__":
                self.bind(target.id)
                self.match_arguments(value)
                return
            if target.id == "__slots__":
                self.own.update(member for member in _strings(value) or () if member and member.startswith("_"))
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
            if name in self.rules.denied:
                self.refuse("CD201", node, f"builtin `{name}` may not be made global")

    def nonlocal_names(self, node):
        self.scope.nonlocals.update(node.names)
        for name in node.names:
            self.stored(node, name)

    def importing(self, node):
        for alias in node.names:
            path = alias.name
            self.module_path(path, alias)
            top = path.partition(".")[0]
            name, module = (alias.asname, path) if alias.asname else (top, top)
            self.bind_import(alias, name, module)

    def importing_from(self, node):
        if node.level:
            self.refuse("CD104", node, "a program is one text and has nothing beside it to import")
            return
        path = node.module or ""
        allowed = self.module_path(path, node)
        for alias in node.names:
            taken = alias.name
            if taken == "*":
                self.refuse("CD103", alias, f"`from {_shown(path)} import *` hides the names that it binds")
                continue
            known = path.partition(".")[0] in self.rules.modules
            export = self.rules.export(path, taken) if known else _VALUE
            self.bind_import(alias, alias.asname or taken, f"{path}.{taken}" if export is _MODULE else None)
            if allowed and export is _HIDDEN:
                self.refuse_export(path, taken, alias)

    def module_path(self, path, node):
        allowed = self.rules.importable(path)
        if allowed is None:
            self.refuse("CD101", node, f"import of `{_shown(path)}` is not allowed")
        elif not allowed:
            self.refuse("CD102", node, f"submodule `{_shown(path)}` is not for programs")
        return allowed

    def bind_import(self, alias, name, module):
        scope = self.scope
        self.bind(name)
        self.imported.add(name)
        scope.imported.add(name)
        if module is not None:
            scope.modules.setdefault(name, []).append(module)
        self.stored(alias, name)
        if scope.kind == "class":
            self.misplaced(alias, name)
        elif scope.kind == "function":
            self.placed.append((alias, scope, name))

    def misplaced(self, alias, name):
        self.refuse("CD107", alias, f"import of `{_shown(name)}` where the check cannot follow the module")

    # Expressions.

    def named(self, node):
        """`:=` binds in the scope around all comprehensions, and what an annotation binds outlives it."""
        self.later.append((self.scope, self.at, self.context & ~_ANNOTATION, [node.value], False))
        scope = self.scope
        while scope.kind == "comprehension":
            scope = scope.parent
        if not self.context & _UNCERTAIN:
            scope.bound.add(node.target.id)
        self.stored(node.target, node.target.id)

    def comprehension(self, node):
        inside = _Scope("comprehension", self.scope, self.at)
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
                    self.names.append((side, self.scope, self.at, self.context | _COMPARED))
                else:
                    self.type_or_expression(side)
            elif _type_call(side) is not None:
                self.stack.append(side.args[0])
                self.compared.append((side.func, sides, self.scope, self.at))
            else:
                self.stack.append(side)

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
            if name in _WATCHED or name[0] == "_":
                self.member(link, None if index else call, chain[index - 1] if index else None)

    def call(self, node):
        function, arguments = node.func, node.args
        kind = function.__class__
        if kind is ast.Name:
            name = function.id
            if name == "type":
                self.types.append((function, None, self.scope, self.at))
            else:
                self.stack.append(function)
            if name in _TYPE_SINKS:
                self.tested_types(arguments, name)
                arguments = ()
        elif kind is ast.Attribute:
            name = function.attr
            self.attribute(function, node)
            if name in _DISPATCHERS:
                self.dispatched([*arguments, *(keyword.value for keyword in node.keywords)])
        else:
            name = None
            self.stack.append(function)
        if name == "wraps" and len(node.args) > 1:
            self.refuse("CD205", node.args[1], "keyword argument `assigned` is not allowed")
        self.stack += arguments
        if node.keywords:
            self.keywords(node.keywords)
            self.stack += [keyword.value for keyword in node.keywords]

    def keywords(self, keywords):
        for keyword in keywords:
            name = keyword.arg
            if name is None:
                continue
            if name in _KEYWORDS:
                self.lookalike(keyword, name)
            if name in _DENIED_KEYWORDS or _is_special(name):
                self.refuse("CD205", keyword, f"keyword argument `{_shown(name)}` is not allowed")

    def tested_types(self, arguments, sink):
        """Arguments of a builtin that hands no type on may be `type` or `type(value)`, alone or in tuples; unless the
        name of that builtin is the program's own."""
        pending = list(arguments)
        while pending:
            argument = pending.pop()
            if argument.__class__ is ast.Tuple:
                pending += argument.elts
            elif argument.__class__ is ast.Name and argument.id == "type":
                if not self.context & _ANNOTATION:
                    self.types.append((argument, sink, self.scope, self.at))
            elif _type_call(argument) is not None:
                self.types.append((argument.func, sink, self.scope, self.at))
                self.stack.append(argument.args[0])
            else:
                self.stack.append(argument)

    def type_or_expression(self, node):
        """A place from which `type(value)` does not get further."""
        value = _type_call(node)
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
                name = _string(argument)
                if name is not None and (name.startswith("_") or name in _DENIED_METHODS):
                    self.refuse_method(argument, name)
                elif name is None and _is_made_text(argument):
                    self.refuse("CD503", argument, "the name of a method is put together while the program runs")

    def constant(self, node):
        """A string that is exactly the name of a method for files: harmless, unless some method is called by name."""
        text = node.value
        if text.__class__ is str and (text in _FILES or text in _WRITERS):
            self.file_methods.append(node)

    # Patterns.

    def class_pattern(self, node):
        self.stack.append(node.cls)
        self.stack += node.patterns
        self.stack += node.kwd_patterns
        for name in node.kwd_attrs:
            if name in _KEYWORDS:
                self.lookalike(node, name)
            self.attribute_name(node, name, True)

    def mapping_pattern(self, node):
        self.stack += node.keys
        self.stack += node.patterns
        self.captured(node, node.rest)

    def star_pattern(self, node):
        self.captured(node, node.name)

    def as_pattern(self, node):
        if node.pattern is not None:
            self.stack.append(node.pattern)
        self.captured(node, node.name)

    def captured(self, node, name):
        if name is not None:
            self.bind(name)
            self.stored(node, name)

    # Names.

    def bind(self, name):
        self.scope.bound.add(name)

    def stored_name(self, node):
        if node.ctx.__class__ is ast.Del:
            self.scope.deleted.add(node.id)
        self.stored(node, node.id)

    def stored(self, node, name, scope=None):
        """A name that is bound, deleted or declared."""
        if name in _KEYWORDS:
            self.lookalike(node, name)
        if name[0] != "_":
            return
        in_class = (scope or self.scope).kind == "class"
        if name == "__match_args__":
            self.refuse_match_arguments(node)
        elif _is_special(name):
            if not (in_class and name in _SPECIAL_DEFINED) and name not in _ASSIGNABLE:
                self.refuse_definition(node, name)
        elif in_class:
            self.own.add(name)

    def defined(self, node, name, allowed):
        """The name after `def` or `class`."""
        if not _is_special(name):
            self.stored(node, name)
        elif name not in allowed:
            self.refuse_definition(node, name)

    def match_arguments(self, value):
        members = _strings(value)
        watched = _FRAMES | _INTROSPECTION
        if members is None or any(member.startswith("_") or member in watched for member in members):
            self.refuse_match_arguments(value)

    # What is known only when every binding is.

    def judge(self):
        for alias, scope, name in self.placed:
            if name in scope.globals or name in scope.nonlocals:
                self.misplaced(alias, name)
        watched, imported = self.rules.watched_names, self.imported
        for node, scope, at, context in self.names:
            name = node.id
            if name in watched or name[0] == "_" or name in imported:
                self.loaded(node, scope, at, context)
        for root, chain, call, scope, at, context in self.chains:
            name = root.id
            links = len(chain)
            modules = self.modules_of(name, scope) if name in imported else ()
            if modules:
                links = self.through_modules(modules, chain)
                if name in _KEYWORDS:
                    self.lookalike(root, name)
            elif name in watched or name[0] == "_":
                self.loaded(root, scope, at, context)
            for index in range(links):
                link = chain[index]
                attribute = link.attr
                if attribute in _WATCHED or attribute[0] == "_":
                    self.member(link, None if index else call, chain[index - 1] if index else None)
        for node, root, scope in self.changed:
            owner = self.owner(root.id, scope)[0] if root.id in imported else None
            if owner is not None and root.id in owner.imported:
                self.refuse("CD106", node, f"assignment to something that `{_shown(root.id)}` owns")
        for node, sink, scope, at in self.types:
            if not self.is_bound("type", scope, at) and (sink is None or self.is_bound(sink, scope, at)):
                self.refuse_type(node)
        for node, sides, scope, at in self.compared:
            if not self.is_bound("type", scope, at) and not self.plain_types(sides, scope, at):
                self.refuse_type(node)
        if self.dispatches:
            for node in self.file_methods:
                self.refuse_method(node, node.value)
        for node, name in self.private:
            if name not in self.own:
                self.refuse_private(node, name)

    def owner(self, name, scope, at=0):
        """The scope that a name belongs to, and the statement of its body from which it is used."""
        first = scope
        while scope is not None:
            if name in scope.globals:
                while scope.parent is not None:
                    at, scope = scope.at, scope.parent
                return (scope, at) if name in scope.bound else (None, 0)
            # The names of a class body are seen from that body alone.
            if name in scope.bound and name not in scope.nonlocals and (scope.kind != "class" or scope is first):
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

    def loaded(self, node, scope, at, context):
        """A name that is read."""
        name = node.id
        if name in _KEYWORDS:
            self.lookalike(node, name)
        if name in self.imported and self.modules_of(name, scope):
            if not context & _COMPARED:
                self.refuse("CD105", node, f"module `{_shown(name)}` is used as a value")
            return
        if _is_special(name) and name not in self.rules.denied:
            method = scope.kind == "class" and name in _SPECIAL_DEFINED
            if not method and name not in _LOADABLE:
                self.refuse("CD202", node, f"special name `{_shown(name)}` is not allowed")
            return
        if name in self.rules.denied:
            if not self.is_bound(name, scope, at):
                self.refuse("CD201", node, f"builtin `{name}` is not allowed")
        elif name == "type" and not context & _ANNOTATION and not self.is_bound(name, scope, at):
            self.refuse_type(node)

    def through_modules(self, modules, chain):
        """Follows a chain (its last link first) through modules. Returns how many links, counted from the last, hang on
        what is no module."""
        links = len(chain)
        undone = 0
        for path in modules:
            for index in range(links - 1, -1, -1):
                link = chain[index]
                name = link.attr
                if _is_special(name):
                    export = _VALUE if name in _HARMLESS_OF_MODULES else _HIDDEN
                else:
                    export = self.rules.export(path, name)
                if export is _HIDDEN:
                    self.refuse_export(path, name, link)
                    # What hangs on a refused name needs no second complaint.
                    break
                if export is _VALUE:
                    undone = max(undone, index)
                    break
                path = f"{path}.{name}"
                if index == 0:
                    self.refuse("CD105", link, f"module `{_shown(path)}` is used as a value")
        return undone

    def plain_types(self, sides, scope, at):
        """Whether all are builtin or imported classes, `type(value)`, or collections of such."""
        pending = list(sides)
        while pending:
            side = pending.pop()
            kind = side.__class__
            if kind in _COLLECTIONS:
                pending += side.elts
            elif kind is ast.Name:
                if not (side.id in _PLAIN_TYPES and not self.is_bound(side.id, scope, at)):
                    if not self.is_imported(side.id, scope):
                        return False
            elif kind is ast.Attribute:
                if side.value.__class__ is not ast.Name or not self.is_imported(side.value.id, scope):
                    return False
            elif _type_call(side) is None:
                return False
        return True

    def is_imported(self, name, scope):
        owner = self.owner(name, scope)[0] if name in self.imported else None
        return owner is not None and name in owner.imported

    # Attributes.

    def modification(self, target):
        """Assignments to what a module owns, through any attributes and subscripts."""
        root = target.value
        while root.__class__ is ast.Attribute or root.__class__ is ast.Subscript:
            root = root.value
        if root.__class__ is ast.Name:
            self.changed.append((target, root, self.scope))

    def member(self, link, call, above):
        """One attribute of an object that is no module. `above` is the attribute that is read of it."""
        name = link.attr
        if name == "__class__" and above is not None and above.attr in _CLASS_NAMES and above.ctx.__class__ is ast.Load:
            # Gives a text, and hands the class to nobody.
            return
        loads = link.ctx.__class__ is ast.Load
        if name in _KEYWORDS:
            self.lookalike(link, name)
        if not loads and name[0] == "_" and link.value.__class__ is ast.Name and link.value.id in ("self", "cls"):
            self.own.add(name)
        self.attribute_name(link, name, loads)
        if not loads:
            return
        if name in _DISPATCHERS:
            self.dispatches = True
        if name in _FILES:
            self.refuse("CD501", link, f"`{name}` reads or writes files")
        elif name in _EVALUATORS:
            self.refuse("CD502", link, f"`{name}` evaluates text as code")
        elif name in _WRITERS:
            if call is None or not _has_no_target(call):
                self.refuse("CD501", link, f"`{name}` with a target writes a file")
        elif name == "format":
            text = _string(link.value)
            if text is None:
                self.refuse("CD402", link, "`format` of a text that is no plain literal")
            else:
                self.format_fields(link, text)
        elif name == "format_map":
            self.refuse("CD402", link, "`format_map` of a text that is no plain literal")

    def attribute_name(self, node, name, loads):
        """The rules that need nothing but the attribute's name."""
        if _is_special(name):
            if name not in (_SPECIAL_LOADED if loads else _SPECIAL_STORED):
                self.refuse("CD301", node, f"special attribute `{_shown(name)}` is not allowed")
        elif name in _FRAMES:
            self.refuse("CD302", node, f"attribute `{name}` belongs to frames, tracebacks and code")
        elif name in _INTROSPECTION:
            self.refuse("CD306", node, f"attribute `{name}` reaches into the interpreter")
        elif name[0] == "_":
            if _is_mangled(name):
                self.refuse_private(node, name)
            elif name not in _DOCUMENTED and not all("0" <= digit <= "9" for digit in name[1:]):
                self.private.append((node, name))

    def format_fields(self, node, text):
        for name in _field_attributes(text):
            name = normalize("NFKC", name)
            hidden = name.startswith("_") or name in _FRAMES or name in _INTROSPECTION
            if hidden and not (_is_special(name) and name in _SPECIAL_LOADED):
                self.refuse("CD401", node.value, f"a replacement field reads attribute `{_shown(name)}`")

    # Reports.

    def newer(self, node):
        self.refuse("CD008", node, f"grammar that is newer than this check: {node.__class__.__name__}")

    def lookalike(self, node, name):
        self.refuse("CD204", node, f"an identifier is the keyword `{name}` in other letters")

    def refuse_definition(self, node, name):
        self.refuse("CD304", node, f"special name `{_shown(name)}` may not be defined")

    def refuse_method(self, node, name):
        self.refuse("CD503", node, f"the string names method `{_shown(name)}`, which is not allowed")

    def refuse_export(self, path, name, node):
        self.refuse("CD102", node, f"`{_shown(path)}.{_shown(name)}` is not for programs")

    def refuse_match_arguments(self, node):
        self.refuse("CD305", node, "`__match_args__` could name any attribute")

    def refuse_private(self, node, name):
        self.refuse("CD303", node, f"private attribute `{_shown(name)}` is not defined by this program")

    def refuse_type(self, node):
        self.refuse("CD203", node, "`type` is used for more than asking for a type")

    def refuse(self, code, node, message):
        """Notes a violation at a node, of attributes at their name. Each rule once a place."""
        if self.lines is None:
            self.lines = self.source.replace("\r\n", "\n").split("\n")
        line, start = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        end_line, end = getattr(node, "end_lineno", None) or line, getattr(node, "end_col_offset", None) or start
        if node.__class__ is ast.Attribute:
            line, start = end_line, max(end - len(node.attr.encode()), 0)
        column, end_column = self.column(line, start), self.column(end_line, end)
        self.found.setdefault((code, line, column), (code, line, column, end_line, end_column, message))

    def column(self, line, offset):
        """The parser counts bytes of UTF-8 from 0, people characters from 1."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        if text.isascii():
            return min(offset, len(text)) + 1
        return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore")) + 1


def _certain(statement):
    """The names that a statement binds whenever it runs."""
    kind = statement.__class__
    if kind in _DEFINITIONS:
        return (statement.name,)
    if kind is ast.Assign:
        pending = list(statement.targets)
    elif kind is ast.AnnAssign and statement.value is not None:
        pending = [statement.target]
    elif kind is _TYPE_ALIAS:
        pending = [statement.name]
    elif kind is ast.Import:
        return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
    elif kind is ast.ImportFrom:
        return [alias.asname or alias.name for alias in statement.names]
    elif kind in _WITHS:
        pending = [item.optional_vars for item in statement.items if item.optional_vars is not None]
    else:
        return ()
    return _target_names(pending)


def _target_names(pending):
    """The names among the targets of an assignment."""
    names = []
    while pending:
        target = pending.pop()
        kind = target.__class__
        if kind is ast.Name:
            names.append(target.id)
        elif kind is ast.Tuple or kind is ast.List:
            pending += target.elts
        elif kind is ast.Starred:
            pending.append(target.value)
    return names


def _parts(statement):
    """What a statement does itself, and the blocks in it, each with the names that are bound wherever it runs."""
    kind = statement.__class__
    if kind is ast.If or kind is ast.While:
        return [statement.test], [(statement.body, ()), (statement.orelse, ())]
    if kind in _LOOPS:
        targets = _target_names([statement.target])
        return [statement.target, statement.iter], [(statement.body, targets), (statement.orelse, ())]
    if kind in _WITHS:
        return list(statement.items), [(statement.body, ())]
    if kind in _TRIES:
        handlers = [(handler.body, ()) for handler in statement.handlers]
        last = [(statement.orelse, ()), (statement.finalbody, ())]
        return list(statement.handlers), [(statement.body, ()), *handlers, *last]
    if kind is ast.Match:
        head = [statement.subject]
        head += [part for case in statement.cases for part in (case.pattern, case.guard) if part is not None]
        return head, [(case.body, ()) for case in statement.cases]
    return [statement], []


def _arguments(arguments):
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if arguments.vararg is not None:
        found.append(arguments.vararg)
    if arguments.kwarg is not None:
        found.append(arguments.kwarg)
    return found


def _is_special(name):
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def _is_mangled(name):
    """`_Class__member`: what Python makes of a private member outside its class."""
    rest = name[1:]
    return not rest.startswith("_") and bool(rest.partition("__")[2])


def _type_call(node):
    """The argument of a `type(value)`."""
    if node.__class__ is not ast.Call or node.func.__class__ is not ast.Name or node.func.id != "type":
        return None
    if len(node.args) != 1 or node.keywords or node.args[0].__class__ is ast.Starred:
        return None
    return node.args[0]


def _string(node):
    """The text of a string constant."""
    if node.__class__ is ast.Constant:
        return node.value if isinstance(node.value, str) else None
    if node.__class__ is ast.JoinedStr and all(part.__class__ is ast.Constant for part in node.values):
        return "".join(part.value for part in node.values)
    return None


def _is_made_text(node):
    """Whether the expression makes a text: `'to_' + name`, `'to_%s' % name`, or an f-string."""
    pending = [node]
    while pending:
        node = pending.pop()
        if node.__class__ is ast.JoinedStr:
            return True
        if node.__class__ is ast.BinOp:
            if _string(node.left) is not None or _string(node.right) is not None:
                return True
            pending += (node.left, node.right)
    return False


def _strings(value):
    """The strings of a tuple, a list or a single string; None when anything else is among them."""
    elements = value.elts if value.__class__ in (ast.Tuple, ast.List) else [value]
    texts = [_string(element) for element in elements]
    return None if None in texts else texts


def _has_no_target(call):
    """Whether a writer is called so that it returns its text."""

    def absent(value):
        return value.__class__ is ast.Constant and value.value is None

    if call.args and not absent(call.args[0]):
        return False
    return all(
        # `**options` could hold the target.
        keyword.arg is not None and (keyword.arg not in _TARGETS or absent(keyword.value))
        for keyword in call.keywords
    )


_BRACE = re.compile("[{}]")
_PATH_END = re.compile(r"[.\[{}!:]")


def _field_attributes(text):
    """The attribute names in all replacement fields of `str.format`, also those nested in specifications."""
    found, depth, at = [], 0, 0
    while True:
        brace = _BRACE.search(text, at)
        if brace is None:
            return found
        at = brace.end()
        if depth == 0 and text.startswith(brace[0], at):
            at += 1
        elif brace[0] == "}":
            depth = max(depth - 1, 0)
        else:
            depth += 1
            is_attribute = False
            while True:
                end = _PATH_END.search(text, at)
                stop = len(text) if end is None else end.start()
                if is_attribute:
                    found.append(text[at:stop])
                at = stop
                if end is None or end[0] not in ".[":
                    break
                is_attribute = end[0] == "."
                if is_attribute:
                    at = end.end()
                else:
                    close = text.find("]", end.end())
                    at = len(text) if close < 0 else close + 1


def _shown(word):
    """A word of the program as a message may show it."""
    word = "".join(character if character.isprintable() else "\ufffd" for character in word[: _WORD + 1])
    return word if len(word) <= _WORD else word[:_WORD] + "…"


_TYPE_ALIAS = getattr(ast, "TypeAlias", None)
_DEFINITIONS = frozenset((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
_LOOPS = frozenset((ast.For, ast.AsyncFor))
_WITHS = frozenset((ast.With, ast.AsyncWith))
_TRIES = frozenset((ast.Try, getattr(ast, "TryStar", ast.Try)))
_COLLECTIONS = frozenset((ast.Tuple, ast.List, ast.Set))
_IDENTITY = frozenset((ast.Is, ast.IsNot))
_DENIED_METHODS = _FILES | _WRITERS | _EVALUATORS | _FRAMES | _INTROSPECTION
_PLAIN_NODES = {getattr(ast, name): fields for name, fields in _PLAIN.items() if hasattr(ast, name)}
_HANDLERS = {
    ast.AnnAssign: _Walk.annotated_assignment,
    ast.Assign: _Walk.assignment,
    ast.AsyncFunctionDef: _Walk.function,
    ast.Attribute: _Walk.attribute,
    ast.AugAssign: _Walk.augmented_assignment,
    ast.Call: _Walk.call,
    ast.ClassDef: _Walk.class_definition,
    ast.Compare: _Walk.compare,
    ast.Constant: _Walk.constant,
    ast.Delete: _Walk.deletion,
    ast.DictComp: _Walk.comprehension,
    ast.ExceptHandler: _Walk.handler,
    ast.FormattedValue: _Walk.formatted,
    ast.FunctionDef: _Walk.function,
    ast.GeneratorExp: _Walk.comprehension,
    ast.Global: _Walk.global_names,
    ast.Import: _Walk.importing,
    ast.ImportFrom: _Walk.importing_from,
    ast.Lambda: _Walk.function_value,
    ast.ListComp: _Walk.comprehension,
    ast.MatchAs: _Walk.as_pattern,
    ast.MatchClass: _Walk.class_pattern,
    ast.MatchMapping: _Walk.mapping_pattern,
    ast.MatchStar: _Walk.star_pattern,
    ast.NamedExpr: _Walk.named,
    ast.Nonlocal: _Walk.nonlocal_names,
    ast.SetComp: _Walk.comprehension,
    ast.Subscript: _Walk.subscript,
}
if _TYPE_ALIAS is not None:
    _HANDLERS[_TYPE_ALIAS] = _Walk.type_alias
_NEWER_FIELDS = _newer_fields()
