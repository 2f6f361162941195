//! Secrets: one JSON object, in Secrets Manager or in a file of the same shape (design §8).

use std::io;
use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use dougong_values::Account;
use secrecy::SecretString;
use serde::Deserialize;

use crate::settings::SecretSource;

/// Why the secrets could not be read. No variant holds any part of their text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// The file cannot be read.
    #[error("cannot read the secrets file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Secrets Manager did not give the secret.
    #[error("cannot read the secret {id:?} named by DOUGONG_SECRET_ID: {reason}")]
    SecretsManager {
        /// Name or ARN of the secret.
        id: String,
        /// What Secrets Manager or the network said.
        reason: String,
    },
    /// The text is no JSON object of the right shape.
    #[error("the secrets are no JSON object as expected (line {line}, column {column})\nhint: {SHAPE}")]
    Shape {
        /// Line in the text, from 1.
        line: usize,
        /// Column in the line, from 1.
        column: usize,
    },
    /// Keys are missing or empty.
    #[error("the secrets lack {}\nhint: {SHAPE}", keys.join(", "))]
    Missing {
        /// Paths of the missing keys.
        keys: Vec<&'static str>,
    },
}

const SHAPE: &str = r#"{"wdt":{"app_key":"…","app_secret":"…"},"bip":{"app_key":"…","app_secret":"…"}}, and with a store system "store":{"app_id":"…","secrets":["…"]}"#;

/// An app key and its secret.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// The app key: no secret, but not printed either.
    pub app_key: Account,
    /// The app secret.
    pub app_secret: SecretString,
}

/// The secrets of the outside systems that the functions call.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// WDT: the Taobao app (Qimen) or the interface account (direct).
    pub wdt: KeyPair,
    /// BIP: the self-built app (自建应用).
    pub bip: KeyPair,
    /// The store system: what either side proves itself with. Empty where there is none.
    pub store: StoreSecrets,
    /// What people sign in to the page with. Empty where nobody does.
    pub console: ConsoleSecrets,
}

/// The tokens that people sign in to the page with.
#[derive(Debug, Clone, Default)]
pub struct ConsoleSecrets {
    /// Lets an operator in.
    pub token: Option<SecretString>,
    /// Lets somebody in who only looks.
    pub read_only_token: Option<SecretString>,
}

/// What the store system's side and ours prove themselves with.
#[derive(Debug, Clone, Default)]
pub struct StoreSecrets {
    /// Who we are there, where the platform gives its users an id.
    pub app_id: Option<String>,
    /// The live secrets, the one we sign with first: a second one lets the platform change over without a gap.
    pub secrets: Vec<SecretString>,
}

#[derive(Deserialize, Default)]
struct RawPair {
    app_key: Option<String>,
    app_secret: Option<SecretString>,
}

#[derive(Deserialize)]
struct RawSecrets {
    #[serde(default)]
    wdt: RawPair,
    #[serde(default)]
    bip: RawPair,
    #[serde(default)]
    store: RawStore,
    #[serde(default)]
    console: RawConsole,
}

#[derive(Deserialize, Default)]
struct RawConsole {
    token: Option<SecretString>,
    read_only_token: Option<SecretString>,
}

#[derive(Deserialize, Default)]
struct RawStore {
    app_id: Option<String>,
    #[serde(default)]
    secrets: Vec<SecretString>,
}

impl Secrets {
    /// Reads the secrets from where the settings say; names all missing keys at once.
    pub(crate) async fn read(source: &SecretSource, aws: &SdkConfig) -> Result<Self, SecretsError> {
        let text = match source {
            SecretSource::File(path) => return Self::read_file(path),
            SecretSource::SecretsManager(id) => {
                let manager = aws_sdk_secretsmanager::Client::new(aws);
                let reply = manager.get_secret_value().secret_id(id).send().await;
                let reply = reply.map_err(|error| SecretsError::SecretsManager {
                    id: id.clone(),
                    reason: DisplayErrorContext(&error).to_string(),
                })?;
                reply.secret_string.unwrap_or_default()
            }
        };
        Self::parse(&text)
    }

    /// Reads the secrets from a file; names all missing keys at once.
    pub fn read_file(path: &Path) -> Result<Self, SecretsError> {
        let text = std::fs::read_to_string(path);
        Self::parse(&text.map_err(|source| SecretsError::File { path: path.to_owned(), source })?)
    }

