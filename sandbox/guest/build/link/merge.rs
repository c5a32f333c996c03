//! Many modules into one.

use std::collections::HashMap;

use wasm_encoder::reencode::{Error as ReencodeError, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, ElementSection, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, ImportSection, Instruction, MemArg, MemorySection,
    Module as Output, TableSection, TypeSection,
};
use wasmparser::{ExternalKind, FuncType, Operator, TypeRef};

use super::super::Outcome;
use super::image::Image;
use super::pages;
use super::parts::{Module, Parts, Place};

/// The interface whose functions stay imports.
const HOST: &str = "cofferdam:python/host@0.1.0";

/// What stands in place of a function of WASI.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    /// A function of our own interface with the same type.
    Host(&'static str),
    /// An empty list.
    Nothing,
    /// The number, as `u64`.
    Number(i64),
    /// The clock's resolution: a nanosecond.
    Nanosecond,
    /// The end of the instance.
    Trap,
}

/// What an honest program reaches, by way of CPython's C library. The clock of the wall and random bytes come from the
/// host, which decides what they are; the monotonic clock stands still.
fn answer(interface: &str, function: &str) -> Answer {
    let interface = interface.split('@').next().unwrap_or_default();
    match (interface, function) {
        ("wasi:clocks/wall-clock", "now") => Answer::Host("now"),
        ("wasi:clocks/wall-clock", "resolution") => Answer::Nanosecond,
        ("wasi:clocks/monotonic-clock", "now") => Answer::Number(0),
        ("wasi:clocks/monotonic-clock", "resolution") => Answer::Number(1),
        ("wasi:random/random", "get-random-bytes") => Answer::Host("random"),
        ("wasi:cli/environment", "get-environment" | "get-arguments")
        | ("wasi:filesystem/preopens", "get-directories") => Answer::Nothing,
        _ => Answer::Trap,
    }
}

/// Where the functions, globals and the rest of one instance are in the merged module.
struct Instance<'a, 'p> {
    at: usize,
    module: &'p Module<'a>,
    types: u32,
    functions: u32,
    globals: u32,
    elements: u32,
    data: u32,
}

/// Merges the modules of a component.
pub(super) fn merge(parts: &Parts<'_>) -> Outcome<Vec<u8>> {
    Merge::plan(parts)?.encode()
}

struct Merge<'a, 'p> {
    parts: &'p Parts<'a>,
    instances: Vec<Instance<'a, 'p>>,
    /// Functions of our interfaces that are imported: interface, name, and type in the merged module.
    hosts: Vec<(&'a str, &'a str, u32)>,
    /// The one among them that looks at pages.
    survey: u32,
    /// Functions that are made here, after all others, with their types.
    answers: Vec<(Answer, u32)>,
    /// How many functions the modules define, and how many types.
    defined: u32,
    types: u32,
    /// For each imported function of each instance, its index in the merged module.
    imported: HashMap<(usize, u32), u32>,
    /// For each imported global of each instance, the instance that defines it and its index there.
    globals: HashMap<(usize, u32), (usize, u32)>,
}

