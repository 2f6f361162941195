//! The client: eleven commands, one attempt per call.

use std::fmt;
use std::time::Duration;

use dougong_values::{BeijingTime, BusinessDay};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, Url, redirect};

use crate::auth::Signer;
use crate::bill::BillKind;
use crate::failure::{CallClass, CallError, Codes, Effect, InvalidCall};
use crate::json::Object;
use crate::push::Encoding;
use crate::reply::{self, Announced, Asked, Batch, PaymentMethod};
use crate::request::{
    self, Choices, Delivery, Download, DownloadQuery, OutboundQuery, SaleQuery, SaleWindowKeys, Shipment,
};
use crate::rows::Row;
use crate::seq::Seq;
use crate::warning::Warnings;

/// The largest answer that is read, in bytes.
const LARGEST_REPLY: usize = 32 << 20;

/// The names a list of bills goes by in answers of downloads, and in answers of batches (N7).
const ITEMS: [&str; 2] = ["items", "billnoitems"];
const BILLNO_ITEMS: [&str; 3] = ["billnoitems", "billnoitmes", "items"];

/// How long to wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Duration,
    /// For the next bytes of the answer.
    pub read: Duration,
    /// For the whole attempt.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), read: Duration::from_secs(30), total: Duration::from_mins(1) }
    }
}

/// Where the store system is and how it wants to be spoken to. Almost nothing of this is public, so all of it is a
/// setting (`protocols/store.md` §0). `Debug` shows no URL: it may hold a secret.
#[derive(Clone)]
pub struct Platform {
    /// The whole URL that takes every command.
    pub url: String,
    /// How calls prove where they come from.
    pub signer: Signer,
    /// What its codes mean.
    pub codes: Codes,
    /// How its answers may be encoded.
    pub encoding: Encoding,
    /// Under which names the times of a query for sales travel.
    pub sale_window_keys: SaleWindowKeys,
    /// Whether a bill's number may stand where its `buid` belongs (N23).
    pub allow_number_as_buid: bool,
    /// Whether a remark is sent as `reamrks`, too (N3).
    pub misspell_remarks: bool,
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl Platform {
    /// A platform with the defaults of everything but its URL and the signer.
    pub fn new(url: impl Into<String>, signer: Signer) -> Self {
        Self {
            url: url.into(),
            signer,
            codes: Codes::default(),
            encoding: Encoding::default(),
            sale_window_keys: SaleWindowKeys::default(),
            allow_number_as_buid: false,
            misspell_remarks: false,
            timeouts: Timeouts::default(),
        }
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("url", &"…").field("signer", &self.signer).finish_non_exhaustive()
    }
}

/// A client that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is none. It is not shown: it may hold a secret.
    #[error("the store system's url cannot be used: write a whole one, beginning with https://")]
    Url,
    /// The HTTP client could not be set up.
    #[error("setting up the HTTP client for the store system")]
    Http(#[source] reqwest::Error),
}

/// Speaks to one store system. Cheap to clone.
///
/// One call is one attempt. Whether to call again is the caller's decision, by [`CallError::class`].
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    platform: Platform,
}

