//! The data folder: private, and of one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dougong_values::BeijingTime;

use super::words;
use crate::failure::Failure;
use crate::lang::Lang;

/// The file whose lock is the right to use the folder. It names who holds it; the lock itself ends with the process.
const LOCK: &str = "dougong.lock";
/// The database: ledger and messages.
const LEDGER: &str = "ledger.sqlite";

/// The data folder, held by this process.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    was_open_to_others: bool,
    _lock: File,
}

impl DataFolder {
    /// Takes the folder: makes it if it is missing, closes it to other users, and locks it.
    pub(super) fn open(path: &Path, lang: Lang) -> Result<Self, Failure> {
        let unusable = |error: io::Error| words::data_unusable(lang, path, &error);
        make_private(path).map_err(unusable)?;
        let open =
            fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join(LOCK));
        let mut lock = open.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is helps; that somebody is there is certain without it.
                let _ = lock.read_to_string(&mut holder);
                return Err(words::in_use(lang, path, holder.trim()));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let was_open_to_others = close_to_others(path).map_err(unusable)?;
        let holder = format!("{} {}\n", std::process::id(), BeijingTime::now());
        let written = lock.set_len(0).and_then(|()| lock.seek(SeekFrom::Start(0)));
        if let Err(error) = written.and_then(|_| lock.write_all(holder.as_bytes())) {
            // A full disk keeps the name out, not the lock.
            tracing::warn!(%error, "the lock does not say whose it is");
        }
        Ok(Self { path: path.to_owned(), was_open_to_others, _lock: lock })
    }

    /// Returns the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the database's file.
    pub(super) fn ledger(&self) -> PathBuf {
        self.path.join(LEDGER)
    }

    /// Returns the folder of the logs.
    pub(super) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Tells whether other users could look into the folder until now.
    pub(super) const fn was_open_to_others(&self) -> bool {
        self.was_open_to_others
    }
}

/// Tells whether a folder may become the data folder, or is one: anything else in it is somebody else's.
pub(super) fn is_ours_or_empty(path: &Path) -> io::Result<bool> {
    if path.join(LOCK).exists() || path.join(LEDGER).exists() {
        return Ok(true);
    }
    match fs::read_dir(path) {
        // A freshly made file system has its own folder in it.
        Ok(mut entries) => {
            Ok(entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == "lost+found")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let open = fs::metadata(path)?.permissions().mode() & 0o077 != 0;
    if open {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(open)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> io::Result<bool> {
    Ok(false)
}
