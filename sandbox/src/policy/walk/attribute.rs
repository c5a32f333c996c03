//! Attributes, in whatever way they are used: read, assigned, deleted, or named by a pattern.

use rustpython_parser::ast::{Expr, ExprAttribute, ExprCall, ExprContext, ExprName};

use super::super::code::Code;
use super::super::exports::Export;
use super::super::rules::attributes::{self, Access};
use super::super::rules::calls;
use super::super::rules::guarded::{self, Use};
use super::super::source::quoted;
use super::name::string;
use super::{Span, Walker, normal, span, span_of};

impl Walker<'_, '_> {
    /// A chain such as `np.random.default_rng`. `call` is the call whose function the chain is; the place is there for
    /// guarded exports of the uses in `granted`.
    pub(super) fn attribute(&mut self, node: &ExprAttribute, call: Option<&ExprCall>, granted: &[Use]) {
        if node.ctx != ExprContext::Load {
            self.refuse_modification(&node.value, span(node.range));
        }
        let (root, chain) = links(node);
        let mut done = 0;
        match root {
            Expr::Name(name) if !self.modules_of(name).is_empty() => {
                self.identifier(&name.id, span_of(name));
                self.guarded_name(name, &[]);
                done = self.through_modules(name, &chain, granted);
            }
            other => self.type_or_expression(other),
        }
        let last = chain.len().saturating_sub(1);
        for (index, link) in chain.iter().enumerate().skip(done) {
            if !names_class(link, chain.get(index + 1)) {
                self.member(link, call.filter(|_| index == last));
            }
        }
    }

    /// Follows the chain through modules and returns how many of its links are dealt with.
    fn through_modules(&mut self, name: &ExprName, chain: &[&ExprAttribute], granted: &[Use]) -> usize {
        let modules: Vec<String> = self.modules_of(name).into_iter().map(str::to_owned).collect();
        let mut done = chain.len();
        for mut path in modules {
            for (index, link) in chain.iter().enumerate() {
                let member = normal(&link.attr).into_owned();
                match self.export(&path, &member) {
                    Export::Module => path = format!("{path}.{member}"),
                    Export::Value => {
                        if let Some(guard) = guarded::find(&path, &member)
                            && !granted.contains(&guard)
                        {
                            self.guarded_value(guard, &format!("{path}.{member}"), member_span(link));
                        }
                        done = done.min(index + 1);
                        break;
                    }
                    Export::Hidden => {
                        self.refuse_export(&path, &member, member_span(link));
                        // What hangs on a refused name needs no second complaint.
                        break;
                    }
                }
                if index + 1 == chain.len() {
                    self.report(
                        Code::ModuleAsValue,
                        span(link.range),
                        format!("module `{path}` is used as a value"),
                        format!("name what you need of it; for a shorter name write `import {path} as …`"),
                    );
                }
            }
        }
        done
    }

    fn export(&self, path: &str, member: &str) -> Export {
        if attributes::is_special(member) {
            let harmless = matches!(member, "__name__" | "__version__" | "__doc__");
            return if harmless { Export::Value } else { Export::Hidden };
        }
        let top = path.split('.').next().unwrap_or("");
        match self.policy.exports(top) {
            Some(exports) => exports.export(path, member),
            // The import itself was refused already.
            None => Export::Value,
        }
    }

    /// One attribute of an object that is no module.
    fn member(&mut self, link: &ExprAttribute, call: Option<&ExprCall>) {
        let place = member_span(link);
        self.identifier(&link.attr, place);
        let name = normal(&link.attr);
        let access = if link.ctx == ExprContext::Load { Access::Load } else { Access::Store };
        if access == Access::Store && name.starts_with('_') && is_self(&link.value) {
            self.own.insert(name.clone().into_owned());
        }
        self.attribute_name(&name, access, place);
        if access == Access::Load {
            self.attribute_read(&name);
            self.method_name(Some(&link.value), &name, call, place);
        }
    }

