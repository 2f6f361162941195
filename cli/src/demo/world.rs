//! Everything a demo runs: the simulators, the cloud with the functions, the configuration, and what they hold.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dougong_cloud::{ConsoleSettings, InvokeError, Stack, StackSettings, StoreSettings};
use dougong_config::Config;
use dougong_ledger::Ledger;
use dougong_simulators::day::Plan;
use dougong_simulators::{bip, wdt};
use dougong_values::{BeijingTime, BusinessDay, SchemeId, TenantId};
use serde_json::json;

use crate::arguments::{DemoArguments, FaultKind, Pace};
use crate::demo::audit::{Audit, audit};
use crate::demo::folder::Folder;
use crate::demo::logs::FunctionLogs;
use crate::demo::report::{Calls, OnTheWay, Report};
use crate::demo::store::{Books, StoreDay, StoreLook, StoreReport, Told, recorded};
use crate::demo::truth::{Names, documents, shipped};
use crate::demo::{faults, master, mishaps};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::words;

/// The scheme that the shipped configuration has for WDT's sales.
const SCHEME: &str = "online-sales";
/// The event of the schedule.
pub(crate) const PULL_EVENT: &str = r#"{"scheme":"online-sales"}"#;
/// The event of the nightly re-scan.
pub(crate) const RESCAN_EVENT: &str = r#"{"scheme":"online-sales","rescan":true}"#;
/// The merchant of the demo.
const TENANT: &str = "demo";
/// Of a hundred orders, this many are shipped but not completed when the day begins to be read.
const SHIPPED_PERCENT: u32 = 5;
/// Of a hundred orders, this many have a shop or goods that no table knows.
const UNMAPPABLE_PERCENT: u32 = 3;
/// Of the orders that are not completed, one in so many stays so.
const STAYS_OPEN: usize = 3;

/// Calls a minute: what the functions keep to, and where the simulators refuse.
struct Limits {
    wdt: u32,
    wdt_limit: usize,
    bip: u32,
    bip_limit: usize,
    store: u32,
}

impl Limits {
    const fn of(pace: Pace) -> Self {
        match pace {
            Pace::Real => Self { wdt: 50, wdt_limit: 60, bip: 58, bip_limit: 60, store: 60 },
            Pace::Fast => Self { wdt: 5_000, wdt_limit: 6_000, bip: 5_400, bip_limit: 6_000, store: 6_000 },
        }
    }
}

/// What a look at all sides comes to.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) orders: Audit,
    /// None in a demo without stores.
    pub(crate) store: Option<StoreLook>,
}

impl Look {
    /// Tells whether every document ended exactly once as it should.
    pub(crate) fn is_clean(&self) -> bool {
        self.orders.is_clean() && self.store.as_ref().is_none_or(StoreLook::is_clean)
    }

    /// Counts the documents that are booked, those that are parked, and all that are to be either.
    pub(crate) fn progress(&self) -> (u64, u64, u64) {
        let (booked, parked, total) = self.store.as_ref().map_or((0, 0, 0), StoreLook::progress);
        let due = self.orders.shipped.orders - self.orders.excluded_orders();
        (booked + self.orders.booked.orders, parked + self.orders.parked_orders(), total + due)
    }
}

/// A running demo.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) logs: FunctionLogs,
    /// What lets somebody in to the page.
    pub(crate) token: Option<String>,
    wdt: wdt::Simulator,
    bip: bip::Simulator,
    store: Option<StoreDay>,
    ledger: Ledger,
    config: Config,
    names: Names,
    day: BusinessDay,
    folder: Folder,
    /// Requests to the ledger that the demo itself made: nobody's cost per order.
    own_requests: AtomicU64,
    moved: Arc<AtomicU64>,
    completed_late: AtomicU64,
    killed: Arc<AtomicU64>,
    lang: Lang,
}