impl<'a, 'p> Merge<'a, 'p> {
    fn plan(parts: &'p Parts<'a>) -> Outcome<Self> {
        let mut merge = Self {
            parts,
            instances: Vec::new(),
            hosts: Vec::new(),
            survey: 0,
            answers: Vec::new(),
            defined: 0,
            types: 0,
            imported: HashMap::new(),
            globals: HashMap::new(),
        };
        let mut next = Instance {
            at: 0,
            module: &Module::default(),
            types: 0,
            functions: 0,
            globals: 0,
            elements: 0,
            data: 0,
        };
        for (at, module) in parts.instantiated() {
            merge.instances.push(Instance { at, module, ..next });
            next = Instance {
                types: next.types + module.types.len() as u32,
                functions: next.functions + module.functions.len() as u32,
                globals: next.globals + module.globals.len() as u32,
                elements: next.elements + module.elements.len() as u32,
                data: next.data + module.data.len() as u32,
                ..next
            };
        }
        (merge.defined, merge.types) = (next.functions, next.types);
        // Imported functions come first, so where the defined ones begin is known once the imports are.
        let mut calls = Vec::new();
        for instance in &merge.instances {
            for (local, (from, name, ty)) in instance.module.imports_of(ExternalKind::Func).enumerate() {
                let TypeRef::Func(ty) = ty else {
                    return Err(format!("`{name}` is no plain function").into());
                };
                let place = parts.import(instance.at, from, name, ExternalKind::Func)?;
                calls.push(((instance.at, local as u32), place, instance.types + ty));
            }
            for (local, (from, name, _)) in instance.module.imports_of(ExternalKind::Global).enumerate() {
                match parts.import(instance.at, from, name, ExternalKind::Global)? {
                    Place::Defined(owner, index) => {
                        merge.globals.insert((instance.at, local as u32), (owner, index));
                    }
                    Place::Imported(..) => return Err(format!("the global `{name}` is nobody's").into()),
                }
            }
        }
        merge.survey = merge.host(pages::INTERFACE, "survey", merge.two_numbers());
        let mut made = Vec::new();
        for (call, place, ty) in calls {
            match place {
                Place::Defined(owner, index) => made.push((call, Made::Defined(owner, index))),
                Place::Imported(HOST, name) => made.push((call, Made::Host(merge.host(HOST, name, ty)))),
                Place::Imported(interface, name) => made.push((
                    call,
                    match answer(interface, name) {
                        Answer::Host(name) => Made::Host(merge.host(HOST, name, ty)),
                        other => Made::Answer(merge.made(other, ty)),
                    },
                )),
            }
        }
        for (call, target) in made {
            let index = match target {
                Made::Host(at) => at,
                Made::Defined(owner, index) => merge.function(owner, index)?,
                Made::Answer(at) => merge.hosts.len() as u32 + merge.defined + at,
            };
            merge.imported.insert(call, index);
        }
        Ok(merge)
    }

    fn host(&mut self, interface: &'a str, name: &'a str, ty: u32) -> u32 {
        let same = |(from, other, _): &(&str, &str, u32)| (*from, *other) == (interface, name);
        position_or_push(&mut self.hosts, same, (interface, name, ty))
    }

    /// The types of functions over pages come after those of the modules: of two numbers, and of none.
    fn two_numbers(&self) -> u32 {
        self.types
    }

    fn nothing(&self) -> u32 {
        self.types + 1
    }

    fn made(&mut self, answer: Answer, ty: u32) -> u32 {
        position_or_push(&mut self.answers, |other| *other == (answer, ty), (answer, ty))
    }

    fn instance(&self, at: usize) -> Outcome<&Instance<'a, 'p>> {
        Ok(self.instances.iter().find(|instance| instance.at == at).ok_or("an instance is not merged")?)
    }

    /// The index of a function that the instance's module numbers `index`.
    fn function(&self, at: usize, index: u32) -> Outcome<u32> {
        let instance = self.instance(at)?;
        let imported = instance.module.imported(ExternalKind::Func);
        match index.checked_sub(imported) {
            Some(defined) => Ok(self.hosts.len() as u32 + instance.functions + defined),
            None => Ok(*self.imported.get(&(at, index)).ok_or("an import is nowhere")?),
        }
    }

    /// The instance that defines the global, and its place among those that the instance defines.
    fn global(&self, at: usize, index: u32) -> Outcome<(&Instance<'a, 'p>, u32)> {
        let instance = self.instance(at)?;
        match index.checked_sub(instance.module.imported(ExternalKind::Global)) {
            Some(defined) => Ok((instance, defined)),
            None => {
                let (owner, index) = *self.globals.get(&(at, index)).ok_or("a global is nowhere")?;
                self.global(owner, index)
            }
        }
    }

    /// The number that an immutable global holds for ever.
    fn constant(&self, at: usize, index: u32) -> Outcome<Option<i32>> {
        let (owner, defined) = self.global(at, index)?;
        let global = owner.module.globals.get(defined as usize).ok_or("a global is missing")?;
        let mut operators = global.init_expr.get_operators_reader();
        match operators.read()? {
            Operator::I32Const { value } if !global.ty.mutable => Ok(Some(value)),
            Operator::GlobalGet { global_index } if !global.ty.mutable => {
                self.constant(owner.at, global_index)
            }
            _ => Ok(None),
        }
    }

