//! Statements and definitions.

use rustpython_parser::ast::{self, Arguments, ExceptHandler, Expr, Ranged as _, Stmt, TypeParam};

use super::super::code::Code;
use super::super::rules::{attributes, names};
use super::super::source::quoted;
use super::name::string;
use super::scope::{Kind, Scope};
use super::{Span, Walker, normal, span};

/// What `def` and `async def` have in common.
struct Function<'a> {
    name: &'a str,
    arguments: &'a Arguments,
    body: &'a [Stmt],
    decorators: &'a [Expr],
    returns: Option<&'a Expr>,
    type_parameters: &'a [TypeParam],
    place: Span,
}

impl Walker<'_, '_> {
    pub(super) fn statements(&mut self, body: &[Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Stmt) {
        if !self.count(statement.range()) {
            return;
        }
        match statement {
            Stmt::FunctionDef(node) => self.function(&Function {
                name: &node.name,
                arguments: &node.args,
                body: &node.body,
                decorators: &node.decorator_list,
                returns: node.returns.as_deref(),
                type_parameters: &node.type_params,
                place: span(node.range),
            }),
            Stmt::AsyncFunctionDef(node) => self.function(&Function {
                name: &node.name,
                arguments: &node.args,
                body: &node.body,
                decorators: &node.decorator_list,
                returns: node.returns.as_deref(),
                type_parameters: &node.type_params,
                place: span(node.range),
            }),
            Stmt::ClassDef(node) => self.class(node),
            Stmt::Return(node) => self.expressions(node.value.as_deref()),
            Stmt::Delete(node) => self.expressions(&node.targets),
            Stmt::Assign(node) => {
                self.expression(&node.value);
                for target in &node.targets {
                    self.assigned(target, Some(&node.value));
                }
            }
            Stmt::TypeAlias(node) => {
                self.expression(&node.name);
                self.with_type_parameters(&node.type_params, |walker| walker.annotation(&node.value));
            }
            Stmt::AugAssign(node) => {
                self.expression(&node.value);
                self.expression(&node.target);
                // The old value is read first.
                if let Expr::Name(name) = node.target.as_ref() {
                    self.load(name, &[]);
                }
            }
            Stmt::AnnAssign(node) => {
                let in_class = self.in_class();
                let outer = std::mem::replace(&mut self.in_field, in_class);
                self.annotation(&node.annotation);
                self.in_field = outer;
                if let Expr::Name(name) = node.target.as_ref()
                    && in_class
                {
                    self.annotated_member(&normal(&name.id));
                }
                self.expressions(node.value.as_deref());
                self.assigned(&node.target, node.value.as_deref());
            }
            Stmt::For(node) => self.repeated(&node.target, &node.iter, &node.body, &node.orelse),
            Stmt::AsyncFor(node) => self.repeated(&node.target, &node.iter, &node.body, &node.orelse),
            Stmt::While(node) => {
                self.expression(&node.test);
                self.statements(&node.body);
                self.statements(&node.orelse);
            }
            Stmt::If(node) => {
                self.expression(&node.test);
                self.statements(&node.body);
                self.statements(&node.orelse);
            }
            Stmt::With(node) => self.with_block(&node.items, &node.body),
            Stmt::AsyncWith(node) => self.with_block(&node.items, &node.body),
            Stmt::Match(node) => {
                self.expression(&node.subject);
                node.cases.iter().for_each(|case| self.case(case));
            }
            Stmt::Raise(node) => {
                self.expressions(node.exc.as_deref());
                self.expressions(node.cause.as_deref());
            }
            Stmt::Try(node) => {
                self.attempted(&node.body, &node.handlers, &node.orelse, &node.finalbody);
            }
            Stmt::TryStar(node) => {
                self.attempted(&node.body, &node.handlers, &node.orelse, &node.finalbody);
            }
            Stmt::Assert(node) => {
                self.expression(&node.test);
                self.expressions(node.msg.as_deref());
            }
            Stmt::Import(node) => self.import(node),
            Stmt::ImportFrom(node) => self.import_from(node),
            Stmt::Global(node) => self.global(node),
            Stmt::Nonlocal(node) => {
                let place = span(node.range);
                node.names.iter().for_each(|name| self.store(name, place));
            }
            Stmt::Expr(node) => self.expression(&node.value),
            Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_) => {}
        }
    }

    fn assigned(&mut self, target: &Expr, value: Option<&Expr>) {
        let settled = value.is_some_and(|value| self.special_assignment(target, value));
        if !settled {
            self.expression(target);
        }
    }