    /// The rules that need nothing but the attribute's name.
    pub(super) fn attribute_name(&mut self, name: &str, access: Access, place: Span) {
        let shown = quoted(name);
        if attributes::is_special(name) {
            if !attributes::special_allowed(name, access) {
                let help = match name {
                    "__class__" => "write `type(value)`",
                    "__dict__" => "name the attributes, or use `dataclasses.asdict`",
                    _ => "use an ordinary attribute or a builtin function",
                };
                self.report(
                    Code::SpecialAttribute,
                    place,
                    format!("special attribute `{shown}` is not allowed"),
                    help,
                );
            }
        } else if attributes::FRAMES.contains(&name) {
            self.report(
                Code::FrameAttribute,
                place,
                format!("attribute `{shown}` belongs to frames, tracebacks and code"),
                "keep what you need in variables; for an exception's text write `str(error)`",
            );
        } else if attributes::INTROSPECTION.contains(&name) {
            self.report(
                Code::Introspection,
                place,
                format!("attribute `{shown}` reaches into the interpreter"),
                "remove the use; to ask for a type write `isinstance(value, Class)`",
            );
        } else if attributes::is_mangled(name) {
            self.refuse_private(name, place);
        } else if name.starts_with('_') && !attributes::documented(name) {
            self.private.push((name.to_owned(), place));
        }
    }

    /// The rules for methods, which need to know of what they are taken, where the text says so, and how they are used.
    pub(super) fn method_name(
        &mut self,
        owner: Option<&Expr>,
        name: &str,
        call: Option<&ExprCall>,
        place: Span,
    ) {
        if calls::is_file_method(name) {
            self.report(
                Code::FileMethod,
                place,
                format!("`{name}` reads or writes files"),
                "read series from `data` and leave the answer in `result`; a method of your own needs another name",
            );
        } else if calls::is_evaluator(name) {
            self.report(
                Code::EvaluatingMethod,
                place,
                format!("`{name}` evaluates text as code"),
                "select with a condition, as in `df[df['a'] > 1]`; a method of your own needs another name",
            );
        } else if calls::is_writer(name) && !call.is_some_and(super::call::has_no_target) {
            self.report(
                Code::FileMethod,
                place,
                format!("`{name}` with a target writes a file"),
                "call it without a target: it then returns the text",
            );
        } else if name == "format" {
            match owner.and_then(|owner| string(owner).map(|text| (text, span_of(owner)))) {
                Some((text, at)) => self.format_fields(text, at),
                None => self.refuse_dynamic_format(name, place),
            }
        } else if name == "format_map" {
            self.refuse_dynamic_format(name, place);
        }
    }

    /// Assignments to what a module owns, through any attributes and subscripts.
    pub(super) fn refuse_modification(&mut self, target: &Expr, place: Span) {
        let mut root = target;
        loop {
            root = match root {
                Expr::Attribute(node) => &node.value,
                Expr::Subscript(node) => &node.value,
                _ => break,
            };
        }
        if let Expr::Name(name) = root
            && self.is_imported(name)
        {
            self.report(
                Code::ModuleModified,
                place,
                format!("assignment to something that `{}` owns", quoted(&name.id)),
                "use a variable or function of your own",
            );
        }
    }

    fn refuse_private(&mut self, name: &str, place: Span) {
        self.report(
            Code::PrivateAttribute,
            place,
            format!("private attribute `{}` is not defined by this program", quoted(name)),
            "use the public attribute; private ones are for a class's own `self`",
        );
    }

    /// Judges the underscored attributes once it is known which of them the program defines.
    pub(super) fn report_private(&mut self) {
        for (name, place) in std::mem::take(&mut self.private) {
            if !self.own.contains(&name) {
                self.refuse_private(&name, place);
            }
        }
    }
}

/// `value.__class__.__name__`, which gives a text and hands the class to nobody.
fn names_class(link: &ExprAttribute, next: Option<&&ExprAttribute>) -> bool {
    normal(&link.attr) == "__class__"
        && next.is_some_and(|next| {
            next.ctx == ExprContext::Load && attributes::NAMES.contains(&normal(&next.attr).as_ref())
        })
}

/// The root of a chain of attributes, and its links from the root outwards.
fn links(node: &ExprAttribute) -> (&Expr, Vec<&ExprAttribute>) {
    let mut chain = vec![node];
    let mut root = node.value.as_ref();
    while let Expr::Attribute(inner) = root {
        chain.push(inner);
        root = &inner.value;
    }
    chain.reverse();
    (root, chain)
}

/// The attribute's own name: the last characters of the expression.
fn member_span(link: &ExprAttribute) -> Span {
    let (_, end) = span(link.range);
    (end.saturating_sub(link.attr.len()), end)
}

fn is_self(value: &Expr) -> bool {
    matches!(value, Expr::Name(name) if matches!(normal(&name.id).as_ref(), "self" | "cls"))
}