    fn parse(text: &str) -> Result<Self, SecretsError> {
        // serde_json's message may quote the text: only the place is kept.
        let raw: RawSecrets = serde_json::from_str(text)
            .map_err(|error| SecretsError::Shape { line: error.line(), column: error.column() })?;
        let mut keys = Vec::new();
        let wdt = raw.wdt.complete(["wdt.app_key", "wdt.app_secret"], &mut keys);
        let bip = raw.bip.complete(["bip.app_key", "bip.app_secret"], &mut keys);
        match (wdt, bip) {
            (Some(wdt), Some(bip)) => {
                let RawStore { app_id, secrets } = raw.store;
                let filled = |token: Option<SecretString>| token.filter(|token| !is_empty(token));
                let RawConsole { token, read_only_token } = raw.console;
                let console =
                    ConsoleSecrets { token: filled(token), read_only_token: filled(read_only_token) };
                Ok(Self { wdt, bip, store: StoreSecrets { app_id, secrets }, console })
            }
            _ => Err(SecretsError::Missing { keys }),
        }
    }
}

fn is_empty(secret: &SecretString) -> bool {
    use secrecy::ExposeSecret;

    secret.expose_secret().is_empty()
}

impl RawPair {
    fn complete(self, [key, secret]: [&'static str; 2], missing: &mut Vec<&'static str>) -> Option<KeyPair> {
        let app_key = self.app_key.and_then(|text| text.parse().ok());
        let app_secret = self.app_secret.filter(|text| !is_empty(text));
        if app_key.is_none() {
            missing.push(key);
        }
        if app_secret.is_none() {
            missing.push(secret);
        }
        Some(KeyPair { app_key: app_key?, app_secret: app_secret? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keys_are_named_all_at_once_and_no_secret_is_printed() {
        let text = r#"{"wdt":{"app_key":"k","app_secret":"CANARY"},"bip":{"app_key":""}}"#;
        let error = Secrets::parse(text).unwrap_err();
        assert!(error.to_string().starts_with("the secrets lack bip.app_key, bip.app_secret"), "{error}");
        assert!(!format!("{error:?}{error}").contains("CANARY"));

        let error = Secrets::parse(r#"{"wdt":{"app_secret":CANARY}}"#).unwrap_err();
        assert!(!format!("{error:?}{error}").contains("CANARY"));
    }

    /// Answers as Secrets Manager does, over HTTP, and returns the configuration of a client that asks there.
    async fn secrets_manager(status: u16, body: &'static str) -> SdkConfig {
        use aws_config::BehaviorVersion;
        use aws_sdk_secretsmanager::config::{Credentials, Region, SharedCredentialsProvider};
        use axum::http::{HeaderMap, StatusCode};

        let answer = move |headers: HeaderMap| async move {
            assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
            (StatusCode::from_u16(status).unwrap(), [("content-type", "application/x-amz-json-1.1")], body)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, axum::Router::new().fallback(answer)).into_future());
        let credentials = Credentials::new("key", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("cn-north-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint)
            .http_client(dougong_aws::http_client().unwrap())
            .build()
    }

    #[tokio::test]
    async fn the_secret_is_read_from_secrets_manager() {
        let body = r#"{"Name":"dougong","SecretString":"{\"wdt\":{\"app_key\":\"a\",\"app_secret\":\"CANARY1\"},\"bip\":{\"app_key\":\"b\",\"app_secret\":\"CANARY2\"}}"}"#;
        let aws = secrets_manager(200, body).await;
        let source = SecretSource::SecretsManager("dougong".to_owned());
        let secrets = Secrets::read(&source, &aws).await.unwrap();
        assert_eq!(secrets.wdt.app_key.as_str(), "a");
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_is_named() {
        let body = r#"{"__type":"ResourceNotFoundException","Message":"no such secret"}"#;
        let aws = secrets_manager(400, body).await;
        let source = SecretSource::SecretsManager("dougong/prod".to_owned());
        let error = Secrets::read(&source, &aws).await.unwrap_err().to_string();
        assert!(error.contains("dougong/prod") && error.contains("ResourceNotFoundException"), "{error}");
    }

    #[test]
    fn other_keys_are_left_to_those_who_need_them() {
        let text = r#"{"wdt":{"app_key":"a","app_secret":"CANARY1"},"bip":{"app_key":"b","app_secret":"CANARY2"},
                       "store":{"app_id":"c","secrets":["CANARY3","CANARY4"]},"console":{"token":"CANARY5","read_only_token":""}}"#;
        let secrets = Secrets::parse(text).unwrap();
        assert_eq!(secrets.bip.app_key.as_str(), "b");
        assert_eq!((secrets.store.app_id.as_deref(), secrets.store.secrets.len()), (Some("c"), 2));
        assert!(secrets.console.token.is_some() && secrets.console.read_only_token.is_none());
        assert!(!format!("{secrets:?}").contains("CANARY"));
    }
}
