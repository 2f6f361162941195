//! Whether everything is in its place: one harmless call to each part and each outside system.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use dougong_bip::{ListQuery, VoucherKind};
use dougong_ledger::Attention;
use dougong_queue::TendError;
use dougong_runtime::{Parts, with_causes};
use dougong_values::{Account, BeijingTime, VoucherCode, Window};
use dougong_wdt::{Filter, PageSize, Query};
use serde::Serialize;

use crate::{OperateError, Operator};

/// A thing that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Configuration and tables.
    Configuration,
    /// Reading the ledger's tables and indexes.
    ReadLedger,
    /// Writing to the ledger.
    WriteLedger,
    /// The order queue.
    Queue,
    /// Its dead-letter queue.
    DeadLetters,
    /// App keys and secrets.
    Secrets,
    /// This machine's clock.
    Clock,
    /// 旺店通
    Wdt,
    /// 用友BIP
    Bip,
    /// The store system 甩手掌柜.
    Store,
}

/// How a part was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It is well.
    Well,
    /// It was not looked at, or not quite right: nothing fails for it.
    Doubtful,
    /// It is wrong.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// What.
    pub part: Part,
    /// How it was found.
    pub finding: Finding,
    /// What was seen, or what is wrong with everything beneath it.
    pub words: String,
}

/// How long a slot for one call is waited for.
const SLOT_WAIT: Duration = Duration::from_secs(30);
/// How long anybody's clock is waited for.
const CLOCK_WAIT: Duration = Duration::from_secs(10);
/// From how many seconds on a clock is doubtful, and wrong: signatures carry the time.
const DOUBTFUL_SECONDS: i64 = 30;
const WRONG_SECONDS: i64 = 240;

type Seen = Result<String, String>;

