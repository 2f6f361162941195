//! How the commands reach a system: the variables that its functions have, from the environment or from a running `up`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dougong_aws::Variables;
use dougong_config::Config;
use dougong_operate::Operator;
use dougong_values::Version;
use serde::{Deserialize, Serialize};

use super::arguments::Common;
use super::words;
use crate::check::told;
use crate::failure::Failure;
use crate::lang::Lang;

/// What a running `up` writes into its data folder, for its owner alone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Door {
    /// The variables of its functions.
    environment: BTreeMap<String, String>,
    /// What its configuration was when it started.
    configuration: String,
}

/// The file in the data folder.
const DOOR: &str = "operate.json";
/// The variable that names where `up`'s ledger answers.
const LEDGER_ADDRESS: &str = "AWS_ENDPOINT_URL_DYNAMODB";

impl Door {
    /// Opens the door of a running `up`: who may read its data folder may operate it.
    pub(crate) fn open(data: &Path, environment: &BTreeMap<String, String>, config: &Path) -> io::Result<()> {
        let door = Self { environment: environment.clone(), configuration: fingerprint(config)? };
        let new = data.join(format!("{DOOR}.new"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let text = serde_json::to_string(&door).map_err(io::Error::other)?;
        options.open(&new)?.write_all(text.as_bytes())?;
        fs::rename(new, data.join(DOOR))
    }

    /// Closes it; a door that stays open leads nowhere.
    pub(crate) fn close(data: &Path) {
        let _ = fs::remove_file(data.join(DOOR));
    }

    fn find(data: &Path, lang: Lang) -> Result<Self, Failure> {
        let text = match fs::read_to_string(data.join(DOOR)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(words::not_running(lang, data));
            }
            Err(error) => return Err(words::door_locked(lang, data, &error)),
        };
        let door: Self = serde_json::from_str(&text)
            .map_err(|error| words::door_locked(lang, data, &io::Error::other(error)))?;
        let address = door.environment.get(LEDGER_ADDRESS).and_then(|url| url.strip_prefix("http://"));
        let address: Option<SocketAddr> = address.and_then(|address| address.parse().ok());
        let answers =
            address.is_some_and(|to| TcpStream::connect_timeout(&to, Duration::from_secs(2)).is_ok());
        if answers { Ok(door) } else { Err(words::not_running(lang, data)) }
    }
}

/// Hashes what a configuration's files hold.
fn fingerprint(folder: &Path) -> io::Result<String> {
    let mut files = vec![folder.join("dougong.toml")];
    let mut tables: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder.join("tables"))? {
        tables.push(entry?.path());
    }
    tables.sort();
    files.extend(tables.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "csv")));
    let mut all = String::new();
    for file in files {
        all.push_str(&file.file_name().unwrap_or_default().to_string_lossy());
        all.push('\n');
        // Every byte as a letter: tables may be in GBK.
        all.extend(fs::read(&file)?.into_iter().map(char::from));
    }
    Ok(Version::of(&all).to_string())
}

/// A person at a system.
pub(super) struct Connection {
    pub(super) operator: Operator,
    pub(super) lang: Lang,
    pub(super) common: Common,
    /// What a function of this system is started with.
    pub(super) environment: BTreeMap<String, String>,
    /// Whether the configuration is another one than the running `up` has read.
    pub(super) config_changed: bool,
}

impl Connection {
    /// Reaches the system; says everything that keeps it from that.
    pub(super) async fn open(common: &Common, lang: Lang) -> Result<Self, String> {
        let (mut environment, started_with) = match &common.data {
            Some(data) => {
                let door = Door::find(data, lang).map_err(|failure| failure.to_string())?;
                (door.environment, Some(door.configuration))
            }
            None => (of_functions(std::env::vars()), None),
        };
        let known = environment.clone();
        let variables = Variables::new(move |name| known.get(name).cloned());
        if common.data.is_none() && variables.get("DOUGONG_DOCUMENTS_TABLE").is_none() {
            return Err(words::which_system(lang).to_string());
        }
        let folder = common.config.clone().or_else(|| variables.get("DOUGONG_CONFIG").map(PathBuf::from));
        let folder = folder.unwrap_or_else(|| PathBuf::from("config"));
        let config = Config::load_compiled(&folder, &|name| variables.get(name));
        let config = config.map_err(|errors| told(lang, &errors.0) + "\n")?;
        let system = dougong_runtime::reach(&variables, config).await;
        let system =
            system.map_err(|error| Failure::caused(lang, &error, words::reach_hint(lang)).to_string())?;
        let named = std::path::absolute(&folder).unwrap_or_else(|_| folder.clone());
        environment.insert("DOUGONG_CONFIG".to_owned(), named.display().to_string());
        let now = started_with.as_ref().and_then(|_| fingerprint(&folder).ok());
        Ok(Self {
            operator: Operator::new(system, &who(common)),
            lang,
            common: common.clone(),
            environment,
            config_changed: started_with.is_some() && started_with != now,
        })
    }

    /// Returns what a person types: the command with what names the system.
    pub(super) fn typed(&self, command: &str) -> String {
        match &self.common.data {
            Some(data) => format!("dougong {command} --data {}", data.display()),
            None => format!("dougong {command}"),
        }
    }
}

/// Returns what a function sees of a process's environment.
fn of_functions(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let seen = |name: &str| ["DOUGONG_", "AWS_", "SSL_CERT_"].iter().any(|start| name.starts_with(start));
    variables.filter(|(name, _)| seen(name)).collect()
}

/// Returns who asks, for the trace of what is done.
fn who(common: &Common) -> String {
    let variable = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let named = common.by.clone();
    let of_session = || ["DOUGONG_OPERATOR", "SUDO_USER", "USER", "LOGNAME"].iter().find_map(variable);
    named.or_else(of_session).unwrap_or_default()
}
