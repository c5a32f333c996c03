//! Which names a scope binds, so that a column called `open` is told from the builtin.
//!
//! In a function a bound name is local everywhere, whatever the order: Python never falls back to the builtin. In
//! a module or class body it does fall back before the binding and after a deletion, so a binding counts there only
//! where it was certainly made: from the end of its statement to the end of the block that holds it, for the targets
//! of a loop or of several managers in that statement's body, and only when nothing deletes it. A class body falls back
//! to the module first.

use std::collections::{BTreeSet, HashMap};

use rustpython_parser::ast::{self, Arguments, ExceptHandler, Expr, Pattern, Ranged, Stmt, TypeParam};

use super::super::exports::Export;
use super::super::rules::guarded::{self, Use};
use super::super::settings::Policy;
use super::expression::{each_child, each_default};
use super::normal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Module,
    Class,
    /// A function, lambda or comprehension.
    Function,
    /// A list of type parameters, or an annotation in a class: they see the names of a class that they stand in.
    Parameters,
}

/// From one byte of the text up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    from: usize,
    until: usize,
}

impl Extent {
    /// From behind this node, the last one of a statement's head.
    fn behind(head: &impl Ranged, until: usize) -> Self {
        Self { from: head.range().end().into(), until }
    }

    fn covers(self, inner: Self) -> bool {
        self.from <= inner.from && inner.until <= self.until
    }
}

/// All that a scope says about one name.
#[derive(Debug, Default)]
pub(super) struct Binding {
    /// The dotted modules that imports bind to the name.
    pub(super) modules: Vec<String>,
    /// Whether an import binds it, to a module or to a name from one.
    pub(super) imported: bool,
    /// Whether anything but an import binds it too.
    pub(super) rebound: bool,
    /// How what an import binds to the name may be used, where that is guarded.
    pub(super) guards: Vec<Use>,
    /// Whether it is a parameter.
    pub(super) parameter: bool,
    /// Whether the scope may unbind it again.
    deleted: bool,
    /// The parts of the text in which it is certainly bound, in a module or class.
    certain: Vec<Extent>,
}

/// Where a block ends.
fn end(body: &[Stmt]) -> usize {
    body.last().map_or(0, |last| last.range().end().into())
}

/// Whether it is `(name): annotation`, which without a value leaves the name alone, in a function too.
fn in_parentheses(node: &ast::StmtAnnAssign) -> bool {
    matches!(node.target.as_ref(), Expr::Name(name) if node.range.start() < name.range.start())
}

/// A scope and the names that it binds.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) kind: Kind,
    pub(super) bindings: HashMap<String, Binding>,
    /// Names that belong to the module's scope.
    pub(super) globals: BTreeSet<String>,
    /// Names that belong to an enclosing function.
    pub(super) nonlocals: BTreeSet<String>,
}

