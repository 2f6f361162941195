//! What a store is told about stockouts that are shipped to it: documents of their own, once each.

use std::time::Duration;

use dougong_config::Scheme;
use dougong_ledger::{
    Attempt, Begun, Certainty, Document, Hold, LedgerError, NewDocument, Parking, Reservation, SetAside,
    Standing, Started,
};
use dougong_mapping::{Problem, Telling};
use dougong_queue::Message;
use dougong_runtime::{bill_message, call_interval, epoch_ms, new_document, with_causes};
use dougong_store::{
    Bill, BillKind, CallClass, CallError, Client, Delivery, OutboundQuery, Row, Selector, Shipment,
};
use dougong_values::{Account, BeijingTime, DocumentKey, DocumentKind, StockoutId, Version, VoucherId};
use dougong_wdt::Stockout;
use serde_json::json;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::backoff::AFTER_UNKNOWN_SECONDS;
use crate::ending::{Again, Ending};
use crate::{Deliver, Invocation};

/// After this many attempts that the store system was not there for, a person is asked.
const MOST_ATTEMPTS: u32 = 20;
/// How long all calls stop when the store system does not accept who we are.
const REFUSED_PAUSE_MS: i64 = 300_000;
/// How long sending to the queue may take before the booking itself comes back.
const QUEUE_WAIT: Duration = Duration::from_secs(10);
/// Kept back of the invocation's time for recording outcomes and answering.
const WIND_UP: Duration = Duration::from_secs(5);

/// What is sent to the store system.
enum Call {
    Announce(Box<Delivery>),
    WriteShipped(Box<Shipment>),
}

/// Why a document makes no call.
enum NoCall {
    /// Everything that is wrong with it.
    Problems(Vec<Problem>),
    /// It cannot be read, or says nothing to a store.
    Unreadable(String),
    /// Its transferring order has not come yet.
    NoOrder(String),
}

/// What becomes of a document once its store is told.
#[derive(Clone, Copy)]
struct Told<'a> {
    /// The content of a delivery, where the tables tell it.
    content: Option<&'a Version>,
    /// Whether an earlier version was settled, and the message's own comes next.
    settles_other: bool,
}

/// What looking for a delivery came to.
enum Found {
    /// The platform has it under this number.
    There(Option<VoucherId>),
    /// It does not.
    Absent,
    /// Nobody can say now.
    Failed(CallError),
    /// What the look-up brought could not be kept: look again later.
    NotKept,
    /// The tables do not say where to look.
    Nowhere,
}

/// The marker of a bill that is a delivery of ours: it must not be booked beside the stockout.
fn number_key(number: &str) -> DocumentKey {
    DocumentKey::bill(DocumentKind::Announce, &["number", number])
}

/// The marker of what was sent last with this content, by the key of its announcement.
fn content_key(content: &Version) -> DocumentKey {
    DocumentKey::bill(DocumentKind::Announce, &["content", content.as_str()])
}

/// The marker of the first bill with this content whose announcement has no number, or none yet, by the bill's number.
fn found_key(content: &Version) -> DocumentKey {
    DocumentKey::bill(DocumentKind::Announce, &["found", content.as_str()])
}

/// The marker of a delivery with this content that the platform took without naming a number, by its announcement.
fn unnamed_key(content: &Version) -> DocumentKey {
    DocumentKey::bill(DocumentKind::Announce, &["unnamed", content.as_str()])
}

/// Whether an outbound bill is a delivery that we announced ourselves: its goods are booked with the stockout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    /// It is not.
    No,
    /// It is.
    Ours,
    /// One of several bills that are alike is, and nobody can say which.
    Perhaps,
}

