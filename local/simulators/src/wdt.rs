//! The simulated WDT: both channels of `wdt.stockout.order.query.trade`, answered as `protocols/wdt.md` says.
//!
//! - `/router/qm` is the Qimen gateway, `/openapi2/stockout_order_query_trade.php` the direct OpenAPI. Parameters may
//!   travel in the URL, in a form, or both.
//! - Signature, time, keys and `sid` are verified; refusals come in the real envelopes.
//! - Intervals are closed, rows come oldest first by the clock that the question filters by, `total_count` comes on
//!   page 0 alone, and more calls a minute than allowed are answered with 1012.
//! - Orders can be added, modified, completed, renumbered and removed at any time, also right after a page was
//!   served ([`Simulator::after_page`]).
//! - The one operation that [`Faults`] can strike is [`OPERATION`]. Every call is a read, so that there is nothing to
//!   commit.

mod order;
mod protocol;
mod render;
mod world;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dougong_values::BeijingTime;
use dougong_wdt::{Account, Channel, SignMethod};

use crate::faults::wire::{Connection, Server};
use crate::faults::{Fault, Faults};
pub use order::{Flaw, WdtLine, WdtOrder, WdtPosition};
use protocol::{Params, Refusal};
use render::{Dialect, Renderer};
pub use world::{Asked, World};

/// The name of the only operation, for [`Faults`].
pub const OPERATION: &str = "stockout.query";

/// The path of the Qimen gateway.
const QIMEN_PATH: &str = "/router/qm";
/// The path of the direct OpenAPI.
const DIRECT_PATH: &str = "/openapi2/stockout_order_query_trade.php";

/// Who may ask, how often, and what goes wrong. The defaults are a demo account.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The merchant's account.
    pub sid: String,
    /// The app key of the Qimen channel.
    pub qimen_app_key: String,
    /// Its secret.
    pub qimen_secret: String,
    /// WDT's own key on the Qimen channel.
    pub target_app_key: String,
    /// The interface account of the direct channel.
    pub direct_app_key: String,
    /// Its secret.
    pub direct_secret: String,
    /// Calls that are answered in any minute, over both channels; `None` for no limit.
    pub calls_per_minute: Option<usize>,
    /// A text that every personal field holds, with the field's name, so that a test can look for leaks;
    /// `None` leaves them empty, as Qimen does.
    pub canary: Option<String>,
    /// What goes wrong.
    pub faults: Faults,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sid: "demo2".to_owned(),
            qimen_app_key: "12345678".to_owned(),
            qimen_secret: "qimen-demo-secret".to_owned(),
            target_app_key: "87654321".to_owned(),
            direct_app_key: "demo2-gw".to_owned(),
            direct_secret: "direct-demo-secret".to_owned(),
            calls_per_minute: Some(60),
            canary: None,
            faults: Faults::none(),
        }
    }
}

/// A channel of the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The Qimen gateway.
    Qimen,
    /// The direct OpenAPI.
    Direct,
}

/// A call as it arrived, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The channel.
    pub door: Door,
    /// When it arrived, since the simulator started.
    pub at: Duration,
    /// The question; `None` when the call was refused before it was read.
    pub asked: Option<Asked>,
    /// The answer.
    pub answer: Answer,
}

/// What a call was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A page: the total if it was told, and the ids of its rows in their order.
    Page {
        /// `total_count`, on page 0.
        total: Option<usize>,
        /// The rows.
        stockout_ids: Vec<u64>,
    },
    /// A refusal with this code.
    Refused(String),
    /// An injected fault; a `Slow` one is told as the page it delays.
    Fault(Fault),
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
    numbers: Renderer,
    strings: Renderer,
    started: Instant,
    state: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    world: World,
    calls: Vec<Call>,
    /// When the calls of the last minute were answered.
    minute: VecDeque<Instant>,
    calls_per_minute: Option<usize>,
    clock_offset_seconds: i64,
    after_page: Vec<(u32, Change)>,
}

