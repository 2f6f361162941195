//! A world of its own for a test: the functions on the local cloud between a WDT and a BIP.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dougong_cloud::{
    Call, ConsoleSettings, InvokeError, LogSink, Logs, Refusal, ScheduledSettings, Stack, StackSettings,
    Verdict,
};
use dougong_ledger::{Ledger, Requeued};
use dougong_queue::{Encoded, Message};
use dougong_simulators::wdt::Door;
use dougong_simulators::{bip, wdt};
use dougong_values::{BeijingTime, DocumentKey};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use crate::books::stockout;
use crate::recorded::Recorded;
use crate::secrets::{self, Canaries};
use crate::{archives, binaries};

/// The scheme of the shipped configuration.
pub const SCHEME: &str = "online-sales";
/// The merchant of every world.
pub const TENANT: &str = "shanjian";

/// The file with the secrets, in the world's folder.
const SECRETS_FILE: &str = "secrets.json";

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(5);

/// Puts something in front of an address, and returns its own.
type Detour = Box<dyn FnOnce(&str) -> String + Send>;

/// What differs between one world and another.
pub struct WorldSettings {
    /// The channel to WDT.
    pub door: Door,
    /// Where the first run begins.
    pub start: BeijingTime,
    /// The simulated WDT. Its secrets and canary are the world's.
    pub wdt: wdt::Settings,
    /// The simulated BIP. Its secret and master data are the world's.
    pub bip: bip::Settings,
    /// Texts of `dougong.toml` to be replaced: each must be there, once.
    pub rules: Vec<(&'static str, String)>,
    /// The pace of BIP; `None` for the shipped one.
    pub bip_calls_per_minute: Option<u32>,
    /// The commands of `pull` and `deliver`, where they are not those that the tests are built with.
    pub functions: Option<[Vec<OsString>; 2]>,
    /// Where the functions find BIP's gateway, given the simulator's address; by default, there.
    pub gateway: Option<Detour>,
    /// Whether `sweep` runs, too, without a store system.
    pub sweeps: bool,
    /// Whether `reconcile` runs, too.
    pub reconciles: bool,
    /// Whether the page is served, too.
    pub console: bool,
    /// Changes the settings of the stack.
    pub stack: Box<dyn FnOnce(&mut StackSettings) + Send>,
}

impl fmt::Debug for WorldSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorldSettings").field("door", &self.door).finish_non_exhaustive()
    }
}

impl WorldSettings {
    /// A world without limits and faults, whose first run begins with that instant.
    pub fn from(start: BeijingTime) -> Self {
        Self {
            door: Door::Qimen,
            start,
            wdt: wdt::Settings { calls_per_minute: None, ..wdt::Settings::default() },
            bip: bip::Settings { calls_per_minute: None, ..bip::Settings::default() },
            rules: Vec::new(),
            bip_calls_per_minute: Some(60_000),
            functions: None,
            gateway: None,
            sweeps: false,
            reconciles: false,
            console: false,
            stack: Box::new(|_| ()),
        }
    }
}

/// What a pull answered.
#[derive(Debug, Clone, Deserialize)]
pub struct Pulled {
    /// Whether everything up to the end is queued.
    pub complete: bool,
    /// Whether another run holds the lease.
    pub held: bool,
    /// The cursor's watermark.
    pub watermark: Option<String>,
    /// Windows finished.
    pub windows: u64,
    /// Rows read.
    pub rows: u64,
    /// Orders queued.
    pub queued: u64,
    /// Orders that were known in this version.
    pub known: u64,
    /// Orders that a filter leaves out.
    pub excluded: u64,
    /// Rows parked.
    pub parked: u64,
    /// Calls made to WDT.
    pub calls: u64,
}

