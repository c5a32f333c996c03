//! Names: what may be loaded, stored and used as an identifier at all.

use rustpython_parser::ast::{Constant, Expr, ExprName};

use super::super::code::Code;
use super::super::rules::guarded::Use;
use super::super::rules::{attributes, calls, names};
use super::super::source::quoted;
use super::scope::{Binding, Kind, Scope};
use super::{Span, Walker, normal, span_of};

/// A scope, and what it says about a name.
type Meaning<'a> = (&'a Scope, &'a Binding);

impl Walker<'_, '_> {
    /// A name that is read, in a place that guarded exports of these uses are there for.
    pub(super) fn load(&mut self, node: &ExprName, granted: &[Use]) {
        let span = span_of(node);
        self.identifier(&node.id, span);
        let name = normal(&node.id);
        if !self.modules_of(node).is_empty() {
            self.report(
                Code::ModuleAsValue,
                span,
                format!("module `{}` is used as a value", quoted(&name)),
                "name what you need of it, as in `module.name`; for a shorter name write `import … as …`",
            );
            return;
        }
        // Whatever a guard allows: where the import did not run, the name is something else.
        self.guarded_name(node, granted);
        if attributes::is_special(&name) && self.policy.denied(&name).is_none() {
            let method = self.in_class() && attributes::special_definable(&name);
            if !method && !names::LOADABLE.contains(&name.as_ref()) {
                self.report(
                    Code::SpecialName,
                    span,
                    format!("special name `{}` is not allowed", quoted(&name)),
                    "remove the use; Python keeps this name for itself",
                );
            }
            return;
        }
        if self.is_bound(&name, span.0) {
            return;
        }
        if let Some(remedy) = self.policy.denied(&name) {
            self.report(Code::DeniedName, span, format!("builtin `{name}` is not allowed"), remedy);
        } else if name == "type" && self.in_annotation {
            self.annotated_type(span);
        } else if name == "type" {
            self.refuse_type(span);
        }
    }

    pub(super) fn refuse_type(&mut self, span: Span) {
        self.report(
            Code::DynamicType,
            span,
            "`type` is used for more than asking for a type".to_owned(),
            "write `type(value).__name__`, `isinstance(value, Class)`, or a `class` statement",
        );
    }

    /// A name that is assigned, deleted or captured.
    pub(super) fn store(&mut self, raw: &str, span: Span) {
        self.identifier(raw, span);
        let name = normal(raw);
        if name == "__match_args__" {
            self.refuse_match_arguments(span);
        } else if attributes::is_special(&name) {
            let method = self.in_class() && attributes::special_definable(&name) && name != "__getattr__";
            if !method && !names::ASSIGNABLE.contains(&name.as_ref()) {
                self.refuse_definition(&name, span);
            }
        } else if self.in_class() && name.starts_with('_') {
            self.own.insert(name.into_owned());
        }
    }

    pub(super) fn refuse_definition(&mut self, name: &str, span: Span) {
        self.report(
            Code::SpecialDefinition,
            span,
            format!("special name `{}` may not be defined", quoted(name)),
            "use an ordinary name; operators and protocols such as `__add__` or `__iter__` are allowed",
        );
    }

    /// Any identifier, wherever it stands: it must not be a keyword in disguise.
    pub(super) fn identifier(&mut self, raw: &str, span: Span) {
        if !raw.is_ascii() && names::KEYWORDS.contains(&normal(raw).as_ref()) {
            self.report(
                Code::KeywordLookalike,
                span,
                format!("identifier `{}` is the keyword `{}` in other letters", quoted(raw), normal(raw)),
                "write it in plain letters, or choose another name",
            );
        }
    }

    /// `__match_args__` and `__slots__`, when a statement assigns them directly.
    pub(super) fn special_assignment(&mut self, target: &Expr, value: &Expr) -> bool {
        let Expr::Name(node) = target else { return false };
        match normal(&node.id).as_ref() {
            "__match_args__" => {
                self.match_arguments(value);
                true
            }
            "__slots__" => {
                for member in strings(value).into_iter().flatten().filter(|member| member.starts_with('_')) {
                    self.own.insert(member.to_owned());
                }
                false
            }
            _ => false,
        }
    }

    /// A class pattern reads the attributes that `__match_args__` names, without naming them itself.
    fn match_arguments(&mut self, value: &Expr) {
        let allowed = strings(value).is_some_and(|members| {
            members.iter().all(|member| !member.starts_with('_') && !calls::is_watched(member))
        });
        if !allowed {
            self.refuse_match_arguments(span_of(value));
        }
    }

