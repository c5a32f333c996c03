"""What is known only when every binding is."""

from ..tables import KEYWORDS, WATCHED
from ..words import shown


class Judgement:
    """Judges what the walk noted, when it is over."""

    def judge(self):
        self.judge_guards()
        for node, name in self.globalised:
            if name in self.module.imported:
                self.misplaced(node, name)
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
            modules = self.modules_of(name, scope, at) if name in imported else ()
            if modules:
                self.guarded_name(root, scope, at)
                links = self.through_modules(modules, chain, scope, at)
                if name in KEYWORDS:
                    self.lookalike(root, name)
            elif name in watched or name[0] == "_" or name in imported:
                self.loaded(root, scope, at, context)
            for index in range(links):
                link = chain[index]
                attribute = link.attr
                if attribute in WATCHED or attribute[0] == "_":
                    self.member(link, None if index else call, chain[index - 1] if index else None)
        for node, root, scope, at in self.changed:
            if self.is_imported(root.id, scope, at):
                self.refuse("CD106", node, f"assignment to something that `{shown(root.id)}` owns")
        for node, sink, scope, at in self.types:
            if not self.is_bound("type", scope, at) and (sink is None or not self.is_nowhere_bound(sink, scope)):
                self.refuse_type(node)
        for node, sides, scope, at in self.compared:
            if not self.is_bound("type", scope, at) and not self.plain_types(sides, scope, at):
                self.refuse_type(node)
        if self.dispatches:
            for node in self.file_methods:
                self.refuse_method(node, node.value)
        self.positions()
        for node, name in self.private:
            if name not in self.own:
                self.refuse_private(node, name)
