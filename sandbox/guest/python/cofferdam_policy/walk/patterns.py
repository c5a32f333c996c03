"""Patterns of `match` statements, which read attributes without an attribute expression."""

from ..tables import KEYWORDS


class Patterns:
    """What a pattern reads, and what it captures."""

    def class_pattern(self, node):
        self.stack.append(node.cls)
        if node.patterns:
            self.by_position.append((node.cls, self.scope))
        self.stack += node.patterns
        self.stack += node.kwd_patterns
        for name in node.kwd_attrs:
            if name in KEYWORDS:
                self.lookalike(node, name)
            self.attribute_name(node, name, True)
            self.attribute_read(name)
            self.method_name(node, None, name, None)

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
