//! The start of a function: everything it needs, or everything that is wrong.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use dougong_aws::{Haste, Variables};
use dougong_bip::{Client, Credential, discover};
use dougong_config::Config;
use dougong_ledger::Ledger;
use dougong_queue::Queue;
use dougong_store::auth::Verifier;
use tracing::error;

use crate::bip::{BipSession, LedgerState};
use crate::logging::init_logging;
use crate::secrets::{Secrets, StoreSecrets};
use crate::settings::Settings;
use crate::with_causes;

/// Why a function cannot start: everything that is wrong with settings, configuration and secrets, at once.
#[derive(Debug, thiserror::Error)]
#[error("cannot start:\n{}", problems.join("\n"))]
pub struct StartError {
    /// One text per part that is wrong; each names all of that part's problems.
    pub problems: Vec<String>,
}

impl StartError {
    fn of(error: &(dyn Error + 'static)) -> Self {
        Self { problems: vec![with_causes(error)] }
    }

    /// Wraps what the Lambda runtime itself says when it ends.
    pub fn runtime(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(&*error.into() as &(dyn Error + 'static))
    }
}

/// What the functions share: read once per environment.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The tenant's configuration.
    pub config: Arc<Config>,
    /// App keys and secrets.
    pub secrets: Secrets,
    /// The two tables.
    pub ledger: Ledger,
    /// The order queue.
    pub queue: Queue,
}

impl Parts {
    /// Compiles the formulas, for a function that maps documents: whatever is wrong with them keeps it from starting.
    pub fn compile_formulas(&self) -> Result<(), StartError> {
        self.config.compile().map_err(|error| StartError::of(&error))
    }

    /// Builds the client of the WDT account; the personal fields that formulas name are kept.
    pub fn wdt_client(&self) -> Result<dougong_wdt::Client, StartError> {
        let account = self.config.wdt.account(&self.secrets.wdt.app_key, self.secrets.wdt.app_secret.clone());
        let client = dougong_wdt::Client::new(account, self.config.wdt.timeouts);
        let client = client.map_err(|error| StartError::of(&error))?;
        Ok(client.keeping(self.config.personal_fields()))
    }

    /// Builds the client of the store system; `None` where the configuration has none.
    pub fn store_client(&self) -> Result<Option<dougong_store::Client>, StartError> {
        let Some(settings) = &self.config.store else { return Ok(None) };
        let StoreSecrets { app_id, secrets } = &self.secrets.store;
        let platform =
            settings.platform(app_id.as_deref(), secrets).map_err(|error| StartError::of(&error))?;
        dougong_store::Client::new(platform).map(Some).map_err(|error| StartError::of(&error))
    }

    /// Builds what lets the store system's pushes in; `None` where the configuration has none.
    pub fn store_verifier(&self) -> Result<Option<Verifier>, StartError> {
        let Some(settings) = &self.config.store else { return Ok(None) };
        settings.verifier(&self.secrets.store.secrets).map(Some).map_err(|error| StartError::of(&error))
    }

    /// Builds the session with BIP for a function: discovers the gateway if the configuration names a tenant only.
    pub async fn bip_session(&self, function: &'static str) -> Result<BipSession, StartError> {
        let settings = &self.config.bip;
        let gateway = match settings.gateway() {
            Some(gateway) => gateway,
            None => discover(&settings.meta_url, &settings.tenant_id, settings.timeouts)
                .await
                .map_err(|error| StartError::of(&error))?,
        };
        let keys = &self.secrets.bip;
        let credential = Credential::new(keys.app_key.as_str(), keys.app_secret.clone());
        let client = Client::new(gateway, credential, settings.timeouts);
        let client = client.map_err(|error| StartError::of(&error))?;
        let (ledger, app_key) = (self.ledger.clone(), keys.app_key.clone());
        let state = LedgerState::new(ledger, app_key, settings.calls_per_minute, function);
        Ok(BipSession::new(client, state).with_pauses(settings.pauses))
    }
}

/// Reads settings, configuration and secrets; names everything that is wrong with any of them.
pub async fn start() -> Result<Parts, StartError> {
    start_in(Haste::None).await
}

async fn start_in(haste: Haste) -> Result<Parts, StartError> {
    let variable = |name: &str| std::env::var(name).ok();
    let mut problems = Vec::new();
    let settings = Settings::read(&variable).map_err(|error| problems.push(error.to_string())).ok();
    let config = Config::load(&Settings::config_folder(&variable), &variable);
    let config = config.map_err(|error| problems.push(error.to_string())).ok();
    let source = Settings::secret_source(&variable);
    let aws = dougong_aws::load().map_err(|error| StartError::of(&error))?;
    let secrets = match &source {
        Some(source) => {
            let secrets = Secrets::read(source, &aws).await;
            secrets.map_err(|error| problems.push(with_causes(&error))).ok()
        }
        // Reported with the other missing settings.
        None => None,
    };
    let (Some(settings), Some(config), Some(secrets)) = (settings, config, secrets) else {
        return Err(StartError { problems });
    };
    let aws = dougong_aws::hasty(&aws, haste);
    Ok(Parts {
        config: Arc::new(config),
        secrets,
        ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&aws), settings.tables),
        queue: Queue::new(aws_sdk_sqs::Client::new(&aws), settings.orders_queue_url),
    })
}

