//! Lines, columns and rendering.

use cofferdam_sandbox::Policy;

/// Line and column of every violation.
fn places(source: &str) -> Vec<(u32, u32)> {
    let rejection = Policy::default().check(source).unwrap_err();
    rejection.violations().iter().map(|violation| (violation.line, violation.column)).collect()
}

#[test]
fn places_are_exact() {
    for (source, expected) in [
        ("import os", vec![(1, 8)]),
        ("import math, os as o, sys", vec![(1, 14), (1, 23)]),
        ("from os import path", vec![(1, 6)]),
        ("from statistics import mean, sys", vec![(1, 30)]),
        ("\n\nx = 1 + eval('2')", vec![(3, 9)]),
        ("naïve = 'é' + eval('2')", vec![(1, 15)]),
        ("x = ().__class__.__bases__", vec![(1, 8), (1, 18)]),
        ("x = (a\n    .b\n    .__class__)", vec![(3, 6)]),
        ("class A:\n    async def __reduce__(self): pass", vec![(2, 15)]),
        ("def f(a, b: eval = exec): pass", vec![(1, 13), (1, 20)]),
        ("match x:\n    case int(real=a, f_back=b): pass", vec![(2, 22)]),
        ("x = f'{a} {b.__class__}'", vec![(1, 14)]),
        ("f(a, allow_pickle=True)", vec![(1, 6)]),
        ("if True:\n\tx = eval", vec![(2, 6)]),
        ("x = 1\r\ny = eval\r\n", vec![(2, 5)]),
        ("\u{feff}x = eval", vec![(1, 5)]),
        ("x = ｅｖａｌ", vec![(1, 5)]),
        ("x = 1\0", vec![(1, 6)]),
        ("x = 1\ny = )", vec![(2, 5)]),
        ("def f():\n    global a, open", vec![(2, 15)]),
    ] {
        assert_eq!(places(source), expected, "{source:?}");
    }
}

#[test]
fn one_place_is_reported_once_for_each_rule() {
    assert_eq!(places("eval += 1"), [(1, 1)]);
    assert_eq!(places("import os, os"), [(1, 8), (1, 12)]);
}

#[test]
fn rendering_shows_the_place_as_a_compiler_does() {
    let source = "import math\nprice = 3\nx = math.sqrt(eval('price'))\ny = price.__class__\n";
    let rejection = Policy::default().check(source).unwrap_err();
    assert_eq!(
        rejection.render("strategy.py"),
        "error[CD201]: builtin `eval` is not allowed
 --> strategy.py:3:15
  |
3 | x = math.sqrt(eval('price'))
  |               ^^^^
  = help: write the expression as code; for text that holds JSON use `json.loads`

error[CD301]: special attribute `__class__` is not allowed
 --> strategy.py:4:11
  |
4 | y = price.__class__
  |           ^^^^^^^^^
  = help: write `type(value)`
"
    );
    assert_eq!(
        rejection.to_string(),
        "program refused: builtin `eval` is not allowed (CD201, line 3, column 15) and 1 more"
    );
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let source = format!("import {}\nx = 1 # \u{1b}[2J", "o".repeat(5_000));
    let rendered = Policy::default().check(&source).unwrap_err().render("x");
    assert!(!rendered.contains('\u{1b}'));
    let long = format!("import {}", "o".repeat(5_000));
    let rendered = Policy::default().check(&long).unwrap_err().render("x");
    assert!(rendered.len() < 1_000, "{rendered}");
    assert!(rendered.contains('…'));
}
