//! The simulated 甩手掌柜: the eleven commands it answers, and the pushes it makes, as `protocols/store.md` says.
//!
//! - Every URL below [`Simulator::url`] takes every command; `cmd` tells which, and is the operation's name for
//!   [`Faults`] (`QueryAllPay`, `AddSTOBill`, …; `unknown` for any other).
//! - It is the other side and strict where the vendor's page is: documented types, exactly one selector, `code` ≠ 0
//!   ([`code`]) for everything else. It is no stricter: a cancellation that names no bill cancels everything.
//! - Each bill is written in the dialect of the vendor's tables or of its examples; so are the replies around them.
//! - Downloads start after the condition, cover three days at most, and jump forward to the first bill.
//! - Rows of a batch ([`Drain`]) are shown again under its name alone until it is committed or cancelled.
//! - [`Fault::WrongEcho`] and [`Fault::ExtraKeys`] spoil a reply and not the work.
//!
//! [`push`] has the other direction.

mod auth;
mod batch;
mod bill;
mod platform;
pub mod push;
mod render;
mod request;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dougong_values::BeijingTime;
use serde_json::Value;

use crate::day::{GOODS, WAREHOUSES};
use crate::faults::wire::{Connection, Server};
use crate::faults::{Fault, Faults};
pub use auth::{Auth, AuthPreset};
pub use batch::{Drain, Marked};
pub use bill::{BillKind, Dialect, Place, StoreBill, StoreLine, StorePayment, StoreType};
pub use platform::{Announced, Shipped};
use platform::{Answered, Platform};
use render::Object;
use request::Refusal;

/// The commands that it answers.
pub const COMMANDS: [&str; 11] = [
    "QueryAllPay",
    "DownloadStoreDeclareGoodsByBatch",
    "AddSTOBill",
    "DownloadRECBill",
    "DownloadREQBill",
    "GetTransferringStores",
    "QueryTransferringOrderInfo",
    "AchieveQueryTransferringOrderInfo",
    "AchieveRetQueryTransferringOrderInfo",
    "UpdateTransferringOrderInfo",
    "QuerySaleOrderInfo",
];

/// The codes it answers with. The vendor's own are not public: these are the simulator's.
pub mod code {
    /// Success.
    pub const OK: i64 = 0;
    /// The request is no JSON object with `cmd` and `seq`.
    pub const MALFORMED: i64 = 1001;
    /// The caller did not prove who it is.
    pub const UNAUTHORIZED: i64 = 1002;
    /// There is no such command.
    pub const UNKNOWN_COMMAND: i64 = 1003;
    /// A parameter is missing or wrong.
    pub const PARAMETER: i64 = 1004;
    /// The bill's `tbillno` is there already.
    pub const DUPLICATE: i64 = 2001;
    /// There is no such bill.
    pub const UNKNOWN_BILL: i64 = 2002;
    /// There is no such batch.
    pub const UNKNOWN_BATCH: i64 = 2003;
    /// Too busy; nothing was done.
    pub const BUSY: i64 = 1500;
    /// The caller's proof is no longer good.
    pub const EXPIRED: i64 = 1600;
}

/// Which keys of `QuerySaleOrderInfo` carry the time of day: the table and the example disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SaleWindow {
    /// `starttime` and `endtime`, as the table.
    Time,
    /// `startday` and `endday`, as the example.
    Day,
    /// Either.
    #[default]
    Either,
}

impl SaleWindow {
    fn of(self, asked: &request::Sales) -> Result<(String, String), Refusal> {
        let time = asked.starttime.clone().zip(asked.endtime.clone());
        let day = asked.startday.clone().zip(asked.endday.clone());
        let window = match self {
            Self::Time => time,
            Self::Day => day,
            Self::Either => time.or(day),
        };
        window.ok_or_else(|| Refusal::new(code::PARAMETER, "缺少起止时间"))
    }
}

