//! The platform's pushes: `PushStoreDeclareGoods`, `PushRECBill`, `PushREQBill`, as patient and as careless as a
//! platform is: a few seconds per attempt, a few attempts, repeated, out of order, changed, or never sent at all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dougong_values::BeijingTime;
use serde_json::Value;

use super::auth::Auth;
use super::bill::{BillKind, StoreBill};
use super::{Simulator, render};
use crate::day::draw::Draw;

/// How the platform pushes. The shares are of a thousand bills each, drawn from the seed.
#[derive(Debug, Clone)]
pub struct PushSettings {
    /// Where to, without the secret: `…/store`.
    pub url: String,
    /// How the platform proves who it is.
    pub auth: Auth,
    /// How long it waits for an answer.
    pub timeout: Duration,
    /// How often it tries before it gives a push up.
    pub attempts: u32,
    /// How long it waits between two attempts.
    pub pause: Duration,
    /// What number a further attempt carries.
    pub retry_seq: RetrySeq,
    /// How many pushes are on their way at once, each on a connection of its own.
    pub connections: usize,
    /// How many bills of a kind one push holds.
    pub bills_per_push: usize,
    /// Pushes that are never sent.
    pub dropped_per_mille: u16,
    /// Pushes that are sent once more.
    pub repeated_per_mille: u16,
    /// Pushes whose bills are corrected and pushed again afterwards, under the same numbers.
    pub changed_per_mille: u16,
    /// The order in which pushes are sent.
    pub order: Order,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

/// What number a further attempt of a push carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetrySeq {
    /// The first attempt's.
    Same,
    /// A new one.
    New,
}

/// The order in which pushes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As the bills came; a repetition right after its original.
    Given,
    /// Any; a repetition anywhere.
    Shuffled,
}

impl PushSettings {
    /// A platform that pushes each bill once, in order, 3 s and three attempts each, over four connections.
    pub fn new(url: &str, auth: Auth) -> Self {
        Self {
            url: url.to_owned(),
            auth,
            timeout: Duration::from_secs(3),
            attempts: 3,
            pause: Duration::from_millis(100),
            retry_seq: RetrySeq::Same,
            connections: 4,
            bills_per_push: 1,
            dropped_per_mille: 0,
            repeated_per_mille: 0,
            changed_per_mille: 0,
            order: Order::Given,
            seed: 0,
        }
    }
}

/// A push and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The kind of its bills.
    pub kind: BillKind,
    /// The numbers of its bills.
    pub numbers: Vec<String>,
    /// Why it was made.
    pub why: Why,
    /// The attempts; none for a push that was dropped.
    pub attempts: Vec<Attempt>,
}

/// Why a push was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The bills are new.
    New,
    /// The platform says everything twice now and then.
    Repeated,
    /// The bills were corrected.
    Changed,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The number it carried.
    pub seq: String,
    /// How long the answer took.
    pub took: Duration,
    /// The answer.
    pub answer: PushAnswer,
}

/// What a push was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushAnswer {
    /// HTTP 200 and `code` 0.
    Acknowledged {
        /// The `seq` that came back.
        seq: Option<String>,
    },
    /// JSON, but no acknowledgement.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The `code`, if it is a number.
        code: Option<i64>,
        /// The `msg`.
        message: String,
    },
    /// No JSON object.
    Unreadable {
        /// The HTTP status.
        status: u16,
    },
    /// Nothing, in the time it had.
    TimedOut,
    /// The connection broke, or there was none.
    Broken,
}

impl Push {
    /// Tells whether it was acknowledged in the end.
    pub fn is_acknowledged(&self) -> bool {
        self.attempts.last().is_some_and(|last| matches!(last.answer, PushAnswer::Acknowledged { .. }))
    }

    /// Tells whether it was never sent.
    pub const fn is_dropped(&self) -> bool {
        self.attempts.is_empty()
    }
}

/// All pushes, in the order in which they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// The pushes.
    pub pushes: Vec<Push>,
}