impl World {
    /// Starts the simulators with their day, and the cloud with the functions.
    pub(crate) async fn start(options: &DemoArguments, lang: Lang) -> Result<Self, Failure> {
        let failed =
            |error: &dyn std::error::Error| Failure::caused(lang, error, lang.pick(words::REPORT_BUG));
        let folder = Folder::open(options.keep.as_deref(), lang)?;
        folder.write_config(options.pace).map_err(|error| failed(&error))?;
        let limits = Limits::of(options.pace);
        let wdt = wdt::Settings {
            calls_per_minute: Some(limits.wdt_limit),
            faults: faults::of_wdt(options.faults, options.seed),
            ..wdt::Settings::default()
        };
        let bip = bip::Settings {
            calls_per_minute: Some(limits.bip_limit),
            master: Some(master::master_data(&folder.config()).map_err(|error| failed(&*error))?),
            faults: faults::of_bip(options.faults, options.seed, options.orders),
            ..bip::Settings::default()
        };
        // Yesterday: a whole day, all of it in the past.
        let day = BeijingTime::now().plus_seconds(-86_400).day();
        let mut orders = plan(options, day).generate();
        let store = match options.bills {
            0 => None,
            _ => Some(StoreDay::start(options, day, &mut orders).await.map_err(|error| failed(&error))?),
        };
        let mut secrets = json!({
            "wdt": { "app_key": wdt.qimen_app_key, "app_secret": wdt.qimen_secret },
            "bip": { "app_key": bip.app_key, "app_secret": bip.app_secret },
        });
        if let Some(store) = &store {
            secrets["store"] = store.secrets();
        }
        let token = options.page.then(random_token).transpose().map_err(|error| failed(&error))?;
        if let Some(token) = &token {
            secrets["console"] = json!({ "token": token });
        }
        fs::write(folder.secrets(), secrets.to_string()).map_err(|error| failed(&error))?;
        let wdt = wdt::Simulator::start(wdt).await.map_err(|error| failed(&error))?;
        let bip = bip::Simulator::start(bip).await.map_err(|error| failed(&error))?;

        let mut env = environment(&wdt, &bip, day, &limits);
        env.extend(store.iter().flat_map(|store| store.environment(limits.store)));
        if options.faults == FaultKind::Storm {
            // The kills are timed by a line of this level.
            env.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), "debug".to_owned());
        }
        let config = Config::load(&folder.config(), &|name| env.get(name).cloned());
        let config = config.map_err(|error| failed(&error))?;
        let names = Names {
            tenant: TENANT.parse::<TenantId>().map_err(|error| failed(&error))?,
            scheme: SCHEME.parse::<SchemeId>().map_err(|error| failed(&error))?,
            sid: config.wdt.sid().clone(),
        };
        wdt.add(orders);
        let moved = Arc::new(AtomicU64::new(0));
        mishaps::move_while_paged(&wdt, &moved);

        let logs = FunctionLogs::to(folder.log_file().map_err(|error| failed(&error))?);
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let function =
            |name: &str| vec![program.clone().into_os_string(), "function".into(), OsString::from(name)];
        let settings =
            StackSettings::new(function("pull"), function("deliver"), &folder.config(), &folder.secrets());
        let of_store = || StoreSettings::new(function("accept"), function("sweep"));
        let of_store = store.is_some().then(of_store);
        let console = options.page.then(|| ConsoleSettings::new(function("console")));
        let (storage, log) = (folder.ledger(), logs.sink());
        let settings = StackSettings { storage, env, log, store: of_store, console, ..settings };
        let stack = Stack::start(quick(settings, options.pace)).await.map_err(|error| failed(&error))?;
        let killed = Arc::new(AtomicU64::new(0));
        if options.faults == FaultKind::Storm {
            mishaps::kill_at_work(&stack, options.orders + options.bills, &killed);
        }
        let ledger = Ledger::new(stack.dynamodb().client(), stack.tables().clone());
        Ok(Self {
            stack,
            logs,
            token,
            wdt,
            bip,
            store,
            ledger,
            config,
            names,
            day,
            folder,
            own_requests: AtomicU64::new(0),
            moved,
            completed_late: AtomicU64::new(0),
            killed,
            lang,
        })
    }

    /// Compares what WDT, BIP and the ledger hold now.
    pub(crate) async fn look(&self) -> Result<Look, Failure> {
        let failed = |error: &dyn std::error::Error| {
            Failure::caused(self.lang, error, self.lang.pick(words::REPORT_BUG))
        };
        // The ledger first: a document may only move on meanwhile, never back.
        let read = documents(&self.ledger, &self.names.scheme, self.day).await;
        let (entries, mut requests) = read.map_err(|error| failed(&error))?;
        let bills = match &self.store {
            Some(store) => {
                let read = recorded(&self.ledger, &self.config, self.day).await;
                let (bills, more) = read.map_err(|error| failed(&error))?;
                requests += more;
                Some((store, bills))
            }
            None => None,
        };
        self.own_requests.fetch_add(requests, Ordering::Relaxed);
        let orders = self.wdt.orders();
        let originals = orders.iter().map(|order| shipped(order, &self.names, &self.config));
        let originals = originals.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
        let mut books = Books::read(&self.bip);
        let store = bills.map(|(store, bills)| {
            let told =
                Told::compare(&store.platform, &orders, &originals, &books.keys(), &entries, &self.names);
            StoreLook { kinds: store.compare(bills, &mut books, &self.names), told }
        });
        Ok(Look { orders: audit(&originals, &books.rest(), &entries), store })
    }

    /// Lives through the day of the stores; comes back only when a function cannot start at all, and never in a demo
    /// without stores.
    pub(crate) async fn live_store_day(&self, sweep_every: Duration) -> InvokeError {
        match (&self.store, self.stack.store()) {
            (Some(store), Some(side)) => store.live(side, &self.config, sweep_every).await,
            _ => std::future::pending().await,
        }
    }

    /// Sweeps every scheme of store bills once more.
    pub(crate) async fn sweep_again(&self) {
        if let (Some(store), Some(side)) = (&self.store, self.stack.store()) {
            // What keeps a function from starting was seen before.
            let _ = store.sweep(side, &self.config).await;
        }
    }

    /// Completes most of the orders that are shipped and not completed yet, now.
    pub(crate) fn complete_late_orders(&self) {
        let now = BeijingTime::now();
        let completed = self.wdt.change(|world| {
            let open: Vec<u64> =
                world.orders().filter(|order| order.status == 95).map(|order| order.stockout_id).collect();
            let late = open.iter().enumerate().filter(|(nth, _)| nth % STAYS_OPEN != STAYS_OPEN - 1);
            late.filter(|&(_, &id)| world.complete(id, now)).count()
        });
        self.completed_late.store(completed as u64, Ordering::Relaxed);
    }

    /// Makes the report of what has come to pass.
    pub(crate) async fn report(&self, options: &DemoArguments, took: Duration) -> Result<Report, Failure> {
        let calls = self.calls();
        let look = self.look().await?;
        let accounted = look.is_clean();
        let (audit, store) = (look.orders, look.store.map(StoreReport::of));
        Ok(Report {
            accounted,
            day: self.day.to_string(),
            seed: options.seed,
            faults: options.faults.as_str(),
            pace: options.pace.as_str(),
            calls,
            on_the_way: self.on_the_way(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            shipped: audit.shipped,
            not_completed: audit.not_completed,
            booked: audit.booked,
            parked: audit.parked,
            excluded: audit.excluded,
            unaccounted: audit.unaccounted,
            store,
        })
    }

    /// Ends everything, gently at first, and hands the folder back.
    pub(crate) async fn stop(self, grace: Duration) -> Folder {
        self.stack.stop(grace).await;
        // The report is out: what the log could not take is not worth an error.
        let _ = self.logs.flush();
        self.folder
    }

    fn calls(&self) -> Calls {
        let requests = self.stack.requests();
        let of_bip = self.bip.calls();
        let count = |operation: &str| of_bip.iter().filter(|call| call.operation == operation).count() as u64;
        let own = self.own_requests.load(Ordering::Relaxed);
        Calls {
            wdt: self.wdt.calls().len() as u64,
            store: self.store.as_ref().map_or(0, |store| store.platform.calls().len() as u64),
            bip_save: count(bip::SAVE) + count(bip::SAVE_RETURN),
            bip_token: count(bip::TOKEN),
            bip_lookup: count(bip::LIST) + count(bip::DETAIL),
            dynamodb: requests.dynamodb.values().sum::<u64>().saturating_sub(own),
            sqs: requests.sqs.values().sum(),
        }
    }

    fn on_the_way(&self) -> OnTheWay {
        let mut seen = HashSet::new();
        let mut listed_again = 0;
        for call in self.wdt.calls() {
            if let wdt::Answer::Page { stockout_ids, .. } = call.answer {
                listed_again += stockout_ids.into_iter().filter(|id| !seen.insert(*id)).count() as u64;
            }
        }
        let vouchers = [self.bip.orders(), self.bip.returns()].concat();
        OnTheWay {
            completed_late: self.completed_late.load(Ordering::Relaxed),
            moved_while_paged: self.moved.load(Ordering::Relaxed),
            faults: self.faults_met(),
            killed: self.killed.load(Ordering::Relaxed),
            listed_again,
            pushed_again: self.store.as_ref().map_or(0, |store| store.pushed().repeated),
            saved_again: vouchers.iter().map(|voucher| u64::from(voucher.repeats)).sum(),
        }
    }

    fn faults_met(&self) -> u64 {
        let of_store = self.store.iter().map(|store| store.platform.faults().log().len());
        let others = [self.wdt.faults().log().len(), self.bip.faults().log().len()];
        others.into_iter().chain(of_store).sum::<usize>() as u64
    }
}

