//! Putting documents right: sending them again, or deciding not to book them.

use std::time::Duration;

use dougong_ledger::{Decided, Decision, Document, Requeued, State};
use dougong_queue::Message;
use dougong_runtime::{epoch_ms, message_again};
use dougong_values::{DocumentKey, DocumentKind, Money, SchemeId, VoucherCode};
use serde::Serialize;
use serde_json::Value;

use crate::advice::{Advice, Next};
use crate::becoming::{Field, Outcome, fields, kept, outcome_again};
use crate::documents::Place;
use crate::story::{problems, standing};
use crate::{OperateError, Operator};

/// What a document would become if it was sent again, beside what became of it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The document.
    pub key: DocumentKey,
    /// Its scheme.
    pub scheme: Option<SchemeId>,
    /// Where it stands; `None` if the ledger does not know it.
    pub place: Option<Place>,
    /// The stable name of why.
    pub reason: Option<String>,
    /// What was wrong with it last.
    pub problems: Vec<Value>,
    /// Its amount, as its system says.
    pub amount: Option<Money>,
    /// Whether sending it again can do anything.
    pub sendable: bool,
    /// What it would become.
    pub becomes: Becomes,
}

/// What a document would become today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "as")]
pub enum Becomes {
    /// This voucher is sent to BIP, if BIP does not have it already.
    Voucher {
        /// Its code.
        code: Option<VoucherCode>,
        /// What it is worth.
        amount: Money,
        /// Every field as it is sent.
        fields: Vec<Field>,
    },
    /// It would be parked again.
    Parked {
        /// Everything that is wrong.
        problems: Vec<Value>,
    },
    /// It would be skipped.
    Skipped {
        /// The stable name of why.
        reason: String,
    },
    /// What was sent before is settled first: BIP is asked for it under its code.
    Settled,
    /// It is put together from its members, or told to its store: only sending it shows what becomes of it.
    Sent,
    /// Nothing: it is booked, under way, unknown, or its text is gone.
    Nothing,
}

/// What sending documents again came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// What became of each.
    pub documents: Vec<(DocumentKey, Sent)>,
}

/// What sending one document again came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// It is in the queue.
    Queued,
    /// It is booked or under way, or its text is gone: nothing was sent.
    NotSendable,
    /// It does not fit into the queue.
    TooLarge,
    /// The ledger does not know it.
    Absent,
}

/// What a decision came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It is carried out.
    Done,
    /// It does not fit how the document stands; nothing was written.
    Not(Place),
    /// The ledger does not know the document.
    Absent,
}

/// Documents that are requeued and sent together: one batch of the queue.
const AT_ONCE: usize = 10;
/// How long a batch may take to get into the queue.
const SEND_WITHIN: Duration = Duration::from_secs(30);

impl Operator {
    /// Tells what documents would become with the configuration of today, in the order of the keys: one request for a
    /// hundred of them. Nothing is sent.
    pub async fn preview(&self, keys: &[DocumentKey]) -> Result<Vec<Preview>, OperateError> {
        let mut documents = self.ledger().members(keys).await?;
        let now = epoch_ms();
        let preview = |key: &DocumentKey| match documents.remove(key).filter(|there| !there.is_expired(now)) {
            Some(document) => self.previewed(&document),
            None => Preview {
                key: key.clone(),
                scheme: None,
                place: None,
                reason: None,
                problems: Vec::new(),
                amount: None,
                sendable: false,
                becomes: Becomes::Nothing,
            },
        };
        Ok(keys.iter().map(preview).collect())
    }

    fn previewed(&self, document: &Document) -> Preview {
        let may = Advice::about(document).has(Next::Replay);
        // What was sent may be in BIP: it is looked up whatever today's configuration makes of it.
        let unsettled = document.is_unsettled();
        let becomes = if may { self.becomes(document) } else { Becomes::Nothing };
        let sendable = match &becomes {
            Becomes::Voucher { .. } | Becomes::Settled | Becomes::Sent => true,
            Becomes::Parked { .. } | Becomes::Skipped { .. } => unsettled,
            Becomes::Nothing => false,
        };
        Preview {
            key: document.key.clone(),
            scheme: Some(document.scheme.clone()),
            place: Some(standing(document)),
            reason: document.reason.clone(),
            problems: problems(document),
            amount: document.amount,
            sendable,
            becomes,
        }
    }