impl Deliver {
    /// Queues what the store of a booked stockout is to be told, before the booking is recorded: a crash in between
    /// queues it twice, and the ledger tells it once. Returns whether it is in the queue.
    pub(crate) async fn queue_tellings(&self, hold: &Hold) -> bool {
        let documents = match self.tellable(hold.document()).await {
            Ok(documents) => documents,
            Err(problem) => {
                warn!(document = %hold.key(), error = with_causes(&problem), "the members cannot be read");
                return false;
            }
        };
        let messages: Vec<Message> =
            documents.iter().filter_map(|document| self.telling_of(document)).collect();
        if messages.is_empty() {
            return true;
        }
        match self.parts.queue.send(&messages, Instant::now() + QUEUE_WAIT).await {
            Ok(sent) => {
                for large in &sent.too_large {
                    error!(document = %hold.key(), bytes = large.bytes, "the store cannot be told: too large");
                }
            }
            Err(problem) => {
                warn!(document = %hold.key(), error = with_causes(&problem), "not queued for the store");
                return false;
            }
        }
        // For the operator's eyes: were it to fail, the message itself brings the document.
        for message in &messages {
            if let Err(problem) = self.parts.ledger.note_queued(&new_document(message), epoch_ms()).await {
                warn!(document = %message.key, error = with_causes(&problem), "not noted as queued");
            }
        }
        true
    }

    /// Makes the message of what a stockout's store is told; `None` where no store is.
    fn telling_of(&self, document: &Document) -> Option<Message> {
        self.store.as_ref()?;
        if document.key.kind() != DocumentKind::Stockout {
            return None;
        }
        let scheme = self.parts.config.schemes.get(&document.scheme)?;
        let text = document.source.as_ref()?.text()?;
        let stockout = Stockout::from_json(&text).ok()?;
        let key = match scheme.mapping.telling(&stockout)? {
            Telling::Delivery { .. } => {
                DocumentKey::announcing(self.parts.config.wdt.sid(), &stockout.stockout_id)
            }
            Telling::Shipped { number } => DocumentKey::shipped(&number),
        };
        Some(Message {
            scheme: document.scheme.clone(),
            key,
            version: document.version.clone(),
            modified: document.modified,
            day: document.day,
            amount: document.amount,
            document: text,
        })
    }

    /// Tells the store, once: claims the document, looks for what an earlier attempt may have left, sends, records.
    pub(crate) async fn tell(
        &self,
        message: &Message,
        invocation: &Invocation,
    ) -> Result<Ending, LedgerError> {
        let config = &self.parts.config;
        let (Some(client), Some(settings)) = (&self.store, &config.store) else {
            error!(document = %message.key, "there is no store system in the configuration");
            return Ok(Ending::Again(Again::Misconfigured));
        };
        if !config.schemes.contains_key(&message.scheme) {
            error!(document = %message.key, scheme = %message.scheme, "no such scheme in the configuration");
            return Ok(Ending::Again(Again::Misconfigured));
        }
        // Two calls at most: a look-up and the write.
        if invocation.deadline.left_after(WIND_UP) < settings.call_timeout() {
            return Ok(Ending::Again(Again::Growing));
        }
        let begun = self.begin(message, None, invocation).await?;
        match begun {
            Begun::Started(started) => self.tell_held(client, message, *started).await,
            Begun::AlreadyPosted => Ok(Ending::AlreadyPosted),
            Begun::Superseded | Begun::Skipped | Begun::Parked | Begun::Waiting | Begun::Grouped => {
                Ok(Ending::Nothing)
            }
            Begun::Busy { until_ms } => Ok(Ending::Again(Again::At(until_ms))),
            Begun::Changed(earlier) => self.changed(message, &earlier).await,
        }
    }

