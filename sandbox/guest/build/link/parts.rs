//! What a component is made of: its core modules, and who is given what when they are instantiated.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentTypeRef, Data,
    Element, Export, ExternalKind, FuncType, FunctionBody, Global, Instance, MemoryType, Parser, Payload,
    TableType, TypeRef,
};

use super::super::Outcome;

/// A core module, read but not changed.
#[derive(Default)]
pub(super) struct Module<'a> {
    pub(super) types: Vec<FuncType>,
    /// Module, field and type of each import.
    pub(super) imports: Vec<(&'a str, &'a str, TypeRef)>,
    /// The type of each function that the module defines; likewise the next.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Vec<TableType>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<Global<'a>>,
    pub(super) exports: HashMap<&'a str, (ExternalKind, u32)>,
    pub(super) elements: Vec<Element<'a>>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    pub(super) data: Vec<Data<'a>>,
}

impl<'a> Module<'a> {
    fn read(bytes: &'a [u8]) -> Outcome<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        module.types.push(ty?);
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        module.imports.push((import.module, import.name, import.ty));
                    }
                }
                Payload::FunctionSection(section) => {
                    module.functions = section.into_iter().collect::<Result<_, _>>()?
                }
                Payload::TableSection(section) => {
                    for table in section {
                        module.tables.push(table?.ty);
                    }
                }
                Payload::MemorySection(section) => {
                    module.memories = section.into_iter().collect::<Result<_, _>>()?
                }
                Payload::GlobalSection(section) => {
                    module.globals = section.into_iter().collect::<Result<_, _>>()?
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let Export { name, kind, index } = export?;
                        module.exports.insert(name, (kind, index));
                    }
                }
                Payload::ElementSection(section) => {
                    module.elements = section.into_iter().collect::<Result<_, _>>()?
                }
                Payload::DataSection(section) => {
                    module.data = section.into_iter().collect::<Result<_, _>>()?
                }
                Payload::CodeSectionEntry(body) => module.bodies.push(body),
                // The state that start functions make is what was frozen.
                Payload::StartSection { .. } => return Err("a module has a start function".into()),
                Payload::TagSection(_) => return Err("a module has exceptions".into()),
                _ => {}
            }
        }
        Ok(module)
    }

    /// How many imports of this kind stand before what the module defines.
    pub(super) fn imported(&self, kind: ExternalKind) -> u32 {
        self.imports_of(kind).count() as u32
    }

    pub(super) fn imports_of(
        &self,
        kind: ExternalKind,
    ) -> impl Iterator<Item = &(&'a str, &'a str, TypeRef)> {
        self.imports.iter().filter(move |(_, _, ty)| kind_of(ty) == Some(kind))
    }
}

fn kind_of(ty: &TypeRef) -> Option<ExternalKind> {
    Some(match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => ExternalKind::Func,
        TypeRef::Table(_) => ExternalKind::Table,
        TypeRef::Memory(_) => ExternalKind::Memory,
        TypeRef::Global(_) => ExternalKind::Global,
        TypeRef::Tag(_) => return None,
    })
}

/// A core function, table, memory or global of the component.
enum Item<'a> {
    /// What a core instance exports.
    Alias(usize, &'a str),
    /// A function of an imported interface.
    Imported(&'a str, &'a str),
    /// Something else that only the component model can make, such as the end of a resource.
    Other,
}

/// Where something is in the end.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place<'a> {
    /// Defined by the module of this core instance, with its index there.
    Defined(usize, u32),
    /// A function of an imported interface; both empty for what only the component model can make.
    Imported(&'a str, &'a str),
}

/// A function that the component exports.
pub(super) struct Lift<'a> {
    pub(super) name: &'a str,
    pub(super) function: Place<'a>,
    pub(super) post_return: Option<Place<'a>>,
    pub(super) memory: Option<Place<'a>>,
    pub(super) realloc: Option<Place<'a>>,
}

