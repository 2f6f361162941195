//! How a command fails: what is wrong and what to do about it, on standard error.

use std::error::Error;
use std::fmt::{self, Write as _};

/// Why a command could not do its work, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    error: String,
    hint: String,
}

impl Failure {
    /// Says what is wrong and what to do about it.
    pub(crate) fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into() }
    }

    /// Takes an error of a part with everything beneath it, and adds what to do.
    pub(crate) fn caused(error: &dyn Error, hint: impl Into<String>) -> Self {
        Self::new(chain(error), hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}\nhint: {}", self.error, self.hint)
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
