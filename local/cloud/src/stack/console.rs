//! The page of a stack: `console` behind an HTTP gateway of its own.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use crate::StartError;
use crate::function::FunctionHost;
use crate::gateway::{Gateway, GatewaySettings, Route, Source};

/// How many requests are worked on at once: a person's browser, and a few more.
pub(super) const ENVIRONMENTS: usize = 2;

/// What differs between the page of one stack and another.
#[derive(Debug, Clone)]
pub struct ConsoleSettings {
    /// The program of `console` and its arguments.
    pub program: Vec<OsString>,
    /// How long it may take for one request.
    pub timeout: Duration,
    /// Where its gateway listens; port 0 for one of its own choosing.
    pub listen: SocketAddr,
    /// Whom it is told a request comes from: tries to sign in are counted by that.
    pub source: Source,
}

impl ConsoleSettings {
    /// What its gateway is called where it cannot listen.
    pub const GATEWAY: &str = "the page's gateway";
    /// The routes of `template.yaml`.
    pub const ROUTES: [&str; 3] = ["GET /console", "GET /console/{page}", "POST /console/{page}"];

    /// Returns settings for one machine.
    pub fn new(program: Vec<OsString>) -> Self {
        Self {
            program,
            timeout: Duration::from_secs(29),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            source: Source::Peer,
        }
    }
}

/// The page of a running stack.
#[derive(Debug)]
pub struct ConsoleSide {
    gateway: Gateway,
    host: FunctionHost,
}

impl ConsoleSide {
    pub(super) async fn start(settings: &ConsoleSettings, host: FunctionHost) -> Result<Self, StartError> {
        let routes = ConsoleSettings::ROUTES.iter().filter_map(|key| key.parse::<Route>().ok());
        let mut of_gateway = GatewaySettings::new(routes);
        of_gateway.name = ConsoleSettings::GATEWAY;
        of_gateway.listen = settings.listen;
        of_gateway.source = settings.source;
        of_gateway.patience = Duration::from_secs(10);
        let gateway = Gateway::start(host.clone(), of_gateway).await?;
        Ok(Self { gateway, host })
    }

    /// Returns the address that a browser opens.
    pub fn url(&self) -> String {
        format!("{}/console", self.gateway.url())
    }

    /// Returns the host of `console`.
    pub fn host(&self) -> &FunctionHost {
        &self.host
    }

    /// Ends gently: no more requests, then `grace` for what is at work.
    pub(super) async fn stop(self, grace: Duration) {
        drop(self.gateway);
        self.host.stop(grace).await;
    }
}
