//! What the benchmarks share: what the kernel says about a process, and where release programs are.

mod process;

use std::path::{Path, PathBuf};

pub use process::Process;

/// Returns `target/release` beside the profile that this program is built in.
pub fn release_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.parent().and_then(Path::parent).unwrap_or(Path::new("target"));
    target.join("release")
}