type Change = Box<dyn FnOnce(&mut World) + Send>;

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("calls", &self.calls.len()).finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts on `127.0.0.1`, at a port of its own choosing, without orders.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            numbers: Renderer::new(Dialect::Numbers, settings.canary.as_deref()),
            strings: Renderer::new(Dialect::Strings, settings.canary.as_deref()),
            started: Instant::now(),
            state: Mutex::new(Inner { calls_per_minute: settings.calls_per_minute, ..Inner::default() }),
            settings,
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        Ok(Self { server: Server::start(router).await?, shared })
    }

    /// Returns the URL of a channel.
    pub fn url(&self, door: Door) -> String {
        let path = match door {
            Door::Qimen => QIMEN_PATH,
            Door::Direct => DIRECT_PATH,
        };
        format!("{}{path}", self.server.url())
    }

    /// Returns the account that a client asks with; `None` when the `sid` of the settings is none.
    pub fn account(&self, door: Door, sign_method: SignMethod) -> Option<Account> {
        let settings = &self.shared.settings;
        let (url, sid) = (self.url(door), settings.sid.parse().ok()?);
        Some(match door {
            Door::Qimen => {
                let (app_key, target_app_key) =
                    (settings.qimen_app_key.clone(), settings.target_app_key.clone());
                let channel = Channel::Qimen { url, app_key, target_app_key, sid, sign_method };
                Account::new(channel, settings.qimen_secret.clone().into())
            }
            Door::Direct => {
                let channel = Channel::Direct { url, app_key: settings.direct_app_key.clone(), sid };
                Account::new(channel, settings.direct_secret.clone().into())
            }
        })
    }

    /// Returns the settings it was started with.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Returns the script of faults, which can be changed at any time.
    pub fn faults(&self) -> &Faults {
        &self.shared.settings.faults
    }

    /// Reads or changes the world in one step, between two answers.
    pub fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut self.shared.lock().world)
    }

    /// Adds orders; one with an id that is there replaces it.
    pub fn add(&self, orders: impl IntoIterator<Item = WdtOrder>) {
        self.change(|world| world.add(orders));
    }

    /// Changes an order, and `modified` with it. `false` if it is not there.
    pub fn modify(&self, stockout_id: u64, at: BeijingTime, change: impl FnOnce(&mut WdtOrder)) -> bool {
        self.change(|world| world.modify(stockout_id, at, change))
    }

    /// Completes a shipped order (95 → 110). `false` if it is not shipped.
    pub fn complete(&self, stockout_id: u64, at: BeijingTime) -> bool {
        self.change(|world| world.complete(stockout_id, at))
    }

    /// Gives an order a new stockout number, as a re-audit does. `false` if it is not there.
    pub fn renumber(&self, stockout_id: u64, at: BeijingTime) -> bool {
        self.change(|world| world.renumber(stockout_id, at))
    }

    /// Takes an order away.
    pub fn remove(&self, stockout_id: u64) -> Option<WdtOrder> {
        self.change(|world| world.remove(stockout_id))
    }

    /// Returns all orders by id.
    pub fn orders(&self) -> Vec<WdtOrder> {
        self.change(|world| world.orders().cloned().collect())
    }

    /// Changes the world once, right after page `page_no` was next served: rows move while they are being paged.
    pub fn after_page(&self, page_no: u32, change: impl FnOnce(&mut World) + Send + 'static) {
        self.shared.lock().after_page.push((page_no, Box::new(change)));
    }

    /// Returns every call so far, in the order of their answers.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// Forgets the calls so far; the rate limit does not.
    pub fn clear_calls(&self) {
        self.shared.lock().calls.clear();
    }

    /// Sets how many calls are answered in any minute; `None` for no limit.
    pub fn set_calls_per_minute(&self, limit: Option<usize>) {
        self.shared.lock().calls_per_minute = limit;
    }

    /// Sets the simulator's clock apart from this machine's; requests too far from it are refused.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.lock().clock_offset_seconds = seconds;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn renderer(&self, door: Door) -> &Renderer {
        match door {
            Door::Qimen => &self.numbers,
            Door::Direct => &self.strings,
        }
    }

    /// Answers a request that reached a door, and notes it.
    fn serve(&self, door: Door, params: &Params, fault: Option<&Fault>) -> String {
        let mut inner = self.lock();
        let at = self.started.elapsed();
        let renderer = self.renderer(door);
        let read = admit(door, params, &self.settings, &mut inner);
        let refusal = match (fault.and_then(|fault| refusal(door, fault)), read) {
            (Some(refusal), read) => {
                let answer = Answer::Fault(fault.cloned().unwrap_or(Fault::Throttle));
                inner.calls.push(Call { door, at, asked: read.ok(), answer });
                return refusal.body(renderer.dialect());
            }
            (None, Err(refusal)) => refusal,
            (None, Ok(asked)) => {
                let (body, answer) = page(&inner.world, &asked, renderer);
                let page_no = asked.page_no;
                let answer = match fault {
                    Some(fault) if !fault.is_harmless() => Answer::Fault(fault.clone()),
                    _ => answer,
                };
                let served = matches!(answer, Answer::Page { .. });
                inner.calls.push(Call { door, at, asked: Some(asked), answer });
                if served {
                    inner.page_was_served(page_no);
                }
                return body;
            }
        };
        inner.calls.push(Call { door, at, asked: None, answer: Answer::Refused(refusal.code()) });
        refusal.body(renderer.dialect())
    }
}

impl Inner {
    fn now(&self) -> BeijingTime {
        BeijingTime::now().plus_seconds(self.clock_offset_seconds)
    }

    /// Counts a call against the rolling minute.
    fn pace(&mut self) -> Result<(), Refusal> {
        let now = Instant::now();
        while self.minute.front().is_some_and(|&call| now.duration_since(call) >= Duration::from_mins(1)) {
            self.minute.pop_front();
        }
        if self.calls_per_minute.is_some_and(|limit| self.minute.len() >= limit) {
            return Err(Refusal::too_many_calls());
        }
        self.minute.push_back(now);
        Ok(())
    }

