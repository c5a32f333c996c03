"""Import statements."""

from ..settings import HIDDEN, MODULE, VALUE
from ..tables import GUARDED
from ..words import is_rewritten, shown


class Imports:
    """Which modules and names a program may take, and where."""

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
                self.refuse("CD103", alias, f"`from {shown(path)} import *` hides the names that it binds")
                continue
            known = path.partition(".")[0] in self.rules.modules
            export = self.rules.export(path, taken) if known else VALUE
            self.bind_import(alias, alias.asname or taken, f"{path}.{taken}" if export is MODULE else None)
            if path == "__future__" and taken == "annotations":
                self.postpones = True
            guard = GUARDED.get(f"{path}.{taken}")
            if guard is not None:
                self.scope.guards.setdefault(alias.asname or taken, set()).add(guard)
                self.learn(guard)
            if allowed and export is HIDDEN:
                self.refuse_export(path, taken, alias)

    def module_path(self, path, node):
        allowed = self.rules.importable(path)
        if allowed is None:
            self.refuse("CD101", node, f"import of `{shown(path)}` is not allowed")
        elif not allowed:
            self.refuse("CD102", node, f"submodule `{shown(path)}` is not for programs")
        return allowed

    def bind_import(self, alias, name, module):
        """The name must stay where the check can follow it. Inside a class Python writes private names anew, so that
        one is read under the spelling of another; and calls of `type` are judged as those of the builtin."""
        scope = self.scope
        self.imported.add(name)
        scope.imported.add(name)
        if module is not None:
            scope.modules.setdefault(name, []).append(module)
        self.stored(alias, name)
        if scope.kind == "class" or name == "type" or is_rewritten(name):
            self.misplaced(alias, name)
        elif scope.kind == "function":
            self.placed.append((alias, scope, name))

    def misplaced(self, alias, name):
        self.refuse("CD107", alias, f"import of `{shown(name)}` where the check cannot follow the module")