/// A running world.
#[derive(Debug)]
pub struct World {
    /// The simulated WDT.
    pub wdt: wdt::Simulator,
    /// The simulated BIP.
    pub bip: bip::Simulator,
    /// The cloud with the functions.
    pub stack: Stack,
    /// The ledger, for questions and for what an operator does.
    pub ledger: Ledger,
    /// Every request to DynamoDB.
    pub tables: Recorded,
    /// Every request to SQS.
    pub queue: Recorded,
    told: Told,
    /// What pull has answered, errors too.
    answers: Mutex<Vec<String>>,
    wdt_key: String,
    folder: TempDir,
}

impl World {
    /// Starts everything; no function has run yet.
    pub async fn start(settings: WorldSettings) -> Self {
        let WorldSettings { door, start, wdt, bip, rules, bip_calls_per_minute, functions, .. } = settings;
        let WorldSettings { gateway, sweeps, reconciles, console, stack, .. } = settings;
        let folder = tempfile::tempdir().expect("a folder for the world");
        let config = folder.path().join("config");
        copy_config(&config);
        for (from, to) in rules {
            edit(&config.join("dougong.toml"), from, &to);
        }

        let wdt_key = match door {
            Door::Qimen => wdt.qimen_app_key.clone(),
            Door::Direct => wdt.direct_app_key.clone(),
        };
        let wdt = wdt::Simulator::start(wdt::Settings {
            qimen_secret: secrets::WDT_SECRET.to_owned(),
            direct_secret: secrets::WDT_SECRET.to_owned(),
            canary: Some(secrets::PERSON.to_owned()),
            ..wdt
        });
        let wdt = wdt.await.expect("WDT starts");
        let bip = bip::Simulator::start(bip::Settings {
            app_secret: secrets::BIP_SECRET.to_owned(),
            master: Some(archives::of_tables(&config.join("tables"))),
            ..bip
        });
        let bip = bip.await.expect("BIP starts");
        let secrets_file = folder.path().join(SECRETS_FILE);
        write_secrets(&secrets_file, &wdt_key, &bip.settings().app_key);

        let (log, logs) = LogSink::collecting();
        let [pull, deliver] =
            functions.unwrap_or_else(|| ["pull", "deliver"].map(|name| vec![binaries::function(name)]));
        let mut of_stack = StackSettings::new(pull, deliver, &config, &secrets_file);
        of_stack.log = log;
        of_stack.batches.batching_window = Duration::from_millis(200);
        of_stack.env = environment(door, start, &wdt, &bip);
        let mut set = |name: &str, value: String| of_stack.env.insert(name.to_owned(), value);
        if let Some(pace) = bip_calls_per_minute {
            set("DOUGONG_BIP_CALLS_PER_MINUTE", pace.to_string());
        }
        if let Some(gateway) = gateway {
            set("DOUGONG_BIP_GATEWAY_URL", gateway(&bip.gateway_url()));
        }
        let scheduled = |name: &str| ScheduledSettings {
            program: vec![binaries::function(name)],
            timeout: Duration::from_mins(2),
            schedules: Vec::new(),
        };
        of_stack.sweep = sweeps.then(|| scheduled("sweep"));
        of_stack.reconcile = reconciles.then(|| scheduled("reconcile"));
        of_stack.console = console.then(|| ConsoleSettings::new(vec![binaries::function("console")]));
        stack(&mut of_stack);
        let stack = Stack::start(of_stack).await.expect("the stack starts");
        let ledger = Ledger::new(stack.dynamodb().client(), stack.tables().clone());
        let tables = Recorded::listen(stack.dynamodb().traffic());
        let queue = Recorded::listen(stack.sqs().traffic());
        let (told, answers) = (Told(logs), Mutex::default());
        Self { wdt, bip, stack, ledger, tables, queue, told, answers, wdt_key, folder }
    }

    /// Runs the live pull once, as its schedule does.
    pub async fn pull(&self) -> Pulled {
        let event = json!({ "scheme": SCHEME });
        self.try_pull(&event).await.unwrap_or_else(|error| panic!("the pull failed: {error}"))
    }

