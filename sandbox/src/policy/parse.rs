//! From text to syntax tree, with errors that say where and what to write instead.
//!
//! Runs on the large stack only: the tree that it returns is dropped recursively.

use rustpython_parser::ast::Stmt;
use rustpython_parser::lexer::{self, LexicalErrorType};
use rustpython_parser::{Mode, ParseError, ParseErrorType, Tok, ast, parse_tokens};

use super::bounds::Bounds;
use super::code::Code;
use super::scan::{self, Deep, Excess};
use super::source::{Source, quoted};
use super::violation::Draft;

/// Bounds the depth, then parses.
pub(super) fn parse(source: &Source<'_>, bounds: &Bounds) -> Result<Vec<Stmt>, Draft> {
    let mut tokens = Vec::new();
    for token in lexer::lex(source.text(), Mode::Module) {
        let last = token.is_err();
        tokens.push(token);
        // After an error the lexer has no position to go on from.
        if last {
            break;
        }
    }
    if let Some(deep) = scan::check(&tokens, bounds) {
        return Err(too_deep(bounds, &deep));
    }
    match parse_tokens(tokens, Mode::Module, "") {
        Ok(ast::Mod::Module(module)) => Ok(module.body),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(syntax(source, &error)),
    }
}

fn too_deep(bounds: &Bounds, deep: &Deep) -> Draft {
    let (message, help) = match deep.excess {
        Excess::Brackets => (
            format!("more than {} brackets inside each other", bounds.brackets),
            "give the inner parts names",
        ),
        Excess::Blocks => (
            format!("more than {} blocks inside each other", bounds.blocks),
            "move the inner blocks into functions",
        ),
        Excess::Depth => (
            format!("operators, calls or `elif` arms nest deeper than {} levels", bounds.depth),
            "split the expression, or use a loop or a dict",
        ),
    };
    Draft::new(Code::TooDeep, (deep.start, deep.end), message, help)
}

fn syntax(source: &Source<'_>, error: &ParseError) -> Draft {
    let mut offset: usize = error.offset.into();
    // The lexer stands behind these signs when it complains about them.
    if is_line_end(&error.error)
        || matches!(error.error, ParseErrorType::Lexical(LexicalErrorType::NestingError))
    {
        offset = offset.saturating_sub(1);
    }
    let span = (offset, offset + 1);
    if let Some(help) = newer_grammar(source, offset, &error.error) {
        let message = "this grammar is newer than the checker reads, or wrong".to_owned();
        return Draft::new(Code::NewerGrammar, span, message, help);
    }
    let message = format!("no valid Python: {}", reason(&error.error));
    Draft::new(Code::Syntax, span, message, "correct the marked place")
}

/// A string between single quotes reached the end of its line.
fn is_line_end(error: &ParseErrorType) -> bool {
    matches!(error, ParseErrorType::Lexical(LexicalErrorType::OtherError(text)) if text.starts_with("EOL"))
}

/// What is wrong, in words that do not depend on the parser.
fn reason(error: &ParseErrorType) -> String {
    match error {
        ParseErrorType::Eof | ParseErrorType::Lexical(LexicalErrorType::Eof) => {
            "the text ends too early".to_owned()
        }
        ParseErrorType::UnrecognizedToken(Tok::Indent, _) => "unexpected indent".to_owned(),
        ParseErrorType::UnrecognizedToken(_, Some(expected)) if expected == "Indent" => {
            "an indented block is missing".to_owned()
        }
        ParseErrorType::UnrecognizedToken(Tok::Newline, _) => "the line ends too early".to_owned(),
        ParseErrorType::UnrecognizedToken(Tok::EndOfFile, _) => "the text ends too early".to_owned(),
        ParseErrorType::UnrecognizedToken(token, _) | ParseErrorType::ExtraToken(token) => {
            format!("unexpected {}", quoted(&token.to_string()))
        }
        ParseErrorType::InvalidToken => "a sign that no Python program has".to_owned(),
        ParseErrorType::Lexical(LexicalErrorType::StringError) => "a string does not end".to_owned(),
        ParseErrorType::Lexical(LexicalErrorType::NestingError) => {
            "a bracket closes that never opened".to_owned()
        }
        _ if is_line_end(error) => "a string does not end on its line".to_owned(),
        ParseErrorType::Lexical(error) => quoted(&error.to_string()),
    }
}

/// What to write instead, where the line looks like grammar of Python 3.12 or later.
fn newer_grammar(source: &Source<'_>, offset: usize, error: &ParseErrorType) -> Option<&'static str> {
    let line = source.line_of(offset);
    let start = line.trim_start();
    // A quote inside a field ends the string for the older grammar, and what follows is unexpected.
    let after_quote = source.slice(offset.saturating_sub(1), offset).contains(['"', '\'']);
    let in_string = matches!(
        error,
        ParseErrorType::Lexical(
            LexicalErrorType::FStringError(_)
                | LexicalErrorType::StringError
                | LexicalErrorType::OtherError(_)
        )
    );
    if (in_string || after_quote) && has_string_prefix(line, 'f') {
        return Some(
            "compute the value in a variable first, and put only the name in the f-string, on one line",
        );
    }
    if has_string_prefix(line, 't') {
        return Some("use an f-string in place of a template string");
    }
    if start.starts_with("except") && start.contains(',') {
        return Some("put the types in brackets: `except (A, B):`");
    }
    if start.starts_with("lazy ") {
        return Some("use a plain `import` statement");
    }
    if has_default_of_type_parameter(start) {
        return Some("leave out the defaults of type parameters");
    }
    None
}

/// Whether the line begins as `def name[T = …` does, or as a class or type alias of the kind.
fn has_default_of_type_parameter(line: &str) -> bool {
    ["def ", "class ", "type ", "async def "].iter().any(|word| {
        let name = line.strip_prefix(word).unwrap_or("").trim_start();
        let after =
            name.trim_start_matches(|character: char| character.is_alphanumeric() || character == '_');
        after
            .trim_start()
            .strip_prefix('[')
            .and_then(|list| list.split(']').next())
            .is_some_and(|list| list.contains('='))
    })
}

/// Whether a string with this prefix letter (alone, or beside `r`) opens somewhere on the line.
fn has_string_prefix(line: &str, prefix: char) -> bool {
    line.char_indices().filter(|(_, character)| matches!(character, '"' | '\'')).any(|(at, _)| {
        let before = line.get(..at).unwrap_or("");
        let word = before.rsplit(|character: char| !character.is_alphanumeric()).next().unwrap_or("");
        let word = word.to_ascii_lowercase();
        word.len() <= 2
            && word.contains(prefix)
            && word.chars().all(|character| character == prefix || character == 'r')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_prefixes_are_told_from_names() {
        assert!(has_string_prefix("x = f\"{", 'f'));
        assert!(has_string_prefix("x = (Rf'{", 'f'));
        assert!(!has_string_prefix("x = half'", 'f'));
        assert!(!has_string_prefix("x = 'f'", 't'));
        assert!(has_string_prefix("x = t'{a}'", 't'));
    }

    #[test]
    fn defaults_of_type_parameters_are_told_from_those_of_parameters() {
        assert!(has_default_of_type_parameter("class A[T = int]: pass"));
        assert!(has_default_of_type_parameter("async def f [S, T=int](x): pass"));
        assert!(!has_default_of_type_parameter("def f(a, a=b[0]): pass"));
        assert!(!has_default_of_type_parameter("def f[T](a, a=1): pass"));
    }
}
