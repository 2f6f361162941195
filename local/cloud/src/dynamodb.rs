//! DynamoDB inside the process, on SQLite.

mod hop;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use self::hop::Hop;
use crate::traffic::{Server, Traffic, stop_signal};
use crate::{REGION, StartError, TEST_ACCESS_KEY};

/// Where the tables live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory: gone with the process.
    Memory,
    /// In one file, which is made when it does not exist and outlives the process.
    File(PathBuf),
}

/// A running DynamoDB. It stops when it is dropped.
pub struct DynamoDb {
    endpoint: String,
    client: aws_sdk_dynamodb::Client,
    traffic: Traffic,
    database: Database,
    trouble: watch::Sender<Option<String>>,
    _server: Server,
    _stop_database: oneshot::Sender<()>,
}

impl std::fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoDb").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl DynamoDb {
    /// Starts on a loopback port of its own.
    pub async fn start(storage: Storage) -> Result<Self, StartError> {
        let database = open(&storage)?;
        // The emulator brings a whole server and no way into it, so the traffic is counted one hop before it.
        let behind = listen().await?;
        let upstream = behind.local_addr().map_err(cannot_listen)?;
        let (stop_database, stopped) = stop_signal();
        let serving = database.clone();
        tokio::spawn(async move {
            if let Err(error) = dynoxide::server::serve_with_shutdown(behind, serving, stopped).await {
                tracing::error!(error, "the emulated DynamoDB stopped");
            }
        });

        let listener = listen().await?;
        let endpoint = format!("http://{}", listener.local_addr().map_err(cannot_listen)?);
        let traffic = Traffic::default();
        let trouble = watch::Sender::default();
        let server = Server::start(listener, traffic.clone(), Hop::new(upstream, trouble.clone()));
        let client = client(&endpoint)?;
        Ok(Self {
            endpoint,
            client,
            traffic,
            database,
            trouble,
            _server: server,
            _stop_database: stop_database,
        })
    }

    /// Returns the address that `AWS_ENDPOINT_URL_DYNAMODB` takes.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns an SDK client of this DynamoDB. Clones share one connection pool.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        self.client.clone()
    }

    /// Returns what was asked of this DynamoDB.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Returns why the database could not carry out a request, in its own words (`database or disk is full`), to be
    /// waited on. `None` when nothing was wrong, or a later request wrote again.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// Returns the database itself, for what is kept beside the tables of the functions.
    pub(crate) fn database(&self) -> Database {
        self.database.clone()
    }

    /// Deletes the items whose time to live is over, as the real service does within days. Returns how many.
    pub fn sweep_expired(&self) -> Result<usize, SweepError> {
        self.database.sweep_ttl().map_err(|problem| SweepError(problem.to_string()))
    }
}

/// The expired items could not be deleted.
#[derive(Debug, thiserror::Error)]
#[error("cannot delete the expired items: {0}")]
pub struct SweepError(String);

fn open(storage: &Storage) -> Result<Database, StartError> {
    let (path, opened) = match storage {
        Storage::Memory => (":memory:".to_owned(), Database::memory()),
        Storage::File(path) => {
            let path = path.display().to_string();
            let opened = Database::new(&path);
            (path, opened)
        }
    };
    opened.map_err(|problem| StartError::Database { path, problem: problem.to_string() })
}

async fn listen() -> Result<TcpListener, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot_listen)
}

fn cannot_listen(source: std::io::Error) -> StartError {
    StartError::Listen { service: "DynamoDB", source }
}

fn client(endpoint: &str) -> Result<aws_sdk_dynamodb::Client, StartError> {
    let (id, secret) = TEST_ACCESS_KEY;
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(id, secret, None, None, "dougong-cloud"))
        .endpoint_url(endpoint)
        .http_client(dougong_aws::http_client()?)
        .build();
    Ok(aws_sdk_dynamodb::Client::from_conf(config))
}
