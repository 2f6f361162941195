//! The simulated 用友BIP: tokens, sales orders and returns, answered as `protocols/bip.md` says.
//!
//! It is the other side, and trusts nobody: signatures, times and tokens are verified, master data, required
//! fields and every identity of money are checked with arithmetic of its own, a `code` is taken once, a
//! `resubmitCheckKey` saves once (the first answer again for an hour, then 100004 with the id, a new document
//! after a month), and more calls in a rolling minute than allowed are answered with HTTP 429.
//!
//! Ids have 19 digits and come as strings or numbers, codes as `"200"` or `200`, in turns; the list refuses a
//! bad token in plain text, the others in JSON.
//!
//! [`Faults`] strike the operations [`TOKEN`], [`SAVE`], [`LIST`], [`DETAIL`], [`SAVE_RETURN`], [`LIST_RETURNS`] and [`GATEWAY`].
//! [`Fault::TokenExpired`] really kills all tokens. A save under [`Fault::Slow`] is in progress until it is
//! done (the same key is told 202 meanwhile), and is done even if the caller hangs up.

mod answer;
mod books;
mod document;
mod door;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use dougong_values::{Money, Quantity};
use jiff::Timestamp;

use crate::faults::wire::{Connection, Server};
use crate::faults::{Fault, Faults, Rule, RuleId};
use answer::Answer;
use books::Books;
pub use document::{Fields, Given};
use door::{Door, Operation};

/// Asking for a token.
pub const TOKEN: &str = "token";
/// Saving a sales order.
pub const SAVE: &str = "order.save";
/// Listing sales orders.
pub const LIST: &str = "order.list";
/// Showing one sales order.
pub const DETAIL: &str = "order.detail";
/// Listing returns.
pub const LIST_RETURNS: &str = "return.list";
/// Saving a return.
pub const SAVE_RETURN: &str = "return.save";
/// Asking where a tenant's data centre is. Counts against no limit.
pub const GATEWAY: &str = "gateway";

/// Who may call, how often, what the books know, and what goes wrong. The defaults are a demo tenant.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tenant's id, as getGatewayAddress knows it.
    pub tenant_id: String,
    /// The application's key.
    pub app_key: String,
    /// Its secret.
    pub app_secret: String,
    /// How long a token lives, in seconds.
    pub token_life_seconds: i64,
    /// What a new token does to those before it.
    pub old_tokens: OldTokens,
    /// Who numbers vouchers.
    pub numbering: Numbering,
    /// Calls that are answered in any rolling minute, over all endpoints; `None` for no limit.
    pub calls_per_minute: Option<usize>,
    /// The archives; `None` accepts every code.
    pub master: Option<MasterData>,
    /// What goes wrong.
    pub faults: Faults,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant_id: "demo".to_owned(),
            app_key: "bip-demo-app-key".to_owned(),
            app_secret: "bip-demo-app-secret".to_owned(),
            token_life_seconds: 7200,
            old_tokens: OldTokens::Die,
            numbering: Numbering::Manual,
            calls_per_minute: Some(60),
            master: None,
            faults: Faults::none(),
        }
    }
}

/// What a new token does to those before it; nobody outside knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldTokens {
    /// They are dead at once.
    Die,
    /// They live on until they expire.
    Live,
}

/// Who numbers vouchers (编码规则).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// The caller (手工编号): `code` is required.
    Manual,
    /// BIP, where the caller sends no `code`.
    Automatic,
}

/// The archives (基础档案) a voucher may name. An empty set accepts every code.
#[derive(Debug, Clone, Default)]
pub struct MasterData {
    /// Organisations (组织).
    pub organisations: BTreeSet<String>,
    /// Customers (客户).
    pub customers: BTreeSet<String>,
    /// Warehouses (仓库).
    pub warehouses: BTreeSet<String>,
    /// Materials (商品).
    pub products: BTreeSet<String>,
    /// SKUs.
    pub skus: BTreeSet<String>,
    /// Units (计量单位).
    pub units: BTreeSet<String>,
    /// Tax items (税目税率) and their rates, such as 0.13. The tax of a line is checked by its rate.
    pub taxes: BTreeMap<String, Quantity>,
    /// Transaction types (交易类型).
    pub transaction_types: BTreeSet<String>,
}

/// A voucher in the books, as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVoucher {
    /// The id, 19 digits.
    pub id: String,
    /// The code, the caller's or the books'.
    pub code: String,
    /// The `resubmitCheckKey`, if one was sent.
    pub resubmit_key: Option<String>,
    /// The total with tax.
    pub pay_money: Money,
    /// The head by wire names, without lines.
    pub head: Fields,
    /// The lines by wire names.
    pub lines: Vec<Fields>,
    /// Keys BIP does not know, with their places: dropped, as BIP does.
    pub dropped: Vec<String>,
    /// Keys that were sent as `null`, with their places: a client should leave them out.
    pub nulls: Vec<String>,
    /// Calls that came later with the same key and saved nothing again.
    pub repeats: u32,
}