    fn page_was_served(&mut self, page_no: u32) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.after_page).into_iter().partition(|(page, _)| *page == page_no);
        self.after_page = later;
        for (_, change) in due {
            change(&mut self.world);
        }
    }
}

/// Lets a request in and reads its question: keys first, then the pace, then the question.
fn admit(door: Door, params: &Params, settings: &Settings, inner: &mut Inner) -> Result<Asked, Refusal> {
    match door {
        Door::Qimen => protocol::admit_qimen(params, settings, inner.now())?,
        Door::Direct => protocol::admit_direct(params, settings, inner.now())?,
    }
    inner.pace()?;
    protocol::asked(params)
}

/// Writes a page. Directly, an empty list is left out.
fn page(world: &World, asked: &Asked, renderer: &Renderer) -> (String, Answer) {
    use std::fmt::Write as _;

    let (total, rows) = world.find(asked);
    let mut body = String::with_capacity(256 + rows.len() * 8192);
    body.push_str(match renderer.dialect() {
        Dialect::Numbers => "{\"response\":{\"errorcode\":0,\"message\":\"ok\"",
        Dialect::Strings => "{\"code\":0,\"message\":\"\"",
    });
    let told = (asked.page_no == 0).then_some(total);
    if let Some(total) = told {
        let _ = match renderer.dialect() {
            Dialect::Numbers => write!(body, ",\"total_count\":{total}"),
            Dialect::Strings => write!(body, ",\"total_count\":\"{total}\""),
        };
    }
    if !rows.is_empty() || renderer.dialect() == Dialect::Numbers {
        body.push_str(",\"stockout_list\":[");
        for (index, order) in rows.iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            renderer.order(order, &mut body);
        }
        body.push(']');
    }
    body.push_str(match renderer.dialect() {
        Dialect::Numbers => ",\"request_id\":\"16simulated\"}}",
        Dialect::Strings => "}",
    });
    let stockout_ids = rows.iter().map(|order| order.stockout_id).collect();
    (body, Answer::Page { total: told, stockout_ids })
}

/// Words a fault that the system itself would answer with.
fn refusal(door: Door, fault: &Fault) -> Option<Refusal> {
    match fault {
        Fault::Throttle => Some(Refusal::too_many_calls()),
        Fault::TokenExpired => Some(match door {
            Door::Qimen => Refusal::Gateway { code: 25, message: "Invalid signature", sub_code: None },
            Door::Direct => Refusal::erp(100, "invalid sign"),
        }),
        // A name is the gateway's sub code, a number is the system's own.
        Fault::Code(name, _) if door == Door::Qimen && name.parse::<i64>().is_err() => {
            Some(Refusal::Gateway {
                code: 15,
                message: "Remote service error",
                sub_code: Some(name.clone().into()),
            })
        }
        Fault::Code(code, _) => {
            Some(Refusal::Erp { code: code.clone(), message: "系统异常，请稍后再试".to_owned() })
        }
        _ => None,
    }
}

/// The only handler: finds the door, reads the parameters, and spoils the answer if the script says so.
async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let door = match request.uri().path() {
        QIMEN_PATH => Door::Qimen,
        DIRECT_PATH => Door::Direct,
        _ => return nobody(),
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let Ok(form) = to_bytes(request.into_body(), 1 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let params = Params(
        [query.as_bytes(), &form]
            .into_iter()
            .flat_map(form_urlencoded::parse)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
    );

    let fault = shared.settings.faults.strike(OPERATION);
    let body = shared.serve(door, &params, fault.as_ref());
    match fault {
        Some(Fault::Timeout(_)) => {
            connection.hang().await;
            json(body)
        }
        Some(Fault::Reset(_)) => {
            connection.reset();
            json(body)
        }
        Some(Fault::Status(status, _)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, "the gateway is busy").into_response()
        }
        Some(Fault::Html(_)) => {
            ([(header::CONTENT_TYPE, "text/html")], "<html><body>系统维护中</body></html>").into_response()
        }
        Some(Fault::TruncatedJson(_)) => {
            let half: String = body.chars().take(body.chars().count() / 2).collect();
            json(half)
        }
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            json(body)
        }
        None
        | Some(
            Fault::Throttle | Fault::TokenExpired | Fault::Code(..) | Fault::WrongEcho | Fault::ExtraKeys,
        ) => json(body),
    }
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json;charset=UTF-8")], Body::from(body)).into_response()
}

/// Answers at a wrong path as the gateway's host does.
fn nobody() -> Response {
    json(
        "{\"error_response\":{\"code\":22,\"msg\":\"Invalid Method\",\"sub_code\":\"isv.invalid-method\",\
         \"sub_msg\":\"no such method\",\"request_id\":\"15simulated\"}}"
            .to_owned(),
    )
}
