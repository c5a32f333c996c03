"""What is found, and where."""

import ast

from ..words import shown


class Reports:
    """Notes violations, each with its place in the text."""

    def newer(self, node):
        self.refuse("CD008", node, f"grammar that is newer than this check: {node.__class__.__name__}")

    def lookalike(self, node, name):
        self.refuse("CD204", node, f"an identifier is the keyword `{name}` in other letters")

    def refuse_definition(self, node, name):
        self.refuse("CD304", node, f"special name `{shown(name)}` may not be defined")

    def refuse_method(self, node, name):
        self.refuse("CD503", node, f"the string names method `{shown(name)}`, which is not allowed")

    def refuse_export(self, path, name, node):
        self.refuse("CD102", node, f"`{shown(path)}.{shown(name)}` is not for programs")

    def refuse_match_arguments(self, node):
        self.refuse("CD305", node, "`__match_args__` could name any attribute")

    def refuse_private(self, node, name):
        self.refuse("CD303", node, f"private attribute `{shown(name)}` is not defined by this program")

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
