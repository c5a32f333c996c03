//! The stable codes of the rules.

use std::fmt;

/// The rule that a program broke. The text of a code never changes its meaning; new rules get new codes.
///
/// CD0xx is about the text, CD1xx imports and modules, CD2xx names, CD3xx attributes, CD4xx formatting, CD5xx
/// methods of data libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// CD001. The text is longer than the policy's limit.
    ///
    /// Refused: a table of 100,000 prices in the program.
    ///
    /// Instead: pass tables in `params` or as series in `data`.
    SourceTooLarge,
    /// CD002. The text holds NUL, a lone carriage return or another control character, which parsers
    /// disagree about.
    ///
    /// Refused: `x = 1\0`.
    ///
    /// Instead: remove it, or write an escape such as `\x00` in a string.
    ControlCharacter,
    /// CD003. The text holds a character that changes the direction of writing, so that it does not read as
    /// it runs.
    ///
    /// Refused: U+202E in a comment.
    ///
    /// Instead: remove it, or write an escape such as `\u202e` in a string.
    BidiControl,
    /// CD004. A comment declares another encoding than UTF-8, under which the same bytes are another
    /// program.
    ///
    /// Refused: `# coding: utf-7`.
    ///
    /// Instead: remove the declaration.
    Encoding,
    /// CD005. Brackets, blocks, `elif` arms or operators nest deeper than the policy's limit.
    ///
    /// Refused: a thousand opening brackets.
    ///
    /// Instead: split the expression, or use a loop or a dict.
    TooDeep,
    /// CD006. The program has more statements and expressions than the policy's limit.
    ///
    /// Refused: 40,000 assignments.
    ///
    /// Instead: use loops, and pass tables in `params` or `data`.
    TooManyNodes,
    /// CD007. The text is no Python.
    ///
    /// Refused: `x = = 1`.
    ///
    /// Instead: what Python accepts; the message names the place.
    Syntax,
    /// CD008. The text looks like grammar that is newer than the checker reads: f-strings over several
    /// lines or with the same quotes inside, template strings, defaults of type parameters, `except` with
    /// several types and no brackets, lazy imports.
    ///
    /// Refused: `f"{prices["close"]}"`.
    ///
    /// Instead: the older form that the help names; it means the same.
    NewerGrammar,
    /// CD009. The checker could not finish, so nothing is known about the program. This is a fault of the
    /// platform.
    ///
    /// Refused: the system has no memory for the checker's thread.
    ///
    /// Instead: try again; if one program fails every time, report it.
    CheckFailed,
    /// CD101. An import of a module that the policy does not allow.
    ///
    /// Refused: `import os`.
    ///
    /// Instead: an allowed module, or `allow_module` in the service.
    ModuleNotAllowed,
    /// CD102. A name that an allowed module does not offer to programs: private, re-exported from
    /// elsewhere, harmful, or harmless in another use alone.
    ///
    /// Refused: `random._os`, `from statistics import sys`, `pd.read_csv`.
    ///
    /// Instead: a documented name of the module.
    NameNotExported,
    /// CD103. A star import, which hides the names that it binds.
    ///
    /// Refused: `from math import *`.
    ///
    /// Instead: `from math import sqrt, log`.
    StarImport,
    /// CD104. A relative import: a program is one text.
    ///
    /// Refused: `from . import signals`.
    ///
    /// Instead: put the functions into the program.
    RelativeImport,
    /// CD105. A module used as a value, after which the check cannot follow it.
    ///
    /// Refused: `m = np`, `print(json)`.
    ///
    /// Instead: `import numpy as m`, or name the function that you need.
    ModuleAsValue,
    /// CD106. An assignment to something that belongs to a module, which would change it for the code that
    /// runs later.
    ///
    /// Refused: `math.sqrt = fast`.
    ///
    /// Instead: a function or variable of your own.
    ModuleModified,
    /// CD107. An import in a class body, of a name declared `global` or `nonlocal`, under a private name or as
    /// `type`, after which the check cannot follow the module.
    ///
    /// Refused: `class A: import math`.
    ///
    /// Instead: import at the top of the program.
    MisplacedImport,
    /// CD201. A builtin that runs text, reaches files, walks scopes or turns a string into an attribute. A
    /// parameter or variable of the same name is fine, but no global that a function binds: this check sees
    /// one scope at a time, also for the builtins whose results it is sure of.
    ///
    /// Refused: `eval(text)`, `f = open`, `getattr(x, name)`.
    ///
    /// Instead: what the help of each name says.
    DeniedName,
    /// CD202. A name with two underscores on both sides that Python or its loader keeps for itself.
    ///
    /// Refused: `__builtins__`, `__loader__ = x`.
    ///
    /// Instead: a name without the underscores.
    SpecialName,
    /// CD203. `type` used for more than asking for a type. `type(x)` may be printed, compared with a class, or
    /// have its attributes read; kept as a value it could be called to build a class from strings.
    ///
    /// Refused: `type('A', (), {})`, `class M(type)`.
    ///
    /// Instead: a `class` statement; `type(x).__name__`, `type(x) is int` and `isinstance` are fine.
    DynamicType,
    /// CD204. An identifier in other letters that Python reads as a keyword after normalisation.
    ///
    /// Refused: `ｉｍｐｏｒｔ`.
    ///
    /// Instead: plain letters.
    KeywordLookalike,
    /// CD205. A keyword argument that switches a harmless function into a harmful one, or a special name as
    /// keyword.
    ///
    /// Refused: `allow_pickle=True`.
    ///
    /// Instead: leave the argument out.
    DeniedKeyword,
    /// CD301. An attribute with two underscores on both sides that leads to classes, globals or code.
    ///
    /// Refused: `().__class__`, `f.__globals__`.
    ///
    /// Instead: `type(x)`, `super()`, or an ordinary attribute. Operators' methods such as
    /// `super().__init__` are fine.
    SpecialAttribute,
    /// CD302. An attribute of a frame, traceback, code object, generator or coroutine.
    ///
    /// Refused: `g.gi_frame`, `e.tb_next`.
    ///
    /// Instead: `str(error)` for a message.
    FrameAttribute,
    /// CD303. An attribute with a leading underscore that the program does not define itself.
    ///
    /// Refused: `df._mgr`, `license._Printer__filenames`.
    ///
    /// Instead: the public attribute. `self._cache`, which the program assigns, is fine.
    PrivateAttribute,
    /// CD304. A function, class or assignment with a special name that changes how Python itself works.
    ///
    /// Refused: `def __reduce__`, `__class__ = X`.
    ///
    /// Instead: an ordinary name. Methods such as `__init__` and `__len__` are fine.
    SpecialDefinition,
    /// CD305. `__match_args__` that is no plain tuple of allowed attribute names, or a pattern by position
    /// whose class may claim values of others: such a pattern could read any attribute.
    ///
    /// Refused: `__match_args__ = ('__class__',)`.
    ///
    /// Instead: `__match_args__ = ('x', 'y')`.
    MatchArguments,
    /// CD306. An attribute that lists classes, loads modules or hands out raw memory.
    ///
    /// Refused: `cls.mro()`, `array.ctypes`.
    ///
    /// Instead: `isinstance`; for arrays, slices.
    Introspection,
    /// CD401. A replacement field of `str.format` that names an attribute which a program may not name
    /// itself.
    ///
    /// Refused: `'{0.__class__}'.format(x)`.
    ///
    /// Instead: an f-string of the value that you need.
    FormatField,
    /// CD402. `format` of a text that is no literal, or `format_map`: the fields could name any attribute.
    ///
    /// Refused: `template.format(x)`.
    ///
    /// Instead: an f-string, or `string.Template`.
    DynamicFormat,
    /// CD501. A function or method that reads or writes files, databases or pickles, on whatever object.
    ///
    /// Refused: `df.to_pickle('p')`, `df.to_csv('out.csv')`.
    ///
    /// Instead: read `data`, set `result`. Writers without a target, such as `df.to_csv()`, return text and
    /// are fine.
    FileMethod,
    /// CD502. A method that evaluates text as code.
    ///
    /// Refused: `df.query('a > 1')`.
    ///
    /// Instead: `df[df['a'] > 1]`.
    EvaluatingMethod,
    /// CD503. A string that makes `agg`, `apply` or `transform` call a method which a program may not call
    /// itself.
    ///
    /// Refused: `df.agg('to_pickle')`.
    ///
    /// Instead: the name of a computation, as in `df.agg('mean')`.
    MethodByName,
}

