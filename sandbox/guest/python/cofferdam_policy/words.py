"""Words of a program: what their underscores say, and how a message may show them."""

# What the words of a program may take of a message.
_WORD = 60


def is_special(name):
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def is_mangled(name):
    """`_Class__member`: what Python makes of a private member outside its class."""
    rest = name[1:]
    return not rest.startswith("_") and bool(rest.partition("__")[2])


def is_rewritten(name):
    """Whether Python writes the name anew inside a class (`__member`), or makes such a name of another."""
    private = name.startswith("__") and not name.endswith("__")
    return private or (name.startswith("_") and is_mangled(name))


def shown(word):
    """A word of the program as a message may show it."""
    word = "".join(character if character.isprintable() else "\ufffd" for character in word[: _WORD + 1])
    return word if len(word) <= _WORD else word[:_WORD] + "…"
