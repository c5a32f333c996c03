//! Calls, and reads of series.

use rustpython_parser::ast::{Constant, Expr, ExprCall, Ranged as _};

use super::super::code::Code;
use super::super::rules::{attributes, calls, names};
use super::super::source::quoted;
use super::name::string;
use super::{Walker, normal, span, span_of};

impl Walker<'_, '_> {
    /// `decorates` where the call stands above a `def`.
    pub(super) fn call(&mut self, node: &ExprCall, decorates: bool) {
        let granted = self.guarded_call(node, decorates);
        let mut arguments = node.args.as_slice();
        match node.func.as_ref() {
            Expr::Name(name) if self.is_builtin(&name.id, "type", span_of(name).0) => {
                self.refuse_type(span_of(name));
            }
            Expr::Name(name) if self.swallows_types(name) => {
                self.expression(&node.func);
                arguments.iter().for_each(|argument| self.tested_types(argument));
                arguments = &[];
            }
            Expr::Attribute(attribute) => {
                if self.count(attribute.range()) {
                    self.attribute(attribute, Some(node), &granted);
                }
                let method = normal(&attribute.attr);
                if method == "get"
                    && let Some(key) = arguments.first()
                {
                    self.series_key(&attribute.value, key);
                }
                if calls::is_dispatcher(&method) {
                    let named = node.keywords.iter().map(|keyword| &keyword.value);
                    arguments.iter().chain(named).for_each(|argument| self.dispatched(argument));
                    self.refuse_target(&method, &node.keywords);
                }
            }
            other => self.granting(other, &granted),
        }
        self.expressions(arguments);
        self.keywords(&node.keywords);
    }

    pub(super) fn keywords(&mut self, keywords: &[rustpython_parser::ast::Keyword]) {
        for keyword in keywords {
            if let Some(raw) = &keyword.arg {
                let place = span(keyword.range);
                let place = (place.0, place.0 + raw.len());
                self.identifier(raw, place);
                let name = normal(raw);
                if attributes::is_special(&name) {
                    self.refuse_keyword(&name, "use an ordinary name", place);
                } else if let Some(remedy) = calls::keyword_remedy(&name) {
                    self.refuse_keyword(&name, remedy, place);
                }
            }
            self.expression(&keyword.value);
        }
    }

    /// A function has no target; a method that is named by a text might.
    fn refuse_target(&mut self, method: &str, keywords: &[rustpython_parser::ast::Keyword]) {
        for keyword in keywords {
            if keyword.arg.as_deref().is_some_and(|name| calls::is_target(&normal(name))) {
                self.report(
                    Code::FileMethod,
                    span(keyword.range),
                    format!("`{method}` hands a target to the method that it calls"),
                    "leave the target out; an argument of your own function needs another name",
                );
            }
        }
    }

    pub(super) fn refuse_keyword(&mut self, name: &str, remedy: &str, place: super::Span) {
        let message = format!("keyword argument `{}` is not allowed", quoted(name));
        self.report(Code::DeniedKeyword, place, message, remedy);
    }

    /// Arguments of a builtin that hands no type on may be `type` or `type(value)`, alone or in a tuple.
    fn tested_types(&mut self, types: &Expr) {
        match types {
            Expr::Name(name) if self.is_builtin(&name.id, "type", span_of(name).0) => {}
            Expr::Tuple(node) => node.elts.iter().for_each(|element| self.tested_types(element)),
            other => self.type_or_expression(other),
        }
    }

    /// Visits an expression in a place from which `type(value)` does not get further.
    ///
    /// The type of a class is `type` itself, which builds classes from strings when it is called; therefore
    /// `type(value)` must not become a value that the check loses sight of.
    pub(super) fn type_or_expression(&mut self, expression: &Expr) {
        match self.type_call(expression) {
            Some(value) => {
                if self.count(expression.range()) {
                    self.expression(value);
                }
            }
            None => self.expression(expression),
        }
    }

