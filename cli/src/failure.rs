//! How a command fails: what is wrong and what to do about it, on standard error.

use std::error::Error;
use std::fmt::{self, Write as _};

use dougong_operate::in_chinese;

use crate::lang::Lang;

/// Why a command could not do its work, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    lang: Lang,
    error: String,
    hint: String,
}

impl Failure {
    /// Says what is wrong and what to do about it, both in the language that is named.
    pub(crate) fn new(lang: Lang, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { lang, error: error.into(), hint: hint.into() }
    }

    /// Takes an error of a part with everything beneath it, and adds what to do. What the part says in English is said in
    /// the language that is named; what the operating system and others say stays.
    pub(crate) fn caused(lang: Lang, error: &dyn Error, hint: impl Into<String>) -> Self {
        let said = match lang {
            Lang::En => chain(error),
            Lang::Zh => in_chinese(&chain(error)),
        };
        Self::new(lang, said, hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lang, error, hint } = self;
        match lang {
            Lang::En => writeln!(f, "error: {error}\nhint: {hint}"),
            Lang::Zh => writeln!(f, "错误：{error}\n提示：{hint}"),
        }
    }
}

/// Joins an error and what caused it into one line of thought.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