    fn encode(&self) -> Outcome<Vec<u8>> {
        let mut types = TypeSection::new();
        let mut functions = FunctionSection::new();
        let mut tables = TableSection::new();
        let mut memories = MemorySection::new();
        let mut globals = GlobalSection::new();
        let mut elements = ElementSection::new();
        let mut code = CodeSection::new();
        let mut image = Image::default();
        for instance in &self.instances {
            let module = instance.module;
            let mut within = Within { merge: self, instance, imported: module.imported(ExternalKind::Func) };
            for ty in &module.types {
                types.ty().func_type(&within.func_type(ty.clone()).map_err(said)?);
            }
            for ty in &module.functions {
                functions.function(instance.types + ty);
            }
            for table in &module.tables {
                tables.table(within.table_type(*table).map_err(said)?);
            }
            for memory in &module.memories {
                memories.memory(within.memory_type(*memory).map_err(said)?);
            }
            for global in &module.globals {
                within.parse_global(&mut globals, global.clone()).map_err(said)?;
            }
            for element in &module.elements {
                within.parse_element(&mut elements, element.clone()).map_err(said)?;
            }
            for body in &module.bodies {
                within.parse_function_body(&mut code, body.clone()).map_err(said)?;
            }
            for datum in &module.data {
                image.add(datum)?;
            }
        }
        if tables.len() != 1 || memories.len() != 1 {
            return Err(
                format!("the modules have {} tables and {} memories", tables.len(), memories.len()).into()
            );
        }
        let mut imports = ImportSection::new();
        for (interface, name, ty) in &self.hosts {
            imports.import(interface, name, EntityType::Function(*ty));
        }
        for (answer, ty) in &self.answers {
            functions.function(*ty);
            code.function(&body(*answer, self.ty(*ty)?)?);
        }
        types.ty().function(pages::TWO_NUMBERS, []);
        types.ty().function([], []);
        functions.function(self.nothing()).function(self.two_numbers());
        code.function(&pages::survey(self.survey)).function(&pages::touch());

        image.immortalise()?;
        let data = image.encode();

        let mut output = Output::new();
        output.section(&types).section(&imports).section(&functions).section(&tables).section(&memories);
        output.section(&globals).section(&self.exports()?).section(&elements);
        output.section(&DataCountSection { count: data.len() }).section(&code).section(&data);
        Ok(output.finish())
    }

    /// The type that has this index in the merged module.
    fn ty(&self, index: u32) -> Outcome<&FuncType> {
        let owner = self.instances.iter().rev().find(|instance| instance.types <= index);
        let found = owner.and_then(|owner| owner.module.types.get((index - owner.types) as usize));
        Ok(found.ok_or("a type is missing")?)
    }

    /// What the component model looks for in a module, under the names that it looks for.
    fn exports(&self) -> Outcome<ExportSection> {
        let mut exports = ExportSection::new();
        let mut rest = None;
        for lift in self.parts.lifts()? {
            exports.export(lift.name, ExportKind::Func, self.place(lift.function)?);
            if let Some(post) = lift.post_return {
                exports.export(&format!("cabi_post_{}", lift.name), ExportKind::Func, self.place(post)?);
            }
            rest = lift.memory.zip(lift.realloc).or(rest);
        }
        let (memory, realloc) = rest.ok_or("no function of the component returns anything")?;
        if !matches!(memory, Place::Defined(..)) {
            return Err("the memory is nobody's".into());
        }
        let own = self.hosts.len() as u32 + self.defined + self.answers.len() as u32;
        exports.export("survey", ExportKind::Func, own).export("touch", ExportKind::Func, own + 1);
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("cabi_realloc", ExportKind::Func, self.place(realloc)?);
        Ok(exports)
    }

    fn place(&self, place: Place<'_>) -> Outcome<u32> {
        match place {
            Place::Defined(at, index) => self.function(at, index),
            Place::Imported(..) => Err("the component exports what it imports".into()),
        }
    }
}

