//! What the storm does: to each request, to each call, and at any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dougong_cloud::{Call, FunctionHost, Refusal, Verdict};
use dougong_simulators::faults::{Fault, Rule, Strikes, When};
use dougong_simulators::{bip, wdt};
use dougong_tests::World;
use tokio::sync::watch;

const BEFORE: Strikes = Strikes::BeforeCommit;
const AFTER: Strikes = Strikes::AfterCommit;
/// A message cannot be delayed for longer: waits that have grown to minutes would only take time.
const LONGEST_DELAY_SECONDS: u64 = 4;

/// So many records of outcomes lie between two kills at any moment, on average.
const RECORDS_BETWEEN_KILLS: u64 = 60;

/// Numbers drawn from a seed and a name.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    state: u64,
}

impl Draw {
    /// Starts a row of numbers.
    pub(crate) fn of(seed: u64, name: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, name).hash(&mut hasher);
        Self { state: hasher.finish() }
    }

    /// Draws a number below `end` (SplitMix64).
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end.max(1)
    }

    /// Draws whether something that happens once in `n` times happens.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// Says something when a test fails.
pub(crate) struct OnFailure(pub(crate) String);

impl Drop for OnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::say(&self.0);
        }
    }
}

/// So many calls in a thousand meet each of these.
pub(crate) fn faults_of_bip() -> Vec<Rule> {
    let code = |code: &str, strikes| Fault::Code(code.to_owned(), strikes);
    let saves = [
        (3, Fault::Timeout(BEFORE)),
        (3, Fault::Timeout(AFTER)),
        (4, Fault::Reset(BEFORE)),
        (4, Fault::Reset(AFTER)),
        (3, Fault::Status(503, BEFORE)),
        (3, Fault::Status(502, AFTER)),
        (2, code("202", BEFORE)),
        (2, code("202", AFTER)),
        (2, code("310504", BEFORE)),
        (2, code("310504", AFTER)),
        (2, Fault::Html(BEFORE)),
        (2, Fault::Html(AFTER)),
        (2, Fault::TruncatedJson(BEFORE)),
        (2, Fault::TruncatedJson(AFTER)),
        (2, code("310043", BEFORE)),
        // A refusal for good: the order is parked.
        (2, code("999", BEFORE)),
        (10, Fault::Slow(Duration::from_millis(400))),
        (2, Fault::Slow(Duration::from_secs(4))),
        // These stop everyone for a while.
        (1, Fault::TokenExpired),
        (1, Fault::Throttle),
        (1, code("310037", BEFORE)),
        (1, code("310005", BEFORE)),
    ];
    let others = [
        (150, Fault::Status(503, BEFORE)),
        (100, Fault::Html(BEFORE)),
        (50, Fault::Timeout(BEFORE)),
        (50, Fault::TruncatedJson(AFTER)),
        (50, Fault::Reset(AFTER)),
        (100, Fault::Slow(Duration::from_millis(300))),
    ];
    let saves = saves.into_iter().map(|(share, fault)| Rule::on(bip::SAVE, When::PerMille(share), fault));
    let others = others.into_iter().flat_map(|(share, fault)| {
        [bip::TOKEN, bip::LIST].map(|operation| Rule::on(operation, When::PerMille(share), fault.clone()))
    });
    saves.chain(others).collect()
}

/// So many pages in a thousand meet each of these.
pub(crate) fn faults_of_wdt() -> Vec<Rule> {
    let code = |code: &str| Fault::Code(code.to_owned(), BEFORE);
    let pages = [
        (1, Fault::Throttle),
        (1, Fault::TokenExpired),
        (1, Fault::Timeout(BEFORE)),
        (1, Fault::Reset(BEFORE)),
        (1, Fault::Status(1, BEFORE)),
        (1, Fault::Html(BEFORE)),
        (1, Fault::TruncatedJson(BEFORE)),
        (1, code("isp.top-remote-connection-timeout")),
        (1, code("isp.runtime-max-limit")),
        (1, code("100")),
        (20, Fault::Slow(Duration::from_millis(500))),
    ];
    pages.into_iter().map(|(share, fault)| Rule::on(wdt::OPERATION, When::PerMille(share), fault)).collect()
}