/// A system as a person reaches it: what the functions share, but the secrets only if this person may read them.
#[derive(Debug, Clone)]
pub struct Reached {
    /// The tenant's configuration, its formulas compiled.
    pub config: Arc<Config>,
    /// App keys and secrets; else why they cannot be read.
    pub secrets: Result<Secrets, String>,
    /// The two tables.
    pub ledger: Ledger,
    /// The order queue.
    pub queue: Queue,
}

impl Reached {
    /// Returns what a function works with; else why the secrets cannot be read.
    pub fn parts(&self) -> Result<Parts, StartError> {
        let secrets = self.secrets.clone().map_err(|problem| StartError { problems: vec![problem] })?;
        Ok(Parts {
            config: Arc::clone(&self.config),
            secrets,
            ledger: self.ledger.clone(),
            queue: self.queue.clone(),
        })
    }
}

/// Reaches the system that these variables name, with a configuration that was read already. Names every setting that is
/// missing; the secret may be.
pub async fn reach(variables: &Variables, config: Config) -> Result<Reached, StartError> {
    let variable = |name: &str| variables.get(name);
    let source = Settings::secret_source(&variable);
    let settings = Settings::read(&|name| match name {
        "DOUGONG_SECRET_ID" => variable(name).or_else(|| Some("-".to_owned())),
        _ => variable(name),
    });
    let settings = settings.map_err(|error| StartError::of(&error))?;
    let aws = dougong_aws::load_from(variables).map_err(|error| StartError::of(&error))?;
    let secrets = match &source {
        Some(source) => Secrets::read(source, &aws).await.map_err(|error| with_causes(&error)),
        None => Err("neither DOUGONG_SECRETS nor DOUGONG_SECRET_ID is set".to_owned()),
    };
    let aws = dougong_aws::hasty(&aws, Haste::None);
    Ok(Reached {
        config: Arc::new(config),
        secrets,
        ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&aws), settings.tables),
        queue: Queue::new(aws_sdk_sqs::Client::new(&aws), settings.orders_queue_url),
    })
}

/// Runs a function's binary: logs, start, then `run` until the environment ends.
///
/// What keeps it from starting is logged whole, and the process fails, so that Lambda reports it as such.
pub async fn serve(
    function: &'static str,
    run: impl AsyncFnOnce(Parts) -> Result<(), StartError>,
) -> ExitCode {
    serve_in(Haste::None, function, run).await
}

/// Runs the binary of a function whose answer a caller waits for, for a few seconds: a request to AWS that hangs is
/// made again while there is time.
pub async fn serve_caller(
    function: &'static str,
    run: impl AsyncFnOnce(Parts) -> Result<(), StartError>,
) -> ExitCode {
    serve_in(Haste::Caller, function, run).await
}

async fn serve_in(
    haste: Haste,
    function: &'static str,
    run: impl AsyncFnOnce(Parts) -> Result<(), StartError>,
) -> ExitCode {
    init_logging();
    let ran = match start_in(haste).await {
        Ok(parts) => run(parts).await,
        Err(error) => Err(error),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for problem in &failure.problems {
                error!(function, error = problem, "cannot start");
            }
            ExitCode::FAILURE
        }
    }
}
