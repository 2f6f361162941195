//! What is looked at before anything starts; whatever is wrong is said at once.

use std::path::PathBuf;

use dougong_config::Config;
use dougong_runtime::{Secrets, StoreSecrets};

use super::{folder, words};
use crate::arguments::UpArguments;
use crate::check::told;
use crate::failure::Failure;
use crate::lang::Lang;

/// A configuration that can be run.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) config: Config,
    pub(super) secrets: PathBuf,
    /// Whether somebody can sign in to the page.
    pub(super) has_page: bool,
}

/// Checks configuration, secrets and data folder; returns every problem, each as a text for a person.
pub(super) fn check(options: &UpArguments, lang: Lang) -> Result<Checked, Vec<String>> {
    let mut problems = Vec::new();
    let config = Config::load_compiled(&options.config, &|name| std::env::var(name).ok());
    let config = config.map_err(|errors| problems.push(told(lang, &errors.0) + "\n")).ok();
    let secrets =
        secrets(options.secrets.as_ref(), lang).map_err(|failure| problems.push(failure.to_string())).ok();
    if let (Some(config), Some((_, secrets))) = (&config, &secrets)
        && let Err(failure) = store(config, secrets, lang)
    {
        problems.push(failure.to_string());
    }
    let tokens = secrets.as_ref().map(|(_, secrets)| &secrets.console);
    let has_page = tokens.is_some_and(|own| own.token.is_some() || own.read_only_token.is_some());
    if options.console.is_some() && tokens.is_some() && !has_page {
        problems.push(words::no_console_token(lang).to_string());
    }
    if config.as_ref().is_some_and(|config| config.store.is_none())
        && (options.listen.is_some() || (options.behind_proxy && !has_page))
    {
        problems.push(words::nothing_to_listen_for(lang).to_string());
    }
    let free = match folder::is_ours_or_empty(&options.data) {
        Ok(true) => Ok(()),
        Ok(false) => Err(words::data_of_others(lang, &options.data)),
        Err(error) => Err(words::data_unusable(lang, &options.data, &error)),
    };
    if let Err(failure) = free {
        problems.push(failure.to_string());
    }
    match (config, secrets) {
        (Some(config), Some((secrets, _))) if problems.is_empty() => {
            Ok(Checked { config, secrets, has_page })
        }
        _ => Err(problems),
    }
}

/// Finds the secrets' file, which nobody else may read, and reads it once.
pub(crate) fn secrets(given: Option<&PathBuf>, lang: Lang) -> Result<(PathBuf, Secrets), Failure> {
    let named = || std::env::var_os("DOUGONG_SECRETS").filter(|name| !name.is_empty()).map(PathBuf::from);
    let file = given.cloned().or_else(named).ok_or_else(|| words::no_secrets(lang))?;
    if is_open_to_everyone(&file) {
        return Err(words::secrets_open(lang, &file));
    }
    let secrets = Secrets::read_file(&file).map_err(|error| words::secrets_unreadable(lang, &error))?;
    Ok((file, secrets))
}

/// Tells whether the secrets suffice for how pushes, and our own calls, prove where they come from.
fn store(config: &Config, secrets: &Secrets, lang: Lang) -> Result<(), Failure> {
    let Some(settings) = &config.store else { return Ok(()) };
    let StoreSecrets { app_id, secrets } = &secrets.store;
    let both = settings.verifier(secrets).and_then(|_| settings.platform(app_id.as_deref(), secrets));
    both.map(|_| ()).map_err(|error| words::store_secrets(lang, &error))
}

/// Tells whether any user of the machine may read a file. Its group may: a service's own group is a usual way.
#[cfg(unix)]
fn is_open_to_everyone(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // A file that is not there is reported by who reads it.
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn is_open_to_everyone(_file: &std::path::Path) -> bool {
    false
}
