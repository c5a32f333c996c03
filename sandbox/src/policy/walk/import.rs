//! Import statements.

use rustpython_parser::ast::{Alias, StmtImport, StmtImportFrom};

use super::super::code::Code;
use super::super::exports::Export;
use super::super::rules::{attributes, guarded, modules};
use super::super::source::quoted;
use super::scope::Kind;
use super::{Span, Walker, normal, span};

impl Walker<'_, '_> {
    pub(super) fn import(&mut self, node: &StmtImport) {
        for alias in &node.names {
            let path = normal(&alias.name).into_owned();
            let place = self.alias_span(alias);
            self.module_path(&path, place);
            let top = path.split('.').next().unwrap_or("");
            self.bound_by_import(alias.asname.as_deref().unwrap_or(top), place);
        }
    }

    pub(super) fn import_from(&mut self, node: &StmtImportFrom) {
        let path = node.module.as_ref().map(|module| normal(module).into_owned()).unwrap_or_default();
        let statement = span(node.range);
        let place = match &node.module {
            Some(module) => {
                let start = self.source.find(module, statement.0 + "from".len(), statement.1);
                (start, start + module.len())
            }
            None => statement,
        };
        if node.level.is_some_and(|level| level.to_u32() > 0) {
            self.report(
                Code::RelativeImport,
                statement,
                "a program is one text and has nothing beside it to import".to_owned(),
                "put the functions into the program",
            );
            return;
        }
        let allowed = self.module_path(&path, place);
        for alias in &node.names {
            let name = normal(&alias.name).into_owned();
            let place = self.alias_span(alias);
            if name == "*" {
                self.report(
                    Code::StarImport,
                    place,
                    format!("`from {} import *` hides the names that it binds", quoted(&path)),
                    "name them, as in `from math import sqrt, log`",
                );
                continue;
            }
            self.bound_by_import(alias.asname.as_deref().unwrap_or(&name), place);
            self.postpones |= path == "__future__" && name == "annotations";
            if let Some(guard) = guarded::find(&path, &name) {
                self.learn(guard);
            }
            let top = path.split('.').next().unwrap_or("");
            if allowed
                && let Some(exports) = self.policy.exports(top)
                && exports.export(&path, &name) == Export::Hidden
            {
                self.refuse_export(&path, &name, place);
            }
        }
    }

    /// Whether a module may be imported; reports it where not.
    fn module_path(&mut self, path: &str, place: Span) -> bool {
        let top = path.split('.').next().unwrap_or("");
        let Some(exports) = self.policy.exports(top) else {
            let reason = modules::harm(top).map(|reason| format!(": {reason}")).unwrap_or_default();
            self.report(
                Code::ModuleNotAllowed,
                place,
                format!("import of `{}` is not allowed{reason}", quoted(path)),
                "remove the import; ask the service to allow the module if the program needs it",
            );
            return false;
        };
        let importable = exports.importable(path);
        self.findings.modules.insert(top.to_owned());
        if !self.import_may_fail {
            self.findings.required.insert(top.to_owned());
        }
        if !importable {
            self.report(
                Code::NameNotExported,
                place,
                format!("submodule `{}` is not for programs", quoted(path)),
                format!("import `{top}` and use its documented names"),
            );
        }
        importable
    }

    pub(super) fn refuse_export(&mut self, path: &str, name: &str, place: Span) {
        let help = match (path, name) {
            ("pandas" | "numpy", "options" | "set_option" | "show_versions" | "show_config") => {
                "remove the use: settings of the library stay as they are".to_owned()
            }
            ("pandas" | "numpy", _) => {
                "use `data` for input, `result` for output, and documented functions for the rest".to_owned()
            }
            _ => format!("use a documented name of `{}`, or write the function yourself", quoted(path)),
        };
        self.report(
            Code::NameNotExported,
            place,
            format!("`{}.{}` is not for programs", quoted(path), quoted(name)),
            help,
        );
    }

    /// The name that an import binds must stay where the check can follow it. Inside a class Python writes private
    /// names anew, so that one is read under the spelling of another; and calls of `type` are judged as those of the
    /// builtin.
    fn bound_by_import(&mut self, raw: &str, place: Span) {
        self.store(raw, place);
        let name = normal(raw);
        let misplaced = self.scope().is_some_and(|scope| {
            scope.kind == Kind::Class
                || (scope.kind == Kind::Function
                    && (scope.globals.contains(name.as_ref()) || scope.nonlocals.contains(name.as_ref())))
        });
        let unfit = attributes::is_rewritten(&name) || name == "type";
        if misplaced || unfit {
            let help = if unfit { "choose another name" } else { "import at the top of the program" };
            self.report(
                Code::MisplacedImport,
                place,
                format!("import of `{}` where the check cannot follow the module", quoted(&name)),
                help,
            );
        }
    }

    /// The imported name alone, without `as …`.
    fn alias_span(&self, alias: &Alias) -> Span {
        let (start, end) = span(alias.range);
        (start, (start + alias.name.len()).min(end.max(start)))
    }
}
