//! A rejection as text for people.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};

use super::rejection::Rejection;
use super::violation::Violation;

/// How the parts of a report look. Without colours nothing but the text is written.
struct Look {
    error: Style,
    strong: Style,
    margin: Style,
}

impl Look {
    const PLAIN: Self = Self { error: Style::new(), strong: Style::new(), margin: Style::new() };
    /// The colours of the Rust compiler, which readers know.
    const COLOURED: Self = Self {
        error: AnsiColor::BrightRed.on_default().bold(),
        strong: Style::new().bold(),
        margin: AnsiColor::BrightBlue.on_default().bold(),
    };
}

impl Rejection {
    /// All reasons as plain text for people, with the program's lines and marks below them. `name` stands for the
    /// program, as in `strategy.py`.
    ///
    /// ```
    /// use cofferdam_sandbox::Policy;
    ///
    /// let rejection = Policy::default().check("import os").unwrap_err();
    /// assert_eq!(
    ///     rejection.render("strategy.py"),
    ///     "error[CD101]: import of `os` is not allowed: it reaches files and processes
    ///  --> strategy.py:1:8
    ///   |
    /// 1 | import os
    ///   |        ^^
    ///   = help: remove the import; ask the service to allow the module if the program needs it
    /// "
    /// );
    /// ```
    #[must_use]
    pub fn render(&self, name: &str) -> String {
        self.rendered(name, &Look::PLAIN)
    }

    /// The same text with the escapes that colour it on a terminal. It holds no other escapes: those of the program and
    /// of its `name` are shown as what they are.
    #[must_use]
    pub fn render_coloured(&self, name: &str) -> String {
        self.rendered(name, &Look::COLOURED)
    }

    fn rendered(&self, name: &str, look: &Look) -> String {
        let name: String = name.chars().map(super::source::visible).collect();
        let mut text = String::new();
        for (index, violation) in self.violations().iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            // Writing to a String cannot fail.
            let _ = write(&mut text, &name, violation, look);
        }
        if self.omitted() > 0 {
            let _ = writeln!(text, "\n… and {} more", self.omitted());
        }
        text
    }
}

fn write(text: &mut String, name: &str, violation: &Violation, look: &Look) -> fmt::Result {
    let Look { error, strong, margin } = look;
    let line = violation.line.to_string();
    let space = " ".repeat(line.len());
    let (before, marks) = (" ".repeat(violation.indent), "^".repeat(violation.width));
    writeln!(text, "{error}error[{}]{error:#}{strong}: {}{strong:#}", violation.code, violation.message)?;
    writeln!(text, "{space}{margin}-->{margin:#} {name}:{line}:{}", violation.column)?;
    writeln!(text, "{space} {margin}|{margin:#}")?;
    writeln!(text, "{margin}{line} |{margin:#} {}", violation.snippet)?;
    writeln!(text, "{space} {margin}|{margin:#} {before}{error}{marks}{error:#}")?;
    writeln!(text, "{space} {margin}={margin:#} {strong}help{strong:#}: {}", violation.help)
}