/// Who may ask, how it answers, and what goes wrong.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How callers prove who they are.
    pub auth: Auth,
    /// How replies around bills are written; each bill has a dialect of its own.
    pub dialect: Dialect,
    /// How many rows a reply to a batch query holds.
    pub batch_size: usize,
    /// What asking again with a batch's name gives.
    pub drain: Drain,
    /// Whether sales come in batches that want to be committed.
    pub sale_batches: bool,
    /// Which keys carry the time of day of a sale query.
    pub sale_window: SaleWindow,
    /// Whether a bill that we announced is shown among the outbound bills. It never shows our number.
    pub announced_are_shown: bool,
    /// Whether the answer to an announcement names the platform's own number.
    pub announced_are_named: bool,
    /// What goes wrong.
    pub faults: Faults,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auth: Auth::new(AuthPreset::UrlToken, "store-demo-secret-0001"),
            dialect: Dialect::Example,
            batch_size: 100,
            drain: Drain::Repeats,
            sale_batches: false,
            sale_window: SaleWindow::Either,
            announced_are_shown: true,
            announced_are_named: true,
            faults: Faults::none(),
        }
    }
}

/// A call as it arrived, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The command; `unknown` for any other.
    pub command: &'static str,
    /// Its number, if it had one.
    pub seq: Option<String>,
    /// When it arrived, since the simulator started.
    pub at: Duration,
    /// The request's body.
    pub body: String,
    /// What was done, whatever was then answered.
    pub done: Done,
    /// What spoilt the answer or delayed it.
    pub fault: Option<Fault>,
}

/// What the platform did about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A fault struck before anything was done.
    Nothing,
    /// So many rows were shown.
    Shown(usize),
    /// These bills were handed out in a batch; without a name where sales come without batches.
    HandedOut {
        /// The batch.
        batch: String,
        /// The bills' ids.
        rows: Vec<u64>,
    },
    /// This batch was committed, now or before.
    Committed(String),
    /// The marks of these bills were taken away.
    Cancelled(Vec<u64>),
    /// A bill was taken in under this number.
    Announced(String),
    /// The shipped quantities of this bill were written.
    Updated(u64),
    /// The call was refused with this code.
    Refused(i64),
}

/// The simulator while it runs. It stops when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    started: Instant,
    state: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    platform: Platform,
    calls: Vec<Call>,
    clock_offset_seconds: i64,
}

impl Simulator {
    /// Starts on `127.0.0.1`, at a port of its own choosing, without bills.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let shared = Arc::new(Shared { settings, started: Instant::now(), state: Mutex::default() });
        let router = Router::new().fallback(answer_call).with_state(Arc::clone(&shared));
        Ok(Self { server: Server::start(router).await?, shared })
    }

    /// Returns the URL that commands are posted to, without the secret.
    pub fn url(&self) -> String {
        format!("{}/openapi", self.server.url())
    }

    /// Returns the settings it was started with.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Returns the script of faults, which can be changed at any time.
    pub fn faults(&self) -> &Faults {
        &self.shared.settings.faults
    }

    /// Adds bills; one of the same kind, number and store replaces the one that is there.
    pub fn add(&self, bills: impl IntoIterator<Item = StoreBill>) {
        let mut state = self.shared.state();
        bills.into_iter().for_each(|bill| state.platform.add(bill));
    }

    /// Changes every bill of a kind and number. `false` if there is none.
    pub fn modify(&self, kind: BillKind, number: &str, change: impl Fn(&mut StoreBill)) -> bool {
        let mut state = self.shared.state();
        let found = state.platform.bills_mut().filter(|bill| bill.kind == kind && bill.number == number);
        found.map(change).count() > 0
    }

    /// Returns all bills, those that we announced included.
    pub fn bills(&self) -> Vec<StoreBill> {
        self.shared.state().platform.bills().cloned().collect()
    }

    /// Returns the bills of a kind.
    pub fn bills_of(&self, kind: BillKind) -> Vec<StoreBill> {
        self.shared.state().platform.bills().filter(|bill| bill.kind == kind).cloned().collect()
    }

    /// Returns what we announced, in order.
    pub fn announced(&self) -> Vec<Announced> {
        self.shared.state().platform.announced.clone()
    }

    /// Returns the shipped quantities that we wrote, in order, repeated ones included.
    pub fn shipped(&self) -> Vec<Shipped> {
        self.shared.state().platform.shipped.clone()
    }

    /// Tells where a row of a batch query stands; `None` when it would be handed out next.
    pub fn marked(&self, uid: u64) -> Option<Marked> {
        self.shared.state().platform.batches.marked(uid)
    }

    /// Names the batches that nobody has committed.
    pub fn uncommitted(&self) -> Vec<String> {
        self.shared.state().platform.batches.uncommitted()
    }

    /// Returns how often a cancellation named no bill, and so cancelled everything: never, for a careful client.
    pub fn cancelled_everything(&self) -> u32 {
        self.shared.state().platform.cancelled_everything
    }

    /// Returns all calls so far, in the order they arrived.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// Returns how many calls there were of each command.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for call in &self.shared.state().calls {
            *counts.entry(call.command).or_default() += 1;
        }
        counts
    }

    /// Sets the platform's clock apart from this machine's; signatures too far from it are refused.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.state().clock_offset_seconds = seconds;
    }
}