    /// The argument of a `type(value)`.
    pub(super) fn type_call<'e>(&self, expression: &'e Expr) -> Option<&'e Expr> {
        let Expr::Call(call) = expression else { return None };
        match (call.func.as_ref(), call.args.as_slice()) {
            (Expr::Name(name), [value])
                if call.keywords.is_empty()
                    && !matches!(value, Expr::Starred(_))
                    && self.is_builtin(&name.id, "type", span_of(name).0) =>
            {
                Some(value)
            }
            _ => None,
        }
    }

    /// Whether the name is a builtin that takes types and gives no type back.
    fn swallows_types(&self, name: &rustpython_parser::ast::ExprName) -> bool {
        names::TYPE_SINKS.contains(&normal(&name.id).as_ref()) && self.is_nowhere_bound(&name.id)
    }

    /// A string that `agg` and its like take for the name of a method.
    fn dispatched(&mut self, argument: &Expr) {
        match argument {
            Expr::List(node) => node.elts.iter().for_each(|element| self.dispatched(element)),
            Expr::Tuple(node) => node.elts.iter().for_each(|element| self.dispatched(element)),
            Expr::Dict(node) => node.values.iter().for_each(|value| self.dispatched(value)),
            other => match string(other) {
                Some(name) if is_denied_method(name) => self.refuse_method(name, span_of(other)),
                None if is_made_text(other) => self.report(
                    Code::MethodByName,
                    span_of(other),
                    "the name of a method is put together while the program runs".to_owned(),
                    "name a computation, such as 'mean', or pass a function",
                ),
                _ => {}
            },
        }
    }

    fn refuse_method(&mut self, name: &str, place: super::Span) {
        self.report(
            Code::MethodByName,
            place,
            format!("the string names method `{}`, which is not allowed", quoted(name)),
            "name a computation, such as 'mean', or pass a function",
        );
    }

    /// A string that is exactly the name of a method for files: harmless, unless the program somewhere calls methods by
    /// name.
    pub(super) fn text(&mut self, text: &str, place: super::Span) {
        if calls::is_writer(text) || calls::is_file_method(text) {
            self.file_methods.push((text.to_owned(), place));
        }
    }

    /// Judges those strings once it is known whether any method is called by name.
    pub(super) fn report_file_methods(&mut self) {
        if self.dispatches {
            for (name, place) in std::mem::take(&mut self.file_methods) {
                self.refuse_method(&name, place);
            }
        }
    }

    /// Notes `data["close"]`, where `data` is the global or a parameter of that name.
    pub(super) fn series_key(&mut self, value: &Expr, key: &Expr) {
        if let Expr::Name(name) = value
            && normal(&name.id) == "data"
            && self.owner("data").is_none_or(|(_, binding)| binding.parameter)
            && let Some(series) = string(key)
        {
            self.findings.series.insert(series.to_owned());
        }
    }
}

/// Whether a writer is called so that it returns its text.
pub(super) fn has_no_target(call: &ExprCall) -> bool {
    let absent = |value: &Expr| matches!(value, Expr::Constant(node) if node.value == Constant::None);
    call.args.first().is_none_or(absent)
        && call.keywords.iter().all(|keyword| match &keyword.arg {
            Some(name) => !calls::is_target(&normal(name)) || absent(&keyword.value),
            // `**options` could hold the target.
            None => false,
        })
}

/// Whether the expression makes a text: `'to_' + name`, `'to_%s' % name`, or an f-string.
fn is_made_text(expression: &Expr) -> bool {
    match expression {
        Expr::JoinedStr(_) => true,
        Expr::BinOp(node) => {
            [&node.left, &node.right].iter().any(|side| string(side).is_some() || is_made_text(side))
        }
        _ => false,
    }
}

fn is_denied_method(name: &str) -> bool {
    name.starts_with('_')
        || calls::is_file_method(name)
        || calls::is_writer(name)
        || calls::is_evaluator(name)
        || attributes::leads_out(name)
}