impl Scope {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, bindings: HashMap::new(), globals: BTreeSet::new(), nonlocals: BTreeSet::new() }
    }

    /// Whether the name, used at this offset, certainly means this binding.
    pub(super) fn hides_builtin(&self, binding: &Binding, offset: usize) -> bool {
        match self.kind {
            Kind::Function | Kind::Parameters => true,
            Kind::Module | Kind::Class => {
                !binding.deleted
                    && binding.certain.iter().any(|extent| (extent.from..=extent.until).contains(&offset))
            }
        }
    }

    fn bind(&mut self, name: &str) -> &mut Binding {
        self.bindings.entry(normal(name).into_owned()).or_default()
    }

    pub(super) fn parameters(&mut self, arguments: &Arguments) {
        let plain = arguments.posonlyargs.iter().chain(&arguments.args).chain(&arguments.kwonlyargs);
        for argument in plain {
            self.bind(&argument.def.arg).parameter = true;
        }
        for argument in [&arguments.vararg, &arguments.kwarg].into_iter().flatten() {
            self.bind(&argument.arg).parameter = true;
        }
    }

    pub(super) fn type_parameters(&mut self, parameters: &[TypeParam]) {
        for parameter in parameters {
            let name = match parameter {
                TypeParam::TypeVar(variable) => &variable.name,
                TypeParam::ParamSpec(variable) => &variable.name,
                TypeParam::TypeVarTuple(variable) => &variable.name,
            };
            self.bind(name);
        }
    }

    /// Binds what the body of this scope binds.
    pub(super) fn collect(&mut self, policy: &Policy, body: &[Stmt]) {
        for statement in body {
            self.statement(policy, statement, usize::MAX);
        }
        if self.kind == Kind::Module {
            // Here the statement says what is so anyway.
            self.globals.clear();
        }
        for name in self.globals.iter().chain(&self.nonlocals) {
            self.bindings.remove(name);
        }
    }

    fn block(&mut self, policy: &Policy, body: &[Stmt]) {
        let until = end(body);
        for statement in body {
            self.statement(policy, statement, until);
        }
    }

    /// `until` is where the statement's block ends. What stands between the statement and there runs after it.
    fn statement(&mut self, policy: &Policy, statement: &Stmt, until: usize) {
        let certain = Some(Extent::behind(statement, until));
        match statement {
            Stmt::FunctionDef(node) => {
                self.at(&node.name, certain);
                self.walruses_in(&node.decorator_list);
                each_default(&node.args, &mut |default| self.walruses(default));
            }
            Stmt::AsyncFunctionDef(node) => {
                self.at(&node.name, certain);
                self.walruses_in(&node.decorator_list);
                each_default(&node.args, &mut |default| self.walruses(default));
            }
            Stmt::ClassDef(node) => {
                self.at(&node.name, certain);
                self.walruses_in(&node.decorator_list);
                self.walruses_in(&node.bases);
                self.walruses_in(node.keywords.iter().map(|keyword| &keyword.value));
            }
            Stmt::Return(node) => self.walruses_in(node.value.as_deref()),
            Stmt::Delete(node) => node.targets.iter().for_each(|target| self.deleted(target)),
            Stmt::Assign(node) => {
                node.targets.iter().for_each(|target| self.target(target, certain));
                self.walruses(&node.value);
            }
            Stmt::TypeAlias(node) => self.target(&node.name, certain),
            Stmt::AugAssign(node) => {
                self.target(&node.target, None);
                self.walruses(&node.value);
            }
            Stmt::AnnAssign(node) => {
                if node.value.is_some() || !in_parentheses(node) {
                    self.target(&node.target, certain.filter(|_| node.value.is_some()));
                }
                self.walruses_in(node.value.as_deref());
            }
            Stmt::For(node) => {
                self.target(&node.target, Some(Extent::behind(node.iter.as_ref(), end(&node.body))));
                self.walruses(&node.iter);
                self.block(policy, &node.body);
                self.block(policy, &node.orelse);
            }
            Stmt::AsyncFor(node) => {
                self.target(&node.target, Some(Extent::behind(node.iter.as_ref(), end(&node.body))));
                self.walruses(&node.iter);
                self.block(policy, &node.body);
                self.block(policy, &node.orelse);
            }
            Stmt::While(node) => {
                self.walruses(&node.test);
                self.block(policy, &node.body);
                self.block(policy, &node.orelse);
            }
            Stmt::If(node) => {
                self.walruses(&node.test);
                self.block(policy, &node.body);
                self.block(policy, &node.orelse);
            }
            Stmt::With(node) => {
                self.with_items(&node.items, &node.body, until);
                self.block(policy, &node.body);
            }
            Stmt::AsyncWith(node) => {
                self.with_items(&node.items, &node.body, until);
                self.block(policy, &node.body);
            }
            Stmt::Match(node) => {
                self.walruses(&node.subject);
                for case in &node.cases {
                    self.pattern(&case.pattern);
                    self.walruses_in(case.guard.as_deref());
                    self.block(policy, &case.body);
                }
            }
            Stmt::Raise(node) => {
                self.walruses_in(node.exc.as_deref());
                self.walruses_in(node.cause.as_deref());
            }
            Stmt::Try(node) => {
                self.attempt(policy, [&node.body, &node.orelse, &node.finalbody], &node.handlers);
            }
            Stmt::TryStar(node) => {
                self.attempt(policy, [&node.body, &node.orelse, &node.finalbody], &node.handlers);
            }
            Stmt::Assert(node) => {
                self.walruses(&node.test);
                self.walruses_in(node.msg.as_deref());
            }
            Stmt::Import(node) => node.names.iter().for_each(|alias| self.import(alias, certain)),
            Stmt::ImportFrom(node) => self.import_from(policy, node, certain),
            Stmt::Global(node) => {
                self.globals.extend(node.names.iter().map(|name| normal(name).into_owned()))
            }
            Stmt::Nonlocal(node) => {
                self.nonlocals.extend(node.names.iter().map(|name| normal(name).into_owned()));
            }
            Stmt::Expr(node) => self.walruses(&node.value),
            Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_) => {}
        }
    }

    fn at(&mut self, name: &str, certain: Option<Extent>) {
        self.bind(name).rebound = true;
        self.certain(name, certain);
    }

    fn certain(&mut self, name: &str, certain: Option<Extent>) {
        let known = &mut self.bind(name).certain;
        // A name may be bound thousands of times, and the first at the top of a module says all.
        if let Some(extent) = certain
            && ![known.first(), known.last()].into_iter().flatten().any(|known| known.covers(extent))
        {
            known.push(extent);
        }
    }

    fn import(&mut self, alias: &ast::Alias, certain: Option<Extent>) {
        let path = normal(&alias.name).into_owned();
        let top = path.split('.').next().unwrap_or("").to_owned();
        let (name, module) = match &alias.asname {
            Some(name) => (normal(name).into_owned(), path),
            None => (top.clone(), top),
        };
        self.certain(&name, certain);
        let binding = self.bind(&name);
        binding.imported = true;
        binding.modules.push(module);
    }

    fn import_from(&mut self, policy: &Policy, node: &ast::StmtImportFrom, certain: Option<Extent>) {
        let path = node.module.as_ref().map(|module| normal(module).into_owned()).unwrap_or_default();
        let exports = policy.exports(path.split('.').next().unwrap_or(""));
        for alias in &node.names {
            let taken = normal(&alias.name).into_owned();
            let name = alias.asname.as_ref().map_or_else(|| taken.clone(), |name| normal(name).into_owned());
            self.certain(&name, certain);
            let binding = self.bind(&name);
            binding.imported = true;
            binding.guards.extend(guarded::find(&path, &taken));
            if exports.is_some_and(|exports| exports.export(&path, &taken) == Export::Module) {
                binding.modules.push(format!("{path}.{taken}"));
            }
        }
    }

    /// A single name is bound once its manager was entered. Of several managers one that was entered may swallow what
    /// a later one raises, and of several names the unpacking may fail: then the statement goes on behind the block
    /// with nothing bound.
    fn with_items(&mut self, items: &[ast::WithItem], body: &[Stmt], until: usize) {
        let single = matches!(items, [item] if matches!(item.optional_vars.as_deref(), Some(Expr::Name(_))));
        let until = if single { until } else { end(body) };
        let last = items.last().map(|item| item.optional_vars.as_deref().unwrap_or(&item.context_expr));
        let inside = last.map(|last| Extent::behind(last, until));
        for item in items {
            self.walruses(&item.context_expr);
            if let Some(target) = &item.optional_vars {
                self.target(target, inside);
            }
        }
    }

    fn attempt(&mut self, policy: &Policy, blocks: [&Vec<Stmt>; 3], handlers: &[ExceptHandler]) {
        for block in blocks {
            self.block(policy, block);
        }
        for ExceptHandler::ExceptHandler(handler) in handlers {
            if let Some(name) = &handler.name {
                // Python deletes the name when the handler ends.
                self.unbound(name);
            }
            self.block(policy, &handler.body);
        }
    }

    pub(super) fn target(&mut self, target: &Expr, certain: Option<Extent>) {
        match target {
            Expr::Name(node) => self.at(&node.id, certain),
            Expr::Starred(node) => self.target(&node.value, certain),
            Expr::List(node) => node.elts.iter().for_each(|element| self.target(element, certain)),
            Expr::Tuple(node) => node.elts.iter().for_each(|element| self.target(element, certain)),
            other => self.walruses(other),
        }
    }

    fn unbound(&mut self, name: &str) {
        let binding = self.bind(name);
        binding.deleted = true;
        binding.rebound = true;
    }

    fn deleted(&mut self, target: &Expr) {
        match target {
            Expr::Name(node) => self.unbound(&node.id),
            Expr::List(node) => node.elts.iter().for_each(|element| self.deleted(element)),
            Expr::Tuple(node) => node.elts.iter().for_each(|element| self.deleted(element)),
            _ => {}
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(node) => node.patterns.iter().for_each(|inner| self.pattern(inner)),
            Pattern::MatchMapping(node) => {
                node.patterns.iter().for_each(|inner| self.pattern(inner));
                self.captured(node.rest.as_ref());
            }
            Pattern::MatchClass(node) => {
                node.patterns.iter().chain(&node.kwd_patterns).for_each(|inner| self.pattern(inner));
            }
            Pattern::MatchStar(node) => self.captured(node.name.as_ref()),
            Pattern::MatchAs(node) => {
                if let Some(inner) = &node.pattern {
                    self.pattern(inner);
                }
                self.captured(node.name.as_ref());
            }
            Pattern::MatchOr(node) => node.patterns.iter().for_each(|inner| self.pattern(inner)),
        }
    }

    fn captured(&mut self, name: Option<&ast::Identifier>) {
        if let Some(name) = name {
            self.at(name, None);
        }
    }

    fn walruses_in<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr>) {
        for expression in expressions {
            self.walruses(expression);
        }
    }

    /// Binds what `:=` binds in this expression, also from within comprehensions, but not from a lambda's body.
    pub(super) fn walruses(&mut self, expression: &Expr) {
        if let Expr::NamedExpr(node) = expression {
            self.target(&node.target, None);
        }
        each_child(expression, &mut |child| self.walruses(child));
    }
}