impl Client {
    /// Builds a client. Does not connect yet.
    pub fn new(platform: Platform) -> Result<Self, ClientError> {
        let url = parse(&platform.url)?;
        let timeouts = platform.timeouts;
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            // A pooled connection that was closed meanwhile would turn a write into an unknown outcome.
            .pool_max_idle_per_host(0)
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.total)
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { http, url, platform })
    }

    /// Asks for the ways of paying (`QueryAllPay`). A read.
    pub async fn payment_methods(&self) -> Result<Vec<PaymentMethod>, CallError> {
        let call = Call { command: "QueryAllPay", effect: Effect::Repeatable };
        self.call(call, |seq| Ok(request::plain(call.command, seq)), reply::payment_methods).await
    }

    /// Downloads bills by the days they were submitted. A read; the rows may reach beyond the days (S2).
    pub async fn download(&self, what: Download, query: &DownloadQuery) -> Result<Vec<Row>, CallError> {
        let call = Call { command: what.command(), effect: Effect::Repeatable };
        let read = |envelope: &Object<'_>, warnings| reply::bills(what.kind(), &ITEMS, envelope, warnings);
        self.call(call, |seq| request::download(what, query, seq), read).await.map(|batch| batch.rows)
    }

    /// Tells the store what is coming (`AddSTOBill`). A write: without a clear answer its class is
    /// [`CallClass::Unknown`], and the delivery must be looked for before it is sent again under the same number.
    pub async fn announce(&self, delivery: &Delivery) -> Result<Announced, CallError> {
        let call = Call { command: "AddSTOBill", effect: Effect::Write };
        let choices = self.choices();
        let read = |envelope: &Object<'_>, _| reply::announced(&delivery.number, envelope);
        match self.call(call, |seq| request::delivery(delivery, choices, seq), read).await {
            Err(error) if error.class() == CallClass::Duplicate => {
                Ok(Announced { number: None, was_there: true })
            }
            answered => answered,
        }
    }

    /// Asks which stores have outbound bills of a warehouse in these days (`GetTransferringStores`). A read.
    pub async fn outbound_stores(
        &self,
        start: BusinessDay,
        end: BusinessDay,
        warehouse: &str,
    ) -> Result<Vec<String>, CallError> {
        let call = Call { command: "GetTransferringStores", effect: Effect::Repeatable };
        self.call(call, |seq| request::outbound_stores(start, end, warehouse, seq), reply::stores).await
    }

    /// Asks for outbound bills (`QueryTransferringOrderInfo`). The platform marks what it hands out: the batch must be
    /// finished, or taken back. Asking again is safe with the batch's `sumbatch`; without it, rows that were handed out
    /// may not come again.
    pub async fn outbound(&self, query: &OutboundQuery) -> Result<Batch, CallError> {
        let call = Call { command: "QueryTransferringOrderInfo", effect: Effect::Repeatable };
        let read = |envelope: &Object<'_>, warnings| {
            reply::bills(BillKind::Outbound, &BILLNO_ITEMS, envelope, warnings)
        };
        self.call(call, |seq| request::outbound(query, seq), read).await
    }

    /// Finishes a batch whose every row is stored (`AchieveQueryTransferringOrderInfo`). Repeating it is safe.
    pub async fn finish_batch(&self, sumbatch: &str) -> Result<(), CallError> {
        let call = Call { command: "AchieveQueryTransferringOrderInfo", effect: Effect::Repeatable };
        self.call(call, |seq| request::finish(sumbatch, seq), nothing).await
    }

    /// Takes the mark off outbound bills that were handed out (`AchieveRetQueryTransferringOrderInfo`), by their
    /// `buid`s, never none. Repeating it is safe; a person decides on it.
    pub async fn take_back(&self, buids: &[String]) -> Result<(), CallError> {
        let call = Call { command: "AchieveRetQueryTransferringOrderInfo", effect: Effect::Repeatable };
        let choices = self.choices();
        self.call(call, |seq| request::take_back(buids, choices, seq), nothing).await
    }

    /// Writes what was really shipped of an outbound bill (`UpdateTransferringOrderInfo`). A write that sets values:
    /// after an unknown outcome the same may be sent again, one at a time per `buid`.
    pub async fn write_shipped(&self, shipment: &Shipment) -> Result<(), CallError> {
        let call = Call { command: "UpdateTransferringOrderInfo", effect: Effect::Write };
        let choices = self.choices();
        self.call(call, |seq| request::shipment(shipment, choices, seq), nothing).await
    }

    /// Asks for the sales of a store within a day (`QuerySaleOrderInfo`). A read; whether its batch must be finished is
    /// not public (S15).
    pub async fn sales(&self, query: &SaleQuery) -> Result<Batch, CallError> {
        let call = Call { command: "QuerySaleOrderInfo", effect: Effect::Repeatable };
        let choices = self.choices();
        let read =
            |envelope: &Object<'_>, warnings| reply::bills(BillKind::Sale, &BILLNO_ITEMS, envelope, warnings);
        self.call(call, |seq| request::sales(query, choices, seq), read).await
    }

    const fn choices(&self) -> Choices {
        Choices {
            sale_window_keys: self.platform.sale_window_keys,
            allow_number_as_buid: self.platform.allow_number_as_buid,
            misspell_remarks: self.platform.misspell_remarks,
        }
    }

    /// Makes one attempt, signed afresh.
    async fn call<T>(
        &self,
        call: Call,
        body: impl FnOnce(&str) -> Result<String, InvalidCall>,
        read: impl FnOnce(&Object<'_>, Warnings) -> Result<T, String>,
    ) -> Result<T, CallError> {
        let Call { command, effect } = call;
        let seq = Seq::fresh();
        let body = body(&seq.text()).map_err(|source| CallError::Invalid { command, source })?;
        let mut url = self.url.clone();
        let headers = self.platform.signer.sign(&mut url, body.as_bytes(), BeijingTime::now());
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .headers(headers)
            .body(body);
        let response = request.send().await.map_err(|error| CallError::broken(command, effect, error))?;
        let status = response.status().as_u16();
        let body = received(response, call).await?;
        let Platform { codes, encoding, .. } = &self.platform;
        Asked { command, effect, codes, encoding: *encoding }.read(status, &body, &seq, read)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("platform", &self.platform).finish_non_exhaustive()
    }
}

/// What is called, and whether it may be called twice.
#[derive(Clone, Copy)]
struct Call {
    command: &'static str,
    effect: Effect,
}

#[expect(clippy::unnecessary_wraps, reason = "one of the readers of an answer")]
fn nothing(_: &Object<'_>, _: Warnings) -> Result<(), String> {
    Ok(())
}

fn parse(url: &str) -> Result<Url, ClientError> {
    let parsed = Url::parse(url).ok();
    parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or(ClientError::Url)
}

/// Reads a body, but not without end.
async fn received(mut response: Response, call: Call) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    let broken = |error| CallError::broken(call.command, call.effect, error);
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LARGEST_REPLY {
            let problem = format!("is larger than {LARGEST_REPLY} bytes");
            return Err(CallError::unreadable(call.command, call.effect, problem));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