    /// A global of a builtin's name could be deleted again, and then it is the builtin; or it could take the place of
    /// one of whose results the check is sure. What becomes of a global module is seen in no one scope.
    fn global(&mut self, node: &ast::StmtGlobal) {
        let (mut from, end) = span(node.range);
        for raw in &node.names {
            let start = self.source.find(raw, from, end);
            let place = (start, start + raw.len());
            self.store(raw, place);
            let name = normal(raw);
            if let Some(remedy) = self.policy.denied(&name) {
                self.report(
                    Code::DeniedName,
                    place,
                    format!("builtin `{name}` may not be made global"),
                    remedy,
                );
            }
            let trusted =
                names::TYPE_SINKS.contains(&name.as_ref()) || names::PLAIN_TYPES.contains(&name.as_ref());
            if trusted || name == "type" {
                self.report(
                    Code::DeniedName,
                    place,
                    format!("builtin `{name}` may not be made global"),
                    "choose another name",
                );
            }
            let owned = self.scopes.first().and_then(|module| module.bindings.get(name.as_ref()));
            if self.scopes.len() > 1 && owned.is_some_and(|binding| binding.imported) {
                self.report(
                    Code::MisplacedImport,
                    place,
                    format!("import of `{}` where the check cannot follow the module", quoted(&name)),
                    "leave the name to the import",
                );
            }
            from = place.1;
        }
    }

    fn function(&mut self, function: &Function<'_>) {
        self.decorators(function.decorators);
        self.defined(function.name, function.place, attributes::special_definable);
        if normal(function.name) == "__getattr__" && !leaves_special_names(function) {
            self.refuse_answers(function);
        }
        self.defaults(function.arguments);
        self.with_type_parameters(function.type_parameters, |walker| {
            walker.annotations(function.arguments);
            if let Some(returns) = function.returns {
                walker.annotation(returns);
            }
            let mut scope = Scope::new(Kind::Function);
            scope.parameters(function.arguments);
            scope.collect(walker.policy, function.body);
            walker.within(scope, |walker| {
                walker.parameter_names(function.arguments);
                walker.statements(function.body);
            });
        });
    }

    fn class(&mut self, node: &ast::StmtClassDef) {
        self.expressions(&node.decorator_list);
        self.defined(&node.name, span(node.range), |_| false);
        self.with_type_parameters(&node.type_params, |walker| {
            walker.expressions(&node.bases);
            walker.class_keywords(&node.keywords);
            let mut scope = Scope::new(Kind::Class);
            scope.collect(walker.policy, &node.body);
            walker.within(scope, |walker| walker.statements(&node.body));
        });
    }

    fn refuse_answers(&mut self, function: &Function<'_>) {
        let (start, end) = function.place;
        let at = self.source.find(function.name, start + "def".len(), end);
        self.report(
            Code::SpecialDefinition,
            (at, at + function.name.len()),
            "`__getattr__` answers for special names too, by which libraries reach memory".to_owned(),
            "begin it with `if name.startswith('_'): raise AttributeError(name)`",
        );
    }

    /// The name after `def` or `class`.
    fn defined(&mut self, raw: &str, (start, end): Span, allowed: fn(&str) -> bool) {
        let at = self.source.find(raw, start + "def".len(), end);
        let place = (at, at + raw.len());
        let name = normal(raw);
        if attributes::is_special(&name) {
            self.identifier(raw, place);
            if !allowed(&name) {
                self.refuse_definition(&name, place);
            }
        } else {
            self.store(raw, place);
        }
    }

    fn with_type_parameters(&mut self, parameters: &[TypeParam], inside: impl FnOnce(&mut Self)) {
        if parameters.is_empty() {
            return inside(self);
        }
        let mut scope = Scope::new(Kind::Parameters);
        scope.type_parameters(parameters);
        self.within(scope, |walker| {
            for parameter in parameters {
                match parameter {
                    TypeParam::TypeVar(node) => {
                        walker.store(&node.name, span(node.range));
                        if let Some(bound) = &node.bound {
                            walker.annotation(bound);
                        }
                    }
                    TypeParam::ParamSpec(node) => walker.store(&node.name, span(node.range)),
                    TypeParam::TypeVarTuple(node) => walker.store(&node.name, span(node.range)),
                }
            }
            inside(walker);
        });
    }

    pub(super) fn defaults(&mut self, arguments: &Arguments) {
        super::expression::each_default(arguments, &mut |default| self.expression(default));
    }

    fn annotations(&mut self, arguments: &Arguments) {
        each_parameter(arguments, &mut |parameter| {
            if let Some(annotation) = &parameter.annotation {
                self.annotation(annotation);
            }
        });
    }