/// Makes what nobody guesses.
fn random_token() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn plan(options: &DemoArguments, day: BusinessDay) -> Plan {
    Plan {
        shipped_percent: SHIPPED_PERCENT,
        unmappable_percent: UNMAPPABLE_PERCENT,
        ..Plan::new(options.seed, options.orders as usize, day)
    }
}

/// The variables that the shipped configuration takes.
fn environment(
    wdt: &wdt::Simulator,
    bip: &bip::Simulator,
    day: BusinessDay,
    limits: &Limits,
) -> BTreeMap<String, String> {
    let start = day.start().to_string();
    [
        ("DOUGONG_TENANT", TENANT.to_owned()),
        ("DOUGONG_WDT_URL", wdt.url(wdt::Door::Qimen)),
        ("DOUGONG_WDT_SID", wdt.settings().sid.clone()),
        ("DOUGONG_WDT_TARGET_APP_KEY", wdt.settings().target_app_key.clone()),
        ("DOUGONG_WDT_CALLS_PER_MINUTE", limits.wdt.to_string()),
        ("DOUGONG_BIP_TENANT_ID", bip.settings().tenant_id.clone()),
        ("DOUGONG_BIP_META_URL", bip.meta_url()),
        ("DOUGONG_BIP_CALLS_PER_MINUTE", limits.bip.to_string()),
        ("DOUGONG_ONLINE_SALES_START", start),
        // The simulated WDT writes at once, so nothing has to be waited for.
        ("DOUGONG_ONLINE_SALES_LAG", "1s".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Shortens what a deployment leaves long: a killed function's work comes back when these have passed.
fn quick(settings: StackSettings, pace: Pace) -> StackSettings {
    match pace {
        Pace::Real => settings,
        Pace::Fast => StackSettings {
            pull_timeout: Duration::from_secs(30),
            deliver_timeout: Duration::from_secs(12),
            visibility: Duration::from_secs(18),
            store: settings
                .store
                .map(|store| StoreSettings { sweep_timeout: Duration::from_secs(40), ..store }),
            ..settings
        },
    }
}
