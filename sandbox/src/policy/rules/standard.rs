//! The reviewed part of the standard library.
//!
//! Left out on purpose: `string.Formatter` (walks attributes named by a string), `typing.get_type_hints` and
//! `functools.singledispatch` (evaluate text in annotations), `typing.get_origin` (hands out `type`),
//! `functools.update_wrapper` (copies attributes named by strings), `dataclasses.make_dataclass` (builds source text),
//! `dataclasses.fields` (hands out annotations), `enum.EnumMeta` (called with three arguments it builds a class from
//! strings), `random.SystemRandom` (not repeatable), `json.load` and `json.dump` (files), `re.DEBUG` (prints), and every
//! submodule that a module shows by accident. What is harmless in one use alone is in `guarded`.

use super::modules::Module;

/// Public names of Python 3.11 to 3.14, compared with each of them: every name exists in one at least. A name that a
/// given Python lacks fails when the program runs. `cofferdam` is this family's own module for programs.
#[rustfmt::skip]
pub(crate) const MODULES: &[Module] = &[
    Module { name: "__future__", exports: &[
        "annotations", "division", "absolute_import", "print_function", "unicode_literals",
        "generator_stop", "generators", "nested_scopes", "with_statement",
    ] },
    Module { name: "abc", exports: &[
        "ABC", "ABCMeta", "abstractmethod", "abstractclassmethod", "abstractproperty",
        "abstractstaticmethod",
    ] },
    Module { name: "array", exports: &[
        "ArrayType", "array", "typecodes",
    ] },
    Module { name: "asyncio", exports: &[
        "ALL_COMPLETED", "Barrier", "BoundedSemaphore", "BrokenBarrierError", "CancelledError", "Condition",
        "Event", "FIRST_COMPLETED", "FIRST_EXCEPTION", "Future", "InvalidStateError", "LifoQueue", "Lock",
        "PriorityQueue", "Queue", "QueueEmpty", "QueueFull", "QueueShutDown", "Semaphore", "Task",
        "TaskGroup", "Timeout", "TimeoutError", "as_completed", "create_task", "ensure_future", "gather",
        "iscoroutine", "iscoroutinefunction", "isfuture", "run", "shield", "sleep", "timeout", "timeout_at",
        "wait", "wait_for",
    ] },
    Module { name: "bisect", exports: &[
        "bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right",
    ] },
    Module { name: "cmath", exports: &[
        "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "e", "exp", "inf", "infj",
        "isclose", "isfinite", "isinf", "isnan", "log", "log10", "nan", "nanj", "phase", "pi", "polar",
        "rect", "sin", "sinh", "sqrt", "tan", "tanh", "tau",
    ] },
    Module { name: "cofferdam", exports: &[
        "crossings", "ema", "progress", "returns", "rolling_max", "rolling_mean", "rolling_min",
        "rolling_std",
    ] },
    Module { name: "collections", exports: &[
        "ChainMap", "Counter", "OrderedDict", "UserDict", "UserList", "UserString", "defaultdict", "deque",
        "namedtuple",
    ] },
    Module { name: "collections.abc", exports: &[
        "AsyncGenerator", "AsyncIterable", "AsyncIterator", "Awaitable", "Buffer", "ByteString", "Callable",
        "Collection", "Container", "Coroutine", "Generator", "Hashable", "ItemsView", "Iterable",
        "Iterator", "KeysView", "Mapping", "MappingView", "MutableMapping", "MutableSequence", "MutableSet",
        "Reversible", "Sequence", "Set", "Sized", "ValuesView",
    ] },
    Module { name: "contextlib", exports: &[
        "AbstractAsyncContextManager", "AbstractContextManager", "AsyncExitStack", "ContextDecorator",
        "ExitStack", "aclosing", "asynccontextmanager", "closing", "contextmanager", "nullcontext",
        "suppress",
    ] },
    Module { name: "copy", exports: &[
        "Error", "copy", "deepcopy", "error", "replace",
    ] },
    Module { name: "dataclasses", exports: &[
        "FrozenInstanceError", "InitVar", "KW_ONLY", "MISSING", "asdict", "astuple", "dataclass", "field",
        "is_dataclass", "replace",
    ] },
    Module { name: "datetime", exports: &[
        "MAXYEAR", "MINYEAR", "UTC", "date", "datetime", "time", "timedelta", "timezone", "tzinfo",
    ] },
    Module { name: "decimal", exports: &[
        "BasicContext", "Clamped", "Context", "ConversionSyntax", "Decimal", "DecimalException",
        "DecimalTuple", "DefaultContext", "DivisionByZero", "DivisionImpossible", "DivisionUndefined",
        "ExtendedContext", "FloatOperation", "HAVE_CONTEXTVAR", "HAVE_THREADS", "Inexact", "InvalidContext",
        "InvalidOperation", "MAX_EMAX", "MAX_PREC", "MIN_EMIN", "MIN_ETINY", "Overflow", "ROUND_05UP",
        "ROUND_CEILING", "ROUND_DOWN", "ROUND_FLOOR", "ROUND_HALF_DOWN", "ROUND_HALF_EVEN", "ROUND_HALF_UP",
        "ROUND_UP", "Rounded", "Subnormal", "Underflow", "getcontext", "localcontext", "setcontext",
    ] },
    Module { name: "enum", exports: &[
        "CONFORM", "CONTINUOUS", "EJECT", "Enum", "EnumCheck", "Flag",
        "FlagBoundary", "IntEnum", "IntFlag", "KEEP", "NAMED_FLAGS", "ReprEnum", "STRICT", "StrEnum",
        "UNIQUE", "auto", "member", "nonmember", "property", "unique", "verify",
    ] },
    Module { name: "fractions", exports: &[
        "Fraction",
    ] },
    Module { name: "functools", exports: &[
        "cache", "cached_property", "cmp_to_key", "lru_cache", "partial", "partialmethod", "reduce",
        "total_ordering", "wraps",
    ] },
    Module { name: "heapq", exports: &[
        "heapify", "heapify_max", "heappop", "heappop_max", "heappush", "heappush_max", "heappushpop",
        "heappushpop_max", "heapreplace", "heapreplace_max", "merge", "nlargest", "nsmallest",
    ] },
    Module { name: "itertools", exports: &[
        "accumulate", "batched", "chain", "combinations", "combinations_with_replacement", "compress",
        "count", "cycle", "dropwhile", "filterfalse", "groupby", "islice", "pairwise", "permutations",
        "product", "repeat", "starmap", "takewhile", "tee", "zip_longest",
    ] },
    Module { name: "json", exports: &[
        "JSONDecodeError", "JSONDecoder", "JSONEncoder", "dumps", "loads",
    ] },
    Module { name: "math", exports: &[
        "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "comb", "copysign",
        "cos", "cosh", "degrees", "dist", "e", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "factorial",
        "floor", "fma", "fmod", "frexp", "fsum", "gamma", "gcd", "hypot", "inf", "isclose", "isfinite",
        "isinf", "isnan", "isqrt", "lcm", "ldexp", "lgamma", "log", "log10", "log1p", "log2", "modf", "nan",
        "nextafter", "perm", "pi", "pow", "prod", "radians", "remainder", "sin", "sinh", "sqrt", "sumprod",
        "tan", "tanh", "tau", "trunc", "ulp",
    ] },
    Module { name: "numbers", exports: &[
        "Complex", "Integral", "Number", "Rational", "Real",
    ] },
    Module { name: "operator", exports: &[
        "abs", "add", "and_", "attrgetter", "call", "concat", "contains", "countOf", "delitem", "eq", "floordiv", "ge",
        "getitem", "gt", "iadd", "iand", "iconcat", "ifloordiv", "ilshift", "imatmul", "imod", "imul",
        "index", "indexOf", "inv", "invert", "ior", "ipow", "irshift", "is_", "is_none", "is_not",
        "is_not_none", "isub", "itemgetter", "itruediv", "ixor", "le", "length_hint", "lshift", "lt",
        "matmul", "methodcaller", "mod", "mul", "ne", "neg", "not_", "or_", "pos", "pow", "rshift", "setitem", "sub",
        "truediv", "truth", "xor",
    ] },
    Module { name: "random", exports: &[
        "Random", "betavariate", "binomialvariate", "choice", "choices", "expovariate", "gammavariate",
        "gauss", "getrandbits", "getstate", "lognormvariate", "normalvariate", "paretovariate", "randbytes",
        "randint", "random", "randrange", "sample", "seed", "setstate", "shuffle", "triangular", "uniform",
        "vonmisesvariate", "weibullvariate",
    ] },
    Module { name: "re", exports: &[
        "A", "ASCII", "DOTALL", "I", "IGNORECASE", "L", "LOCALE", "M", "MULTILINE", "Match", "NOFLAG",
        "Pattern", "PatternError", "RegexFlag", "S", "U", "UNICODE", "VERBOSE", "X", "compile", "error",
        "escape", "findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn",
    ] },
    Module { name: "statistics", exports: &[
        "NormalDist", "StatisticsError", "correlation", "covariance", "fmean", "geometric_mean",
        "harmonic_mean", "kde", "kde_random", "linear_regression", "mean", "median", "median_grouped",
        "median_high", "median_low", "mode", "multimode", "pstdev", "pvariance", "quantiles", "stdev",
        "variance",
    ] },
    Module { name: "string", exports: &[
        "Template", "ascii_letters", "ascii_lowercase", "ascii_uppercase", "capwords", "digits",
        "hexdigits", "octdigits", "printable", "punctuation", "whitespace",
    ] },
    Module { name: "textwrap", exports: &[
        "TextWrapper", "dedent", "fill", "indent", "shorten", "wrap",
    ] },
    Module { name: "typing", exports: &[
        "AbstractSet", "Annotated", "Any", "AnyStr", "AsyncContextManager", "AsyncGenerator",
        "AsyncIterable", "AsyncIterator", "Awaitable", "ByteString", "Callable", "ChainMap", "ClassVar",
        "Collection", "Concatenate", "Container", "ContextManager", "Coroutine", "Counter", "DefaultDict",
        "Deque", "Dict", "Final", "FrozenSet", "Generator", "Generic", "Hashable", "ItemsView", "Iterable",
        "Iterator", "KeysView", "List", "Literal", "LiteralString", "Mapping", "MappingView", "Match",
        "MutableMapping", "MutableSequence", "MutableSet", "NamedTuple", "Never", "NewType", "NoDefault",
        "NoReturn", "NotRequired", "Optional", "OrderedDict", "ParamSpec", "ParamSpecArgs",
        "ParamSpecKwargs", "Pattern", "Protocol", "ReadOnly", "Required", "Reversible", "Self", "Sequence",
        "Set", "Sized", "SupportsAbs", "SupportsBytes", "SupportsComplex", "SupportsFloat", "SupportsIndex",
        "SupportsInt", "SupportsRound", "TYPE_CHECKING", "Text", "Tuple", "Type", "TypeAlias",
        "TypeAliasType", "TypeGuard", "TypeIs", "TypeVar", "TypeVarTuple", "TypedDict", "Union", "Unpack",
        "ValuesView", "assert_never", "assert_type", "cast", "dataclass_transform", "final", "get_args",
        "get_protocol_members", "is_protocol", "is_typeddict", "no_type_check", "overload",
        "override", "reveal_type", "runtime_checkable",
    ] },
];