/// Waits until WDT has answered with another fault that makes its caller wait.
pub(crate) async fn fault_of(wdt: &wdt::Simulator) {
    let faults = || wdt.faults().log().into_iter().filter(|at| !matches!(at.fault, Fault::Slow(_))).count();
    let before = faults();
    while faults() == before {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The storm over one world.
#[derive(Debug, Clone)]
pub(crate) struct Storm(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    seed: u64,
    blows: AtomicBool,
    kills: AtomicUsize,
    records: watch::Sender<u64>,
    met: Mutex<BTreeMap<String, usize>>,
    pull: FunctionHost,
    deliver: FunctionHost,
}

impl Storm {
    /// Begins over the requests to DynamoDB and SQS.
    pub(crate) fn over(world: &World, seed: u64) -> Self {
        let storm = Self(Arc::new(Inside {
            seed,
            blows: AtomicBool::new(true),
            kills: AtomicUsize::default(),
            records: watch::Sender::default(),
            met: Mutex::default(),
            pull: world.stack.pull_host().clone(),
            deliver: world.stack.deliver_host().clone(),
        }));
        let tables = storm.clone();
        world.disturb_tables(move |call| tables.clone().strike(call));
        let queue = storm.clone();
        world.disturb_queue(move |call| queue.clone().strike(call));
        storm
    }

    /// Ends; what stays is that no message is delayed for long.
    pub(crate) fn ends(&self) {
        self.0.blows.store(false, Ordering::Relaxed);
    }

    /// Returns how many processes were killed.
    pub(crate) fn kills(&self) -> usize {
        self.0.kills.load(Ordering::Relaxed)
    }

    /// Kills now this, now that process, at any moment: also while it waits for BIP or WDT. How often follows
    /// their own speed.
    pub(crate) async fn kills_at_any_moment(&self) {
        let mut draw = Draw::of(self.0.seed, "moments");
        let mut records = self.0.records.subscribe();
        let mut next = 0;
        loop {
            next += draw.below(2 * RECORDS_BETWEEN_KILLS);
            let _ = records.wait_for(|records| *records >= next).await;
            tokio::time::sleep(Duration::from_millis(draw.below(300))).await;
            let victim = if draw.one_in(4) { &self.0.pull } else { &self.0.deliver };
            // A deployment, sometimes: all of them.
            if draw.one_in(12) {
                let killed = victim.kill_all().await;
                self.0.kills.fetch_add(killed, Ordering::Relaxed);
            } else {
                self.kill_one_of(victim).await;
            }
        }
    }

    /// Kills the run of pull.
    pub(crate) async fn kill_pull(&self) {
        self.kill_one_of(&self.0.pull).await;
    }

    async fn kill_one_of(&self, victim: &FunctionHost) {
        if victim.kill_one().await {
            self.0.kills.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Decides about a request by its operation and number.
    async fn strike(self, call: Call) -> Verdict {
        if call.operation == "ChangeMessageVisibility" && delay(&call) > LONGEST_DELAY_SECONDS {
            return Verdict::Refuse(Refusal { status: 400, error: "com.amazonaws.sqs#MessageNotInflight" });
        }
        if !self.0.blows.load(Ordering::Relaxed) {
            return Verdict::Pass;
        }
        if call.operation == "PutItem" {
            self.0.records.send_modify(|records| *records += 1);
        }
        let mut draw = Draw::of(self.0.seed, (&call.operation, call.nth));
        let (name, verdict) = self.blow(&call, &mut draw);
        if !name.is_empty() {
            let mut met = self.0.met.lock().unwrap_or_else(PoisonError::into_inner);
            *met.entry(name.to_owned()).or_default() += 1;
        }
        match verdict {
            Blow::Verdict(verdict) => verdict,
            // On a task of its own: a dead caller's request is given up, and its verdict with it.
            Blow::KillBefore(victim) => {
                let _ = tokio::spawn(async move { self.kill_one_of(&victim).await }).await;
                Verdict::Refuse(Refusal::UNAVAILABLE)
            }
            Blow::KillAfter(victim) => Verdict::Then(Box::pin(async move {
                let _ = tokio::spawn(async move { self.kill_one_of(&victim).await }).await;
            })),
        }
    }

    fn blow(&self, call: &Call, draw: &mut Draw) -> (&'static str, Blow) {
        let per_mille = draw.below(1_000);
        let pass = ("", Blow::Verdict(Verdict::Pass));
        let verdict = |name, verdict| (name, Blow::Verdict(verdict));
        match call.operation.as_str() {
            "SendMessageBatch" => match per_mille {
                0..15 => verdict("send: away", Verdict::Refuse(Refusal::UNAVAILABLE)),
                15..25 => verdict("send: throttled", Verdict::Refuse(Refusal::SQS_THROTTLED)),
                25..40 => verdict("send: lost reply", Verdict::LoseReply),
                40..60 => verdict("send: a part fails", Verdict::FailEntries(BTreeSet::from([0, 3, 4]))),
                60..70 => verdict("send: slow", Verdict::Slow(Duration::from_millis(300))),
                70..74 => ("killed before a send", Blow::KillBefore(self.0.pull.clone())),
                74..78 => ("killed after a send", Blow::KillAfter(self.0.pull.clone())),
                _ => pass,
            },
            "ReceiveMessage" => match per_mille {
                0..4 => verdict("receive: away", Verdict::Refuse(Refusal::UNAVAILABLE)),
                // Nobody gets these until they are visible again.
                4..10 => verdict("receive: lost reply", Verdict::LoseReply),
                _ => pass,
            },
            "DeleteMessageBatch" => match per_mille {
                0..20 => verdict("delete: away", Verdict::Refuse(Refusal::UNAVAILABLE)),
                20..40 => verdict("delete: lost reply", Verdict::LoseReply),
                40..70 => verdict("delete: a part fails", Verdict::FailEntries(BTreeSet::from([0, 2]))),
                _ => pass,
            },
            "ChangeMessageVisibility" => match per_mille {
                0..50 => verdict("delay: throttled", Verdict::Refuse(Refusal::SQS_THROTTLED)),
                _ => pass,
            },
            "GetItem" | "PutItem" | "UpdateItem" | "BatchGetItem" | "TransactWriteItems" => {
                let is_pulls = is_pulls(call);
                let victim = if is_pulls { &self.0.pull } else { &self.0.deliver };
                // Pull makes hundreds of requests for one window: it is to finish most.
                let among = if is_pulls { 400_000 } else { 100_000 };
                match draw.below(among) {
                    0..300 => ("killed before a request", Blow::KillBefore(victim.clone())),
                    300..600 => ("killed after a request", Blow::KillAfter(victim.clone())),
                    1_000..1_400 => verdict("tables: away", Verdict::Refuse(Refusal::UNAVAILABLE)),
                    1_400..1_800 => {
                        verdict("tables: throttled", Verdict::Refuse(Refusal::DYNAMODB_THROTTLED))
                    }
                    1_800..2_200 => verdict("tables: lost reply", Verdict::LoseReply),
                    2_200..2_600 => verdict("tables: slow", Verdict::Slow(Duration::from_millis(200))),
                    _ => pass,
                }
            }
            _ => pass,
        }
    }

    /// Checks that the storm was one, by the number of orders it had: no kind of fault stayed away.
    pub(crate) fn assert_every_fault_was_met(&self, world: &World, orders: usize) {
        let met = self.0.met.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut by_fault: BTreeMap<String, usize> = met;
        for injected in world.bip.faults().log().into_iter().chain(world.wdt.faults().log()) {
            *by_fault.entry(format!("{}: {:?}", injected.operation, injected.fault)).or_default() += 1;
        }
        crate::say(&format!("{} faults of {} kinds", by_fault.values().sum::<usize>(), by_fault.len()));
        if std::env::var_os("DOUGONG_CHAOS_VERBOSE").is_some() {
            crate::say(&format!("{by_fault:#?}"));
        }
        if orders < 5_000 {
            return;
        }
        let expected = faults_of_bip().len() / 2 + faults_of_wdt().len() / 2 + 14;
        assert!(
            by_fault.len() >= expected,
            "only {} kinds of faults were met: {by_fault:#?}",
            by_fault.len()
        );
    }
}

enum Blow {
    Verdict(Verdict),
    KillBefore(FunctionHost),
    KillAfter(FunctionHost),
}

/// The delay that is asked for, in seconds.
fn delay(call: &Call) -> u64 {
    let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
    body["VisibilityTimeout"].as_u64().unwrap_or_default()
}

/// Tells whether pull made a request; if not, deliver did.
fn is_pulls(call: &Call) -> bool {
    let body = String::from_utf8_lossy(&call.body);
    match call.operation.as_str() {
        "BatchGetItem" | "TransactWriteItems" => true,
        "UpdateItem" => {
            let notes = body.contains("\":state\":{\"S\":\"queued\"}");
            notes || body.contains("\"scheme#") || body.contains("\"pace#12345678\"")
        }
        _ => false,
    }
}
