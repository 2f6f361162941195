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
}

impl Settings {
    /// Reads the settings with `variable`, usually the process environment; names all that are missing at once.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, MissingSettings> {
        let mut names = Vec::new();
        let mut required = |name: &'static str| {
            set(variable, name).unwrap_or_else(|| {
                names.push(name);
                String::new()
            })
        };
        let watermarks = required("DOUGONG_WATERMARKS_TABLE");
        let documents = required("DOUGONG_DOCUMENTS_TABLE");
        let orders_queue_url = required("DOUGONG_ORDERS_QUEUE_URL");
        let secrets = Self::secret_source(variable);
        if secrets.is_none() {
            names.push("DOUGONG_SECRET_ID");
        }
        match secrets {
            Some(secrets) if names.is_empty() => {
                Ok(Self { tables: TableNames { watermarks, documents }, orders_queue_url, secrets })
            }
            _ => Err(MissingSettings { names }),
        }
    }

    /// Returns where the secrets are; a file, where one is named, before the Secrets Manager.
    pub(crate) fn secret_source(variable: &dyn Fn(&str) -> Option<String>) -> Option<SecretSource> {
        let file = set(variable, "DOUGONG_SECRETS").map(|file| SecretSource::File(file.into()));
        file.or_else(|| set(variable, "DOUGONG_SECRET_ID").map(SecretSource::SecretsManager))
    }

    /// Returns the folder with `dougong.toml` and `tables/`: the Lambda layer unless `DOUGONG_CONFIG` names another.
    pub(crate) fn config_folder(variable: &dyn Fn(&str) -> Option<String>) -> PathBuf {
        set(variable, "DOUGONG_CONFIG").unwrap_or_else(|| "/opt/config".to_owned()).into()
    }
}

/// An empty variable is as good as none.
fn set(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|value| !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_settings_are_named_all_at_once() {
        let error =
            Settings::read(&|name| (name == "DOUGONG_DOCUMENTS_TABLE").then(|| "d".to_owned())).unwrap_err();
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