    /// Runs pull for a window of an operator's choice.
    pub async fn backfill(&self, from: BeijingTime, to: BeijingTime) -> Pulled {
        let event = json!({ "scheme": SCHEME, "from": from.to_string(), "to": to.to_string() });
        self.try_pull(&event).await.unwrap_or_else(|error| panic!("the backfill failed: {error}"))
    }

    /// Runs pull on any event.
    pub async fn try_pull(&self, event: &serde_json::Value) -> Result<Pulled, InvokeError> {
        let invocation = self.stack.pull(&event.to_string()).await;
        let answer = match &invocation {
            Ok(invocation) => String::from_utf8_lossy(&invocation.payload).into_owned(),
            Err(error) => error.to_string(),
        };
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        Ok(serde_json::from_slice(&invocation?.payload).expect("pull answers with its summary"))
    }

    /// Pulls, and waits until everything is delivered.
    pub async fn pull_and_settle(&self) -> Pulled {
        let pulled = self.pull().await;
        assert!(pulled.complete && !pulled.held, "one run did not do it: {pulled:?}");
        self.settle().await;
        pulled
    }

    /// Runs `sweep` once on an event, where the stack has it without a store system; returns its answer.
    pub async fn sweep(&self, event: &serde_json::Value) -> Result<serde_json::Value, InvokeError> {
        let host = self.stack.sweep_host().expect("the stack has sweep");
        let invocation = host.invoke(event.to_string()).await?;
        Ok(serde_json::from_slice(&invocation.payload).expect("sweep answers with its summary"))
    }

    /// Runs `reconcile` once on an event; returns its answer.
    pub async fn reconcile(&self, event: &serde_json::Value) -> Result<serde_json::Value, InvokeError> {
        let host = self.stack.reconcile_host().expect("the stack has reconcile");
        let invocation = host.invoke(event.to_string()).await?;
        Ok(serde_json::from_slice(&invocation.payload).expect("reconcile answers with its summary"))
    }

    /// Waits until the queue is empty and nobody is at work.
    pub async fn settle(&self) {
        let settled = tokio::time::timeout(PATIENCE, self.stack.idle()).await;
        assert!(settled.is_ok(), "messages were still on their way after {PATIENCE:?}");
    }

    /// Waits until something holds.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let started = Instant::now();
        while !holds().await {
            assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Asks `rule` about every request to DynamoDB from now on.
    pub fn disturb_tables<R, F>(&self, rule: R)
    where
        R: Fn(Call) -> F + Send + Sync + 'static,
        F: Future<Output = Verdict> + Send + 'static,
    {
        self.tables.disturb(self.stack.dynamodb().traffic(), rule);
    }

    /// Asks `rule` about every request to SQS from now on.
    pub fn disturb_queue<R, F>(&self, rule: R)
    where
        R: Fn(Call) -> F + Send + Sync + 'static,
        F: Future<Output = Verdict> + Send + 'static,
    {
        self.queue.disturb(self.stack.sqs().traffic(), rule);
    }

    /// Hands no message over from now on until [`World::calm`]. Comes back when no receive is open any more that was there
    /// before: it would still be answered with the next message.
    pub async fn hold_messages(&self) {
        let refused = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&refused);
        self.disturb_queue(move |call| {
            let receives = call.operation == "ReceiveMessage";
            seen.fetch_or(receives, Ordering::Relaxed);
            async move { if receives { Verdict::Refuse(Refusal::UNAVAILABLE) } else { Verdict::Pass } }
        });
        self.until("the event source asks again", async || refused.load(Ordering::Relaxed)).await;
    }

    /// Lets every request pass again.
    pub fn calm(&self) {
        self.disturb_tables(|_| async { Verdict::Pass });
        self.disturb_queue(|_| async { Verdict::Pass });
    }

