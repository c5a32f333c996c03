//! Random programs that are mostly valid: bytes choose among the forms of Python's grammar.
//!
//! The names are few, so that binding, shadowing and unbinding of the same name meet often, and some of them are builtins
//! that a program may use only under a binding of its own.

/// Names that most programs use.
const NAMES: &[&str] =
    &["x", "y", "data", "bar", "open", "type", "input", "self", "np", "m", "_a", "vars", "print"];

/// Names that are refused unless the program binds them, or always.
const WATCHED: &[&str] =
    &["eval", "ｅｖａｌ", "getattr", "__class__", "__init__", "__name__", "compile", "µ", "exec"];

const MEMBERS: &[&str] = &[
    "real", "open", "mean", "_a", "__len__", "format", "to_csv", "dumps", "pi", "random", "eval", "mro",
    "query", "register", "wraps", "Type", "agg",
];

const IMPORTS: &[&str] = &[
    "import math",
    "import numpy as np",
    "import numpy.linalg as m",
    "import json as m, re as np",
    "from math import sqrt as open",
    "from numpy import random as np",
    "from collections import abc as m",
    "import collections.abc",
    "from re import compile",
    "from functools import wraps as bar",
    "import functools as m, typing as np",
    "from typing import Type as bar, runtime_checkable",
    "from operator import attrgetter as x, methodcaller as y",
    "from abc import ABCMeta as bar",
    "from dataclasses import field as x",
    "from dataclasses import field as open, field as eval",
    "from operator import attrgetter as vars, methodcaller as x",
    "import operator as m, functools as m",
    "import json as __p, re as _A__p",
    "from numpy import ndarray as x",
    "from __future__ import annotations",
];

/// Turns bytes into a program. The same bytes give the same program.
pub(crate) struct Writer<'b> {
    bytes: &'b [u8],
    at: usize,
    text: String,
}

impl<'b> Writer<'b> {
    pub(crate) fn program(bytes: &'b [u8]) -> String {
        let mut writer = Self { bytes, at: 0, text: String::new() };
        while writer.at < bytes.len() {
            writer.statement(0);
        }
        writer.text
    }

    /// A number below `bound`; zero, which is always the shortest choice, when the bytes are used up.
    fn choice(&mut self, bound: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % bound
    }

    fn one_of(&mut self, words: &[&str]) -> String {
        let index = self.choice(words.len());
        words[index].to_owned()
    }

    fn name(&mut self) -> String {
        if self.choice(24) == 23 { self.one_of(WATCHED) } else { self.one_of(NAMES) }
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(&"    ".repeat(indent));
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn block(&mut self, indent: usize) {
        for _ in 0..=self.choice(3) {
            self.statement(indent + 1);
        }
    }

    /// At the top of a function or class, now and then.
    fn declaration(&mut self, indent: usize) {
        if self.choice(8) == 7 {
            let global = self.name();
            self.line(indent + 1, &format!("global {global}"));
        }
    }

    fn statement(&mut self, indent: usize) {
        let form = if indent > 3 { self.choice(8) } else { self.choice(22) };
        let (name, other) = (self.name(), self.name());
        let value = self.expression(0);
        match form {
            0 => self.line(indent, "pass"),
            1..=3 => self.line(indent, &format!("{name} = {value}")),
            4 => self.line(indent, &value),
            5 => self.line(indent, &format!("{name}, *{other} = {value}")),
            6 => self.line(indent, &format!("del {name}")),
            7 => self.line(indent, &format!("{name} += {value}")),
            8 => {
                let import = self.one_of(IMPORTS);
                self.line(indent, &import);
            }
            9 => {
                let member = self.one_of(MEMBERS);
                self.line(indent, &format!("{name}.{member} = {value}"));
            }
            10 => {
                let annotated = match self.choice(4) {
                    0 => format!("({name}): {value}"),
                    1 => format!("{name}: {value}"),
                    _ => format!("{name}: {value} = {other}"),
                };
                self.line(indent, &annotated);
            }
            11 => self.line(indent, &format!("assert {value}, {other}")),
            12 | 13 => {
                self.line(indent, &format!("def {name}({other}, bar={value}, *args, **rest):"));
                self.declaration(indent);
                self.block(indent);
            }
            14 => {
                let base = match self.choice(16) {
                    12 => format!("({other}.ABC)"),
                    13 => format!("(metaclass={other})"),
                    14 => format!("[bar]({other})"),
                    _ => String::new(),
                };
                self.line(indent, &format!("class {name}{base}:"));
                self.declaration(indent);
                self.block(indent);
            }
            15 => {
                self.line(indent, &format!("if {value}:"));
                self.block(indent);
                self.line(indent, "else:");
                self.block(indent);
            }
            16 => {
                self.line(indent, &format!("for {name} in {value}:"));
                self.block(indent);
            }
            17 => {
                self.line(indent, &format!("with {value} as {name}:"));
                self.block(indent);
            }
            18 => {
                self.line(indent, "try:");
                self.block(indent);
                self.line(indent, &format!("except Exception as {name}:"));
                self.block(indent);
            }
            19 => {
                self.line(indent, &format!("match {value}:"));
                let member = self.one_of(MEMBERS);
                let pattern = match self.choice(4) {
                    0 => format!("[{name}, *{other}]"),
                    1 => format!("{{'a': {name}, **{other}}}"),
                    2 => format!("int({member}={name})"),
                    _ => format!("(1 | 2) as {name}"),
                };
                self.line(indent + 1, &format!("case {pattern}:"));
                self.block(indent + 1);
            }
            20 => {
                let decorator = match self.choice(4) {
                    0 => format!("{name}({other})"),
                    1 => format!("{name}.wraps({other})"),
                    _ => name,
                };
                self.line(indent, &format!("@{decorator}"));
                self.line(indent, &format!("def {other}(): return {value}"));
            }
            _ => self.line(indent, &format!("while {value}: {name} = {other}")),
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        let form = if depth > 3 { self.choice(4) } else { self.choice(24) };
        if form < 4 {
            return match form {
                0 | 1 => self.name(),
                2 => "1.5".to_owned(),
                _ => "'{0.real:{1}}'".to_owned(),
            };
        }
        let (a, b) = (self.expression(depth + 1), self.expression(depth + 1));
        let name = self.name();
        let member = self.one_of(MEMBERS);
        match form {
            4 | 5 => format!("({a} + {b})"),
            6 => format!("({a}).{member}"),
            7 => format!("{name}.{member}"),
            8 => format!("{name}.{member}({a})"),
            9 => format!("{name}({a}, {b})"),
            10 => format!("{a}[{b}]"),
            11 => format!("(lambda {name}, m={a}: {b})"),
            12 => format!("[{a} for {name} in {b}]"),
            13 => format!("{{{a}: {b} for {name} in {b} if {a}}}"),
            14 => format!("({name} := {a})"),
            15 => format!("({a} if {b} else {name})"),
            16 => format!("f'{{{name}!r:>{{m}}}} {{{name}.{member}}}'"),
            17 => format!("({name} is {a})"),
            18 => format!("(type({a}) is {name})"),
            19 => format!("type({a}).__name__"),
            20 => format!("isinstance({a}, type({name}))"),
            21 => format!("(type({a}) == {name})"),
            22 => format!("{name}(*{a}, **{b})"),
            _ => format!("'{{}} {{0.real}}'.format({a})"),
        }
    }
}
