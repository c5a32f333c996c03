"""The order of statements in a module or class, and where in it a name is certainly bound."""

import ast

from .grammar import DEFINITIONS, TYPE_ALIAS

_LOOPS = frozenset((ast.For, ast.AsyncFor))
_WITHS = frozenset((ast.With, ast.AsyncWith))
_TRIES = frozenset((ast.Try, getattr(ast, "TryStar", ast.Try)))


class Blocks:
    """Walks bodies statement by statement."""

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


def _certain(statement):
    """The names that a statement binds whenever it runs."""
    kind = statement.__class__
    if kind in DEFINITIONS:
        return (statement.name,)
    if kind is ast.Assign:
        pending = list(statement.targets)
    elif kind is ast.AnnAssign and statement.value is not None:
        pending = [statement.target]
    elif kind is TYPE_ALIAS:
        pending = [statement.name]
    elif kind is ast.Import:
        return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
    elif kind is ast.ImportFrom:
        return [alias.asname or alias.name for alias in statement.names]
    elif kind in _WITHS:
        # Of several managers one may swallow what a later one raises, and of several names the unpacking may fail: then
        # the statement goes on behind the block with nothing bound.
        target = statement.items[0].optional_vars
        pending = [target] if len(statement.items) == 1 and target.__class__ is ast.Name else []
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
        targets = _target_names([item.optional_vars for item in statement.items])
        return list(statement.items), [(statement.body, targets)]
    if kind in _TRIES:
        handlers = [(handler.body, ()) for handler in statement.handlers]
        last = [(statement.orelse, ()), (statement.finalbody, ())]
        return list(statement.handlers), [(statement.body, ()), *handlers, *last]
    if kind is ast.Match:
        head = [statement.subject]
        head += [part for case in statement.cases for part in (case.pattern, case.guard) if part is not None]
        return head, [(case.body, ()) for case in statement.cases]
    return [statement], []
