#![doc = include_str!("../README.md")]

mod http;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_types::sdk_config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

pub use crate::http::{HttpClientError, http_client};

type Find = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Variables by name: the process's own, or those of a system that a person names.
#[derive(Clone)]
pub struct Variables(Arc<Find>);

impl Variables {
    /// Takes variables from wherever `variable` finds them.
    pub fn new(variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(variable))
    }

    /// Takes the variables of this process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Returns a variable; an empty one is as good as none.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

/// The endpoint of one service (`AWS_ENDPOINT_URL_DYNAMODB`, …), which the SDK asks for by its key.
#[derive(Debug)]
struct EndpointsFrom(Variables);

impl LoadServiceConfig for EndpointsFrom {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        self.0.get(&format!("{}_{service}", key.env()))
    }
}

/// Whether somebody waits for the function's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// Nobody does: a queue or a schedule started it.
    None,
    /// A caller does, for a few seconds: a request that hangs is made again while there is time.
    Caller,
}

fn timeouts(haste: Haste) -> TimeoutConfig {
    let (attempt, operation) = match haste {
        Haste::None => (Duration::from_secs(10), Duration::from_secs(25)),
        Haste::Caller => (Duration::from_secs(1), Duration::from_millis(2_500)),
    };
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(operation).build()
}

/// Returns the configuration of clients that are in such a haste.
pub fn hasty(aws: &SdkConfig, haste: Haste) -> SdkConfig {
    aws.to_builder().timeout_config(timeouts(haste)).build()
}

/// Reads region, credentials and endpoints where Lambda puts them: in the environment.
///
/// The SDK's own loader would also look into profiles, at ECS, EC2 and STS: half a megabyte of code that no function
/// can use, and a start that takes longer.
pub fn load() -> Result<SdkConfig, HttpClientError> {
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    load_with(&Variables::of_process(), credentials)
}

/// Reads region, credentials and endpoints as [`load`] does, but from these variables. Without an access key requests
/// are refused for want of one.
pub fn load_from(variables: &Variables) -> Result<SdkConfig, HttpClientError> {
    let variable = |name: &str| variables.get(name).unwrap_or_default();
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
        variables.get("AWS_SESSION_TOKEN"),
        None,
        "variables",
    );
    load_with(variables, SharedCredentialsProvider::new(credentials))
}

fn load_with(
    variables: &Variables,
    credentials: SharedCredentialsProvider,
) -> Result<SdkConfig, HttpClientError> {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .service_config(EndpointsFrom(variables.clone()))
        .http_client(http_client()?)
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(timeouts(Haste::None));
    let region = variables.get("AWS_REGION").or_else(|| variables.get("AWS_DEFAULT_REGION"));
    config.set_region(region.map(Region::new));
    config.set_endpoint_url(variables.get("AWS_ENDPOINT_URL"));
    Ok(config.build())
}
