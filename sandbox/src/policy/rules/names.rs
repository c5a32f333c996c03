//! Names that a program may not load unless it has bound them itself.

/// Builtins that run text, reach files, walk scopes or turn a string into an attribute, with what to write instead.
pub(crate) const DENIED: &[(&str, &str)] = &[
    ("eval", "write the expression as code; for text that holds JSON use `json.loads`"),
    ("exec", "write the statements as code"),
    ("compile", "write the statements as code; for patterns use `re.compile`"),
    ("__import__", "use an `import` statement at the top of the program"),
    ("open", "a program has no files: read series from `data` and leave the answer in `result`"),
    ("input", "a program has no terminal: read settings from `params`"),
    ("globals", "name the variable directly"),
    ("locals", "name the variable directly, or keep the values in a dict"),
    ("vars", "list the attributes that you need, or use a dataclass and `dataclasses.asdict`"),
    ("dir", "name the attributes that you need"),
    ("getattr", "write `object.name`; to choose by a string, keep the choices in a dict"),
    ("setattr", "write `object.name = value`, or keep the values in a dict"),
    ("delattr", "write `del object.name`, or keep the values in a dict"),
    ("breakpoint", "a program has no debugger: use `print`, its output is returned"),
    ("help", "a program has no terminal: remove the call"),
    ("exit", "let the program run to its end, or raise an exception"),
    ("quit", "let the program run to its end, or raise an exception"),
    ("license", "remove the use: this object can read files"),
    ("copyright", "remove the use: this object can read files"),
    ("credits", "remove the use: this object can read files"),
];

/// Double-underscore names that may be loaded as plain names.
pub(crate) const LOADABLE: &[&str] =
    &["__name__", "__doc__", "__debug__", "__version__", "__all__", "__author__"];

/// Double-underscore names that a module or a class body may assign.
pub(crate) const ASSIGNABLE: &[&str] = &[
    "__all__",
    "__author__",
    "__date__",
    "__doc__",
    "__hash__",
    "__license__",
    "__match_args__",
    "__slots__",
    "__version__",
];

/// Builtins that take types and give no type back: `type` and `type(value)` may stand among their arguments.
pub(crate) const TYPE_SINKS: &[&str] = &["hash", "isinstance", "issubclass", "print", "repr", "str"];

/// Builtin classes, with which a type may be compared: their comparison is no method of the program.
pub(crate) const PLAIN_TYPES: &[&str] =
    &["bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"];

/// Python's keywords: no identifier may turn into one by Unicode normalisation.
pub(crate) const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// What to write instead of a denied builtin, or `None` where the name is not denied.
pub(crate) fn remedy(name: &str) -> Option<&'static str> {
    DENIED.iter().find(|(denied, _)| *denied == name).map(|(_, remedy)| *remedy)
}
