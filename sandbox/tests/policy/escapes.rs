//! Programs that reached the interpreter or its memory although they were accepted, or would if an allowance went one
//! step further. Each asks a question of its own.

use cofferdam_sandbox::Code;

use crate::codes;
use crate::guest::verdicts;

/// How the program escapes, the rule that holds it, the program.
const ESCAPES: &[(&str, Code, &str)] = &[
    (
        "the base class that `Type` stands for is `type`",
        Code::DynamicType,
        "from typing import Type\nclass M(Type): pass\nA = M('A', (), {'__match_args__': ('__class__',)})",
    ),
    (
        "the origin of `Type[int]` is `type`",
        Code::NameNotExported,
        "from typing import get_origin\nT = get_origin(x)",
    ),
    (
        "a field of a dataclass hands out its annotation",
        Code::DynamicType,
        "from dataclasses import dataclass, field\nf = field(default=1)\n@dataclass\nclass A:\n    x: type = f\nT = f.type",
    ),
    (
        "an annotation calls a function with `type`",
        Code::DynamicType,
        "kept = []\nclass A:\n    x: kept.append(type) = 1\nT = kept[0]",
    ),
    (
        "a subscript in an annotation calls a method of the program with `type`",
        Code::DynamicType,
        "class Spy:\n    def __getitem__(self, t): return t\nspy = Spy()\ndef f(x: spy[type]): pass",
    ),
    (
        "a union in an annotation calls a method of the program with `type`",
        Code::DynamicType,
        "class Spy:\n    def __ror__(self, t): return t\nspy = Spy()\ndef f(x: type | spy): pass",
    ),
    (
        "a function deletes the global of a builtin's name",
        Code::DeniedName,
        "type = 1\ndef f():\n    global type\n    del type\nf()\nA = type('A', (), {})",
    ),
    (
        "a builtin that gives no type back is replaced on one way only",
        Code::DynamicType,
        "if x:\n    def print(t): return t\nT = print(type(int))",
    ),
    (
        "a builtin that gives no type back is replaced from within a function",
        Code::DeniedName,
        "def g():\n    global print\n    def print(t): return t\ng()\nT = print(type(int))",
    ),
    (
        "an imported class is replaced by what compares in its own way",
        Code::DynamicType,
        "from decimal import Decimal\nDecimal = Spy()\nx = type(int) == Decimal",
    ),
    (
        "an imported class is replaced from within a function",
        Code::MisplacedImport,
        "from decimal import Decimal\ndef g():\n    global Decimal\n    Decimal = Spy()\ng()\nx = type(int) == Decimal",
    ),
    (
        "a manager swallows what the next one raises, and the name stays the builtin",
        Code::DeniedName,
        "from contextlib import suppress\nwith suppress(ValueError), broken() as eval:\n    pass\nx = eval('1')",
    ),
    (
        "a manager swallows that its value cannot be unpacked, and the name stays the builtin",
        Code::DeniedName,
        "with quiet() as (x, eval):\n    pass\nx = eval('1')",
    ),
    (
        "a pattern reads the method that formats",
        Code::DynamicFormat,
        "match '{0.__globals__.x}':\n    case str(format=f): f(g)",
    ),
    (
        "a pattern reads a method that writes",
        Code::FileMethod,
        "match frame:\n    case object(to_pickle=save): save('p')",
    ),
    (
        "a subclass of `str` lists the method that formats",
        Code::MatchArguments,
        "class S(str):\n    __match_args__ = ('format',)",
    ),
    (
        "a dataclass lists the method that formats",
        Code::MatchArguments,
        "from dataclasses import dataclass\n@dataclass(init=False)\nclass S(str):\n    format: object\nmatch S('{}'):\n    case S(f): pass",
    ),
    (
        "a protocol claims every value that has a frame, and lists the frame",
        Code::MatchArguments,
        "from collections import namedtuple\nfrom typing import Protocol, runtime_checkable\n@runtime_checkable\nclass F(Protocol): pass\nmatch g:\n    case F(frame): pass",
    ),
    (
        "a class registers generators as its own, with members that are named by a text",
        Code::MatchArguments,
        "from abc import ABC\nfrom collections import namedtuple\nfrom collections.abc import Generator\nclass P(ABC, namedtuple('F', 'gi' + '_frame')): pass\nP.register(Generator)\nmatch g:\n    case P(frame): pass",
    ),
    (
        "`wraps` under another name copies what a text names",
        Code::NameNotExported,
        "from functools import wraps as w\nw(f, ('__globals__',))(spy)",
    ),
    (
        "`wraps` takes the texts from a dict",
        Code::DeniedKeyword,
        "from functools import wraps\n@wraps(f, **{'assigned': names})\ndef g(): pass",
    ),
    (
        "`wraps` hands annotations and namespaces to hooks of what it is called on",
        Code::NameNotExported,
        "from functools import wraps\nwraps(object)(Spy())",
    ),
    (
        "`wraps` is called through another function",
        Code::NameNotExported,
        "import functools\nw = functools.partial(functools.wraps, **options)",
    ),
    (
        "numpy asks `__getattr__` for the address of an array",
        Code::SpecialDefinition,
        "import numpy as np\nclass Spy:\n    def __getattr__(self, name): return table[name]\nx = np.asarray(Spy())",
    ),
    (
        "`functools` asks `__getattr__` for a namespace",
        Code::SpecialDefinition,
        "from functools import lru_cache\nclass Spy:\n    __slots__ = ()\n    __getattr__ = table.get\nx = lru_cache(Spy())",
    ),
    (
        "the name that is asked for is tested by what is no test",
        Code::SpecialDefinition,
        "class Spy:\n    def __getattr__(self, name):\n        if name.startswith('_') and name in table: raise AttributeError(name)\n        return table[name]",
    ),
    (
        "an array of objects lies over bytes",
        Code::DeniedKeyword,
        "import numpy as np\nx = np.ndarray((1,), 'O', bytearray(8))",
    ),
    (
        "an array gives its memory back while a view still reads it",
        Code::DeniedKeyword,
        "a.resize(9, refcheck=False)",
    ),
    (
        "a generator of random numbers shows its memory",
        Code::Introspection,
        "x = generator.bit_generator.cffi",
    ),
    (
        "the event loop of a lock starts processes",
        Code::FileMethod,
        "class A:\n    _get_loop = None\nx = lock._get_loop().subprocess_shell",
    ),
    (
        "a method that is named by a made text gets a target",
        Code::FileMethod,
        "name = 'to_' + 'pickle'\nframe.apply(name, path='p')",
    ),
    ("a plot imports the module that a text names", Code::DeniedKeyword, "frame.plot(backend='m')"),
    (
        "a getter reads what a text names",
        Code::SpecialAttribute,
        "from operator import attrgetter\nx = attrgetter('a.__class__')(1)",
    ),
    (
        "a getter reads what a made text names",
        Code::NameNotExported,
        "from operator import attrgetter\nx = attrgetter('real', name)(1)",
    ),
    (
        "a caller formats by a text",
        Code::DynamicFormat,
        "from operator import methodcaller\nx = methodcaller('format', y)('{0.__class__}')",
    ),
    (
        "a name of two guarded imports is judged by the first",
        Code::NameNotExported,
        "from dataclasses import field as w\nfrom functools import wraps as w\nx = w",
    ),
    (
        "a name of two guarded imports is judged by the first, and `Type` is called",
        Code::DynamicType,
        "from dataclasses import field as w\nfrom typing import Type as w\nx = w(1)",
    ),
    (
        "a name of two guarded imports is judged by the first, and an array lies over bytes",
        Code::DeniedKeyword,
        "from dataclasses import field as a\nfrom numpy import ndarray as a\nx = a((1,), 'O', bytearray(8))",
    ),
    (
        "a name of two guarded imports is judged by the first, in the use that this one is there for",
        Code::NameNotExported,
        "from operator import attrgetter as w\nfrom functools import wraps as w\nx = w('real')",
    ),
    (
        "a guarded name is a module on another way",
        Code::ModuleAsValue,
        "import math as w\nfrom operator import attrgetter as w\nx = w('real')",
    ),
    (
        "a guarded export is taken from what is another module on another way",
        Code::NameNotExported,
        "import operator as m, functools as m\n@m.wraps(f)\ndef g(): pass",
    ),
    (
        "a guarded import of a builtin's name does not run, and the name stays the builtin",
        Code::DeniedName,
        "if x:\n    from dataclasses import field as eval\ny = eval('1')",
    ),
    (
        "a guarded import of a builtin's name is deleted again",
        Code::DeniedName,
        "from dataclasses import field as eval\ndel eval\ny = eval('1')",
    ),
    (
        "a getter of a builtin's name is not imported, and the builtin gets the literal",
        Code::DeniedName,
        "if x:\n    from operator import attrgetter as eval\ny = eval('open')",
    ),
    (
        "`wraps` under a builtin's name is not imported, and the builtin decorates",
        Code::DeniedName,
        "if x:\n    from functools import wraps as eval\n@eval(text)\ndef f(): pass",
    ),
    (
        "a metaclass under a builtin's name is not imported",
        Code::DeniedName,
        "if x:\n    from abc import ABCMeta as exec\nclass A(metaclass=exec): pass",
    ),
    (
        "a guarded import of the name `type` does not run",
        Code::DynamicType,
        "if x:\n    from dataclasses import field as type\nT = type",
    ),
    (
        "a class body reads a module before it binds the name itself",
        Code::ModuleAsValue,
        "import json\nclass A:\n    m = json\n    json = 1\nx = A.m.codecs",
    ),
    (
        "a class body annotates the name of a module, which binds nothing",
        Code::ModuleAsValue,
        "import json\nclass A:\n    json: object\n    m = [json]",
    ),
    (
        "a class body deletes the name of a module again",
        Code::NameNotExported,
        "import json\nclass A:\n    json = 1\n    del json\n    m = json.codecs",
    ),
    (
        "a class body reads a module past the parameter of the function that it stands in",
        Code::ModuleAsValue,
        "import json\ndef f(json):\n    class A:\n        m = json\n        json = 1",
    ),
    (
        "a class body reads a guarded export before it binds the name itself",
        Code::NameNotExported,
        "from functools import wraps\nclass A:\n    w = wraps\n    wraps = 1",
    ),
    (
        "a class body replaces an imported class on one way only",
        Code::DynamicType,
        "from decimal import Decimal\nclass A:\n    if x: Decimal = spy\n    y = type(int) == Decimal",
    ),
    (
        "a class body changes a module before it binds the name itself",
        Code::ModuleModified,
        "import math\nclass A:\n    math.pi = 3\n    math = 1",
    ),
    (
        "a class declares a name global, and its methods see the module of the function around",
        Code::ModuleAsValue,
        "def f():\n    import json\n    class A:\n        global json\n        def g(self): return json",
    ),
    (
        "a class declares a name global, and a comprehension in it sees the function around",
        Code::NameNotExported,
        "def f():\n    from functools import wraps\n    class A:\n        global wraps\n        x = [wraps for _ in 'a']",
    ),
    (
        "an annotation of a name in parentheses makes no local of it, and it stays the module",
        Code::ModuleAsValue,
        "import json\ndef f():\n    (json): object\n    return json",
    ),
    (
        "an annotation of a name in parentheses makes no local of it, and it stays the builtin",
        Code::DeniedName,
        "def f():\n    (eval): object\n    return eval('1')",
    ),
    (
        "a private name in a class is the module that was imported under what Python makes of it",
        Code::MisplacedImport,
        "import json as _A__json\nclass A:\n    def f(self): return __json",
    ),
    (
        "a private import in a class is read by a class in it, under what Python made of it",
        Code::MisplacedImport,
        "class A:\n    def f(self):\n        import json as __json\n        class B:\n            m = _A__json",
    ),
    (
        "a class of a name without letters leaves private names alone",
        Code::MisplacedImport,
        "import json as __json\nclass A:\n    def f(self, __json):\n        class __:\n            m = __json",
    ),
    (
        "what is imported as `type` shows its attributes",
        Code::MisplacedImport,
        "if x:\n    from functools import wraps as type\nu = type(f).func",
    ),
    (
        "`:=` in an annotation binds in a class body, which then reads the builtin past its type parameter",
        Code::Syntax,
        "class A[eval]:\n    x = eval('1')\n    y: (eval := 1)",
    ),
    (
        "`:=` in an annotation replaces a builtin that gives no type back",
        Code::Syntax,
        "x: (print := spy)\nT = print(type(int))",
    ),
    (
        "the class of abstract classes builds classes from texts",
        Code::NameNotExported,
        "import abc\nA = abc.ABCMeta('A', (), {'__match_args__': names})",
    ),
];

#[test]
fn every_escape_is_closed_by_its_rule() {
    for (how, code, program) in ESCAPES {
        assert!(codes(program).contains(code), "{how}: {:?}", codes(program));
    }
}

#[test]
fn every_escape_is_closed_again_in_cpython() {
    let programs: Vec<&str> = ESCAPES.iter().map(|(_, _, program)| *program).collect();
    for ((how, code, _), verdict) in ESCAPES.iter().zip(verdicts(&programs, "{}")) {
        assert!(verdict.codes.contains(code.as_str()), "{how}: {}", verdict.answer);
    }
}