impl Pushed {
    /// Returns how many pushes were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.pushes.iter().filter(|push| push.is_acknowledged()).count()
    }

    /// Returns the pushes that were never sent.
    pub fn dropped(&self) -> impl Iterator<Item = &Push> {
        self.pushes.iter().filter(|push| push.is_dropped())
    }

    /// Returns the pushes that were sent and given up.
    pub fn given_up(&self) -> impl Iterator<Item = &Push> {
        self.pushes.iter().filter(|push| !push.is_dropped() && !push.is_acknowledged())
    }

    /// Returns all attempts.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.pushes.iter().flat_map(|push| &push.attempts)
    }

    /// Returns how long an answer took that so many of a thousand did not exceed.
    pub fn took_per_mille(&self, per_mille: usize) -> Duration {
        let mut took: Vec<Duration> = self.attempts().map(|attempt| attempt.took).collect();
        took.sort_unstable();
        let place = (took.len() * per_mille).div_ceil(1000).saturating_sub(1);
        took.get(place).copied().unwrap_or_default()
    }
}

/// Pushes, one request at a time or many at once.
#[derive(Debug, Clone)]
pub struct Pusher {
    settings: Arc<PushSettings>,
    http: reqwest::Client,
    clock_offset_seconds: i64,
}

impl Pusher {
    /// Makes a pusher; it has sent nothing yet.
    pub fn new(settings: PushSettings) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().no_proxy().timeout(settings.timeout);
        let http = http.pool_max_idle_per_host(settings.connections).build()?;
        Ok(Self { settings: Arc::new(settings), http, clock_offset_seconds: 0 })
    }

    /// Sets its clock apart from this machine's: what it signs is then early or late.
    #[must_use]
    pub const fn with_clock_offset(mut self, seconds: i64) -> Self {
        self.clock_offset_seconds = seconds;
        self
    }

    /// Writes the body of a push. Kinds that are never pushed have no command and get an empty one.
    pub fn body(kind: BillKind, seq: &str, bills: &[StoreBill]) -> String {
        let items = bills.iter().map(render::bill);
        let mut out = render::Object::default();
        out.text("cmd", kind.push_command().unwrap_or_default());
        out.text("seq", seq);
        out.list("items", items);
        out.end()
    }

    /// Signs and sends any body once.
    pub async fn post(&self, seq: &str, body: impl Into<Vec<u8>>) -> Attempt {
        let body = body.into();
        let now = BeijingTime::now().plus_seconds(self.clock_offset_seconds);
        let signed = self.settings.auth.sign(&self.settings.url, &body, now);
        let mut request = self.http.post(signed.url).header("content-type", "application/json;charset=utf-8");
        for (name, value) in signed.headers {
            request = request.header(name, value);
        }
        let started = Instant::now();
        let answer = match request.body(body).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                response.bytes().await.map_or_else(|error| broken(&error), |body| read(status, &body))
            }
            Err(error) => broken(&error),
        };
        Attempt { seq: seq.to_owned(), took: started.elapsed(), answer }
    }

    /// Pushes bills of one kind until they are acknowledged or given up.
    pub async fn push(&self, kind: BillKind, bills: &[StoreBill], draw: u64) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        let mut seq = guid(self.settings.seed, draw);
        let mut body = Self::body(kind, &seq, bills);
        for attempt in 1..=self.settings.attempts {
            if attempt > 1 {
                tokio::time::sleep(self.settings.pause).await;
                if self.settings.retry_seq == RetrySeq::New {
                    seq = guid(self.settings.seed.wrapping_add(u64::from(attempt)), draw);
                    body = Self::body(kind, &seq, bills);
                }
            }
            let made = self.post(&seq, body.clone()).await;
            let is_done = matches!(made.answer, PushAnswer::Acknowledged { .. });
            attempts.push(made);
            if is_done {
                break;
            }
        }
        attempts
    }

    /// Works a list of pushes off, over as many connections as the settings say.
    async fn work_off(&self, queue: Vec<Planned>) -> Vec<Push> {
        let queue = Arc::new(Mutex::new(VecDeque::from(queue)));
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..self.settings.connections.max(1) {
            let (pusher, queue) = (self.clone(), Arc::clone(&queue));
            connections.spawn(async move {
                let mut done = Vec::new();
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(planned) = next else {
                        return done;
                    };
                    let attempts = if planned.is_dropped {
                        Vec::new()
                    } else {
                        pusher.push(planned.kind, &planned.bills, planned.draw).await
                    };
                    done.push((Instant::now(), planned.push(attempts)));
                }
            });
        }
        let mut done: Vec<(Instant, Push)> = connections.join_all().await.into_iter().flatten().collect();
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, push)| push).collect()
    }
}