/// A call as it arrived, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which operation; `unknown` for a path BIP does not have.
    pub operation: &'static str,
    /// When it arrived, since the simulator started.
    pub at: Duration,
    /// The `resubmitCheckKey` of a save.
    pub resubmit_key: Option<String>,
    /// What the simulator did, whatever it then answered.
    pub done: Done,
    /// What spoilt the answer or delayed it.
    pub fault: Option<Fault>,
}

/// What the simulator did about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A fault struck before anything was done.
    Nothing,
    /// The call is still being worked on.
    InProgress,
    /// A token was given.
    TokenGiven,
    /// A voucher was saved under this id.
    Saved(String),
    /// The key had saved this voucher before.
    Repeated(String),
    /// So many rows were listed.
    Listed(usize),
    /// A voucher or an address was shown.
    Shown,
    /// The call was refused with this code.
    Refused(String),
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
    url: Mutex<String>,
    started: Instant,
    state: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    door: Door,
    books: Books,
    calls: Vec<Call>,
    clock_offset_seconds: i64,
}

impl Simulator {
    /// Starts on `127.0.0.1`, at a port of its own choosing, with empty books.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            url: Mutex::default(),
            started: Instant::now(),
            state: Mutex::new(Inside {
                door: Door::new(settings.calls_per_minute),
                books: Books::default(),
                calls: Vec::new(),
                clock_offset_seconds: 0,
            }),
            settings,
        });
        let router = Router::new().fallback(answer_call).with_state(Arc::clone(&shared));
        let server = Server::start(router).await?;
        *lock(&shared.url) = server.url();
        Ok(Self { server, shared })
    }

    /// Returns the settings it was started with.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Returns the address of getGatewayAddress.
    pub fn meta_url(&self) -> String {
        format!("{}{}", self.server.url(), door::GATEWAY_PATH)
    }

    /// Returns the base address of tokens.
    pub fn token_url(&self) -> String {
        format!("{}{}", self.server.url(), door::TOKEN_BASE)
    }

    /// Returns the base address of everything else.
    pub fn gateway_url(&self) -> String {
        format!("{}{}", self.server.url(), door::GATEWAY_BASE)
    }

    /// Returns all sales orders in the books, in the order they were saved.
    pub fn orders(&self) -> Vec<StoredVoucher> {
        self.shared.state().books.vouchers(SAVE)
    }

    /// Returns all returns in the books, in the order they were saved.
    pub fn returns(&self) -> Vec<StoredVoucher> {
        self.shared.state().books.vouchers(SAVE_RETURN)
    }

    /// Returns the number of sales orders in the books; cheaper than [`orders`](Self::orders).
    pub fn order_count(&self) -> usize {
        self.shared.state().books.count(SAVE)
    }

    /// Returns all calls so far, in the order they arrived.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// Returns the greatest number of calls seen in any rolling minute, refused ones included.
    pub fn busiest_minute(&self) -> usize {
        self.shared.state().door.busiest_minute()
    }

    /// Returns every token ever given, so that a test can look for leaks.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.state().door.tokens()
    }

    /// Gives a token to somebody else who uses the same application: [`Settings::old_tokens`] says what that does to
    /// the tokens given before.
    pub fn give_token_elsewhere(&self) {
        let mut state = self.shared.state();
        let now_ms = Timestamp::now().as_millisecond() + state.clock_offset_seconds * 1000;
        state.door.issue(&self.shared.settings, now_ms);
    }

    /// Kills all tokens.
    pub fn revoke_tokens(&self) {
        self.shared.state().door.revoke();
    }

    /// Sets the books' clock so many seconds ahead of the real one: for keys that age and tokens that expire.
    /// The times callers send are always measured by the real clock.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.state().clock_offset_seconds = seconds;
    }

    /// Sets how many calls are answered in any rolling minute; `None` for no limit.
    pub fn set_calls_per_minute(&self, limit: Option<usize>) {
        self.shared.state().door.set_limit(limit);
    }

    /// Adds a fault at the end of the script.
    pub fn add_fault(&self, rule: Rule) -> RuleId {
        self.shared.settings.faults.add(rule)
    }

    /// Returns the script of faults.
    pub fn faults(&self) -> &Faults {
        &self.shared.settings.faults
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Inside> {
        lock(&self.state)
    }
}

/// A call as it came in.
#[derive(Debug)]
struct Incoming {
    operation: Operation,
    query: BTreeMap<String, String>,
    body: Bytes,
    /// Its place among the calls.
    number: usize,
}

