//! The attributes that `str.format` reads because a replacement field in a text names them.

use super::super::code::Code;
use super::super::rules::attributes::{self, Access};
use super::super::source::quoted;
use super::{Span, Walker, normal};

impl Walker<'_, '_> {
    /// Checks the replacement fields of a literal.
    pub(super) fn format_fields(&mut self, text: &str, place: Span) {
        for attribute in field_attributes(text) {
            let name = normal(attribute);
            let special = attributes::is_special(&name) && attributes::special_allowed(&name, Access::Load);
            let hidden = name.starts_with('_') || attributes::leads_out(&name);
            if hidden && !special {
                self.report(
                    Code::FormatField,
                    place,
                    format!("a replacement field reads attribute `{}`", quoted(&name)),
                    "use an f-string of the value that you need",
                );
            }
        }
    }

    pub(super) fn refuse_dynamic_format(&mut self, method: &str, place: Span) {
        self.report(
            Code::DynamicFormat,
            place,
            format!("`{method}` of a text that is no plain literal"),
            "use an f-string, or `string.Template`; a method of your own needs another name",
        );
    }
}

/// The attribute names in all replacement fields, also those nested in format specifications.
///
/// A field is a name or number followed by `.attribute` and `[key]` parts; `!`, `:` or a brace ends it. Braces in a
/// specification open fields of their own, so every brace that is not doubled outside a field starts one.
fn field_attributes(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (brace, after) = rest.split_at(at).1.split_at(1);
        let doubled = depth == 0 && after.starts_with(brace);
        rest = if doubled { after.get(1..).unwrap_or("") } else { after };
        if doubled {
            continue;
        }
        if brace == "}" {
            depth = depth.saturating_sub(1);
            continue;
        }
        depth += 1;
        rest = path_attributes(rest, &mut found);
    }
    found
}

/// Takes the path at the start of a field and returns what follows it.
fn path_attributes<'t>(field: &'t str, found: &mut Vec<&'t str>) -> &'t str {
    let mut rest = field;
    let mut is_attribute = false;
    loop {
        let end = rest.find(['.', '[', '{', '}', '!', ':']).unwrap_or(rest.len());
        let (part, tail) = rest.split_at(end);
        if is_attribute {
            found.push(part);
        }
        if let Some(after) = tail.strip_prefix('.') {
            is_attribute = true;
            rest = after;
        } else if let Some(after) = tail.strip_prefix('[') {
            is_attribute = false;
            let close = after.find(']').map_or(after.len(), |at| at + 1);
            rest = after.get(close..).unwrap_or("");
        } else {
            return tail;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::field_attributes;

    #[test]
    fn fields_show_their_attributes() {
        for (text, expected) in [
            ("{0.__class__.__mro__}", vec!["__class__", "__mro__"]),
            ("{} {name} {0!r:>10}", vec![]),
            ("{{0.__class__}}", vec![]),
            ("{{{0.real}}}", vec!["real"]),
            ("{0:{1.__class__}}", vec!["__class__"]),
            ("{0[a.b].c}", vec!["c"]),
            ("{0[__class__]}", vec![]),
            ("{0[}.x]}{1.y}", vec!["y"]),
            ("{0.a", vec!["a"]),
            ("}{", vec![]),
        ] {
            assert_eq!(field_attributes(text), expected, "{text}");
        }
    }
}
