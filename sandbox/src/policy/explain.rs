//! What each rule is about, with a program that it refuses and one that it lets pass.

use super::code::Code;

/// What a rule is about. The texts are for people and may change; the [`Code`] does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The rule in a few words.
    pub title: &'static str,
    /// Why the rule is there.
    pub reason: &'static str,
    /// What to write instead.
    pub instead: &'static str,
    /// A program that is refused by this rule and no other. Empty where no text can cause it.
    pub refused: &'static str,
    /// The nearest program that is accepted.
    pub allowed: &'static str,
    /// The policy, as JSON, under which both hold. `{}` is the default policy; limits on size are shown with
    /// smaller ones.
    pub policy: &'static str,
}

const fn rule(
    title: &'static str,
    reason: &'static str,
    instead: &'static str,
    [refused, allowed]: [&'static str; 2],
) -> Explanation {
    Explanation { title, reason, instead, refused, allowed, policy: "{}" }
}

/// A rule about size, shown under a policy of its own.
const fn limit(policy: &'static str, explanation: Explanation) -> Explanation {
    Explanation { policy, ..explanation }
}

impl Code {
    /// What the rule is about, with examples.
    ///
    /// ```
    /// use cofferdam_sandbox::{Code, Policy};
    ///
    /// let rule = Code::DeniedName.explain();
    /// assert!(Policy::default().check(rule.refused).is_err());
    /// assert!(Policy::default().check(rule.allowed).is_ok());
    /// ```
    #[must_use]
    pub const fn explain(self) -> Explanation {
        match self {
            Self::SourceTooLarge => limit(
                r#"{"bounds": {"source_bytes": 40}}"#,
                rule(
                    "the text is too large",
                    "Checking takes memory and time in proportion to the text; a program has a few hundred lines.",
                    "pass tables in `params` or as series in `data`",
                    ["prices = [101, 102, 103, 104, 105, 106, 107, 108]", "result = max(data['close'])"],
                ),
            ),
            Self::ControlCharacter => rule(
                "a control character",
                "Parsers disagree about NUL, a lone carriage return and their kind: what one reads as a comment \
                 another reads as code.",
                "remove it, or write an escape such as `\\x00` in a string",
                ["text = 'a\x1bb'", "text = 'a\\x1bb'"],
            ),
            Self::BidiControl => rule(
                "a character that changes the direction of writing",
                "With it a line reads otherwise than it runs.",
                "remove it, or write an escape such as `\\u202e` in a string",
                ["x = 1  # a\u{202e}b", "x = 'a\\u202eb'"],
            ),
            Self::Encoding => rule(
                "another encoding than UTF-8",
                "Under another encoding the same bytes are another program.",
                "remove the declaration",
                ["# -*- coding: utf-7 -*-\nx = 1", "# -*- coding: utf-8 -*-\nx = 1"],
            ),
            Self::TooDeep => limit(
                r#"{"bounds": {"brackets": 3}}"#,
                rule(
                    "too deeply nested",
                    "Parsers, compilers and printers recurse, and a deep text exhausts their stack.",
                    "split the expression, or use a loop or a dict",
                    ["x = [[[[1]]]]", "x = [[[1]]]"],
                ),
            ),
            Self::TooManyNodes => limit(
                r#"{"bounds": {"nodes": 6}}"#,
                rule(
                    "too many statements and expressions",
                    "The tree takes a hundred times the memory of its text.",
                    "use loops, and pass tables in `params` or `data`",
                    ["x = 1\nx = 2\nx = 3", "x = 1\nx = 2"],
                ),
            ),
            Self::Syntax => rule(
                "no Python",
                "The parser could not read the text.",
                "correct the marked place",
                ["x = = 1", "x = 1"],
            ),
            Self::NewerGrammar => rule(
                "grammar that is newer than the checker reads",
                "What the checker cannot read it cannot judge.",
                "write the older form, which means the same",
                ["x = f\"{bar[\"close\"]}\"", "x = f\"{bar['close']}\""],
            ),
            Self::CheckFailed => rule(
                "the check could not finish",
                "Nothing is known about the program, so it is refused. This is a fault of the platform: it has no \
                 thread or memory left, or the parser has an error.",
                "try again; if one program fails every time, report it",
                ["", "x = 1"],
            ),
            Self::ModuleNotAllowed => rule(
                "a module that is not allowed",
                "Modules are allowed one by one; most of the standard library reaches files, processes or the \
                 interpreter.",
                "use an allowed module; the service may allow more",
                ["import os\nx = os.getcwd()", "import math\nx = math.pi"],
            ),
            Self::NameNotExported => rule(
                "a name that a module does not offer to programs",
                "Modules show their own imports (`random._os`), and libraries mix computation with readers of files. A \
                 few names are for programs in one use alone: `@wraps(function)` above a `def`, `metaclass=ABCMeta` \
                 in a `class` statement, `attrgetter` and `methodcaller` with literal names.",
                "use a documented name of the module",
                [
                    "import pandas as pd\nx = pd.read_csv('prices.csv')",
                    "import pandas as pd\nx = pd.Series([1.5])",
                ],
            ),
            Self::StarImport => rule(
                "a star import",
                "It hides the names that it binds, also from this check.",
                "name what you need",
                ["from math import *", "from math import sqrt, log"],
            ),
            Self::RelativeImport => rule(
                "a relative import",
                "A program is one text and has nothing beside it.",
                "put the functions into the program",
                ["from . import signals", "def signals(prices):\n    return prices"],
            ),
            Self::ModuleAsValue => rule(
                "a module used as a value",
                "The check follows modules by name; once stored elsewhere, anything could be read from them.",
                "name the function that you need; for a shorter name write `import … as …`",
                ["import numpy as np\nm = np", "import numpy as np\nf = np.mean"],
            ),
            Self::ModuleModified => rule(
                "an assignment to something that a module owns",
                "It would change the module for all code that runs later in the same interpreter.",
                "use a variable or function of your own",
                ["import math\nmath.pi = 3", "import math\npi = math.pi"],
            ),
            Self::MisplacedImport => rule(
                "an import where the check cannot follow it",
                "In a class body, or under a name that is declared `global` or that Python writes anew inside a class, the \
                 module escapes the check's view.",
                "import at the top of the program",
                ["class A:\n    import math", "import math\nclass A:\n    pi = math.pi"],
            ),
            Self::DeniedName => rule(
                "a builtin that is not allowed",
                "It runs text, reaches files, walks scopes or turns a string into an attribute. A parameter, variable \
                 or column of the same name is fine.",
                "write what you mean as code; the message names the way for each builtin",
                ["x = eval('1 + 1')", "def range_of(open, close):\n    return close - open"],
            ),
            Self::SpecialName => rule(
                "a special name",
                "Python and its loader keep such names for themselves: they lead to modules and builtins.",
                "use a name without the underscores",
                ["x = __builtins__", "x = __name__"],
            ),
            Self::DynamicType => rule(
                "`type` used for more than asking for a type",
                "Called with three arguments it builds classes from strings; kept as a value it could be called so later. \
                 An annotation may name it, and `typing.Type`, where nothing of the program is called with it; that \
                 of a class's variable not in a program that uses `dataclasses.field`, which keeps annotations, \
                 unless `from __future__ import annotations` leaves them text.",
                "write `type(value).__name__`, `isinstance(value, Class)`, or a `class` statement",
                ["A = type('A', (), {})", "x = type(1).__name__"],
            ),
            Self::KeywordLookalike => rule(
                "a keyword in other letters",
                "Python normalises identifiers, so that this one reads as a keyword to some tools and as a name to others.",
                "write it in plain letters, or choose another name",
                ["ｉｆ = 1", "µ = 1"],
            ),
            Self::DeniedKeyword => rule(
                "a keyword argument that is not allowed",
                "It switches a harmless function into a harmful one. An array made by `np.ndarray` takes a shape, a type and \
                 an order alone.",
                "leave the argument out",
                ["x = load(data, allow_pickle=True)", "x = load(data, strict=True)"],
            ),
            Self::SpecialAttribute => rule(
                "a special attribute",
                "From any value such attributes lead to its class, to all classes, and to the globals of functions.",
                "use an ordinary attribute or a builtin function, such as `type(value)` or `len(value)`",
                ["x = ().__class__", "x = (1).__add__(2)"],
            ),
            Self::FrameAttribute => rule(
                "an attribute of frames, tracebacks or code",
                "Each leads to the variables of whoever called the program.",
                "keep what you need in variables; for an exception's text write `str(error)`",
                ["x = generator.gi_frame", "x = generator.send(None)"],
            ),
            Self::PrivateAttribute => rule(
                "a private attribute of something that the program did not make",
                "Behind the underscore libraries keep their modules, files and caches.",
                "use the public attribute; private ones are for a class's own `self`",
                [
                    "x = frame._mgr",
                    "class A:\n    def __init__(self):\n        self._n = 1\n    def n(self):\n        return self._n",
                ],
            ),
            Self::SpecialDefinition => rule(
                "a definition that changes how Python works",
                "Hooks such as `__getattribute__` and `__reduce__` run where no call is written. `__getattr__` has to \
                 begin with `if name.startswith('_'): raise AttributeError(name)`: libraries ask it for special \
                 names, numpy for the address of memory.",
                "use an ordinary name; operators and protocols such as `__add__` or `__iter__` are allowed",
                [
                    "class A:\n    def __reduce__(self):\n        return 1",
                    "class A:\n    def __len__(self):\n        return 1",
                ],
            ),
            Self::MatchArguments => rule(
                "`__match_args__` that could name any attribute",
                "A class pattern reads the attributes that it lists, without an attribute in the text. In a program that \
                 uses `register` or `runtime_checkable`, or annotates a class's variable with a name that is refused \
                 elsewhere, patterns name their attributes: `case Point(x=a)`.",
                "write a plain tuple of public attribute names",
                [
                    "class A:\n    __match_args__ = ('__class__',)",
                    "class A:\n    __match_args__ = ('price', 'quantity')",
                ],
            ),
            Self::Introspection => rule(
                "an attribute that reaches into the interpreter",
                "It lists classes, loads modules or hands out raw memory.",
                "remove the use; to ask for a type write `isinstance(value, Class)`",
                ["x = kind.mro()", "x = isinstance(1, int)"],
            ),
            Self::FormatField => rule(
                "a replacement field that reads a hidden attribute",
                "`str.format` reads the attributes that a text names.",
                "use an f-string of the value that you need",
                ["x = '{0.__class__}'.format(1)", "x = '{0.real:.2f}'.format(1)"],
            ),
            Self::DynamicFormat => rule(
                "`format` of a text that is no literal",
                "The fields of a text that is made while the program runs could name any attribute.",
                "use an f-string, or `string.Template`",
                ["t = '{}'\nx = t.format(1)", "x = '{}'.format(1)"],
            ),
            Self::FileMethod => rule(
                "a method that reads or writes files",
                "A program has no files: series come in `data`, and the answer goes into `result`.",
                "call writers such as `to_csv()` without a target, which returns the text",
                ["frame.to_csv('out.csv')", "result = frame.to_csv()"],
            ),
            Self::EvaluatingMethod => rule(
                "a method that evaluates text",
                "The text is code that no check has seen.",
                "select with a condition; a method of your own needs another name",
                ["x = frame.query('close > 1')", "x = frame[frame['close'] > 1]"],
            ),
            Self::MethodByName => rule(
                "a method named by a string that is not allowed",
                "`agg`, `apply`, `transform` and their kind call the method that a string names.",
                "name a computation, such as `'mean'`, or pass a function",
                ["x = frame.agg('to_pickle')", "x = frame.agg('mean')"],
            ),
        }
    }
}