    /// Sends bodies to the order queue, in one batch: at most ten.
    pub async fn send(&self, bodies: &[String]) {
        let mut batch = self.stack.sqs().client().send_message_batch().queue_url(self.stack.orders_queue());
        for (id, body) in bodies.iter().enumerate() {
            let entry = aws_sdk_sqs::types::SendMessageBatchRequestEntry::builder();
            let entry = entry.id(id.to_string()).message_body(body).build().expect("id and body are set");
            batch = batch.entries(entry);
        }
        let sent = batch.send().await.expect("the queue takes messages");
        assert!(sent.failed().is_empty(), "not sent: {:?}", sent.failed());
    }

    /// Returns the folder with `dougong.toml` and `tables/`, for an operator's edits.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// Gives the functions another key of the BIP application; they read it at their next start.
    pub fn use_bip_app_key(&self, app_key: &str) {
        write_secrets(&self.folder.path().join(SECRETS_FILE), &self.wdt_key, app_key);
    }

    /// Ends all environments of `deliver`, as a deployment does: the next ones read the configuration anew.
    pub async fn deploy(&self) {
        self.stack.deliver_host().kill_all().await;
        self.stack.pull_host().kill_all().await;
        if let Some(console) = self.stack.console() {
            console.host().kill_all().await;
        }
    }

    /// Puts a parked document back into the queue, as an operator does.
    pub async fn requeue(&self, key: &DocumentKey) {
        let requeued = self.ledger.requeue(key, now_ms()).await.expect("the ledger answers");
        let Requeued::Ready(document) = requeued else { panic!("{key} cannot be requeued: {requeued:?}") };
        let text = document.source.as_ref().and_then(dougong_ledger::Source::text);
        let message = Message {
            scheme: document.scheme,
            key: document.key,
            version: document.version,
            modified: document.modified,
            day: document.day,
            amount: document.amount,
            document: text.expect("a parked document keeps its text"),
        };
        let Encoded::Body(body) = message.encode() else { panic!("{key} does not fit into a message") };
        self.send(&[body]).await;
    }

    /// Ends a pause of the calls to BIP, as an operator does who has mended its cause.
    pub async fn resume(&self) {
        let account = self.bip.settings().app_key.parse().expect("an app key is an account");
        self.ledger.resume(&account).await.expect("the ledger answers");
    }

    /// Returns the watermark of the live cursor.
    pub async fn watermark(&self) -> Option<String> {
        let items = self.items().await;
        let live = items.into_iter().find(|item| {
            item.get("pk")
                .and_then(|key| key.as_s().ok())
                .is_some_and(|key| *key == format!("scheme#{SCHEME}"))
        });
        live.and_then(|item| item.get("watermark")?.as_s().ok().cloned())
    }

    /// Returns the key of an order's document.
    pub fn key(&self, stockout_id: u64) -> DocumentKey {
        let sid = self.wdt.settings().sid.parse().expect("the simulator has an account");
        stockout(&sid, stockout_id)
    }

    /// Returns the lines that the functions printed.
    pub fn log(&self) -> Vec<String> {
        self.told.0.lines().into_iter().map(|line| line.text).collect()
    }

