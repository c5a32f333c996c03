//! Exports that are harmless in one use alone, and what is known of them only when the walk is over.

use rustpython_parser::ast::{Expr, ExprCall, ExprName, Keyword, Ranged as _};

use super::super::code::Code;
use super::super::rules::attributes::{self, Access};
use super::super::rules::calls;
use super::super::rules::guarded::{self, Use};
use super::super::source::quoted;
use super::name::string;
use super::{Span, Walker, normal, span_of};

impl Walker<'_, '_> {
    /// How the value of this expression may be used, where imports guard that. Several may stand behind it, and
    /// nobody knows which: a use must be one that all of them are there for.
    pub(super) fn guards_of(&self, expression: &Expr) -> Vec<Use> {
        match expression {
            Expr::Name(name) => self.guards_of_name(name),
            Expr::Attribute(node) => {
                let Expr::Name(name) = node.value.as_ref() else { return Vec::new() };
                let member = normal(&node.attr);
                self.modules_of(name).into_iter().filter_map(|path| guarded::find(path, &member)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn guards_of_name(&self, name: &ExprName) -> Vec<Use> {
        let meanings = self.meanings(&normal(&name.id), span_of(name).0);
        meanings.flat_map(|(_, binding)| binding.guards.iter().copied()).collect()
    }

    /// A name that is read, as far as imports guard it. `granted` are the uses that the place is there for.
    pub(super) fn guarded_name(&mut self, name: &ExprName, granted: &[Use]) {
        for guard in self.guards_of_name(name) {
            if !granted.contains(&guard) {
                self.guarded_value(guard, &normal(&name.id), span_of(name));
            }
        }
    }

    /// An expression in a place that guarded exports of these uses are there for.
    pub(super) fn granting(&mut self, expression: &Expr, granted: &[Use]) {
        match expression {
            Expr::Name(name) => {
                if self.count(name.range()) {
                    self.load(name, granted);
                }
            }
            Expr::Attribute(node) => {
                if self.count(node.range()) {
                    self.attribute(node, None, granted);
                }
            }
            other => self.expression(other),
        }
    }

    /// Notes what it means for the program that it knows such an export.
    pub(super) fn learn(&mut self, guard: Use) {
        self.claims |= guard == Use::Claim;
        self.knows_fields |= guard == Use::Field;
    }

    /// A guarded export in a place where any value may stand.
    pub(super) fn guarded_value(&mut self, guard: Use, shown: &str, place: Span) {
        self.learn(guard);
        match guard {
            Use::Annotation if self.in_annotation => self.annotated_type(place),
            Use::Annotation => self.refuse_type(place),
            guard if guard.is_free() => {}
            guard => {
                let help = match guard {
                    Use::Wrapping => "write `@wraps(function)` above a `def`",
                    Use::Metaclass => "write `class A(ABC)`, or `metaclass=ABCMeta` in a `class` statement",
                    _ => "call it with the names as literals, or write a lambda",
                };
                let message = format!("`{}` is for programs in one use alone", quoted(shown));
                self.report(Code::NameNotExported, place, message, help);
            }
        }
    }

    /// `type` in an annotation that may name it.
    pub(super) fn annotated_type(&mut self, place: Span) {
        if self.in_field {
            self.class_types.push(place);
        }
    }

    /// Judges those of class variables once it is known whether anything could hand them out.
    pub(super) fn report_class_types(&mut self) {
        if self.knows_fields && !self.postpones {
            for place in std::mem::take(&mut self.class_types) {
                self.refuse_type(place);
            }
        }
    }

    /// `@wraps(function)`, the one use of it: a function has a namespace of its own and no hooks.
    pub(super) fn decorators(&mut self, decorators: &[Expr]) {
        for decorator in decorators {
            match decorator {
                Expr::Call(call) => {
                    if self.count(call.range()) {
                        self.call(call, true);
                    }
                }
                other => self.expression(other),
            }
        }
    }

    /// Further arguments of `wraps` name by strings the attributes that it copies.
    fn wrapped_once(&mut self, call: &ExprCall) {
        let unknown = |argument: &&Expr| matches!(argument, Expr::Starred(_));
        let further = call.args.get(1).or_else(|| call.args.first().filter(unknown)).map(span_of);
        let packed = call.keywords.iter().find(|keyword| keyword.arg.is_none()).map(span_of);
        if let Some(place) = further.or(packed) {
            self.refuse_keyword("assigned", "call `wraps(function)` with nothing else", place);
        }
    }

    /// The keywords of a `class` statement: `metaclass=` is the place that `ABCMeta` is there for.
    pub(super) fn class_keywords(&mut self, keywords: &[Keyword]) {
        for keyword in keywords {
            if keyword.arg.as_deref().is_some_and(|name| normal(name) == "metaclass") {
                self.granting(&keyword.value, &[Use::Metaclass]);
            } else {
                self.keywords(std::slice::from_ref(keyword));
            }
        }
    }

    /// The uses that the call makes of its function and that guarded functions are there for; checks the names in it.
    pub(super) fn guarded_call(&mut self, node: &ExprCall, decorates: bool) -> Vec<Use> {
        let mut guards = self.guards_of(&node.func);
        guards.retain(|guard| match guard {
            Use::Members => node.keywords.is_empty() && self.literal_members(&node.args),
            Use::Method => self.literal_members(node.args.get(..1).unwrap_or_default()),
            Use::Wrapping if decorates => {
                self.wrapped_once(node);
                true
            }
            Use::Memory => {
                self.own_memory(node);
                false
            }
            _ => false,
        });
        guards
    }

    /// Whether all these are literals, which name members of whatever they are read from; checks them.
    fn literal_members(&mut self, names: &[Expr]) -> bool {
        if names.is_empty() || names.iter().any(|name| string(name).is_none()) {
            return false;
        }
        for argument in names {
            for name in string(argument).unwrap_or("").split('.') {
                self.attribute_name(name, Access::Load, span_of(argument));
                self.method_name(None, name, None, span_of(argument));
            }
        }
        true
    }

    /// An array over memory that the caller hands in may take its bytes for the addresses of objects.
    fn own_memory(&mut self, node: &ExprCall) {
        let foreign = |keyword: &&Keyword| {
            !keyword
                .arg
                .as_deref()
                .is_some_and(|name| matches!(normal(name).as_ref(), "shape" | "dtype" | "order"))
        };
        let starred = node.args.iter().find(|argument| matches!(argument, Expr::Starred(_)));
        let place = starred.or(node.args.get(2)).map(span_of);
        if let Some(place) = place.or(node.keywords.iter().find(foreign).map(span_of)) {
            self.refuse_keyword(
                "buffer",
                "write `np.zeros(shape)`, or `np.frombuffer` for numbers in bytes",
                place,
            );
        }
    }

    /// Notes an attribute that is read, in whatever way.
    pub(super) fn attribute_read(&mut self, name: &str) {
        self.dispatches |= calls::is_dispatcher(name);
        self.claims |= name == attributes::CLAIMING;
    }

    /// A variable that a class annotates becomes an attribute that its patterns read by position.
    pub(super) fn annotated_member(&mut self, name: &str) {
        self.claims |= calls::is_watched(name);
    }

    /// Judges patterns that read attributes by position once it is known whose values they may match.
    pub(super) fn report_by_position(&mut self) {
        if self.claims {
            for place in std::mem::take(&mut self.by_position) {
                self.report(
                    Code::MatchArguments,
                    place,
                    "a pattern by position could read any attribute of values that its class claims"
                        .to_owned(),
                    "name the attributes: `case Point(x=a, y=b)`",
                );
            }
        }
    }
}
