//! A rejection as SARIF 2.1.0, which code-scanning tools and editors read.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::code::Code;
use super::rejection::Rejection;
use super::violation::Violation;

impl Rejection {
    /// The reasons as a [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/) log with one run. `name` stands for
    /// the program, as in `strategies/trend.py`; it becomes a relative URI. Columns count Unicode code points.
    ///
    /// ```
    /// use cofferdam_sandbox::Policy;
    ///
    /// let log = Policy::default().check("import os").unwrap_err().sarif("strategy.py");
    /// assert_eq!(log["runs"][0]["results"][0]["ruleId"], "CD101");
    /// ```
    #[must_use]
    pub fn sarif(&self, name: &str) -> Value {
        let uri = uri(name);
        let results: Vec<Value> = self.violations().iter().map(|violation| result(violation, &uri)).collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {
                    "driver": {
                        "name": "cofferdam-sandbox",
                        "version": env!("CARGO_PKG_VERSION"),
                        "semanticVersion": env!("CARGO_PKG_VERSION"),
                        "informationUri": env!("CARGO_PKG_REPOSITORY"),
                        "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
                    },
                },
                "columnKind": "unicodeCodePoints",
                "artifacts": [{ "location": { "uri": uri }, "sourceLanguage": "python" }],
                "results": results,
                "properties": { "omitted": self.omitted() },
            }],
        })
    }
}

fn rule(code: Code) -> Value {
    let rule = code.explain();
    json!({
        "id": code.as_str(),
        "name": format!("{code:?}"),
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.reason },
        "help": { "text": format!("Instead: {}.", rule.instead) },
        "helpUri": code.documentation(),
        "defaultConfiguration": { "level": "error" },
    })
}

fn result(violation: &Violation, uri: &str) -> Value {
    let marked: String = violation.snippet.chars().skip(violation.indent).take(violation.width).collect();
    json!({
        "ruleId": violation.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == violation.code),
        "level": "error",
        "message": { "text": format!("{}; {}", violation.message, violation.help) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri, "index": 0 },
                "region": {
                    "startLine": violation.line,
                    "startColumn": violation.column,
                    "endLine": violation.end_line,
                    "endColumn": violation.end_column,
                    "snippet": { "text": marked },
                },
                "contextRegion": { "startLine": violation.line, "snippet": { "text": violation.snippet } },
            },
        }],
    })
}

/// The name as a relative reference: what has a meaning in a URI is written in percent.
fn uri(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn names_become_relative_references() {
        assert_eq!(uri("strategies/trend 1.py"), "strategies/trend%201.py");
        assert_eq!(uri("http://x?y#z"), "http%3A//x%3Fy%23z");
        assert_eq!(uri("é"), "%C3%A9");
    }
}