    fn becomes(&self, document: &Document) -> Becomes {
        let key = &document.key;
        if matches!(key.kind(), DocumentKind::Merged | DocumentKind::Announce | DocumentKind::Shipped) {
            return Becomes::Sent;
        }
        let unsettled = document.is_unsettled();
        let held = document.held.as_ref().filter(|_| !unsettled);
        let source = held.map_or(document.source.as_ref(), |held| held.source.as_ref());
        let Some(text) = source.and_then(dougong_ledger::Source::text) else { return Becomes::Nothing };
        let config = &self.system.config;
        let unreadable = |words: String| Becomes::Parked {
            problems: vec![serde_json::json!({ "reason": "unreadable", "message": words })],
        };
        let read = match kept(key, &text) {
            Ok(read) => read,
            Err(words) => return unreadable(words),
        };
        let routed = match &read {
            crate::Kept::Bill(bill) if document.scheme == SchemeId::unassigned() => {
                match config.route(bill) {
                    Ok(scheme) => scheme,
                    Err(why) => return Becomes::Skipped { reason: why.as_str().to_owned() },
                }
            }
            _ => &document.scheme,
        };
        match outcome_again(config, routed, key, &read) {
            Outcome::Booked(explained) => {
                let mut voucher = explained.voucher;
                if unsettled {
                    voucher.set_code(document.voucher_code.clone());
                }
                Becomes::Voucher {
                    code: voucher.code().cloned(),
                    amount: voucher.total(),
                    fields: fields(&voucher),
                }
            }
            Outcome::Excluded(_) | Outcome::Parked(_) if unsettled => Becomes::Settled,
            Outcome::Excluded(reason) => Becomes::Skipped { reason },
            Outcome::Parked(problems) => {
                let problems =
                    problems.iter().map(|problem| serde_json::to_value(problem).unwrap_or_default());
                Becomes::Parked { problems: problems.collect() }
            }
        }
    }

    /// Sends documents again, batch by batch: noted, put back, sent. Repeating it is no error, and nothing is booked twice.
    /// `progress` hears how many are done.
    pub async fn replay(
        &self,
        keys: &[DocumentKey],
        why: Option<&str>,
        mut progress: impl FnMut(usize),
    ) -> Result<Replayed, OperateError> {
        let mut done: Vec<(DocumentKey, Sent)> = Vec::with_capacity(keys.len());
        for batch in keys.chunks(AT_ONCE) {
            let mut messages: Vec<Message> = Vec::new();
            let mut results: Vec<(DocumentKey, Sent)> = Vec::new();
            for key in batch {
                let may = self.ledger().document(key, epoch_ms()).await?;
                let sent = match may {
                    None => Sent::Absent,
                    Some(document) if !sends_again(&document) => Sent::NotSendable,
                    Some(_) => {
                        self.note("replay", key.as_str(), why.map(str::to_owned)).await?;
                        self.put_back(key, &mut messages).await?
                    }
                };
                results.push((key.clone(), sent));
            }
            let deadline = tokio::time::Instant::now() + SEND_WITHIN;
            let sent = self.system.queue.send(&messages, deadline).await;
            let sent = sent.map_err(|error| OperateError::Send(Box::new(error)))?;
            for too_large in &sent.too_large {
                let key = &messages[too_large.index].key;
                results.iter_mut().filter(|(of, _)| of == key).for_each(|(_, sent)| *sent = Sent::TooLarge);
            }
            done.extend(results);
            progress(done.len());
        }
        Ok(Replayed { documents: done })
    }

    async fn put_back(&self, key: &DocumentKey, messages: &mut Vec<Message>) -> Result<Sent, OperateError> {
        Ok(match self.ledger().requeue(key, epoch_ms()).await? {
            Requeued::Ready(document) => match message_again(&document) {
                Some(message) => {
                    messages.push(message);
                    Sent::Queued
                }
                None => Sent::NotSendable,
            },
            Requeued::Not(_) => Sent::NotSendable,
            Requeued::Absent => Sent::Absent,
        })
    }

    /// Carries out what the person decided about a document that waits for one.
    pub async fn settle(
        &self,
        key: &DocumentKey,
        decision: Decision,
        why: &str,
    ) -> Result<Settled, OperateError> {
        let what = match decision {
            Decision::Skip | Decision::SkipUnsettled => "skip",
            Decision::AcceptChange => "accept",
            Decision::DismissChange => "dismiss",
        };
        self.note(what, key.as_str(), Some(why.to_owned())).await?;
        Ok(match self.ledger().settle(key, decision, epoch_ms()).await? {
            Decided::Done(_) => Settled::Done,
            Decided::Not(document) => Settled::Not(standing(&document)),
            Decided::Absent => Settled::Absent,
        })
    }

    /// Gives up a parked merged voucher of which BIP certainly has nothing: the next closing puts its orders together anew.
    pub async fn dissolve(&self, part: &DocumentKey, why: &str) -> Result<Settled, OperateError> {
        self.note("dissolve", part.as_str(), Some(why.to_owned())).await?;
        Ok(match self.ledger().dissolve(part, epoch_ms()).await? {
            Some(document) if document.state == State::Skipped => Settled::Done,
            Some(document) => Settled::Not(standing(&document)),
            None => Settled::Absent,
        })
    }
}

/// Tells whether a document may be sent again: also one that was put back and whose message was perhaps never sent.
fn sends_again(document: &Document) -> bool {
    let leased = document.lease.as_ref().is_some_and(|lease| lease.until_ms > epoch_ms());
    match document.state {
        State::Parked | State::Skipped => Advice::about(document).has(Next::Replay),
        State::Queued => document.is_replayable() && document.merged.is_none(),
        State::Posting => document.is_replayable() && !leased,
        State::Posted => false,
    }
}
