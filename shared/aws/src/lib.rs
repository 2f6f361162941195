#![doc = include_str!("../README.md")]

mod http;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_types::sdk_config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

pub use crate::http::{HttpClientError, http_client};

/// The endpoint of one service (`AWS_ENDPOINT_URL_DYNAMODB`, …), which the SDK asks for by its key.
#[derive(Debug)]
struct FromEnvironment;

impl LoadServiceConfig for FromEnvironment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env()))
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
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
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .service_config(FromEnvironment)
        .http_client(http_client()?)
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .timeout_config(timeouts(Haste::None));
    config.set_region(variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    Ok(config.build())
}