/// Returns a warehouse by its code, as bills name it.
fn warehouse(code: &str) -> Option<Place> {
    let (uid, warehouse) = (1001..).zip(&WAREHOUSES).find(|(_, warehouse)| warehouse.no == code)?;
    Some(Place { uid, code: code.to_owned(), name: warehouse.name.to_owned(), external_id: String::new() })
}

/// Returns the platform's id of goods (`produid`) by their code, from 20001 on; `None` for goods that stores do not have.
pub fn product_uid(code: &str) -> Option<u64> {
    (20_001..).zip(&GOODS).find(|(_, goods)| goods.spec_no == code).map(|(uid, _)| uid)
}

/// Returns the warehouses as bills name them: ids 1001 to 1003, codes as in WDT.
pub fn warehouses() -> Vec<Place> {
    WAREHOUSES.iter().filter_map(|one| warehouse(one.no)).collect()
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Inside> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call as it came in.
#[derive(Debug)]
struct Incoming {
    command: &'static str,
    seq: Option<String>,
    path: String,
    parts: Parts,
    body: Bytes,
    number: usize,
}

impl Incoming {
    fn envelope(body: &[u8]) -> (&'static str, Option<String>) {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let command = value["cmd"].as_str().unwrap_or_default();
        let known = COMMANDS.into_iter().find(|known| *known == command).unwrap_or("unknown");
        let seq = value["seq"].as_str().filter(|seq| (1..=128).contains(&seq.len()));
        (known, seq.map(str::to_owned))
    }
}

async fn answer_call(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST || !parts.uri.path().starts_with("/openapi") {
        return (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/html")], "<html>404</html>")
            .into_response();
    }
    let Ok(body) = to_bytes(body, 16 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (command, seq) = Incoming::envelope(&body);
    let fault = shared.settings.faults.strike(command);
    let number = {
        let mut state = shared.state();
        state.calls.push(Call {
            command,
            seq: seq.clone(),
            at: shared.started.elapsed(),
            body: String::from_utf8_lossy(&body).into_owned(),
            done: Done::Nothing,
            fault: fault.clone(),
        });
        state.calls.len() - 1
    };
    let path = parts.uri.path().to_owned();
    let incoming = Incoming { command, seq, path, parts, body, number };
    match fault {
        None => json(shared.work(&incoming).text()),
        Some(Fault::Slow(delay)) => {
            // The platform goes on when the caller hangs up, which drops this handler but not the task.
            let work = tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                shared.work(&incoming).text()
            });
            work.await.map_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response(), json)
        }
        Some(fault) => {
            let answered = fault.commits().then(|| shared.work(&incoming));
            spoil(&fault, answered, &incoming, &connection).await
        }
    }
}

