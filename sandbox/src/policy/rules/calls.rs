//! Methods that write files or evaluate text, on whatever object they are found.
//!
//! The checker does not know types, so a method of the program's own that bears one of these names is refused too;
//! renaming it is the remedy.

use super::{attributes, lists};

/// Methods and functions that read or write files, databases, networks, processes or pickles. Those of an event loop
/// are among them, which a task keeps under a private name.
pub(crate) const FILES: &[&str] = &[
    "connect_read_pipe",
    "connect_write_pipe",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "dump",
    "dumps",
    "from_custom_template",
    "fromfile",
    "genfromtxt",
    "loadtxt",
    "memmap",
    "read_clipboard",
    "read_csv",
    "read_excel",
    "read_feather",
    "read_fwf",
    "read_gbq",
    "read_hdf",
    "read_html",
    "read_iceberg",
    "read_json",
    "read_orc",
    "read_parquet",
    "read_pickle",
    "read_sas",
    "read_spss",
    "read_sql",
    "read_sql_query",
    "read_sql_table",
    "read_stata",
    "read_table",
    "read_xml",
    "savetxt",
    "savez",
    "savez_compressed",
    "subprocess_exec",
    "subprocess_shell",
    "to_clipboard",
    "to_excel",
    "to_feather",
    "to_gbq",
    "to_hdf",
    "to_iceberg",
    "to_orc",
    "to_parquet",
    "to_pickle",
    "to_sql",
    "to_stata",
    "tofile",
];

/// Writers that return text when they are called without a target, which is harmless.
pub(crate) const WRITERS: &[&str] =
    &["to_csv", "to_html", "to_json", "to_latex", "to_markdown", "to_string", "to_xml"];

/// Keyword names under which a writer takes its target.
pub(crate) const TARGETS: &[&str] = &["buf", "path", "path_or_buf", "path_or_buffer", "storage_options"];

/// Methods that evaluate text as code.
pub(crate) const EVALUATORS: &[&str] = &["eval", "query"];

/// Methods that call another method by the name in a string.
pub(crate) const DISPATCHERS: &[&str] = &["agg", "aggregate", "apply", "transform"];

/// Keyword arguments that switch a harmless function into a harmful one, wherever they appear.
pub(crate) const KEYWORDS: &[(&str, &str)] = &[
    ("allow_pickle", "leave it out: unpickling runs code"),
    ("assigned", "call `wraps(function)` with nothing else: the list names attributes by strings"),
    ("updated", "call `wraps(function)` with nothing else: the list names attributes by strings"),
    ("backend", "leave it out: it imports the module that it names"),
    ("refcheck", "leave it out: what still reads the old memory would be checked by nobody"),
    ("loop_factory", "leave it out: the event loop is given"),
];

/// Whether the name reads or writes files on any object.
pub(crate) fn is_file_method(name: &str) -> bool {
    lists(FILES, name)
}

/// Whether the attribute leads out of the program, or is a method that reaches files, evaluates text or reads
/// attributes that a text names, however it is got hold of.
pub(crate) fn is_watched(name: &str) -> bool {
    attributes::leads_out(name)
        || is_file_method(name)
        || is_writer(name)
        || is_evaluator(name)
        || matches!(name, "format" | "format_map")
}

/// Whether the name is a writer that needs to be called without a target.
pub(crate) fn is_writer(name: &str) -> bool {
    lists(WRITERS, name)
}

/// Whether the keyword names a writer's target.
pub(crate) fn is_target(keyword: &str) -> bool {
    lists(TARGETS, keyword)
}

/// Whether the method evaluates text.
pub(crate) fn is_evaluator(name: &str) -> bool {
    lists(EVALUATORS, name)
}

/// Whether the method calls another one by its name in a string.
pub(crate) fn is_dispatcher(name: &str) -> bool {
    lists(DISPATCHERS, name)
}

/// What to do instead of passing the keyword, or `None` where it is harmless.
pub(crate) fn keyword_remedy(keyword: &str) -> Option<&'static str> {
    KEYWORDS.iter().find(|(denied, _)| *denied == keyword).map(|(_, remedy)| *remedy)
}
