//! Merged vouchers: orders that wait in their group, parts that are booked, members that are told their voucher.

use dougong_bip::{Order, Voucher};
use dougong_config::{OnChange, Scheme};
use dougong_ledger::{
    Booked, Document, HeldBecomes, LedgerError, NewDocument, Parking, SetAside, Standing, State,
};
use dougong_mapping::merge::Part;
use dougong_mapping::{Identity, Problem};
use dougong_queue::Message;
use dougong_runtime::{epoch_ms, new_document};
use dougong_values::{BeijingTime, DocumentKey};
use dougong_wdt::Stockout;
use serde_json::{Value, json};
use tracing::{error, info, warn};

use crate::ending::{Again, Ending};
use crate::prepare::{Aside, Prepared, after};
use crate::{Deliver, Invocation};

/// Why a part makes no voucher now.
enum Unmerged {
    /// What is wrong with its members, as JSON, under the first problem's name.
    Problems(String, Value),
    /// It is booked, and its members may not all know yet.
    Booked(Box<Document>),
}

impl Deliver {
    /// Lets an order that can be mapped wait in its group.
    pub(crate) async fn group(
        &self,
        message: &Message,
        group: &DocumentKey,
        due: BeijingTime,
        invocation: &Invocation,
    ) -> Result<Prepared, LedgerError> {
        let due_ms = due.epoch_seconds() * 1_000;
        let grouped = self.parts.ledger.group(&new_document(message), group, due_ms, epoch_ms()).await?;
        let ending = match grouped {
            SetAside::Done => Ending::Grouped,
            SetAside::Not(Standing::Grouped) => self.attach(&new_document(message)).await?,
            SetAside::Not(Standing::Unsettled) => return self.take_over(message, invocation).await,
            SetAside::Not(Standing::Changed(earlier)) => self.changed(message, &earlier).await?,
            SetAside::Not(standing) => after(&standing),
            SetAside::Free => Ending::Again(Again::Soon),
        };
        Ok(Prepared::Ended(ending))
    }

    /// Another version of the order waits in a group, or is in a part: the closing, or its booking, decides.
    pub(crate) async fn attach(&self, document: &NewDocument) -> Result<Ending, LedgerError> {
        Ok(match self.parts.ledger.attach(document, epoch_ms()).await? {
            SetAside::Done => {
                info!(document = %document.key, "a newer version of a waiting order");
                Ending::Grouped
            }
            SetAside::Not(standing) => after(&standing),
            SetAside::Free => Ending::Again(Again::Soon),
        })
    }

    /// Makes the voucher of a part from its members as today's mapping maps them, and begins it in the ledger.
    pub(crate) async fn prepare_part(
        &self,
        message: &Message,
        invocation: &Invocation,
    ) -> Result<Prepared, LedgerError> {
        let Some(scheme) = self.parts.config.schemes.get(&message.scheme) else {
            error!(document = %message.key, scheme = %message.scheme, "no such scheme in the configuration");
            return Ok(Prepared::Ended(Ending::Again(Again::Misconfigured)));
        };
        let part = match Part::from_json(&message.document) {
            Ok(part) => part,
            Err(problem) => {
                let problems =
                    json!([{ "reason": "unreadable", "message": problem.to_string() }]).to_string();
                let parking = Parking { reason: "unreadable", problems: &problems };
                return self.set_aside(message, Aside::Park(parking), invocation).await;
            }
        };
        match self.voucher_of(scheme, message, &part).await? {
            Ok(order) => {
                let begun = self.begin(message, order.code.as_ref(), invocation).await?;
                self.begun(message, begun, Voucher::Order(order)).await
            }
            Err(Unmerged::Booked(document)) => {
                self.book_members(&document).await?;
                Ok(Prepared::Ended(Ending::AlreadyPosted))
            }
            Err(Unmerged::Problems(reason, problems)) => {
                let problems = problems.to_string();
                let parking = Parking { reason: &reason, problems: &problems };
                self.set_aside(message, Aside::Park(parking), invocation).await
            }
        }
    }

