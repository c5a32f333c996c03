//! Attribute names: which special ones are harmless, and which ordinary ones lead out of the program.

use super::lists;

/// Special methods that a class may define and that any expression may name, as in `super().__init__()`.
pub(crate) const SPECIAL: &[&str] = &[
    "__abs__",
    "__add__",
    "__aenter__",
    "__aexit__",
    "__aiter__",
    "__and__",
    "__anext__",
    "__await__",
    "__bool__",
    "__bytes__",
    "__call__",
    "__ceil__",
    "__complex__",
    "__contains__",
    "__copy__",
    "__deepcopy__",
    "__delitem__",
    "__divmod__",
    "__enter__",
    "__eq__",
    "__exit__",
    "__float__",
    "__floor__",
    "__floordiv__",
    "__format__",
    "__ge__",
    "__getitem__",
    "__gt__",
    "__hash__",
    "__iadd__",
    "__iand__",
    "__ifloordiv__",
    "__ilshift__",
    "__imatmul__",
    "__imod__",
    "__imul__",
    "__index__",
    "__init__",
    "__init_subclass__",
    "__int__",
    "__invert__",
    "__ior__",
    "__ipow__",
    "__irshift__",
    "__isub__",
    "__iter__",
    "__itruediv__",
    "__ixor__",
    "__le__",
    "__len__",
    "__length_hint__",
    "__lshift__",
    "__lt__",
    "__matmul__",
    "__missing__",
    "__mod__",
    "__mul__",
    "__ne__",
    "__neg__",
    "__new__",
    "__next__",
    "__or__",
    "__pos__",
    "__post_init__",
    "__pow__",
    "__radd__",
    "__rand__",
    "__rdivmod__",
    "__repr__",
    "__reversed__",
    "__rfloordiv__",
    "__rlshift__",
    "__rmatmul__",
    "__rmod__",
    "__rmul__",
    "__ror__",
    "__round__",
    "__rpow__",
    "__rrshift__",
    "__rshift__",
    "__rsub__",
    "__rtruediv__",
    "__rxor__",
    "__set_name__",
    "__setitem__",
    "__str__",
    "__sub__",
    "__truediv__",
    "__trunc__",
    "__xor__",
];

/// Special methods that a class may define although no expression may name them: Python calls them with names
/// that the program has already spelt out.
pub(crate) const DEFINABLE: &[&str] =
    &["__class_getitem__", "__delattr__", "__delete__", "__get__", "__getattr__", "__set__", "__setattr__"];

/// Special attributes that hold plain text or an exception and lead nowhere else.
pub(crate) const READABLE: &[&str] =
    &["__cause__", "__context__", "__doc__", "__members__", "__name__", "__qualname__", "__version__"];

/// Attributes of a class that are plain text: `__class__` may stand before one of them.
pub(crate) const NAMES: &[&str] = &["__name__", "__qualname__"];

/// Special attributes that may be assigned through an object, as decorators do.
pub(crate) const WRITABLE: &[&str] = &["__doc__", "__name__", "__qualname__"];

/// Attributes of frames, tracebacks, code objects, generators and coroutines: each leads to the caller's variables.
pub(crate) const FRAMES: &[&str] = &[
    "ag_await",
    "ag_code",
    "ag_frame",
    "ag_running",
    "co_argcount",
    "co_cellvars",
    "co_code",
    "co_consts",
    "co_filename",
    "co_firstlineno",
    "co_flags",
    "co_freevars",
    "co_lines",
    "co_name",
    "co_names",
    "co_positions",
    "co_qualname",
    "co_varnames",
    "cr_await",
    "cr_code",
    "cr_frame",
    "cr_origin",
    "cr_running",
    "f_back",
    "f_builtins",
    "f_code",
    "f_generator",
    "f_globals",
    "f_lasti",
    "f_lineno",
    "f_locals",
    "f_trace",
    "f_trace_lines",
    "f_trace_opcodes",
    "get_coro",
    "get_stack",
    "gi_code",
    "gi_frame",
    "gi_running",
    "gi_suspended",
    "gi_yieldfrom",
    "print_stack",
    "tb_frame",
    "tb_lasti",
    "tb_lineno",
    "tb_next",
    "with_traceback",
];

/// Attributes that list classes, load modules or hand out raw memory.
pub(crate) const INTROSPECTION: &[&str] = &[
    "_getframe",
    "capsule",
    "cffi",
    "create_module",
    "ctypes",
    "exec_module",
    "find_loader",
    "find_module",
    "find_spec",
    "get_code",
    "get_loop",
    "get_source",
    "load_module",
    "mro",
    "setrecursionlimit",
];

/// The method by which a class claims values that it did not make.
pub(crate) const CLAIMING: &str = "register";

/// Underscored members that the standard library documents as public.
pub(crate) const DOCUMENTED: &[&str] = &[
    "_asdict",
    "_field_defaults",
    "_fields",
    "_generate_next_value_",
    "_ignore_",
    "_make",
    "_missing_",
    "_name_",
    "_order_",
    "_replace",
    "_value_",
];

/// How the attribute is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Load,
    Store,
}

/// `__name__` with both pairs of underscores.
pub(crate) fn is_special(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// Whether an expression may name this double-underscore attribute.
pub(crate) fn special_allowed(name: &str, access: Access) -> bool {
    match access {
        Access::Load => lists(SPECIAL, name) || lists(READABLE, name),
        Access::Store => lists(WRITABLE, name),
    }
}

/// Whether a class or module may define a function of this double-underscore name.
pub(crate) fn special_definable(name: &str) -> bool {
    lists(SPECIAL, name) || lists(DEFINABLE, name)
}

/// Whether an attribute without an underscore in front leads out of the program.
pub(crate) fn leads_out(name: &str) -> bool {
    lists(FRAMES, name) || lists(INTROSPECTION, name)
}

/// Whether the standard library documents this underscored member as public, or makes it for a field without a
/// usable name (`_1` in `DataFrame.itertuples`).
pub(crate) fn documented(name: &str) -> bool {
    let numbered = name.strip_prefix('_').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    lists(DOCUMENTED, name) || numbered
}

/// `_Class__member`: what Python makes of a private member outside its class.
pub(crate) fn is_mangled(name: &str) -> bool {
    name.strip_prefix('_').is_some_and(|rest| {
        !rest.starts_with('_') && rest.split_once("__").is_some_and(|(_, member)| !member.is_empty())
    })
}

/// Whether Python writes the name anew inside a class (`__member`), or makes such a name of another.
pub(crate) fn is_rewritten(name: &str) -> bool {
    (name.starts_with("__") && !name.ends_with("__")) || is_mangled(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mangled_members_are_told_from_ordinary_ones() {
        assert!(is_mangled("_Printer__filenames"));
        assert!(!is_mangled("_cache"));
        assert!(!is_mangled("__private"));
        assert!(!is_mangled("_a_b"));
        assert!(!is_mangled("snake__case"));
    }

    #[test]
    fn rewritten_names_are_private_or_made_of_such() {
        assert!(is_rewritten("__private") && is_rewritten("___a_"));
        assert!(is_rewritten("_Printer__filenames"));
        assert!(!["__", "___", "__class__", "_a", "_a_b", "a__b"].into_iter().any(is_rewritten));
    }

    #[test]
    fn special_means_underscores_on_both_sides() {
        assert!(is_special("__class__"));
        assert!(!is_special("__private"));
        assert!(!is_special("____"));
    }
}
