//! Expressions.

use rustpython_parser::ast::{self, CmpOp, Comprehension, Expr, ExprContext, Operator, Ranged as _};

use super::super::code::Code;
use super::super::rules::names;
use super::scope::{Kind, Scope};
use super::{Span, Walker, normal, span_of};

impl Walker<'_, '_> {
    pub(super) fn expressions<'e>(&mut self, nodes: impl IntoIterator<Item = &'e Expr>) {
        for node in nodes {
            self.expression(node);
        }
    }

    pub(super) fn expression(&mut self, expression: &Expr) {
        if !self.count(expression.range()) {
            return;
        }
        let outer = self.in_annotation;
        self.in_annotation = outer && self.keeps_types(expression);
        self.visit(expression);
        self.in_annotation = outer;
    }

    fn visit(&mut self, expression: &Expr) {
        match expression {
            Expr::Name(node) => match node.ctx {
                ExprContext::Load => self.load(node, &[]),
                ExprContext::Store | ExprContext::Del => self.store(&node.id, span_of(node)),
            },
            Expr::Attribute(node) => self.attribute(node, None, &[]),
            Expr::Call(node) => self.call(node, false),
            Expr::Subscript(node) => {
                self.series_key(&node.value, &node.slice);
                if node.ctx != ExprContext::Load {
                    self.refuse_modification(&node.value, span_of(node));
                }
                self.expression(&node.value);
                self.expression(&node.slice);
            }
            Expr::Compare(node) => self.compare(node),
            Expr::Constant(node) => {
                if let ast::Constant::Str(text) = &node.value {
                    self.text(text, span_of(node));
                }
            }
            Expr::Lambda(node) => {
                self.defaults(&node.args);
                let mut scope = Scope::new(Kind::Function);
                scope.parameters(&node.args);
                scope.walruses(&node.body);
                let annotates = std::mem::take(&mut self.annotates);
                self.within(scope, |walker| {
                    walker.parameter_names(&node.args);
                    walker.expression(&node.body);
                });
                self.annotates = annotates;
            }
            Expr::FormattedValue(node) => {
                self.type_or_expression(&node.value);
                self.expressions(node.format_spec.as_deref());
            }
            Expr::NamedExpr(node) => {
                if self.annotates {
                    self.refuse_annotated_binding(span_of(node));
                }
                self.expression(&node.value);
                self.expression(&node.target);
            }
            Expr::ListComp(node) => self.comprehension(&[&node.elt], &node.generators),
            Expr::SetComp(node) => self.comprehension(&[&node.elt], &node.generators),
            Expr::GeneratorExp(node) => self.comprehension(&[&node.elt], &node.generators),
            Expr::DictComp(node) => self.comprehension(&[&node.key, &node.value], &node.generators),
            // Nothing of their own to check: what they hold is visited.
            Expr::BoolOp(_)
            | Expr::BinOp(_)
            | Expr::UnaryOp(_)
            | Expr::IfExp(_)
            | Expr::Dict(_)
            | Expr::Set(_)
            | Expr::Await(_)
            | Expr::Yield(_)
            | Expr::YieldFrom(_)
            | Expr::JoinedStr(_)
            | Expr::Starred(_)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Slice(_) => each_child(expression, &mut |child| self.expression(child)),
        }
    }

    /// Python 3.14 reads no `:=` in an annotation. Older ones bind by it in the scope around, even where they never
    /// evaluate the annotation.
    fn refuse_annotated_binding(&mut self, place: Span) {
        self.report(
            Code::Syntax,
            place,
            "no valid Python: `:=` in an annotation".to_owned(),
            "assign in a statement of its own",
        );
    }

    /// `module is None` and `type(value) is Class` hand their operands to nobody, and comparing types with types
    /// calls no method of the program; any other comparison could.
    fn compare(&mut self, node: &ast::ExprCompare) {
        let identity = node.ops.iter().all(|operator| matches!(operator, CmpOp::Is | CmpOp::IsNot));
        let sides = || std::iter::once(node.left.as_ref()).chain(&node.comparators);
        let types = identity || sides().all(|side| self.is_plain_type(side));
        for side in sides() {
            let is_module = matches!(side, Expr::Name(name) if !self.modules_of(name).is_empty());
            if identity && is_module {
                continue;
            }
            if types { self.type_or_expression(side) } else { self.expression(side) }
        }
    }

    /// A builtin or imported class, `type(value)`, or several of them.
    fn is_plain_type(&self, side: &Expr) -> bool {
        match side {
            Expr::Name(name) => self.is_only_imported(name) || self.is_plain_builtin(side),
            Expr::Attribute(node) => {
                matches!(node.value.as_ref(), Expr::Name(name) if self.is_only_imported(name))
            }
            Expr::Tuple(node) => node.elts.iter().all(|element| self.is_plain_type(element)),
            Expr::List(node) => node.elts.iter().all(|element| self.is_plain_type(element)),
            Expr::Set(node) => node.elts.iter().all(|element| self.is_plain_type(element)),
            other => self.type_call(other).is_some(),
        }
    }

    /// Whether the expression is the name of a builtin class that the program nowhere gives to anything else.
    pub(super) fn is_plain_builtin(&self, expression: &Expr) -> bool {
        matches!(expression, Expr::Name(name)
            if names::PLAIN_TYPES.contains(&normal(&name.id).as_ref()) && self.is_nowhere_bound(&name.id))
    }

    /// Whether an annotation hands the types in this part of it to no method of the program: `type`, `list[type]`,
    /// `type[A] | None`. What it calls or binds outlives it, and subscripts and unions call methods.
    fn keeps_types(&self, part: &Expr) -> bool {
        match part {
            Expr::Name(_) | Expr::Constant(_) | Expr::Tuple(_) | Expr::List(_) | Expr::Starred(_) => true,
            Expr::Attribute(_) => {
                let mut root = part;
                while let Expr::Attribute(node) = root {
                    root = &node.value;
                }
                matches!(root, Expr::Name(_))
            }
            Expr::Subscript(node) => self.is_generic(&node.value),
            Expr::BinOp(node) => {
                node.op == Operator::BitOr && self.joins_types(&node.left) && self.joins_types(&node.right)
            }
            _ => false,
        }
    }

    /// What a subscript may make a type of in the program's absence.
    fn is_generic(&self, class: &Expr) -> bool {
        match class {
            Expr::Name(name) if self.is_builtin(&name.id, "type", span_of(name).0) => true,
            Expr::Name(_) | Expr::Attribute(_) => self.is_plain_type(class),
            _ => false,
        }
    }

    /// What may stand beside a type in a union.
    fn joins_types(&self, side: &Expr) -> bool {
        match side {
            Expr::Constant(_) => true,
            Expr::Subscript(node) => self.is_generic(&node.value),
            Expr::BinOp(_) => self.keeps_types(side),
            other => self.is_generic(other),
        }
    }

    /// The first iterable belongs to the scope outside, all else to the comprehension's own.
    fn comprehension(&mut self, elements: &[&Expr], generators: &[Comprehension]) {
        if let Some(first) = generators.first() {
            self.expression(&first.iter);
        }
        let mut scope = Scope::new(Kind::Function);
        for generator in generators {
            scope.target(&generator.target, None);
        }
        self.within(scope, |walker| {
            for (index, generator) in generators.iter().enumerate() {
                walker.expression(&generator.target);
                if index > 0 {
                    walker.expression(&generator.iter);
                }
                walker.expressions(&generator.ifs);
            }
            walker.expressions(elements.iter().copied());
        });
    }
}