    async fn voucher_of(
        &self,
        scheme: &Scheme,
        message: &Message,
        part: &Part,
    ) -> Result<Result<Order, Unmerged>, LedgerError> {
        let ledger = &self.parts.ledger;
        if let Some(document) = ledger.document(&message.key, epoch_ms()).await?
            && document.state == State::Posted
        {
            return Ok(Err(Unmerged::Booked(Box::new(document))));
        }
        let keys: Vec<DocumentKey> = part.members.iter().map(|member| member.key.clone()).collect();
        let documents = ledger.members(&keys).await?;
        let mut orders = Vec::with_capacity(part.members.len());
        let mut problems: Vec<Problem> = Vec::new();
        for member in &part.members {
            let document = documents.get(&member.key).filter(|there| there.version == member.version);
            let text = document.and_then(|document| document.source.as_ref()?.text());
            let Some(stockout) = text.and_then(|text| Stockout::from_json(&text).ok()) else {
                error!(document = %message.key, member = %member.key, "a member is not what the part lists");
                let problem = json!([{
                    "reason": "member_astray",
                    "message": format!("{} is no longer there in the version that was put together", member.key),
                    "hint": "nothing of it was booked: look the order up, then dissolve the part",
                }]);
                return Ok(Err(Unmerged::Problems("member_astray".to_owned(), problem)));
            };
            let identity =
                Identity { tenant: &self.parts.config.tenant, scheme: &message.scheme, key: &member.key };
            match scheme.mapping.map(&stockout, &identity) {
                Ok(order) => orders.push(order),
                Err(found) => problems.extend(found.into_iter().map(|problem| Problem {
                    source: format!("{} {}", member.key, problem.source),
                    ..problem
                })),
            }
        }
        let merged = if problems.is_empty() {
            scheme.mapping.merge(part, &orders, &self.parts.config.tenant, &message.scheme)
        } else {
            Err(problems)
        };
        Ok(merged.map_err(|problems| {
            let reason = problems.first().map_or("unmappable", Problem::reason).to_owned();
            Unmerged::Problems(reason, serde_json::to_value(&problems).unwrap_or_default())
        }))
    }

    /// Returns what of a booked document stores may have to be told of: itself, or the members of a part.
    pub(crate) async fn tellable(&self, document: &Document) -> Result<Vec<Document>, LedgerError> {
        if self.store.is_none() {
            return Ok(Vec::new());
        }
        let Some(part) = part_of(document) else { return Ok(vec![document.clone()]) };
        let keys: Vec<DocumentKey> = part.members.into_iter().map(|member| member.key).collect();
        let mut members: Vec<Document> = self.parts.ledger.members(&keys).await?.into_values().collect();
        members.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(members)
    }

    /// Tells the members of a booked part their voucher. What is left over, the part's message or a sweep tells.
    pub(crate) async fn book_members(&self, document: &Document) -> Result<(), LedgerError> {
        let Some(part) = part_of(document) else { return Ok(()) };
        let members: Vec<_> = part.members.into_iter().map(|member| (member.key, member.version)).collect();
        let on_change = self.parts.config.schemes.get(&document.scheme).map(|scheme| scheme.on_change);
        let held = match on_change {
            Some(OnChange::Ignore) => HeldBecomes::Ignored,
            _ => HeldBecomes::Held,
        };
        let booked = Booked { part: document, members: &members, held };
        let done = self.parts.ledger.book_members(booked, epoch_ms()).await?;
        for member in &done.astray {
            error!(document = %document.key, member = %member, "a member of a booked part stands otherwise");
        }
        if done.held > 0 {
            warn!(document = %document.key, held = done.held, reason = "changed", "members parked");
        }
        info!(document = %document.key, members = done.booked, "members booked");
        Ok(())
    }
}

/// Reads the list of members of a merged voucher's document; `None` of any other.
fn part_of(document: &Document) -> Option<Part> {
    let is_part = document.key.kind() == dougong_values::DocumentKind::Merged;
    let text = document.source.as_ref().filter(|_| is_part)?.text()?;
    Part::from_json(&text).ok()
}
