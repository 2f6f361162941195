//! The store system's side of a stack: `accept` behind the HTTP gateway, `sweep` by its schedules.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use crate::function::{FunctionHost, Invocation, InvokeError};
use crate::gateway::{Gateway, GatewaySettings, Route, Source, Throttling};
use crate::{Schedule, StartError, Timing};

/// How many sweeps may run at once. The ledger's leases keep those of one scheme apart.
pub(super) const SWEEP_ENVIRONMENTS: usize = 4;

/// What differs between the store side of one stack and another.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The program of `accept` and its arguments.
    pub accept: Vec<OsString>,
    /// The program of `sweep` and its arguments.
    pub sweep: Vec<OsString>,
    /// How long `accept` may take for one push.
    pub accept_timeout: Duration,
    /// How many pushes are worked on at once.
    pub accept_environments: usize,
    /// How long a push waits for one of them before it is answered with 503. Lambda does not wait, but has room for a
    /// thousand.
    pub patience: Duration,
    /// How many pushes are let through; `None` for all.
    pub throttling: Option<Throttling>,
    /// Where the gateway listens; port 0 for one of its own choosing.
    pub listen: SocketAddr,
    /// Whom `accept` is told a push comes from: its list of allowed networks goes by that.
    pub source: Source,
    /// How long one `sweep` may take.
    pub sweep_timeout: Duration,
    /// When `sweep` runs, and its event each time.
    pub schedules: Vec<(Timing, String)>,
}

impl StoreSettings {
    /// The routes of `template.yaml`: a platform that can only be given a URL carries its secret in the path, and some
    /// probe a URL before they use it.
    pub const ROUTES: [&str; 4] = ["POST /store", "POST /store/{token}", "GET /store", "GET /store/{token}"];

    /// Returns settings for one machine, without schedules.
    pub fn new(accept: Vec<OsString>, sweep: Vec<OsString>) -> Self {
        Self {
            accept,
            sweep,
            accept_timeout: Duration::from_secs(15),
            accept_environments: 4,
            patience: Duration::from_secs(10),
            throttling: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            source: Source::Peer,
            sweep_timeout: Duration::from_mins(5),
            schedules: Vec::new(),
        }
    }
}

/// The store side of a running stack.
#[derive(Debug)]
pub struct StoreSide {
    schedules: Vec<Schedule>,
    gateway: Gateway,
    accept: FunctionHost,
    sweep: FunctionHost,
}

impl StoreSide {
    pub(super) async fn start(
        settings: &StoreSettings,
        accept: FunctionHost,
        sweep: FunctionHost,
    ) -> Result<Self, StartError> {
        let mut of_gateway =
            GatewaySettings::new(StoreSettings::ROUTES.iter().filter_map(|key| key.parse::<Route>().ok()));
        of_gateway.listen = settings.listen;
        of_gateway.source = settings.source;
        of_gateway.patience = settings.patience;
        of_gateway.throttling = settings.throttling;
        let gateway = Gateway::start(accept.clone(), of_gateway).await?;
        let schedule =
            |(timing, event): &(Timing, String)| Schedule::start(sweep.clone(), *timing, event.clone());
        let schedules = settings.schedules.iter().map(schedule).collect();
        Ok(Self { schedules, gateway, accept, sweep })
    }

    /// Returns the address that pushes go to, without a secret: `http://127.0.0.1:<port>/store`.
    pub fn url(&self) -> String {
        format!("{}/store", self.gateway.url())
    }

    /// Returns the gateway.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Returns the host of `accept`.
    pub fn accept_host(&self) -> &FunctionHost {
        &self.accept
    }

    /// Returns the host of `sweep`.
    pub fn sweep_host(&self) -> &FunctionHost {
        &self.sweep
    }

    /// Runs `sweep` once on an event (JSON) and waits for it.
    pub async fn sweep(&self, event: &str) -> Result<Invocation, InvokeError> {
        self.sweep.invoke(event.to_owned()).await
    }

    /// Returns the schedules, in the order of the settings.
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    pub(super) fn open_events(&self) -> usize {
        self.accept.open_events() + self.sweep.open_events()
    }

    /// Ends gently: no more schedules, no more pushes, then `grace` for what is at work.
    pub(super) async fn stop(self, grace: Duration) {
        drop((self.schedules, self.gateway));
        tokio::join!(self.accept.stop(grace), self.sweep.stop(grace));
    }
}