/// A component, read but not changed.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) modules: Vec<Module<'a>>,
    instances: Vec<Instance<'a>>,
    items: HashMap<Discriminant<ExternalKind>, Vec<Item<'a>>>,
    /// Component instances: the name of the interface, where it was imported.
    interfaces: Vec<Option<&'a str>>,
    /// Component functions: interface and name where imported, or which lift.
    functions: Vec<Function<'a>>,
    exports: Vec<(&'a str, u32)>,
    /// The instance whose functions stand for functions that are filled in later, and who fills them in.
    shim: Option<(usize, usize)>,
}

#[derive(Clone)]
enum Function<'a> {
    Imported(&'a str, &'a str),
    Lifted(u32, Box<[CanonicalOption]>),
    Other,
}

impl<'a> Parts<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Outcome<Self> {
        let mut parts = Self::default();
        // `parse_all` goes into nested modules and components by itself.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            match &payload {
                Payload::ModuleSection { unchecked_range, .. } => {
                    if depth == 0 {
                        let module = bytes.get(unchecked_range.clone()).ok_or("a module ends early")?;
                        parts.modules.push(Module::read(module)?);
                    }
                    depth += 1;
                }
                Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ if depth == 0 => parts.section(payload)?,
                _ => {}
            }
        }
        parts.shim = parts.find_shim();
        Ok(parts)
    }

    fn section(&mut self, payload: Payload<'a>) -> Outcome<()> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.instances.push(instance?);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    match import.ty {
                        ComponentTypeRef::Instance(_) => self.interfaces.push(Some(import.name.name)),
                        ComponentTypeRef::Func(_) => {
                            self.functions.push(Function::Imported("", import.name.name))
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                self.interfaces.extend((0..section.count()).map(|_| None));
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(alias?);
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    self.canonical(function?);
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    match export.kind {
                        ComponentExternalKind::Func => {
                            self.exports.push((export.name.name, export.index));
                            // An export is one more name for what it exports.
                            let same = self.functions.get(export.index as usize).cloned();
                            self.functions.push(same.unwrap_or(Function::Other));
                        }
                        ComponentExternalKind::Instance => self.interfaces.push(None),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) {
        match alias {
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                self.items
                    .entry(discriminant(&kind))
                    .or_default()
                    .push(Item::Alias(instance_index as usize, name));
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Func, instance_index, name } => {
                let interface = self.interfaces.get(instance_index as usize).copied().flatten();
                self.functions.push(interface.map_or(Function::Other, |from| Function::Imported(from, name)));
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Instance, .. } => {
                self.interfaces.push(None);
            }
            _ => {}
        }
    }

    fn canonical(&mut self, function: CanonicalFunction) {
        match function {
            CanonicalFunction::Lift { core_func_index, options, .. } => {
                self.functions.push(Function::Lifted(core_func_index, options));
            }
            other => {
                let item = match other {
                    CanonicalFunction::Lower { func_index, .. } => {
                        match self.functions.get(func_index as usize) {
                            Some(Function::Imported(interface, name)) => Item::Imported(interface, name),
                            _ => Item::Other,
                        }
                    }
                    _ => Item::Other,
                };
                self.items.entry(discriminant(&ExternalKind::Func)).or_default().push(item);
            }
        }
    }

    /// A function that needs the memory of a module cannot be made before the module, which imports it. So there is a
    /// shim of functions that call through a table of its own, which a later instance fills.
    fn find_shim(&self) -> Option<(usize, usize)> {
        self.instances.iter().enumerate().find_map(|(filler, instance)| {
            let Instance::Instantiate { args, .. } = instance else { return None };
            let [given] = args.as_ref() else { return None };
            if !given.name.is_empty() {
                return None;
            }
            let Instance::FromExports(exports) = self.instances.get(given.index as usize)? else {
                return None;
            };
            let table = exports.iter().find(|export| export.kind == ExternalKind::Table)?;
            match self.items.get(&discriminant(&ExternalKind::Table))?.get(table.index as usize)? {
                Item::Alias(shim, _) => Some((*shim, filler)),
                _ => None,
            }
        })
    }

    /// The core instances that are made from modules, with their modules, in order; without the shim.
    pub(super) fn instantiated(&self) -> impl Iterator<Item = (usize, &Module<'a>)> {
        self.instances.iter().enumerate().filter_map(|(at, instance)| {
            let Instance::Instantiate { module_index, .. } = instance else { return None };
            let is_shim = self.shim.is_some_and(|(shim, filler)| at == shim || at == filler);
            self.modules.get(*module_index as usize).filter(|_| !is_shim).map(|module| (at, module))
        })
    }

    /// Where what an instance imports is.
    pub(super) fn import(
        &self,
        instance: usize,
        from: &str,
        name: &str,
        kind: ExternalKind,
    ) -> Outcome<Place<'a>> {
        let Some(Instance::Instantiate { args, .. }) = self.instances.get(instance) else {
            return Err("an instance is not made from a module".into());
        };
        let given = args.iter().find(|argument| argument.name == from);
        let given = given.ok_or_else(|| format!("nobody gives `{from}`"))?;
        self.export(given.index as usize, name, kind)
    }

    fn export(&self, instance: usize, name: &str, kind: ExternalKind) -> Outcome<Place<'a>> {
        if let Some((shim, filler)) = self.shim
            && instance == shim
        {
            return self.import(filler, "", name, kind);
        }
        match self.instances.get(instance).ok_or("an instance is missing")? {
            Instance::FromExports(exports) => {
                let found = exports.iter().find(|export| export.name == name && export.kind == kind);
                self.item(kind, found.ok_or_else(|| format!("an instance has no `{name}`"))?.index)
            }
            Instance::Instantiate { module_index, .. } => {
                let module = self.modules.get(*module_index as usize).ok_or("a module is missing")?;
                let (found, index) =
                    *module.exports.get(name).ok_or_else(|| format!("a module exports no `{name}`"))?;
                if found != kind {
                    return Err(format!("`{name}` is of another kind").into());
                }
                match module.imports_of(kind).nth(index as usize) {
                    Some((from, field, _)) => self.import(instance, from, field, kind),
                    None => Ok(Place::Defined(instance, index)),
                }
            }
        }
    }

    fn item(&self, kind: ExternalKind, index: u32) -> Outcome<Place<'a>> {
        let item = self.items.get(&discriminant(&kind)).and_then(|items| items.get(index as usize));
        match item.ok_or("a core item is missing")? {
            Item::Alias(instance, name) => self.export(*instance, name, kind),
            Item::Imported(interface, name) => Ok(Place::Imported(interface, name)),
            Item::Other => Ok(Place::Imported("", "")),
        }
    }

    /// The functions that the component exports.
    pub(super) fn lifts(&self) -> Outcome<Vec<Lift<'a>>> {
        let mut lifts = Vec::new();
        for (name, index) in &self.exports {
            let Some(Function::Lifted(function, options)) = self.functions.get(*index as usize) else {
                continue;
            };
            let function = self.item(ExternalKind::Func, *function)?;
            let mut lift = Lift { name, function, post_return: None, memory: None, realloc: None };
            for option in options {
                match option {
                    CanonicalOption::Memory(index) => {
                        lift.memory = Some(self.item(ExternalKind::Memory, *index)?)
                    }
                    CanonicalOption::Realloc(index) => {
                        lift.realloc = Some(self.item(ExternalKind::Func, *index)?)
                    }
                    CanonicalOption::PostReturn(index) => {
                        lift.post_return = Some(self.item(ExternalKind::Func, *index)?);
                    }
                    CanonicalOption::UTF8 => {}
                    other => return Err(format!("`{name}` is lifted with {other:?}").into()),
                }
            }
            lifts.push(lift);
        }
        Ok(lifts)
    }
}
