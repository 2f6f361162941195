//! The two sides of the comparison: Dougong's binaries, and the same in Python.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The functions of one side.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// The command of `pull`.
    pub(crate) pull: Vec<OsString>,
    /// The command of `deliver`.
    pub(crate) deliver: Vec<OsString>,
    /// Further variables of both.
    pub(crate) env: BTreeMap<String, String>,
}

impl Side {
    /// Dougong's release binaries in a folder; an error says how to build what is missing.
    pub(crate) fn dougong(folder: &Path) -> Result<Self, String> {
        let program = |name: &str| {
            let program = folder.join(name);
            if program.is_file() {
                return Ok(vec![program.into_os_string()]);
            }
            Err(format!(
                "the function {name} is not built: no {}\nhint: run `cargo build --release -p dougong-pull -p dougong-deliver`",
                program.display()
            ))
        };
        Ok(Self { pull: program("pull")?, deliver: program("deliver")?, env: BTreeMap::new() })
    }

    /// The functions of `benches/peer`, run by this Python as Lambda's own runtime runs them.
    pub(crate) fn peer(python: &Path, cache: &Path) -> Self {
        let function =
            |handler: &str| vec![python.into(), "-m".into(), "awslambdaric".into(), OsString::from(handler)];
        let peer = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peer");
        let variables = [
            ("PYTHONPATH", peer.display().to_string()),
            // Compiled once, as in a deployment, and not into the repository.
            ("PYTHONPYCACHEPREFIX", cache.display().to_string()),
        ];
        Self {
            pull: function("pull.handler"),
            deliver: function("deliver.handler"),
            env: variables.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }
}