    /// Ends the world.
    ///
    /// # Panics
    /// If a secret or personal data is in anything it leaves behind.
    pub async fn end(self) {
        let canaries = Canaries::with(self.bip.tokens());
        let mut texts: Vec<(String, String)> = Vec::new();
        texts.extend(self.log().into_iter().map(|line| ("a log line".to_owned(), line)));
        texts.extend(self.queue.messages().into_iter().map(|body| ("a message".to_owned(), body)));
        let answers = std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner));
        texts.extend(answers.into_iter().map(|answer| ("an answer".to_owned(), answer)));
        texts.extend(self.tables.leaks());
        texts.extend(self.queue.leaks());
        let vouchers = self.bip.orders().into_iter();
        texts.extend(vouchers.map(|voucher| ("a voucher".to_owned(), format!("{voucher:?}"))));
        let dead = self.stack.dead_letters().await;
        texts.extend(dead.into_iter().map(|body| ("a dead letter".to_owned(), body)));
        for item in self.items().await {
            for (name, value) in &item {
                let packed =
                    value.as_b().ok().map(|bytes| dougong_ledger::Source::from_packed(bytes.as_ref()));
                let unpacked = packed.as_ref().and_then(dougong_ledger::Source::text);
                texts.extend(unpacked.map(|text| (format!("the table's {name}"), text)));
            }
            texts.push(("a table".to_owned(), format!("{item:?}")));
        }
        assert!(texts.len() > 10, "too little was left to search: {}", texts.len());
        if let Some(found) = canaries.found(texts) {
            panic!("secrets or personal data leaked:\n{found}");
        }
        self.stop().await;
    }

    /// Stops the world without looking at what it leaves behind.
    pub async fn stop(self) {
        self.stack.stop(Duration::from_secs(5)).await;
    }

    /// Reads both tables.
    pub(crate) async fn items(&self) -> Vec<Item> {
        let client = self.stack.dynamodb().client();
        let tables = self.stack.tables();
        let mut items = Vec::new();
        for table in [&tables.watermarks, &tables.documents] {
            let mut pages = client.scan().table_name(table).into_paginator().items().send();
            while let Some(item) = pages.next().await {
                items.push(item.expect("the tables can be read"));
            }
        }
        items
    }
}

type Item = std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>;

/// The functions' log; a test that fails shows what they last said that was no routine.
#[derive(Debug)]
struct Told(Logs);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.0.lines();
            let routine = |text: &str| text.contains("\"level\":\"INFO\"") || text.contains("\"_aws\"");
            let told: Vec<&str> =
                lines.iter().map(|line| line.text.as_str()).filter(|text| !routine(text)).collect();
            for text in told.iter().rev().take(40).rev() {
                eprintln!("{text}");
            }
        }
    }
}

/// Replaces a text of a file.
///
/// # Panics
/// If it is not there exactly once.
pub fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(text.matches(from).count(), 1, "{from:?} must be once in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn write_secrets(file: &Path, wdt_key: &str, bip_key: &str) {
    let text = json!({
        "wdt": { "app_key": wdt_key, "app_secret": secrets::WDT_SECRET },
        "bip": { "app_key": bip_key, "app_secret": secrets::BIP_SECRET },
        "console": { "token": secrets::CONSOLE_TOKEN, "read_only_token": secrets::CONSOLE_READ_ONLY_TOKEN },
    });
    fs::write(file, text.to_string()).expect("the secrets are written");
}

/// Copies the shipped configuration.
fn copy_config(to: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    for folder in ["", "tables"] {
        fs::create_dir_all(to.join(folder)).expect("a folder for the configuration");
        for entry in fs::read_dir(shipped.join(folder)).expect("the shipped configuration") {
            let path = entry.expect("a file of the shipped configuration").path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                fs::copy(&path, to.join(folder).join(name)).expect("a file is copied");
            }
        }
    }
}

fn environment(
    door: Door,
    start: BeijingTime,
    wdt: &wdt::Simulator,
    bip: &bip::Simulator,
) -> BTreeMap<String, String> {
    let channel = match door {
        Door::Qimen => "qimen",
        Door::Direct => "direct",
    };
    [
        ("DOUGONG_TENANT", TENANT.to_owned()),
        ("DOUGONG_WDT_CHANNEL", channel.to_owned()),
        ("DOUGONG_WDT_URL", wdt.url(door)),
        ("DOUGONG_WDT_SID", wdt.settings().sid.clone()),
        ("DOUGONG_WDT_TARGET_APP_KEY", wdt.settings().target_app_key.clone()),
        ("DOUGONG_WDT_CALLS_PER_MINUTE", "60000".to_owned()),
        ("DOUGONG_BIP_TOKEN_URL", bip.token_url()),
        ("DOUGONG_BIP_GATEWAY_URL", bip.gateway_url()),
        ("DOUGONG_ONLINE_SALES_START", start.to_string()),
        ("DOUGONG_ONLINE_SALES_LAG", "0s".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Milliseconds since the Unix epoch, as the ledger wants the time.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
