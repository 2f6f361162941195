//! Names of things, from the environment (design §8).

use std::path::PathBuf;

use dougong_ledger::TableNames;

/// Environment variables that a function cannot do without and that are not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("missing settings: {}\nhint: set these environment variables; docs/settings.md says what each means", names.join(", "))]
pub struct MissingSettings {
    /// Names of the variables.
    pub names: Vec<&'static str>,
}

/// Where the secrets are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A secret of AWS Secrets Manager, by name or ARN (`DOUGONG_SECRET_ID`).
    SecretsManager(String),
    /// A JSON file of the same shape, on one machine (`DOUGONG_SECRETS`).
    File(PathBuf),
}

/// The names that a deployment gives to its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The two tables of the ledger.
    pub tables: TableNames,
    /// The URL of the order queue.
    pub orders_queue_url: String,
    /// Where the secrets are.
    pub secrets: SecretSource,
    /// The folder with `dougong.toml` and `tables/`; `/opt/config` (a Lambda layer) unless `DOUGONG_CONFIG` says otherwise.
    pub config: PathBuf,
}

impl Settings {
    /// Reads the settings with `variable`, usually the process environment; names all that are missing at once.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, MissingSettings> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut names = Vec::new();
        let mut required = |name: &'static str| {
            set(name).unwrap_or_else(|| {
                names.push(name);
                String::new()
            })
        };
        let watermarks = required("DOUGONG_WATERMARKS_TABLE");
        let documents = required("DOUGONG_DOCUMENTS_TABLE");
        let orders_queue_url = required("DOUGONG_ORDERS_QUEUE_URL");
        let secrets = match set("DOUGONG_SECRETS") {
            Some(file) => SecretSource::File(file.into()),
            None => SecretSource::SecretsManager(required("DOUGONG_SECRET_ID")),
        };
        if !names.is_empty() {
            return Err(MissingSettings { names });
        }
        Ok(Self {
            tables: TableNames { watermarks, documents },
            orders_queue_url,
            secrets,
            config: set("DOUGONG_CONFIG").unwrap_or_else(|| "/opt/config".to_owned()).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_settings_are_named_all_at_once() {
        let error = Settings::read(&|name| (name == "DOUGONG_DOCUMENTS_TABLE").then(|| "d".to_owned())).unwrap_err();
        assert_eq!(
            error.names,
            ["DOUGONG_WATERMARKS_TABLE", "DOUGONG_ORDERS_QUEUE_URL", "DOUGONG_SECRET_ID"]
        );
    }

    #[test]
    fn a_secrets_file_stands_for_the_secrets_manager() {
        let settings = Settings::read(&|name| Some(format!("value of {name}"))).unwrap();
        assert_eq!(settings.secrets, SecretSource::File("value of DOUGONG_SECRETS".into()));
    }
}
