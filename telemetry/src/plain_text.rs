//! The older text format, for clients that do not read OpenMetrics.

/// Turns an OpenMetrics exposition into Prometheus text format 0.0.4.
///
/// The two differ, for the metrics of this crate, in three points: the older one names a counter with its
/// `_total` in the description too, has no `# UNIT`, and no `# EOF`.
pub(crate) fn plain_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut held_help: Option<&str> = None;
    for line in open_metrics.lines() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        // The help comes before the type, and only the type tells whether the name needs its suffix.
        if line.starts_with("# HELP ") {
            held_help = Some(line);
            continue;
        }
        let counter = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_suffix(" counter"));
        if let Some(help) = held_help.take() {
            match counter.and_then(|name| help.strip_prefix("# HELP ")?.strip_prefix(name)) {
                Some(words) => push(&mut text, &["# HELP ", counter.unwrap_or_default(), "_total", words]),
                None => push(&mut text, &[help]),
            }
        }
        match counter {
            Some(name) => push(&mut text, &["# TYPE ", name, "_total counter"]),
            None => push(&mut text, &[line]),
        }
    }
    text
}

fn push(text: &mut String, parts: &[&str]) {
    for part in parts {
        text.push_str(part);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn counters_are_renamed_and_what_the_old_format_lacks_is_left_out() {
        let new = "# HELP a_seconds Time.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n\
                   # HELP b Now.\n# TYPE b gauge\nb{c=\"# EOF\"} 2\n# EOF\n";
        let old = "# HELP a_seconds_total Time.\n# TYPE a_seconds_total counter\na_seconds_total 1\n\
                   # HELP b Now.\n# TYPE b gauge\nb{c=\"# EOF\"} 2\n";
        assert_eq!(plain_text(new), old);
    }
}
