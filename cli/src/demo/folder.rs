//! The work folder of a demo: configuration, secrets, ledger and logs, kept or gone when the demo ends.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use dougong_cloud::Storage;
use tempfile::TempDir;

use crate::arguments::Pace;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::{shipped, words};

/// Where a demo keeps its files.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Deletes the folder in the end, unless it is kept.
    temporary: Option<TempDir>,
}

impl Folder {
    /// Takes the folder to keep, which must be new or empty, or a temporary one.
    pub(crate) fn open(keep: Option<&Path>, lang: Lang) -> Result<Self, Failure> {
        let Some(keep) = keep else {
            let temporary = TempDir::with_prefix("dougong-").map_err(|error| unwritable(&error, lang))?;
            return Ok(Self { path: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        fs::create_dir_all(keep).map_err(|error| unwritable(&error, lang))?;
        let mut entries = fs::read_dir(keep).map_err(|error| unwritable(&error, lang))?;
        if entries.next().is_some() {
            let error = words::not_empty(lang, &keep.display().to_string());
            return Err(Failure::new(lang, error, lang.pick(words::KEEP_NOT_EMPTY)));
        }
        Ok(Self { path: keep.to_owned(), temporary: None })
    }

    /// Writes the shipped configuration, and the time-outs that fit the pace.
    pub(crate) fn write_config(&self, pace: Pace) -> io::Result<()> {
        let folder = self.config();
        shipped::write(&folder)?;
        if pace == Pace::Real {
            return Ok(());
        }
        // Simulators answer at once or never: nobody learns anything from waiting a minute for "never".
        let path = folder.join("dougong.toml");
        let mut text = fs::read_to_string(&path)?;
        for section in ["wdt", "bip", "store"] {
            for key in ["connect_timeout", "read_timeout", "total_timeout"] {
                text = shipped::set(&text, section, key, "\"2s\"").ok_or_else(|| {
                    io::Error::other(format!("the shipped configuration has no {section}.{key}"))
                })?;
            }
        }
        fs::write(path, text)
    }

    /// Returns the configuration's folder.
    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("config")
    }

    /// Returns the file with the secrets of the simulators.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.path.join("secrets.json")
    }

    /// Returns where the ledger lives: in a file when it is kept, else in memory.
    pub(crate) fn ledger(&self) -> Storage {
        match self.temporary {
            None => Storage::File(self.path.join("ledger.sqlite")),
            Some(_) => Storage::Memory,
        }
    }

    /// Makes the log file, when it is kept.
    pub(crate) fn log_file(&self) -> io::Result<Option<File>> {
        match self.temporary {
            None => File::create(self.path.join("functions.log")).map(Some),
            Some(_) => Ok(None),
        }
    }

    /// Returns the folder, when it is kept.
    pub(crate) fn kept(&self) -> Option<&Path> {
        self.temporary.is_none().then_some(self.path.as_path())
    }
}

fn unwritable(error: &io::Error, lang: Lang) -> Failure {
    Failure::caused(lang, error, lang.pick(words::KEEP_UNWRITABLE))
}
