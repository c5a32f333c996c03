//! The walk over the syntax tree that applies the rules.
//!
//! Every kind of statement, expression, pattern and type parameter is named in one `match` without a wildcard: a
//! kind that the parser learns later does not compile until someone decides about it. The walk recurses, so it
//! runs on the large stack and only over trees whose depth was bounded before.

mod attribute;
mod call;
mod expression;
mod format;
mod guard;
mod import;
mod name;
mod pattern;
mod scope;
mod statement;

use std::borrow::Cow;
use std::collections::BTreeSet;

use rustpython_parser::ast::{Ranged, Stmt};
use rustpython_parser::text_size::TextRange;
use unicode_normalization::UnicodeNormalization as _;

use super::check::Findings;
use super::code::Code;
use super::settings::Policy;
use super::source::Source;
use super::violation::Draft;
use scope::{Kind, Scope};

/// Byte offsets of a place in the text.
type Span = (usize, usize);

/// Applies the rules to a whole program.
pub(super) fn walk(policy: &Policy, source: &Source<'_>, body: &[Stmt]) -> Findings {
    let mut walker = Walker {
        policy,
        source,
        scopes: Vec::new(),
        own: BTreeSet::new(),
        private: Vec::new(),
        findings: Findings::default(),
        remaining: policy.limits().nodes,
        exhausted: false,
        in_annotation: false,
        annotates: false,
        import_may_fail: false,
        in_field: false,
        class_types: Vec::new(),
        knows_fields: false,
        postpones: false,
        claims: false,
        by_position: Vec::new(),
        dispatches: false,
        file_methods: Vec::new(),
    };
    let mut module = Scope::new(Kind::Module);
    module.collect(policy, body);
    walker.scopes.push(module);
    walker.statements(body);
    walker.report_private();
    walker.report_file_methods();
    walker.report_class_types();
    walker.report_by_position();
    walker.findings
}

#[derive(Debug)]
struct Walker<'p, 's> {
    policy: &'p Policy,
    source: &'s Source<'s>,
    /// The scopes around the current place, the module first.
    scopes: Vec<Scope>,
    /// Underscored members that the program's own classes define.
    own: BTreeSet<String>,
    /// Underscored members that were used; judged at the end, when `own` is complete.
    private: Vec<(String, Span)>,
    findings: Findings,
    /// Nodes that may still be visited; at zero the walk stops.
    remaining: u32,
    /// Whether it was reported that there are too many nodes.
    exhausted: bool,
    /// Annotations may name `type` where they hand it to nobody.
    in_annotation: bool,
    /// Whether the current place lies anywhere in an annotation, but for lambdas, which bind for themselves.
    annotates: bool,
    /// Whether the current place lies in the annotation of a class's variable.
    in_field: bool,
    /// Where such annotations name `type`; judged at the end, when `knows_fields` and `postpones` are known.
    class_types: Vec<Span>,
    /// Whether the program makes fields of dataclasses itself: a field hands out its annotation.
    knows_fields: bool,
    /// Whether annotations stay text.
    postpones: bool,
    /// Whether a class of the program may claim values that it did not make, or may name attributes that no program
    /// may name.
    claims: bool,
    /// Classes of patterns that read attributes by position; judged at the end, when `claims` is known.
    by_position: Vec<Span>,
    /// Whether the current place lies in a `try` that catches ImportError.
    import_may_fail: bool,
    /// Whether some method is called that takes the name of another one.
    dispatches: bool,
    /// Strings that name methods for files; judged at the end, when `dispatches` is known.
    file_methods: Vec<(String, Span)>,
}

impl Walker<'_, '_> {
    fn report(&mut self, code: Code, span: Span, message: String, help: impl Into<String>) {
        self.findings.violations.push(Draft::new(code, span, message, help));
    }

    /// Counts a node; `false` once there are too many, which is reported once.
    fn count(&mut self, range: TextRange) -> bool {
        if self.remaining > 0 {
            self.remaining -= 1;
            return true;
        }
        if !std::mem::replace(&mut self.exhausted, true) {
            let limit = self.policy.limits().nodes;
            self.report(
                Code::TooManyNodes,
                span(range),
                format!("the program has more than {limit} statements and expressions"),
                "use loops, and pass tables in `params` or `data`",
            );
        }
        false
    }

    fn scope(&self) -> Option<&Scope> {
        self.scopes.last()
    }

    /// Runs `inside` with one more scope around it.
    fn within(&mut self, scope: Scope, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(scope);
        inside(self);
        self.scopes.pop();
    }
}

fn span(range: TextRange) -> Span {
    (range.start().into(), range.end().into())
}

fn span_of(node: &impl Ranged) -> Span {
    span(node.range())
}

/// The identifier as Python sees it (PEP 3131: NFKC), so that no other spelling of a name escapes a rule.
fn normal(word: &str) -> Cow<'_, str> {
    if word.is_ascii() { Cow::Borrowed(word) } else { Cow::Owned(word.nfkc().collect()) }
}