async fn answer_call(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    let operation = Operation::of(&method, uri.path());
    let (number, let_in) = shared.note(operation, &body);
    let incoming = Incoming { operation, query, body, number };
    if !let_in {
        return shared.refuse(number, door::throttled());
    }
    let fault = shared.settings.faults.strike(operation.name());
    shared.state().calls[number].fault.clone_from(&fault);
    let token_in_header = headers.contains_key("access_token") || headers.contains_key("authorization");

    match fault {
        None | Some(Fault::WrongEcho | Fault::ExtraKeys) => shared.work(&incoming, token_in_header).into(),
        Some(Fault::Throttle) => shared.refuse(number, door::throttled()),
        Some(Fault::TokenExpired) => {
            let mut state = shared.state();
            state.door.revoke();
            drop(state);
            shared.work(&incoming, token_in_header).into()
        }
        Some(Fault::Slow(delay)) => {
            // BIP goes on when the caller hangs up, which drops this handler but not the task.
            let work = tokio::spawn(async move {
                let key = shared.begin(&incoming);
                tokio::time::sleep(delay).await;
                shared.end(key.as_ref());
                shared.work(&incoming, token_in_header)
            });
            work.await.map_or_else(|_| answer::plain(500, "the simulator failed"), Answer::into)
        }
        Some(fault) => {
            let answered = fault.commits().then(|| shared.work(&incoming, token_in_header));
            spoil(&fault, answered, &connection).await
        }
    }
}

/// Answers as the fault wants.
async fn spoil(fault: &Fault, answered: Option<Answer>, connection: &Connection) -> Response {
    match fault {
        Fault::Timeout(_) => {
            connection.hang().await;
            answer::plain(504, "")
        }
        Fault::Reset(_) => {
            connection.reset();
            answer::plain(500, "")
        }
        Fault::Status(status, _) => answer::plain(*status, "upstream connect error"),
        Fault::Code(code, _) => Answer::refusal(200, code, door::words_of(code)).into(),
        Fault::TruncatedJson(_) => {
            answered.unwrap_or_else(|| Answer::refusal(200, "999", "服务端逻辑异常")).cut().into()
        }
        // The others never come here.
        Fault::Html(_)
        | Fault::Throttle
        | Fault::TokenExpired
        | Fault::Slow(_)
        | Fault::WrongEcho
        | Fault::ExtraKeys => answer::html(),
    }
}

impl Shared {
    /// Counts and notes a call; tells its number, and whether the limit lets it in.
    fn note(&self, operation: Operation, body: &Bytes) -> (usize, bool) {
        let resubmit_key = operation.kind().and_then(|_| document::resubmit_key(body));
        let mut state = self.state();
        let let_in = operation == Operation::Gateway || state.door.count(Instant::now());
        state.calls.push(Call {
            operation: operation.name(),
            at: self.started.elapsed(),
            resubmit_key,
            done: Done::Nothing,
            fault: None,
        });
        (state.calls.len() - 1, let_in)
    }

    fn refuse(&self, number: usize, answer: Answer) -> Response {
        self.state().calls[number].done = answer.done.clone();
        answer.into()
    }

    /// Marks a save as in progress; returns its key.
    fn begin(&self, incoming: &Incoming) -> Option<books::Key> {
        let key = books::Key::of(incoming.operation, document::resubmit_key(&incoming.body)?)?;
        let mut state = self.state();
        state.calls[incoming.number].done = Done::InProgress;
        state.books.begin(key.clone()).then_some(key)
    }

    fn end(&self, key: Option<&books::Key>) {
        if let Some(key) = key {
            self.state().books.end(key);
        }
    }

    /// Does what the call asks for.
    fn work(&self, incoming: &Incoming, token_in_header: bool) -> Answer {
        let mut state = self.state();
        let now_ms = Timestamp::now().as_millisecond() + state.clock_offset_seconds * 1000;
        let token = incoming.query.get("access_token").filter(|_| !token_in_header);
        let state = &mut *state;
        let answer = match incoming.operation {
            Operation::Gateway => door::addresses(&self.settings, &lock(&self.url), &incoming.query),
            Operation::Token => state.door.give_token(&self.settings, &incoming.query, now_ms),
            Operation::Unknown => door::unregistered(),
            Operation::WrongMethod => door::wrong_method(),
            operation => match state.door.verify(token.map(String::as_str), operation, now_ms) {
                Err(refused) => refused,
                Ok(()) => {
                    state.books.work(&self.settings, operation, &incoming.query, &incoming.body, now_ms)
                }
            },
        };
        state.calls[incoming.number].done = answer.done.clone();
        answer
    }
}