impl Simulator {
    /// Adds bills, as stores submit them, and pushes those of the kinds that are pushed; a voided bill is not. The
    /// corrected bills replace the first ones here before they are pushed, after all others.
    pub async fn push(&self, settings: PushSettings, bills: &[StoreBill]) -> Result<Pushed, reqwest::Error> {
        self.add(bills.iter().cloned());
        let (first, corrected) = plan(&settings, bills);
        let pusher = Pusher::new(settings)?.with_clock_offset(self.shared.state().clock_offset_seconds);
        let mut done = pusher.work_off(first).await;
        self.add(corrected.iter().flat_map(|planned| planned.bills.iter().cloned()));
        done.extend(pusher.work_off(corrected).await);
        Ok(Pushed { pushes: done })
    }
}

#[derive(Debug, Clone)]
struct Planned {
    kind: BillKind,
    bills: Vec<StoreBill>,
    why: Why,
    draw: u64,
    is_dropped: bool,
}

impl Planned {
    fn push(self, attempts: Vec<Attempt>) -> Push {
        let numbers = self.bills.into_iter().map(|bill| bill.number).collect();
        Push { kind: self.kind, numbers, why: self.why, attempts }
    }
}

/// Decides what becomes of each push: first the originals and repetitions, then the corrected ones.
fn plan(settings: &PushSettings, bills: &[StoreBill]) -> (Vec<Planned>, Vec<Planned>) {
    let mut by_kind: BTreeMap<BillKind, Vec<StoreBill>> = BTreeMap::new();
    for bill in bills.iter().filter(|bill| bill.kind.push_command().is_some() && !bill.voided) {
        by_kind.entry(bill.kind).or_default().push(bill.clone());
    }
    let (mut first, mut corrected) = (Vec::new(), Vec::new());
    let mut number = 0;
    for (kind, bills) in by_kind {
        for bills in bills.chunks(settings.bills_per_push.max(1)) {
            number += 3;
            let mut draw = Draw::of(settings.seed, number);
            let mut falls = |share: u16| draw.below(1000) < u32::from(share);
            let is_dropped = falls(settings.dropped_per_mille);
            let new = Planned { kind, bills: bills.to_vec(), why: Why::New, draw: number, is_dropped };
            if falls(settings.changed_per_mille) && !is_dropped {
                let bills = bills.iter().map(StoreBill::changed).collect();
                corrected.push(Planned { bills, why: Why::Changed, draw: number + 1, ..new.clone() });
            }
            if falls(settings.repeated_per_mille) && !is_dropped {
                first.push(Planned { why: Why::Repeated, draw: number + 2, ..new.clone() });
            }
            first.push(new);
        }
    }
    if settings.order == Order::Shuffled {
        shuffle(settings.seed, &mut first);
        shuffle(settings.seed, &mut corrected);
    }
    (first, corrected)
}

fn shuffle<T>(seed: u64, list: &mut [T]) {
    let mut draw = Draw::of(seed, u64::MAX);
    for place in (1..list.len()).rev() {
        let other = draw.below(u32::try_from(place + 1).unwrap_or(u32::MAX));
        list.swap(place, other as usize);
    }
}

/// A GUID that the seed decides.
fn guid(seed: u64, number: u64) -> String {
    let mut draw = Draw::of(seed ^ 0x5EC0, number);
    let mut hex = |digits: u32| {
        (0..digits).map(|_| char::from_digit(draw.below(16), 16).unwrap_or('0')).collect::<String>()
    };
    format!("{}-{}-4{}-a{}-{}", hex(8), hex(4), hex(3), hex(3), hex(12))
}

fn broken(error: &reqwest::Error) -> PushAnswer {
    if error.is_timeout() { PushAnswer::TimedOut } else { PushAnswer::Broken }
}

/// Reads an answer as the platform does: `code` 0 alone is good, as a number.
fn read(status: u16, body: &[u8]) -> PushAnswer {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return PushAnswer::Unreadable { status };
    };
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = answer.get("code").and_then(Value::as_i64);
    if status == 200 && code == Some(0) {
        PushAnswer::Acknowledged { seq: text("seq") }
    } else {
        PushAnswer::Refused { status, code, message: text("msg").unwrap_or_default() }
    }
}