    async fn tell_held(
        &self,
        client: &Client,
        message: &Message,
        started: Started,
    ) -> Result<Ending, LedgerError> {
        let Started { mut hold, attempt, frozen, .. } = started;
        let settles_other = frozen.is_some() && *hold.version() != message.version;
        let (scheme, text) = frozen
            .as_ref()
            .map_or((&message.scheme, &message.document), |frozen| (&frozen.scheme, &frozen.source_json));
        let Some(scheme) = self.parts.config.schemes.get(scheme) else {
            return self.give_back(&hold, Attempt::Uncounted, Again::Misconfigured).await;
        };
        let (stockout, call) = match self.call_of(scheme, &message.key, text).await? {
            Ok(made) => made,
            Err(no_call) => return self.no_call(&hold, attempt, no_call).await,
        };
        if let Some(again) = self.store_slot().await? {
            return self.give_back(&hold, Attempt::Uncounted, again).await;
        }
        let content = match &call {
            Call::Announce(delivery) => self.parts.config.tables.content_of_delivery(delivery),
            Call::WriteShipped(_) => None,
        };
        if let Some(content) = &content {
            // From here on a bill of this content may be ours, whoever it is handed to.
            self.mark(&content_key(content), message, message.key.as_str()).await?;
        }
        let told = Told { content: content.as_ref(), settles_other };
        // Shipped quantities are set, not added: the same again changes nothing. A delivery is looked for.
        if let (Call::Announce(delivery), Certainty::PerhapsSaved) = (&call, hold.earlier()) {
            match self.find(client, scheme, &stockout, delivery, message).await? {
                Found::There(number) => {
                    return self.told(&hold, message, number, Ending::AlreadySaved, told).await;
                }
                Found::Absent => {
                    hold = hold.found_absent();
                    if hold.earlier() == Certainty::PerhapsSaved {
                        // Too soon to be believed: the platform may still be at work.
                        return self.give_back(&hold, Attempt::Uncounted, Again::Absent).await;
                    }
                }
                Found::Failed(problem) => return self.failed(&hold, attempt, &problem).await,
                Found::NotKept => {
                    return self.give_back(&hold, Attempt::Uncounted, Again::Growing).await;
                }
                Found::Nowhere => {
                    let words = "the announcement may have arrived, and store_id or store_warehouse_id is missing from the tables to look for it";
                    return self.park_unknown(&hold, words).await;
                }
            }
            if let Some(again) = self.store_slot().await? {
                return self.give_back(&hold, Attempt::Uncounted, again).await;
            }
        }
        let sent = match &call {
            Call::Announce(delivery) => client.announce(delivery).await.map(|announced| {
                let ending = if announced.was_there { Ending::AlreadySaved } else { Ending::Posted };
                (announced.number.and_then(|number| number.parse().ok()), ending)
            }),
            Call::WriteShipped(shipment) => {
                let done = client.write_shipped(shipment).await;
                done.map(|()| (shipment.buid.parse().ok(), Ending::Posted))
            }
        };
        match sent {
            Ok((number, ending)) => self.told(&hold, message, number, ending, told).await,
            Err(problem) => self.failed(&hold, attempt, &problem).await,
        }
    }

    /// Makes the call of a document with the tables of today.
    async fn call_of(
        &self,
        scheme: &Scheme,
        key: &DocumentKey,
        text: &str,
    ) -> Result<Result<(Stockout, Call), NoCall>, LedgerError> {
        let stockout = match Stockout::from_json(text) {
            Ok(stockout) => stockout,
            Err(problem) => return Ok(Err(NoCall::Unreadable(problem.to_string()))),
        };
        let call = match (key.kind(), scheme.mapping.telling(&stockout)) {
            (DocumentKind::Announce, telling) => {
                let request_no = match telling {
                    Some(Telling::Delivery { request_no }) => request_no,
                    _ => None,
                };
                let delivery = scheme.mapping.delivery(&stockout, key, request_no);
                delivery.map(Box::new).map(Call::Announce).map_err(NoCall::Problems)
            }
            (_, Some(Telling::Shipped { number })) => {
                let order = DocumentKey::bill(DocumentKind::Outbound, &[&number]);
                let document = self.parts.ledger.document(&order, epoch_ms()).await?;
                let text = document.and_then(|document| document.source?.text());
                let bill = text.and_then(|text| Bill::from_json(BillKind::Outbound, &text).ok());
                match bill {
                    Some(bill) => {
                        let shipment = scheme.mapping.shipment(&stockout, &bill);
                        shipment.map(Box::new).map(Call::WriteShipped).map_err(NoCall::Problems)
                    }
                    None => Err(NoCall::NoOrder(number)),
                }
            }
            (_, _) => Err(NoCall::Unreadable("the stockout names no transferring order any more".to_owned())),
        };
        Ok(call.map(|call| (stockout, call)))
    }

