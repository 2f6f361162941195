//! Everything a demo runs: the simulators, the cloud with the functions, the configuration, and what they hold.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dougong_cloud::{Point, Stack, StackSettings};
use dougong_config::Config;
use dougong_ledger::Ledger;
use dougong_simulators::day::Plan;
use dougong_simulators::{bip, wdt};
use dougong_values::{BeijingTime, BusinessDay, SchemeId, TenantId};
use serde_json::json;

use crate::arguments::{DemoArguments, FaultKind, Pace};
use crate::demo::audit::{Audit, Voucher, audit};
use crate::demo::folder::Folder;
use crate::demo::logs::FunctionLogs;
use crate::demo::report::{Calls, OnTheWay, Report};
use crate::demo::truth::{Names, documents, shipped};
use crate::demo::{faults, master};
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

/// The run of `pull` that is killed in a storm: the first has read the day by then.
const PULL_TO_KILL: u64 = 4;

/// Calls a minute: what the functions keep to, and where the simulators refuse.
struct Limits {
    wdt: u32,
    wdt_limit: usize,
    bip: u32,
    bip_limit: usize,
}

impl Limits {
    const fn of(pace: Pace) -> Self {
        match pace {
            Pace::Real => Self { wdt: 50, wdt_limit: 60, bip: 58, bip_limit: 60 },
            Pace::Fast => Self { wdt: 5_000, wdt_limit: 6_000, bip: 5_400, bip_limit: 6_000 },
        }
    }
}

/// A running demo.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) logs: FunctionLogs,
    wdt: wdt::Simulator,
    bip: bip::Simulator,
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
}

impl World {
    /// Starts the simulators with their day, and the cloud with the functions.
    pub(crate) async fn start(options: &DemoArguments, lang: Lang) -> Result<Self, Failure> {
        let failed = |error: &dyn std::error::Error| Failure::caused(error, lang.pick(words::REPORT_BUG));
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
        let secrets = json!({
            "wdt": { "app_key": wdt.qimen_app_key, "app_secret": wdt.qimen_secret },
            "bip": { "app_key": bip.app_key, "app_secret": bip.app_secret },
        });
        fs::write(folder.secrets(), secrets.to_string()).map_err(|error| failed(&error))?;
        let wdt = wdt::Simulator::start(wdt).await.map_err(|error| failed(&error))?;
        let bip = bip::Simulator::start(bip).await.map_err(|error| failed(&error))?;

        // Yesterday: a whole day, all of it in the past.
        let day = BeijingTime::now().plus_seconds(-86_400).day();
        let mut env = environment(&wdt, &bip, day, &limits);
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
        wdt.add(plan(options, day).generate());
        let moved = Arc::new(AtomicU64::new(0));
        move_while_paged(&wdt, &moved);

        let logs = FunctionLogs::to(folder.log_file().map_err(|error| failed(&error))?);
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let function =
            |name: &str| vec![program.clone().into_os_string(), "function".into(), OsString::from(name)];
        let settings =
            StackSettings::new(function("pull"), function("deliver"), &folder.config(), &folder.secrets());
        let settings = StackSettings { storage: folder.ledger(), env, log: logs.sink(), ..settings };
        let stack = Stack::start(quick(settings, options.pace)).await.map_err(|error| failed(&error))?;
        let killed = Arc::new(AtomicU64::new(0));
        if options.faults == FaultKind::Storm {
            kill_at_work(&stack, options.orders, &killed);
        }
        let ledger = Ledger::new(stack.dynamodb().client(), stack.tables().clone());
        Ok(Self {
            stack,
            logs,
            wdt,
            bip,
            ledger,
            config,
            names,
            day,
            folder,
            own_requests: AtomicU64::new(0),
            moved,
            completed_late: AtomicU64::new(0),
            killed,
        })
    }

    /// Compares what WDT, BIP and the ledger hold now.
    pub(crate) async fn look(&self) -> Result<Audit, Failure> {
        let bug = "this is a fault of the demo itself";
        // The ledger first: an order may only move on meanwhile, never back.
        let read = documents(&self.ledger, &self.names.scheme, self.day).await;
        let (entries, requests) = read.map_err(|error| Failure::caused(&error, bug))?;
        self.own_requests.fetch_add(requests, Ordering::Relaxed);
        let orders = self.wdt.orders();
        let shipped = orders.iter().map(|order| shipped(order, &self.names, &self.config));
        let shipped = shipped.collect::<Result<Vec<_>, _>>().map_err(|error| Failure::caused(&error, bug))?;
        let vouchers: Vec<Voucher> = self.bip.orders().into_iter().map(voucher).collect();
        Ok(audit(&shipped, &vouchers, &entries))
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
        let audit = self.look().await?;
        Ok(Report {
            accounted: audit.is_clean(),
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
            bip_save: count(bip::SAVE),
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
        OnTheWay {
            completed_late: self.completed_late.load(Ordering::Relaxed),
            moved_while_paged: self.moved.load(Ordering::Relaxed),
            faults: (self.wdt.faults().log().len() + self.bip.settings().faults.log().len()) as u64,
            killed: self.killed.load(Ordering::Relaxed),
            listed_again,
            saved_again: self.bip.orders().iter().map(|voucher| u64::from(voucher.repeats)).sum(),
        }
    }
}

fn voucher(stored: bip::StoredVoucher) -> Voucher {
    Voucher {
        resubmit_key: stored.resubmit_key.unwrap_or_default(),
        code: stored.code,
        amount: stored.pay_money,
    }
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
            deliver_timeout: Duration::from_secs(20),
            visibility: Duration::from_secs(26),
            ..settings
        },
    }
}

/// Touches an order right after a page was served, so that it moves to the end of WDT's list.
fn move_while_paged(simulator: &wdt::Simulator, moved: &Arc<AtomicU64>) {
    for (page_no, place) in [(0, 2), (1, 4), (0, 6)] {
        let moved = Arc::clone(moved);
        simulator.after_page(page_no, move |world| {
            let completed: Vec<u64> =
                world.orders().filter(|order| order.status == 110).map(|order| order.stockout_id).collect();
            if let Some(&id) = completed.get(place)
                && world.modify(id, BeijingTime::now(), |_| ())
            {
                moved.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

/// The log line of `deliver` between BIP's answer and its record: the worst moment to die.
const BIP_HAS_ANSWERED: &str = "\"BIP answered\"";

/// Kills `deliver` a few times between an answer of BIP and its record, and `pull` once at the start of a run.
fn kill_at_work(stack: &Stack, orders: u32, killed: &Arc<AtomicU64>) {
    let most = 2 + u64::from(orders / 100).min(10);
    let every = (u64::from(orders) / (most + 1)).max(1);
    let (answers, kills) = (AtomicU64::new(0), Arc::clone(killed));
    stack.deliver_host().kill_during(move |moment| {
        let Point::Printed(line) = moment.point else { return false };
        if !line.contains(BIP_HAS_ANSWERED) {
            return false;
        }
        let answer = answers.fetch_add(1, Ordering::Relaxed) + 1;
        let now = answer.is_multiple_of(every) && answer / every <= most;
        kills.fetch_add(u64::from(now), Ordering::Relaxed);
        now
    });
    let kills = Arc::clone(killed);
    stack.pull_host().kill_during(move |moment| {
        let now = moment.nth == PULL_TO_KILL && moment.point == Point::Started;
        kills.fetch_add(u64::from(now), Ordering::Relaxed);
        now
    });
}