fn told(error: &(dyn Error + 'static)) -> String {
    with_causes(error)
}

impl Operator {
    /// Looks at every part, and makes one harmless call to each outside system at its shared pace.
    pub async fn doctor(&self) -> Vec<Checkup> {
        let parts = self.system.parts();
        let mut all = vec![
            checkup(Part::Configuration, Ok(self.configuration())),
            checkup(Part::ReadLedger, self.read_ledger().await.map_err(|error| told(&error))),
            checkup(Part::WriteLedger, self.write_ledger().await.map_err(|error| told(&error))),
            checkup(Part::Queue, self.queue().await.map_err(|error| told(&error))),
            checkup(Part::DeadLetters, self.letters().await.map_err(|error| told(&error))),
        ];
        all.push(self.clock().await);
        match parts {
            Ok(parts) => {
                all.push(checkup(Part::Secrets, Ok("WDT, BIP".to_owned())));
                all.push(checkup(Part::Wdt, self.ask_wdt(&parts).await));
                all.push(checkup(Part::Bip, self.ask_bip(&parts).await));
                if self.system.config.store.is_some() {
                    all.push(checkup(Part::Store, self.ask_store(&parts).await));
                }
            }
            Err(error) => all.push(checkup(Part::Secrets, Err(error.problems.join("; ")))),
        }
        all
    }

    fn configuration(&self) -> String {
        let config = &self.system.config;
        let schemes: Vec<&str> = config
            .schemes
            .keys()
            .chain(config.bill_schemes.keys())
            .map(dougong_values::SchemeId::as_str)
            .collect();
        format!("{}: {}", config.tenant, schemes.join(", "))
    }

    async fn read_ledger(&self) -> Result<String, OperateError> {
        let ledger = self.ledger();
        for kind in Attention::ALL {
            ledger.attention_tally(kind, 1).await?;
        }
        for scheme in self.schemes() {
            self.watermark(&scheme, 1).await?;
            ledger.day_tally(&scheme, BeijingTime::now().day(), 1).await?;
        }
        Ok("watermarks, documents, attention, by_day".to_owned())
    }

    async fn write_ledger(&self) -> Result<String, OperateError> {
        self.note("doctor", "doctor", None).await?;
        Ok("a line for the history".to_owned())
    }

    async fn queue(&self) -> Result<String, TendError> {
        Ok(self.system.queue.depth().await?.total().to_string())
    }

    async fn letters(&self) -> Result<String, TendError> {
        Ok(self.system.queue.dead_letter_depth().await?.total().to_string())
    }

    async fn slot(&self, account: &Account, calls_per_minute: u32) -> Result<(), String> {
        let slot = self.wait_for_slot(account, calls_per_minute, SLOT_WAIT).await;
        slot.map_err(|error| told(&error))
    }

    /// Asks for the orders of one second, one on a page.
    async fn ask_wdt(&self, parts: &Parts) -> Seen {
        self.slot(&parts.secrets.wdt.app_key, self.system.config.wdt.calls_per_minute).await?;
        let client = parts.wdt_client().map_err(|error| error.problems.join("; "))?;
        let now = BeijingTime::now().plus_seconds(-60);
        let window = Window::new(now, now).map_err(|error| error.to_string())?;
        let page_size = PageSize::try_from(1).unwrap_or(PageSize::MAX);
        let query = Query { filter: Filter::within(window), page_no: 0, page_size };
        let started = Instant::now();
        client.query(&query).await.map_err(|error| told(&error))?;
        Ok(format!("{} ms", started.elapsed().as_millis()))
    }

    /// Looks a voucher up that nobody has.
    async fn ask_bip(&self, parts: &Parts) -> Seen {
        let session = parts.bip_session("").await.map_err(|error| error.problems.join("; "))?;
        let code: VoucherCode = "DOUGONG-DOCTOR".parse().map_err(|error| told(&error))?;
        let slots = session.reserve(1, SLOT_WAIT).await.map_err(|error| told(&error))?;
        let slot = slots.into_iter().next().ok_or("no slot")?;
        let started = Instant::now();
        session
            .list(slot, VoucherKind::Order, &ListQuery::of_code(&code))
            .await
            .map_err(|error| told(&error))?;
        Ok(format!("{} ms", started.elapsed().as_millis()))
    }

    /// Asks for the ways of paying.
    async fn ask_store(&self, parts: &Parts) -> Seen {
        let Some(settings) = &self.system.config.store else { return Ok(String::new()) };
        self.slot(&Account::store_system(), settings.calls_per_minute).await?;
        let client = parts.store_client().map_err(|error| error.problems.join("; "))?;
        let client = client.ok_or("no store system")?;
        let started = Instant::now();
        client.payment_methods().await.map_err(|error| told(&error))?;
        Ok(format!("{} ms", started.elapsed().as_millis()))
    }

    /// Compares this machine's clock with BIP's: any answer carries the time.
    async fn clock(&self) -> Checkup {
        let bip = &self.system.config.bip;
        let url = bip.gateway_url.as_ref().unwrap_or(&bip.meta_url);
        let of = |finding: Finding, words: String| Checkup { part: Part::Clock, finding, words };
        match seconds_ahead(url).await {
            Ok(ahead) => {
                let finding = match ahead.abs() {
                    seconds if seconds > WRONG_SECONDS => Finding::Wrong,
                    seconds if seconds > DOUBTFUL_SECONDS => Finding::Doubtful,
                    _ => Finding::Well,
                };
                of(finding, format!("{ahead} s"))
            }
            Err(problem) => of(Finding::Doubtful, problem),
        }
    }
}

fn checkup(part: Part, seen: Seen) -> Checkup {
    match seen {
        Ok(words) => Checkup { part, finding: Finding::Well, words },
        Err(words) => Checkup { part, finding: Finding::Wrong, words },
    }
}

/// Returns by how many seconds this clock is ahead of a server's.
async fn seconds_ahead(url: &str) -> Result<i64, String> {
    let client = reqwest::Client::builder().no_proxy().timeout(CLOCK_WAIT).build();
    let client = client.map_err(|error| error.to_string())?;
    // The reason without the address, which may be long.
    let answer = client.head(url).send().await.map_err(|error| with_causes(&error.without_url()))?;
    let date = answer.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
    let date = date.ok_or("the answer has no date")?;
    let theirs = jiff::fmt::rfc2822::parse(date).map_err(|_| format!("{date:?} is no date"))?;
    let ours = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(ours.as_secs()).unwrap_or(i64::MAX) - theirs.timestamp().as_second())
}
