//! The function binaries as `cargo test --workspace` builds them, beside the test executable.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Returns the program of a function.
///
/// # Panics
/// If it is not there, or older than a source it is made of: testing yesterday's function proves nothing.
pub(crate) fn function(name: &str) -> OsString {
    let tests = std::env::current_exe().expect("a running test has an executable");
    // target/<profile>/deps/<test> → target/<profile>/<name>
    let folder = tests.parent().and_then(Path::parent).expect("a test lies in target/<profile>/deps");
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let hint = "hint: run `cargo build --workspace`, or all tests with `cargo test --workspace`";
    let built = modified(&program);
    assert!(built.is_some(), "the function {name} is not built: no {}\n{hint}", program.display());
    if let Some(source) = sources(&program).into_iter().find(|source| modified(source) > built) {
        panic!("the function {name} is older than {}\n{hint}", source.display());
    }
    program.into_os_string()
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// Reads the sources of a program from the file that Cargo leaves beside it (`<program>: <source> <source> …`).
fn sources(program: &Path) -> Vec<PathBuf> {
    let list = std::fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources.trim_end());
    // A space within a name is written `\ `.
    let names = sources.replace("\\ ", "\0");
    names.split(' ').filter(|name| !name.is_empty()).map(|name| name.replace('\0', " ").into()).collect()
}
