"""What the service that accepted the program configured."""

import json

from .tables import BOUNDS, DENIED, KEYWORDS, MODULES

# What a name of a module is to a program.
VALUE, MODULE, HIDDEN = "value", "module", "hidden"


class Rules:
    """What the service that accepted the program configured: the text of `Program::policy` in the host. `{}` is the
    default policy; a field that is missing has its default."""

    def __init__(self, policy="{}"):
        chosen = json.loads(policy)
        modules = chosen.get("modules")
        if modules is None:
            modules = {name: "reviewed" for name in MODULES if "." not in name}
        # Top-level module: "reviewed", "public", or the names.
        self.modules = {
            name: frozenset(rule["names"]) if isinstance(rule, dict) else rule for name, rule in modules.items()
        }
        self.denied = DENIED | frozenset(chosen.get("denied_names", ()))
        bounds = chosen.get("bounds", {})
        self.source_bytes = min(bounds.get("source_bytes", BOUNDS["source_bytes"]), BOUNDS["ceiling_source_bytes"])
        self.violations = max(bounds.get("violations", BOUNDS["violations"]), 1)
        self.watched_names = self.denied | KEYWORDS | {"type"}

    def importable(self, path):
        """Whether `import path` may stand, or None where its top-level module is not allowed at all."""
        rule = self.modules.get(path.partition(".")[0])
        if rule is None:
            return None
        if rule == "reviewed":
            return path in MODULES
        if rule == "public":
            return not any(part.startswith("_") for part in path.split("."))
        return "." not in path

    def export(self, path, name):
        """What `path.name` is to a program."""
        rule = self.modules.get(path.partition(".")[0])
        if rule is None:
            # The import itself is refused.
            return VALUE
        if rule == "reviewed":
            if f"{path}.{name}" in MODULES:
                return MODULE
            return VALUE if name in MODULES.get(path, ()) else HIDDEN
        if rule == "public":
            return HIDDEN if name.startswith("_") else VALUE
        return VALUE if name in rule else HIDDEN


DEFAULT = Rules()
_recent = ("{}", DEFAULT)


def rules_of(policy):
    """The rules for a policy as JSON. The last one is kept, since a service has one."""
    global _recent
    if _recent[0] != policy:
        _recent = (policy, Rules(policy))
    return _recent[1]
