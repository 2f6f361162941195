//! The store's side of a demo: a chain's day on the simulated store system, pushed to the gateway, and swept.

mod books;
mod goods_in;
mod report;
mod told;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dougong_cloud::{InvokeError, StoreSide};
use dougong_config::{BillScheme, Config};
use dougong_simulators::day::StorePlan;
use dougong_simulators::store::push::{Order, PushSettings, RetrySeq, Why};
use dougong_simulators::store::{self, BillKind, StoreBill};
use dougong_simulators::wdt::WdtOrder;
use dougong_values::{BusinessDay, DocumentKind, SchemeId};
use serde_json::{Value, json};

pub(crate) use self::books::{Books, StoreLook, recorded};
pub(crate) use self::report::StoreReport;
pub(crate) use self::told::Told;
use crate::arguments::DemoArguments;
use crate::demo::faults;

/// Pushes of a thousand that never arrive.
const LOST_PER_MILLE: u16 = 200;
/// Pushes of a thousand that come twice.
const REPEATED_PER_MILLE: u16 = 100;
/// One request in so many names goods that no table knows.
const UNKNOWN_GOODS_EVERY: usize = 12;
/// How long the platform waits for an answer: a busy machine may take its time to start a function.
const PATIENCE: Duration = Duration::from_secs(5);

/// A chain of stores while the demo runs.
#[derive(Debug)]
pub(crate) struct StoreDay {
    pub(crate) platform: store::Simulator,
    bills: Vec<StoreBill>,
    seed: u64,
    pushed: Mutex<Pushed>,
}

/// What the pushes came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pushed {
    /// Whether all of them have ended.
    pub(crate) ended: bool,
    /// The bills that were acknowledged.
    pub(crate) arrived: HashSet<(BillKind, String)>,
    /// Pushes that the platform made once more although they had arrived.
    pub(crate) repeated: u64,
}

impl StoreDay {
    /// Starts the platform and plans its day. Some orders of WDT ship to a store: they are made to fulfil what it asked
    /// for.
    pub(crate) async fn start(
        options: &DemoArguments,
        day: BusinessDay,
        orders: &mut [WdtOrder],
    ) -> io::Result<Self> {
        let mut bills = StorePlan::new(options.seed, options.bills as usize, day).generate();
        let requests = bills.iter_mut().filter(|bill| bill.kind == BillKind::Declare);
        for bill in requests.skip(1).step_by(UNKNOWN_GOODS_EVERY) {
            goods_in::make_unknown(bill);
        }
        goods_in::fulfil(&mut bills, orders);
        let settings = store::Settings {
            faults: faults::of_store(options.faults, options.seed),
            ..store::Settings::default()
        };
        let platform = store::Simulator::start(settings).await?;
        Ok(Self { platform, bills, seed: options.seed, pushed: Mutex::default() })
    }

    /// Returns the variables of the shipped configuration that lead to the platform.
    pub(crate) fn environment(&self, calls_per_minute: u32) -> BTreeMap<String, String> {
        [
            ("DOUGONG_STORE_URL", self.platform.url()),
            ("DOUGONG_STORE_CALLS_PER_MINUTE", calls_per_minute.to_string()),
            ("DOUGONG_STORE_INCOMING_AUTH", "url".to_owned()),
            ("DOUGONG_STORE_OUTGOING_AUTH", "url".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// Returns the secrets that both sides know.
    pub(crate) fn secrets(&self) -> Value {
        json!({ "secrets": self.platform.settings().auth.secrets })
    }

    /// Lives through the day: the transferring orders come in, the bills are pushed, then every scheme is swept again and
    /// again. Comes back only when a function cannot start at all.
    pub(crate) async fn live(&self, side: &StoreSide, config: &Config, sweep_every: Duration) -> InvokeError {
        let is_outbound =
            |scheme: &BillScheme| DocumentKind::from(scheme.source.kind) == DocumentKind::Outbound;
        if let Err(error) = self.sweep_some(side, config, is_outbound).await {
            return error;
        }
        self.push(side).await;
        loop {
            if let Err(error) = self.sweep(side, config).await {
                return error;
            }
            tokio::time::sleep(sweep_every).await;
        }
    }

    /// Pushes the day's bills as a platform does: some twice, some never, in any order.
    async fn push(&self, side: &StoreSide) {
        let settings = PushSettings {
            timeout: PATIENCE,
            retry_seq: RetrySeq::New,
            dropped_per_mille: LOST_PER_MILLE,
            repeated_per_mille: REPEATED_PER_MILLE,
            order: Order::Shuffled,
            seed: self.seed,
            ..PushSettings::new(&side.url(), self.platform.settings().auth.clone())
        };
        // No client, no pushes: then everything comes in by the sweep, which is what it is for.
        let done = self.platform.push(settings, &self.bills).await.unwrap_or_default();
        let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        for push in done.pushes.iter().filter(|push| push.is_acknowledged()) {
            pushed.repeated += u64::from(push.why == Why::Repeated);
            pushed.arrived.extend(push.numbers.iter().map(|number| (push.kind, number.clone())));
        }
        pushed.ended = true;
    }

    /// Asks the platform for the bills of every scheme; an error is one of a function that cannot start.
    pub(crate) async fn sweep(&self, side: &StoreSide, config: &Config) -> Result<(), InvokeError> {
        self.sweep_some(side, config, |_| true).await
    }

    async fn sweep_some(
        &self,
        side: &StoreSide,
        config: &Config,
        wanted: impl Fn(&BillScheme) -> bool,
    ) -> Result<(), InvokeError> {
        for (scheme, _) in config.bill_schemes.iter().filter(|(_, scheme)| wanted(scheme)) {
            // A sweep that failed otherwise, or was killed, goes on with its next run.
            if let Err(error @ InvokeError::Init { .. }) = side.sweep(&event(scheme)).await {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns what the pushes came to.
    pub(crate) fn pushed(&self) -> Pushed {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn event(scheme: &SchemeId) -> String {
    json!({ "scheme": scheme.as_str() }).to_string()
}
