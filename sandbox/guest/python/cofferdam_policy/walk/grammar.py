"""The kinds of node that the walk knows, with their fields."""

import ast

TYPE_ALIAS = getattr(ast, "TypeAlias", None)
DEFINITIONS = frozenset((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))

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

PLAIN_NODES = {getattr(ast, name): fields for name, fields in _PLAIN.items() if hasattr(ast, name)}

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


NEWER_FIELDS = _newer_fields()
