"""The walk itself: one loop over the nodes, without recursion."""

import ast

from .attributes import Attributes
from .blocks import Blocks
from .calls import Calls
from .expressions import Expressions
from .formats import Formats
from .grammar import NEWER_FIELDS, PLAIN_NODES, TYPE_ALIAS
from .guards import Guards
from .imports import Imports
from .judgement import Judgement
from .names import Names
from .patterns import Patterns
from .reports import Reports
from .scopes import Scope, Scopes
from .statements import Statements


class Walk(
    Attributes,
    Blocks,
    Calls,
    Expressions,
    Formats,
    Guards,
    Imports,
    Judgement,
    Names,
    Patterns,
    Reports,
    Scopes,
    Statements,
):
    """One walk. Work that belongs to another scope waits in `later`; what depends on the bindings of a scope waits
    until the walk is over."""

    def __init__(self, source, rules):
        self.source = source
        self.rules = rules
        self.lines = None
        self.found = {}
        # Where the walk stands.
        self.scope = Scope("module", None, 0)
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
        self.globalised = []
        # Guarded exports: where one might be used, and for the names of those the uses that their places are there for.
        self.calls = []
        self.decorating = []
        self.metaclasses = []
        self.granted = {}
        # Where annotations may name `type`, each with what takes part in it; which of that calls nothing; and which
        # places are in annotations of class variables.
        self.annotated = {}
        self.kept = {}
        self.in_fields = set()
        self.knows_fields = self.postpones = False
        # Classes of patterns that read attributes by position, and whether classes claim values of others.
        self.by_position = []
        self.claims = False
        # Strings that name methods for files, and whether some method is called that takes such a name.
        self.file_methods = []
        self.dispatches = False
        # Every name that some import binds, in whatever scope.
        self.imported = set()
        # Underscored members that the program's own classes define.
        self.own = set()

    def run(self, tree):
        if NEWER_FIELDS:
            for node in ast.walk(tree):
                if any(getattr(node, field, None) for field in NEWER_FIELDS.get(node.__class__, ())):
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

    def drain(self, stack):
        """Visits nodes and what they hold, without recursion."""
        self.stack = stack
        names, pop, push = self.names, stack.pop, stack.append
        plain, handlers, context = PLAIN_NODES, _HANDLERS, self.context
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


_HANDLERS = {
    ast.AnnAssign: Walk.annotated_assignment,
    ast.Assign: Walk.assignment,
    ast.AsyncFunctionDef: Walk.function,
    ast.Attribute: Walk.attribute,
    ast.AugAssign: Walk.augmented_assignment,
    ast.Call: Walk.call,
    ast.ClassDef: Walk.class_definition,
    ast.Compare: Walk.compare,
    ast.Constant: Walk.constant,
    ast.Delete: Walk.deletion,
    ast.DictComp: Walk.comprehension,
    ast.ExceptHandler: Walk.handler,
    ast.FormattedValue: Walk.formatted,
    ast.FunctionDef: Walk.function,
    ast.GeneratorExp: Walk.comprehension,
    ast.Global: Walk.global_names,
    ast.Import: Walk.importing,
    ast.ImportFrom: Walk.importing_from,
    ast.Lambda: Walk.function_value,
    ast.ListComp: Walk.comprehension,
    ast.MatchAs: Walk.as_pattern,
    ast.MatchClass: Walk.class_pattern,
    ast.MatchMapping: Walk.mapping_pattern,
    ast.MatchStar: Walk.star_pattern,
    ast.NamedExpr: Walk.named,
    ast.Nonlocal: Walk.nonlocal_names,
    ast.SetComp: Walk.comprehension,
    ast.Subscript: Walk.subscript,
}
if TYPE_ALIAS is not None:
    _HANDLERS[TYPE_ALIAS] = Walk.type_alias