    /// Parameters are identifiers of the function's own scope.
    pub(super) fn parameter_names(&mut self, arguments: &Arguments) {
        each_parameter(arguments, &mut |parameter| {
            let (start, _) = span(parameter.range);
            self.store(&parameter.arg, (start, start + parameter.arg.len()));
        });
    }

    /// Annotations are expressions that Python may evaluate, at once or later.
    fn annotation(&mut self, annotation: &Expr) {
        let outer = std::mem::replace(&mut self.in_annotation, true);
        let annotates = std::mem::replace(&mut self.annotates, true);
        if self.in_class() {
            // From Python 3.14 on it has a scope of its own.
            self.within(Scope::new(Kind::Parameters), |walker| walker.expression(annotation));
        } else {
            self.expression(annotation);
        }
        self.in_annotation = outer;
        self.annotates = annotates;
    }

    fn repeated(&mut self, target: &Expr, iterable: &Expr, body: &[Stmt], otherwise: &[Stmt]) {
        self.expression(iterable);
        self.expression(target);
        self.statements(body);
        self.statements(otherwise);
    }

    fn with_block(&mut self, items: &[ast::WithItem], body: &[Stmt]) {
        for item in items {
            self.expression(&item.context_expr);
            self.expressions(item.optional_vars.as_deref());
        }
        self.statements(body);
    }

    fn attempted(&mut self, body: &[Stmt], handlers: &[ExceptHandler], otherwise: &[Stmt], finally: &[Stmt]) {
        let may_fail = self.import_may_fail;
        self.import_may_fail |= handlers.iter().any(catches_import_error);
        self.statements(body);
        self.import_may_fail = may_fail;
        for ExceptHandler::ExceptHandler(handler) in handlers {
            self.expressions(handler.type_.as_deref());
            if let Some(name) = &handler.name {
                self.store(name, span(handler.range));
            }
            self.statements(&handler.body);
        }
        self.statements(otherwise);
        self.statements(finally);
    }
}

/// Whether a `__getattr__` raises for every name with an underscore in front before it does anything else.
///
/// It is asked for whatever a value lacks, and libraries ask by special names: numpy for the address of its memory,
/// `functools` for the namespace of what it wraps.
fn leaves_special_names(function: &Function<'_>) -> bool {
    let mut body = function.body;
    if let Some((Stmt::Expr(first), rest)) = body.split_first()
        && string(&first.value).is_some()
    {
        body = rest;
    }
    let raises = |body: &[Stmt]| matches!(body, [Stmt::Raise(_), ..]);
    let arguments = function.arguments;
    let asked =
        arguments.posonlyargs.iter().chain(&arguments.args).nth(1).map(|parameter| &parameter.def.arg);
    let guards = match body.first() {
        Some(Stmt::If(node)) => asked.is_some_and(|asked| is_hidden(&node.test, asked)) && raises(&node.body),
        _ => raises(body),
    };
    guards && function.decorators.is_empty()
}

/// `name.startswith('_')` or `name.startswith('__')`.
fn is_hidden(test: &Expr, name: &str) -> bool {
    let Expr::Call(call) = test else { return false };
    let Expr::Attribute(method) = call.func.as_ref() else { return false };
    let of_name = matches!(method.value.as_ref(), Expr::Name(node) if normal(&node.id) == normal(name));
    let underscored = matches!(call.args.as_slice(), [prefix] if matches!(string(prefix), Some("_" | "__")));
    of_name && underscored && call.keywords.is_empty() && normal(&method.attr) == "startswith"
}

/// Whether the handler stands by its class, or one of its classes, for a module that is not there.
fn catches_import_error(handler: &ExceptHandler) -> bool {
    let ExceptHandler::ExceptHandler(handler) = handler;
    let catches = |class: &Expr| {
        let Expr::Name(name) = class else { return false };
        matches!(name.id.as_str(), "ImportError" | "ModuleNotFoundError" | "Exception" | "BaseException")
    };
    match handler.type_.as_deref() {
        None => true,
        Some(Expr::Tuple(classes)) => classes.elts.iter().any(catches),
        Some(class) => catches(class),
    }
}

fn each_parameter(arguments: &Arguments, visit: &mut dyn FnMut(&ast::Arg)) {
    let plain = arguments.posonlyargs.iter().chain(&arguments.args).chain(&arguments.kwonlyargs);
    for parameter in plain {
        visit(&parameter.def);
    }
    for parameter in [&arguments.vararg, &arguments.kwarg].into_iter().flatten() {
        visit(parameter);
    }
}