impl Code {
    /// Every code, in order.
    pub const ALL: &'static [Self] = &[
        Self::SourceTooLarge,
        Self::ControlCharacter,
        Self::BidiControl,
        Self::Encoding,
        Self::TooDeep,
        Self::TooManyNodes,
        Self::Syntax,
        Self::NewerGrammar,
        Self::CheckFailed,
        Self::ModuleNotAllowed,
        Self::NameNotExported,
        Self::StarImport,
        Self::RelativeImport,
        Self::ModuleAsValue,
        Self::ModuleModified,
        Self::MisplacedImport,
        Self::DeniedName,
        Self::SpecialName,
        Self::DynamicType,
        Self::KeywordLookalike,
        Self::DeniedKeyword,
        Self::SpecialAttribute,
        Self::FrameAttribute,
        Self::PrivateAttribute,
        Self::SpecialDefinition,
        Self::MatchArguments,
        Self::Introspection,
        Self::FormatField,
        Self::DynamicFormat,
        Self::FileMethod,
        Self::EvaluatingMethod,
        Self::MethodByName,
    ];

    /// The code of this text, such as `"CD101"`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Where the rule is described.
    #[must_use]
    pub fn documentation(self) -> String {
        let anchor = self.as_str().to_ascii_lowercase();
        format!("{}/blob/main/docs/policy.md#{anchor}", env!("CARGO_PKG_REPOSITORY"))
    }

    /// The code as it is stored and shown, such as `"CD101"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SourceTooLarge => "CD001",
            Self::ControlCharacter => "CD002",
            Self::BidiControl => "CD003",
            Self::Encoding => "CD004",
            Self::TooDeep => "CD005",
            Self::TooManyNodes => "CD006",
            Self::Syntax => "CD007",
            Self::NewerGrammar => "CD008",
            Self::CheckFailed => "CD009",
            Self::ModuleNotAllowed => "CD101",
            Self::NameNotExported => "CD102",
            Self::StarImport => "CD103",
            Self::RelativeImport => "CD104",
            Self::ModuleAsValue => "CD105",
            Self::ModuleModified => "CD106",
            Self::MisplacedImport => "CD107",
            Self::DeniedName => "CD201",
            Self::SpecialName => "CD202",
            Self::DynamicType => "CD203",
            Self::KeywordLookalike => "CD204",
            Self::DeniedKeyword => "CD205",
            Self::SpecialAttribute => "CD301",
            Self::FrameAttribute => "CD302",
            Self::PrivateAttribute => "CD303",
            Self::SpecialDefinition => "CD304",
            Self::MatchArguments => "CD305",
            Self::Introspection => "CD306",
            Self::FormatField => "CD401",
            Self::DynamicFormat => "CD402",
            Self::FileMethod => "CD501",
            Self::EvaluatingMethod => "CD502",
            Self::MethodByName => "CD503",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