    async fn no_call(&self, hold: &Hold, attempt: u32, no_call: NoCall) -> Result<Ending, LedgerError> {
        // Of what was never sent nothing can be there; of what may have been, a person decides.
        let certainty = hold.earlier();
        match no_call {
            NoCall::Problems(problems) => {
                let reason = problems.first().map_or("unmappable", Problem::reason);
                let problems = serde_json::to_string(&problems).unwrap_or_default();
                self.parked(hold, reason, &problems, certainty).await
            }
            NoCall::Unreadable(words) => {
                let problems = json!([{ "reason": "unreadable", "message": words }]).to_string();
                self.parked(hold, "unreadable", &problems, certainty).await
            }
            NoCall::NoOrder(number) if attempt >= MOST_ATTEMPTS => {
                let problems = json!([{
                    "reason": "unknown_order",
                    "message": format!("the transferring order {number} never came from the store system"),
                    "hint": "correct the number in WDT, or transfer_prefix of the scheme",
                }]);
                self.parked(hold, "unknown_order", &problems.to_string(), certainty).await
            }
            NoCall::NoOrder(number) => {
                info!(document = %hold.key(), order = number, attempt, "its transferring order has not come yet");
                self.give_back(hold, Attempt::Counted, Again::Growing).await
            }
        }
    }

    /// Waits for a slot of the shared pace; returns when to come back if there is none soon.
    async fn store_slot(&self) -> Result<Option<Again>, LedgerError> {
        let Some(settings) = &self.parts.config.store else { return Ok(Some(Again::Misconfigured)) };
        let (account, interval) = (Account::store_system(), call_interval(settings.calls_per_minute));
        let now = epoch_ms();
        let reserved = self.parts.ledger.reserve(&account, 1, interval, Duration::from_secs(10), now).await?;
        match reserved {
            Reservation::Granted(instants) => {
                let wait = instants.first().map_or(0, |at| at - now);
                tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
                Ok(None)
            }
            Reservation::Paused { until_ms, .. } => Ok(Some(Again::At(until_ms))),
            Reservation::Full { next_ms } => Ok(Some(Again::At(next_ms))),
        }
    }

    /// Looks for a delivery among the bills that came meanwhile, then among the outbound bills of its day. The platform
    /// marks what it hands out, so every bill that comes is taken in as from a download: none is lost by looking.
    async fn find(
        &self,
        client: &Client,
        scheme: &Scheme,
        stockout: &Stockout,
        delivery: &Delivery,
        message: &Message,
    ) -> Result<Found, LedgerError> {
        let tables = &self.parts.config.tables;
        let (Some(place), Some(content)) =
            (scheme.mapping.look_up(stockout), tables.content_of_delivery(delivery))
        else {
            return Ok(Found::Nowhere);
        };
        if let Some(number) = self.marked(&found_key(&content)).await?
            && self.is_free(&number, message).await?
        {
            return Ok(Found::There(number.parse().ok()));
        }
        let query = OutboundQuery {
            start: delivery.business_date,
            end: delivery.business_date,
            warehouse: place.warehouse,
            selector: Selector::Stores(vec![place.store]),
            sumbatch: None,
        };
        let rows = match client.outbound(&query).await {
            Ok(batch) => batch.rows,
            Err(problem) => return Ok(Found::Failed(problem)),
        };
        let mut found = None;
        for bill in rows.iter().filter_map(|row| row.as_ref().ok()).map(|reading| &reading.bill) {
            if tables.content_of_bill(bill).as_ref() == Some(&content)
                && self.is_free(bill.name(), message).await?
            {
                found = Some(bill.name().to_owned());
                break;
            }
        }
        if let Some(number) = &found {
            // Before its bill is taken in: it is no delivery to be booked.
            self.mark(&number_key(number), message, message.key.as_str()).await?;
        }
        if !self.take_in(message, rows).await? {
            warn!(document = %message.key, "bills that a look-up brought could not be queued, it is made again");
            return Ok(Found::NotKept);
        }
        Ok(found.map_or(Found::Absent, |number| Found::There(number.parse().ok())))
    }

