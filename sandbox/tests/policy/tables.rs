//! The tables that CPython's own check reads are those of this crate.

use std::path::Path;
use std::{env, fs};

use cofferdam_sandbox::Policy;

/// With `COFFERDAM_BLESS=1` in the environment a stored file is written anew in place of being compared.
pub(crate) fn same_as_stored(path: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("COFFERDAM_BLESS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == expected, "{} is out of date: run this test with COFFERDAM_BLESS=1", path.display());
}

#[test]
fn the_guest_reads_the_tables_of_this_crate() {
    // One entry a line, so that a change of a table reads as one in the history.
    let text = format!("{:#}\n", Policy::tables());
    same_as_stored("guest/python/cofferdam_policy/rules.json", &text);
}