/// Answers as the fault wants.
async fn spoil(
    fault: &Fault,
    answered: Option<Reply>,
    incoming: &Incoming,
    connection: &Connection,
) -> Response {
    let refusal = |code: i64, message: &str| {
        json(Reply::refusal(incoming.seq.clone(), &Refusal::new(code, message)).text())
    };
    let answered = answered
        .unwrap_or_else(|| Reply::refusal(incoming.seq.clone(), &Refusal::new(code::BUSY, "系统繁忙")));
    match fault {
        Fault::Timeout(_) => {
            connection.hang().await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Fault::Reset(_) => {
            connection.reset();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Fault::Status(status, _) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, "upstream connect error").into_response()
        }
        Fault::Code(code, _) => refusal(code.parse().unwrap_or(code::BUSY), "系统异常，请稍后再试"),
        Fault::Html(_) => {
            ([(header::CONTENT_TYPE, "text/html")], "<html><body>系统维护中</body></html>").into_response()
        }
        Fault::TruncatedJson(_) => {
            let text = answered.text();
            json(text.chars().take(text.chars().count() / 2).collect())
        }
        Fault::Throttle => refusal(code::BUSY, "请求过于频繁"),
        Fault::TokenExpired => refusal(code::EXPIRED, "授权已过期"),
        Fault::WrongEcho => json(Reply { seq: Some("123123-abc12".to_owned()), ..answered }.text()),
        Fault::ExtraKeys => {
            let extra = "\"success\":true,\"total\":1,\"cmd\":\"Resp\",\"trace\":{\"id\":[1,null]}";
            json(Reply { extra, ..answered }.text())
        }
        Fault::Slow(_) => json(answered.text()),
    }
}

impl Shared {
    /// Does what the call asks for, and notes it.
    fn work(&self, incoming: &Incoming) -> Reply {
        let mut state = self.state();
        let now = BeijingTime::now().plus_seconds(state.clock_offset_seconds);
        let answered = self.answer(&mut state.platform, incoming, now);
        let (done, reply) = match answered {
            Ok(Answered { done, members }) => {
                let message = if self.settings.dialect == Dialect::Example { "" } else { "成功" };
                let (seq, message) = (incoming.seq.clone(), message.to_owned());
                (done, Reply { code: code::OK, seq, message, members, extra: "" })
            }
            Err(refusal) => (Done::Refused(refusal.code), Reply::refusal(incoming.seq.clone(), &refusal)),
        };
        state.calls[incoming.number].done = done;
        reply
    }

    fn answer(
        &self,
        platform: &mut Platform,
        incoming: &Incoming,
        now: BeijingTime,
    ) -> Result<Answered, Refusal> {
        let query = incoming.parts.uri.query().unwrap_or_default();
        let auth = &self.settings.auth;
        auth.verify(&incoming.path, query, &incoming.parts.headers, &incoming.body, now)
            .map_err(|problem| Refusal::new(code::UNAUTHORIZED, problem))?;
        if incoming.seq.is_none() {
            return Err(Refusal::new(code::MALFORMED, "请求须为带 cmd 和 seq 的 JSON"));
        }
        let answered = platform.answer(incoming.command, &incoming.body, &self.settings);
        answered.unwrap_or_else(|| Err(Refusal::new(code::UNKNOWN_COMMAND, "接口不存在")))
    }
}

/// A reply in the platform's envelope.
#[derive(Debug)]
struct Reply {
    code: i64,
    seq: Option<String>,
    message: String,
    members: String,
    extra: &'static str,
}

impl Reply {
    fn refusal(seq: Option<String>, refusal: &Refusal) -> Self {
        let (code, message) = (refusal.code, refusal.message.clone());
        Self { code, seq, message, members: String::new(), extra: "" }
    }

    fn text(&self) -> String {
        let mut out = Object::default();
        out.verbatim(self.extra);
        out.plain("code", self.code);
        out.text("seq", self.seq.as_deref().unwrap_or_default());
        out.text("msg", &self.message);
        out.verbatim(&self.members);
        out.end()
    }
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json;charset=UTF-8")], Body::from(body)).into_response()
}
