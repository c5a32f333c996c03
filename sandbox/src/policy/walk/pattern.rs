//! Patterns of `match` statements, which read attributes without an attribute expression.

use rustpython_parser::ast::{Identifier, MatchCase, Pattern, Ranged as _};

use super::super::rules::attributes::Access;
use super::{Span, Walker, normal, span, span_of};

impl Walker<'_, '_> {
    pub(super) fn case(&mut self, case: &MatchCase) {
        self.pattern(&case.pattern);
        self.expressions(case.guard.as_deref());
        self.statements(&case.body);
    }

    fn pattern(&mut self, pattern: &Pattern) {
        if !self.count(pattern.range()) {
            return;
        }
        match pattern {
            Pattern::MatchValue(node) => self.expression(&node.value),
            Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(node) => self.patterns(&node.patterns),
            Pattern::MatchMapping(node) => {
                self.expressions(&node.keys);
                self.patterns(&node.patterns);
                self.captured(node.rest.as_ref(), span(node.range));
            }
            Pattern::MatchClass(node) => {
                self.expression(&node.cls);
                if !node.patterns.is_empty() && !self.is_plain_builtin(&node.cls) {
                    self.by_position.push(span_of(node.cls.as_ref()));
                }
                self.patterns(&node.patterns);
                let (mut from, end) = (span_of(node.cls.as_ref()).1, span(node.range).1);
                for attribute in &node.kwd_attrs {
                    let start = self.source.find(attribute, from, end);
                    let place = (start, start + attribute.len());
                    self.identifier(attribute, place);
                    let name = normal(attribute);
                    self.attribute_name(&name, Access::Load, place);
                    self.attribute_read(&name);
                    self.method_name(None, &name, None, place);
                    from = place.1;
                }
                self.patterns(&node.kwd_patterns);
            }
            Pattern::MatchStar(node) => self.captured(node.name.as_ref(), span(node.range)),
            Pattern::MatchAs(node) => {
                if let Some(inner) = &node.pattern {
                    self.pattern(inner);
                }
                self.captured(node.name.as_ref(), span(node.range));
            }
            Pattern::MatchOr(node) => self.patterns(&node.patterns),
        }
    }

    fn patterns(&mut self, patterns: &[Pattern]) {
        for pattern in patterns {
            self.pattern(pattern);
        }
    }

    fn captured(&mut self, name: Option<&Identifier>, place: Span) {
        if let Some(name) = name {
            self.store(name, place);
        }
    }
}
