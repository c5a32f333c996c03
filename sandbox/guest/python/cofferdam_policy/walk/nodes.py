"""What a node is, told from the node alone."""

import ast


def type_call(node):
    """The argument of a `type(value)`."""
    if node.__class__ is not ast.Call or node.func.__class__ is not ast.Name or node.func.id != "type":
        return None
    if len(node.args) != 1 or node.keywords or node.args[0].__class__ is ast.Starred:
        return None
    return node.args[0]


def string(node):
    """The text of a string constant."""
    if node.__class__ is ast.Constant:
        return node.value if isinstance(node.value, str) else None
    if node.__class__ is ast.JoinedStr and all(part.__class__ is ast.Constant for part in node.values):
        return "".join(part.value for part in node.values)
    return None


def strings(value):
    """The strings of a tuple, a list or a single string; None when anything else is among them."""
    elements = value.elts if value.__class__ in (ast.Tuple, ast.List) else [value]
    texts = [string(element) for element in elements]
    return None if None in texts else texts
