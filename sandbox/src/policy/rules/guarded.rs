//! Exports that are harmless in one use alone.

/// The use that a program may make of a guarded export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// In annotations, where it is `type` under another name.
    Annotation,
    /// Any use, but the program then knows objects that hand out the annotations of its classes.
    Field,
    /// Any use, but the program's classes may then claim values that they did not make.
    Claim,
    /// Any use but a call with more than a shape, a type and an order, which could lay objects over foreign memory.
    Memory,
    /// A call that names all its attributes by literals.
    Members,
    /// A call that names its method by a literal.
    Method,
    /// `metaclass=` in a `class` statement. Called it would build classes from strings.
    Metaclass,
    /// `@wraps(function)` above a `def`. On anything else it hands out annotations and namespaces.
    Wrapping,
}

/// The guarded exports by their full names.
const GUARDED: &[(&str, Use)] = &[
    ("abc.ABCMeta", Use::Metaclass),
    ("dataclasses.field", Use::Field),
    ("functools.wraps", Use::Wrapping),
    ("numpy.ndarray", Use::Memory),
    ("numpy.recarray", Use::Memory),
    ("operator.attrgetter", Use::Members),
    ("operator.methodcaller", Use::Method),
    ("typing.Type", Use::Annotation),
    ("typing.runtime_checkable", Use::Claim),
];

impl Use {
    /// The use as the tables name it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Claim => "claim",
            Self::Field => "field",
            Self::Memory => "memory",
            Self::Members => "members",
            Self::Metaclass => "metaclass",
            Self::Method => "method",
            Self::Wrapping => "wrapping",
        }
    }

    /// Whether the export may stand where any value may.
    pub(crate) const fn is_free(self) -> bool {
        matches!(self, Self::Claim | Self::Field | Self::Memory)
    }
}

/// Every guarded export with its use.
pub(crate) fn guarded() -> impl Iterator<Item = (&'static str, Use)> {
    GUARDED.iter().copied()
}

/// How `path.name` may be used, where that is guarded.
pub(crate) fn find(path: &str, name: &str) -> Option<Use> {
    let named = |full: &str| full.strip_suffix(name).and_then(|rest| rest.strip_suffix('.')) == Some(path);
    GUARDED.iter().find(|(full, _)| named(full)).map(|(_, guard)| *guard)
}