    /// Tells whether a bill is no other announcement's.
    async fn is_free(&self, number: &str, message: &Message) -> Result<bool, LedgerError> {
        let owner = self.marked(&number_key(number)).await?;
        Ok(owner.is_none_or(|owner| owner == message.key.as_str()))
    }

    /// Queues bills that a look-up brought, and keeps those that cannot be read.
    async fn take_in(&self, message: &Message, rows: Vec<Row>) -> Result<bool, LedgerError> {
        let today = BeijingTime::now().day();
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            match row {
                Ok(reading) => messages.push(bill_message(&self.parts.config, &reading.bill, today)),
                Err(row) => {
                    let version = row.version();
                    let document = NewDocument {
                        key: DocumentKey::unreadable(DocumentKind::Outbound, &version),
                        scheme: message.scheme.clone(),
                        version,
                        modified: None,
                        day: today,
                        amount: None,
                        source_json: row.json,
                        warnings: None,
                    };
                    let problems =
                        json!([{ "reason": "unreadable", "message": row.error.to_string() }]).to_string();
                    let parking = Parking { reason: "unreadable", problems: &problems };
                    self.parts.ledger.park(&document, &parking, epoch_ms()).await?;
                }
            }
        }
        let sent = self.parts.queue.send(&messages, Instant::now() + QUEUE_WAIT).await;
        Ok(sent.is_ok())
    }

    /// Writes a marker: a document that nobody sends, with a text of its own. A later one takes its place.
    async fn mark(&self, key: &DocumentKey, message: &Message, text: &str) -> Result<(), LedgerError> {
        self.write_marker(key, message, text, Version::of(text)).await
    }

    /// Writes a marker unless it is there; returns whether it has this text.
    async fn claim(&self, key: &DocumentKey, message: &Message, text: &str) -> Result<bool, LedgerError> {
        self.write_marker(key, message, text, Version::of("claim")).await?;
        Ok(self.marked(key).await?.is_some_and(|owner| owner == text))
    }

    async fn write_marker(
        &self,
        key: &DocumentKey,
        message: &Message,
        text: &str,
        version: Version,
    ) -> Result<(), LedgerError> {
        let marker = NewDocument {
            key: key.clone(),
            scheme: message.scheme.clone(),
            version,
            modified: None,
            day: message.day,
            amount: None,
            source_json: json!(text).to_string(),
            warnings: None,
        };
        match self.parts.ledger.skip(&marker, "announced", epoch_ms()).await? {
            SetAside::Done | SetAside::Not(Standing::Skipped) => {}
            other => warn!(document = %marker.key, ?other, "marked otherwise"),
        }
        Ok(())
    }

    /// Reads a marker's text.
    async fn marked(&self, key: &DocumentKey) -> Result<Option<String>, LedgerError> {
        let marker = self.parts.ledger.document(key, epoch_ms()).await?;
        let text = marker.and_then(|marker| marker.source?.text());
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Tells whether an outbound bill is a delivery that we announced ourselves: by its number; or by its content while
    /// nobody knows whether the announcement of that content arrived, or when the platform took it without a number.
    pub(crate) async fn announced(&self, bill: &Bill, message: &Message) -> Result<Announced, LedgerError> {
        if self.store.is_none() || bill.kind != BillKind::Outbound {
            return Ok(Announced::No);
        }
        if self.marked(&number_key(bill.name())).await?.is_some() {
            return Ok(Announced::Ours);
        }
        let Some(content) = self.parts.config.tables.content_of_bill(bill) else { return Ok(Announced::No) };
        if self.is_unsettled(&content).await? {
            self.claim(&found_key(&content), message, bill.name()).await?;
            return Ok(Announced::Ours);
        }
        if self.marked(&unnamed_key(&content)).await?.is_none() {
            return Ok(Announced::No);
        }
        let first = self.claim(&found_key(&content), message, bill.name()).await?;
        Ok(if first { Announced::Ours } else { Announced::Perhaps })
    }

    /// Tells whether the last announcement of this content may have arrived without our knowing.
    async fn is_unsettled(&self, content: &Version) -> Result<bool, LedgerError> {
        let Some(announcement) = self.marked(&content_key(content)).await? else { return Ok(false) };
        let Ok(key) = announcement.parse::<DocumentKey>() else { return Ok(false) };
        let document = self.parts.ledger.document(&key, epoch_ms()).await?;
        Ok(document.is_some_and(|document| document.is_unsettled()))
    }

    async fn told(
        &self,
        hold: &Hold,
        message: &Message,
        number: Option<VoucherId>,
        ending: Ending,
        told: Told<'_>,
    ) -> Result<Ending, LedgerError> {
        if hold.key().kind() == DocumentKind::Announce {
            let owner = message.key.as_str();
            match (&number, told.content) {
                (Some(number), _) => self.mark(&number_key(number.as_str()), message, owner).await?,
                (None, Some(content)) => self.mark(&unnamed_key(content), message, owner).await?,
                (None, None) => {}
            }
        }
        // The platform need not name its number; ours then stands for it.
        let own = || message.key.as_str().split_once('#').and_then(|(_, id)| id.parse::<StockoutId>().ok());
        let number = number.or_else(|| own()?.as_str().parse().ok());
        let Some(number) = number else {
            return self.park_unknown(hold, "the store system took it, but it has no number to go by").await;
        };
        self.lasting(|| self.parts.ledger.record_posted(hold, &number, None, epoch_ms())).await?;
        info!(document = %hold.key(), number = %number, "the store was told");
        Ok(if told.settles_other { Ending::Again(Again::Soon) } else { ending })
    }

    async fn failed(&self, hold: &Hold, attempt: u32, problem: &CallError) -> Result<Ending, LedgerError> {
        let error = with_causes(problem);
        match problem.class() {
            CallClass::Unknown => {
                warn!(document = %hold.key(), error, attempt, "outcome unknown");
                let now = epoch_ms();
                let again_at = now + i64::from(AFTER_UNKNOWN_SECONDS) * 1_000;
                let reason = problem.name();
                self.lasting(|| self.parts.ledger.record_unknown(hold, reason, again_at, now)).await?;
                Ok(Ending::Again(Again::Unknown))
            }
            CallClass::Refresh => {
                error!(document = %hold.key(), error, "the store system does not accept who we are");
                let until = epoch_ms() + REFUSED_PAUSE_MS;
                self.parts
                    .ledger
                    .pause(&Account::store_system(), until, "store_credentials", epoch_ms())
                    .await?;
                self.give_back(hold, Attempt::Uncounted, Again::Misconfigured).await
            }
            CallClass::Retry if attempt < MOST_ATTEMPTS => {
                warn!(document = %hold.key(), error, attempt, "given back");
                self.give_back(hold, Attempt::Counted, Again::Growing).await
            }
            // A duplicate of a write is a success and never comes here; of anything else it is a refusal.
            CallClass::Retry | CallClass::Final | CallClass::Duplicate => {
                let problems = json!([{
                    "reason": problem.name(),
                    "code": problem.code(),
                    "message": error,
                    "attempts": attempt,
                }]);
                self.parked(hold, problem.name(), &problems.to_string(), hold.earlier()).await
            }
        }
    }
}