    fn refuse_match_arguments(&mut self, span: Span) {
        self.report(
            Code::MatchArguments,
            span,
            "`__match_args__` could name any attribute".to_owned(),
            "write a plain tuple of public attribute names: `__match_args__ = ('x', 'y')`",
        );
    }

    pub(super) fn in_class(&self) -> bool {
        self.scope().is_some_and(|scope| scope.kind == Kind::Class)
    }

    /// The scope that a name belongs to, and what that scope says about it.
    pub(super) fn owner(&self, name: &str) -> Option<Meaning<'_>> {
        let innermost = self.scopes.iter().rposition(|scope| scope.kind != Kind::Parameters);
        for (index, scope) in self.scopes.iter().enumerate().rev() {
            // What a class body binds or declares holds there alone, with its annotations and lists of type parameters.
            if scope.kind == Kind::Class && Some(index) != innermost {
                continue;
            }
            if scope.globals.contains(name) {
                return self.global_meaning(name);
            }
            if let Some(binding) = scope.bindings.get(name) {
                return Some((scope, binding));
            }
        }
        None
    }

    fn global_meaning(&self, name: &str) -> Option<Meaning<'_>> {
        self.scopes.first().and_then(|module| Some((module, module.bindings.get(name)?)))
    }

    /// Whether Python may go on in the module, past the functions between: where a class body may not have bound the
    /// name yet, or no longer; and from type parameters and annotations in a class, where what a comprehension in its
    /// body bound for itself hides what the functions around bind.
    fn goes_on(&self, (owner, binding): Meaning<'_>, offset: usize) -> bool {
        if owner.kind == Kind::Class {
            return !owner.hides_builtin(binding, offset);
        }
        let mut around = self.scopes.iter().rev();
        let first = around.find(|scope| scope.kind != Kind::Parameters || std::ptr::eq(*scope, owner));
        let in_parameters = self.scope().is_some_and(|scope| scope.kind == Kind::Parameters);
        in_parameters && first.is_some_and(|scope| scope.kind == Kind::Class)
    }

    /// All that the name may mean at this offset.
    pub(super) fn meanings(&self, name: &str, offset: usize) -> impl Iterator<Item = Meaning<'_>> + use<'_> {
        let owner = self.owner(name);
        let beyond = owner.filter(|owner| self.goes_on(*owner, offset));
        owner.into_iter().chain(beyond.and_then(|_| self.global_meaning(name)))
    }

    /// Whether the name certainly means something of the program's own at this offset.
    fn is_bound(&self, name: &str, offset: usize) -> bool {
        let owner = self.owner(name);
        let beyond = owner.filter(|owner| self.goes_on(*owner, offset));
        let last = beyond.map_or(owner, |_| self.global_meaning(name));
        last.is_some_and(|(scope, binding)| scope.hides_builtin(binding, offset))
    }

    /// Whether the name means the builtin.
    pub(super) fn is_builtin(&self, name: &str, expected: &str, offset: usize) -> bool {
        normal(name) == expected && !self.is_bound(expected, offset)
    }

    /// Whether no scope around binds the name, so that it means the builtin wherever it means anything.
    pub(super) fn is_nowhere_bound(&self, name: &str) -> bool {
        self.owner(&normal(name)).is_none()
    }

    /// The dotted modules that the name may stand for.
    pub(super) fn modules_of(&self, name: &ExprName) -> Vec<&str> {
        let meanings = self.meanings(&normal(&name.id), span_of(name).0);
        meanings.flat_map(|(_, binding)| binding.modules.iter().map(String::as_str)).collect()
    }

    /// Whether the name came from an import and nothing else binds it.
    pub(super) fn is_only_imported(&self, name: &ExprName) -> bool {
        let mut meanings = self.meanings(&normal(&name.id), span_of(name).0);
        self.is_imported(name) && meanings.all(|(_, binding)| binding.imported && !binding.rebound)
    }

    /// Whether the name came from an import.
    pub(super) fn is_imported(&self, name: &ExprName) -> bool {
        self.meanings(&normal(&name.id), span_of(name).0).any(|(_, binding)| binding.imported)
    }
}

/// The strings of a tuple, a list or a single string; `None` when anything else is among them.
fn strings(value: &Expr) -> Option<Vec<&str>> {
    let elements: &[Expr] = match value {
        Expr::Tuple(node) => &node.elts,
        Expr::List(node) => &node.elts,
        single => std::slice::from_ref(single),
    };
    elements.iter().map(string).collect()
}

/// The text of a string constant.
pub(super) fn string(value: &Expr) -> Option<&str> {
    match value {
        Expr::Constant(node) => match &node.value {
            Constant::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
