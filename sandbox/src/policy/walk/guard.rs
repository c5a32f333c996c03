//! Exports that are harmless in one use alone, and what is known of them only when the walk is over.

use rustpython_parser::ast::{Expr, ExprCall, Keyword, Ranged as _};

use super::super::code::Code;
use super::super::rules::attributes::{self, Access};
use super::super::rules::calls;
use super::super::rules::guarded::{self, Use};
use super::super::source::quoted;
use super::name::string;
use super::{Span, Walker, normal, span_of};

impl Walker<'_, '_> {
    /// How the value of this expression may be used, where an import guards that.
    pub(super) fn guard_of(&self, expression: &Expr) -> Option<Use> {
        match expression {
            Expr::Name(name) => self.guard_of_name(&normal(&name.id)),
            Expr::Attribute(node) => {
                let Expr::Name(name) = node.value.as_ref() else { return None };
                let member = normal(&node.attr);
                self.modules_of(&name.id).iter().find_map(|path| guarded::find(path, &member))
            }
            _ => None,
        }
    }

    pub(super) fn guard_of_name(&self, name: &str) -> Option<Use> {
        self.resolve(name).and_then(|(_, binding)| binding.guards.first().copied())
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
                Expr::Call(call) if self.guard_of(&call.func) == Some(Use::Wrapping) => {
                    if self.count(call.range()) {
                        self.wrapped_once(call);
                        self.expressions(&call.args);
                        self.keywords(&call.keywords);
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

    /// Whether a keyword of a `class` statement is `metaclass=ABCMeta`.
    pub(super) fn is_abstract(&self, keyword: &Keyword) -> bool {
        let named = keyword.arg.as_deref().is_some_and(|name| normal(name) == "metaclass");
        named && self.guard_of(&keyword.value) == Some(Use::Metaclass)
    }

    /// Whether the call is one that its guarded function is there for; checks the names in it.
    pub(super) fn guarded_call(&mut self, node: &ExprCall) -> bool {
        let names: &[Expr] = match self.guard_of(&node.func) {
            Some(Use::Members) if node.keywords.is_empty() => &node.args,
            Some(Use::Method) => node.args.get(..1).unwrap_or_default(),
            Some(Use::Memory) => {
                self.own_memory(node);
                return false;
            }
            _ => return false,
        };
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
        self.claims |= calls::is_watched(name)
            || attributes::FRAMES.contains(&name)
            || attributes::INTROSPECTION.contains(&name);
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