/// What an imported function turned out to be.
enum Made {
    Defined(usize, u32),
    Host(u32),
    Answer(u32),
}

fn position_or_push<T>(list: &mut Vec<T>, same: impl FnMut(&T) -> bool, item: T) -> u32 {
    match list.iter().position(same) {
        Some(at) => at as u32,
        None => {
            list.push(item);
            list.len() as u32 - 1
        }
    }
}

/// A function that answers in place of WASI. What has no room in a result is written to where the last parameter points.
fn body(answer: Answer, ty: &FuncType) -> Outcome<Function> {
    let word = |offset| MemArg { offset, align: 2, memory_index: 0 };
    let mut function = Function::new([]);
    let mut write = |words: &[i32]| -> Outcome<()> {
        let pointer = ty.params().len().checked_sub(1).ok_or("a function has nowhere to answer to")? as u32;
        for (at, value) in words.iter().enumerate() {
            function.instruction(&Instruction::LocalGet(pointer)).instruction(&Instruction::I32Const(*value));
            function.instruction(&Instruction::I32Store(word(at as u64 * 4)));
        }
        Ok(())
    };
    match answer {
        // Pointer and length.
        Answer::Nothing => write(&[0, 0])?,
        // Seconds in two words, then nanoseconds.
        Answer::Nanosecond => write(&[0, 0, 1])?,
        Answer::Number(value) => {
            function.instruction(&Instruction::I64Const(value));
        }
        Answer::Trap => {
            function.instruction(&Instruction::Unreachable);
        }
        Answer::Host(name) => return Err(format!("`{name}` is the host's").into()),
    }
    function.instruction(&Instruction::End);
    Ok(function)
}

/// Rewrites what one instance's module says into the numbers of the merged module.
struct Within<'m, 'a, 'p> {
    merge: &'m Merge<'a, 'p>,
    instance: &'m Instance<'a, 'p>,
    /// How many functions the module imports; asked for at every call.
    imported: u32,
}

type Rewritten<T> = Result<T, ReencodeError<String>>;

fn user(error: Box<dyn std::error::Error>) -> ReencodeError<String> {
    ReencodeError::UserError(error.to_string())
}

fn said(error: ReencodeError<String>) -> String {
    error.to_string()
}

impl Reencode for Within<'_, '_, '_> {
    type Error = String;

    fn type_index(&mut self, ty: u32) -> Rewritten<u32> {
        Ok(self.instance.types + ty)
    }

    fn function_index(&mut self, function: u32) -> Rewritten<u32> {
        match function.checked_sub(self.imported) {
            Some(defined) => Ok(self.merge.hosts.len() as u32 + self.instance.functions + defined),
            None => self.merge.function(self.instance.at, function).map_err(user),
        }
    }

    fn global_index(&mut self, global: u32) -> Rewritten<u32> {
        let (owner, defined) = self.merge.global(self.instance.at, global).map_err(user)?;
        Ok(owner.globals + defined)
    }

    // There is one table and one memory.
    fn table_index(&mut self, _: u32) -> Rewritten<u32> {
        Ok(0)
    }

    fn memory_index(&mut self, _: u32) -> Rewritten<u32> {
        Ok(0)
    }

    fn element_index(&mut self, element: u32) -> Rewritten<u32> {
        Ok(self.instance.elements + element)
    }

    fn data_index(&mut self, data: u32) -> Rewritten<u32> {
        Ok(self.instance.data + data)
    }

    /// A constant that names an immutable global becomes the number itself, so that tables are known before any
    /// instance is.
    fn const_expr(&mut self, expression: wasmparser::ConstExpr<'_>) -> Rewritten<ConstExpr> {
        let mut operators = expression.get_operators_reader();
        if let Operator::GlobalGet { global_index } = operators.read().map_err(ReencodeError::ParseError)?
            && matches!(operators.read(), Ok(Operator::End))
            && let Some(value) = self.merge.constant(self.instance.at, global_index).map_err(user)?
        {
            return Ok(ConstExpr::i32_const(value));
        }
        wasm_encoder::reencode::utils::const_expr(self, expression)
    }
}