/// Calls `visit` with every expression directly inside this one. A lambda shows its defaults only, since its body
/// is another scope.
pub(super) fn each_child(expression: &Expr, visit: &mut dyn FnMut(&Expr)) {
    match expression {
        Expr::BoolOp(node) => node.values.iter().for_each(visit),
        Expr::NamedExpr(node) => {
            visit(&node.target);
            visit(&node.value);
        }
        Expr::BinOp(node) => {
            visit(&node.left);
            visit(&node.right);
        }
        Expr::UnaryOp(node) => visit(&node.operand),
        Expr::Lambda(node) => each_default(&node.args, visit),
        Expr::IfExp(node) => {
            visit(&node.test);
            visit(&node.body);
            visit(&node.orelse);
        }
        Expr::Dict(node) => {
            node.keys.iter().flatten().for_each(&mut *visit);
            node.values.iter().for_each(visit);
        }
        Expr::Set(node) => node.elts.iter().for_each(visit),
        Expr::ListComp(node) => {
            visit(&node.elt);
            each_generator(&node.generators, visit);
        }
        Expr::SetComp(node) => {
            visit(&node.elt);
            each_generator(&node.generators, visit);
        }
        Expr::DictComp(node) => {
            visit(&node.key);
            visit(&node.value);
            each_generator(&node.generators, visit);
        }
        Expr::GeneratorExp(node) => {
            visit(&node.elt);
            each_generator(&node.generators, visit);
        }
        Expr::Await(node) => visit(&node.value),
        Expr::Yield(node) => node.value.as_deref().into_iter().for_each(visit),
        Expr::YieldFrom(node) => visit(&node.value),
        Expr::Compare(node) => {
            visit(&node.left);
            node.comparators.iter().for_each(visit);
        }
        Expr::Call(node) => {
            visit(&node.func);
            node.args.iter().for_each(&mut *visit);
            node.keywords.iter().for_each(|keyword| visit(&keyword.value));
        }
        Expr::FormattedValue(node) => {
            visit(&node.value);
            node.format_spec.as_deref().into_iter().for_each(visit);
        }
        Expr::JoinedStr(node) => node.values.iter().for_each(visit),
        Expr::Constant(_) | Expr::Name(_) => {}
        Expr::Attribute(node) => visit(&node.value),
        Expr::Subscript(node) => {
            visit(&node.value);
            visit(&node.slice);
        }
        Expr::Starred(node) => visit(&node.value),
        Expr::List(node) => node.elts.iter().for_each(visit),
        Expr::Tuple(node) => node.elts.iter().for_each(visit),
        Expr::Slice(node) => {
            for part in [&node.lower, &node.upper, &node.step].into_iter().flatten() {
                visit(part);
            }
        }
    }
}

/// Calls `visit` with every default value, in order.
pub(super) fn each_default(arguments: &ast::Arguments, visit: &mut dyn FnMut(&Expr)) {
    let plain = arguments.posonlyargs.iter().chain(&arguments.args).chain(&arguments.kwonlyargs);
    for argument in plain {
        argument.default.as_deref().into_iter().for_each(&mut *visit);
    }
}

fn each_generator(generators: &[Comprehension], visit: &mut dyn FnMut(&Expr)) {
    for generator in generators {
        visit(&generator.target);
        visit(&generator.iter);
        generator.ifs.iter().for_each(&mut *visit);
    }
}
