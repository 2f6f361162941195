//! From a message to an order that this worker holds, without calling BIP.

use dougong_bip::Order;
use dougong_config::{OnChange, Scheme};
use dougong_ledger::{
    Begin, Begun, Earlier, Frozen, Hold, LedgerError, Parking, SetAside, Standing, Started, TakeOver,
};
use dougong_mapping::{Identity, Problem};
use dougong_queue::Message;
use dougong_runtime::{epoch_ms, new_document};
use dougong_values::{SchemeId, VoucherCode};
use dougong_wdt::Stockout;
use serde_json::json;
use tracing::{error, info, warn};

use crate::ending::{Again, Ending};
use crate::{Deliver, Invocation};

/// A message whose document stands still until BIP is called, or has come to an end without that.
pub(crate) enum Prepared {
    /// Nothing is left to be done with the message now.
    Ended(Ending),
    /// The order is this worker's: send it.
    Held(Box<Held>),
}

/// An order that this worker holds.
pub(crate) struct Held {
    /// The proof needed to record the outcome.
    pub(crate) hold: Hold,
    /// What is sent; `None` if an earlier attempt has to be settled that today's mapping cannot map.
    pub(crate) order: Option<Order>,
    /// The code to look the order up by.
    pub(crate) code: Option<VoucherCode>,
    /// Whether an earlier attempt is so old that its key may no longer bring its answer.
    pub(crate) late: bool,
    /// Whether this is what an earlier message brought, and the message itself comes after it.
    pub(crate) settles_other: bool,
    /// Which counted attempt this is.
    pub(crate) attempt: u32,
}

impl Held {
    /// The calls this order needs, tokens aside.
    pub(crate) fn calls(&self) -> u32 {
        u32::from(self.looks_up()) + u32::from(self.order.is_some())
    }

    /// Tells whether to look the order up before anything is sent.
    pub(crate) const fn looks_up(&self) -> bool {
        self.late || self.order.is_none()
    }
}

impl Deliver {
    /// Maps the message's document and begins it in the ledger.
    pub(crate) async fn prepare(
        &self,
        message: &Message,
        invocation: &Invocation,
    ) -> Result<Prepared, LedgerError> {
        let Some(scheme) = self.parts.config.schemes.get(&message.scheme) else {
            // Nothing is wrong with the order: it waits for its scheme.
            error!(document = %message.key, scheme = %message.scheme, "no such scheme in the configuration");
            return Ok(Prepared::Ended(Ending::Again(Again::Misconfigured)));
        };
        let (reason, problems) = match Stockout::from_json(&message.document) {
            Ok(stockout) => match self.map(scheme, &message.scheme, message, &stockout) {
                Ok(order) => {
                    let begun = self.begin(message, order.code.as_ref(), invocation).await?;
                    return self.begun(message, scheme, begun, order).await;
                }
                Err(problems) => (
                    problems.first().map_or("unmappable", Problem::reason),
                    serde_json::to_string(&problems).unwrap_or_default(),
                ),
            },
            Err(error) => {
                let problems = json!([{ "reason": "unreadable", "message": error.to_string() }]);
                ("unreadable", problems.to_string())
            }
        };
        self.park(message, scheme, &Parking { reason, problems: &problems }, invocation).await
    }

    fn map(
        &self,
        scheme: &Scheme,
        id: &SchemeId,
        message: &Message,
        stockout: &Stockout,
    ) -> Result<Order, Vec<Problem>> {
        let identity = Identity { tenant: &self.parts.config.tenant, scheme: id, key: &message.key };
        scheme.mapping.map(stockout, &identity)
    }

    async fn begin(
        &self,
        message: &Message,
        code: Option<&VoucherCode>,
        invocation: &Invocation,
    ) -> Result<Begun, LedgerError> {
        let document = new_document(message);
        let begin = Begin {
            document: &document,
            voucher_code: code,
            owner: &invocation.run,
            lease_until_ms: invocation.lease_until_ms(),
        };
        self.parts.ledger.begin(&begin, epoch_ms()).await
    }

    /// Reads what the ledger said to the claim.
    async fn begun(
        &self,
        message: &Message,
        scheme: &Scheme,
        begun: Begun,
        order: Order,
    ) -> Result<Prepared, LedgerError> {
        let ending = match begun {
            Begun::Started(started) => return Ok(self.held(message, *started, Some(order))),
            Begun::AlreadyPosted => {
                info!(document = %message.key, "already posted");
                Ending::AlreadyPosted
            }
            Begun::Superseded | Begun::Skipped | Begun::Parked => Ending::Nothing,
            Begun::Busy { until_ms } => Ending::Again(Again::At(until_ms)),
            Begun::Changed(earlier) => self.changed(message, scheme, &earlier).await?,
        };
        Ok(Prepared::Ended(ending))
    }

    fn held(&self, message: &Message, started: Started, mapped: Option<Order>) -> Prepared {
        let Started { hold, attempt, frozen, late, .. } = started;
        let settles_other = frozen.is_some() && *hold.version() != message.version;
        let (order, code) = if let Some(frozen) = frozen {
            (self.thaw(message, &frozen), frozen.voucher_code)
        } else {
            let code = mapped.as_ref().and_then(|order| order.code.clone());
            (mapped, code)
        };
        Prepared::Held(Box::new(Held { hold, order, code, late, settles_other, attempt }))
    }

    /// Maps what an earlier attempt sent, under the scheme and the code it was sent with; `None` if today's
    /// mapping cannot.
    fn thaw(&self, message: &Message, frozen: &Frozen) -> Option<Order> {
        let scheme = self.parts.config.schemes.get(&frozen.scheme)?;
        let stockout = Stockout::from_json(&frozen.source_json).ok()?;
        let mut order = self.map(scheme, &frozen.scheme, message, &stockout).ok()?;
        order.code.clone_from(&frozen.voucher_code);
        Some(order)
    }

    /// Another version of this order is booked, or may be: never booked over, never dropped.
    async fn changed(
        &self,
        message: &Message,
        scheme: &Scheme,
        earlier: &Earlier,
    ) -> Result<Ending, LedgerError> {
        if scheme.on_change == OnChange::Ignore {
            info!(document = %message.key, booked = %earlier.version(), "changed after it was booked; ignored by on_change");
            return Ok(Ending::Nothing);
        }
        let held = self.parts.ledger.hold_changed(&new_document(message), epoch_ms()).await?;
        Ok(match held {
            SetAside::Done => {
                warn!(document = %message.key, booked = %earlier.version(), reason = "changed", "parked");
                Ending::Parked
            }
            SetAside::Not(standing) => after(&standing),
            // What stood in the way is gone: the message may begin now.
            SetAside::Free => Ending::Again(Again::Soon),
        })
    }

    /// Parks a document that cannot be sent, unless something of it may be in BIP: that is settled first.
    async fn park(
        &self,
        message: &Message,
        scheme: &Scheme,
        parking: &Parking<'_>,
        invocation: &Invocation,
    ) -> Result<Prepared, LedgerError> {
        let ending = match self.parts.ledger.park(&new_document(message), parking, epoch_ms()).await? {
            SetAside::Done => {
                warn!(document = %message.key, reason = parking.reason, "parked");
                Ending::Parked
            }
            SetAside::Not(Standing::Unsettled) => return self.take_over(message, invocation).await,
            SetAside::Not(Standing::Changed(earlier)) => self.changed(message, scheme, &earlier).await?,
            SetAside::Not(standing) => after(&standing),
            SetAside::Free => Ending::Again(Again::Soon),
        };
        Ok(Prepared::Ended(ending))
    }

    /// Claims what an earlier attempt left unsettled, for a message that cannot be mapped itself.
    async fn take_over(&self, message: &Message, invocation: &Invocation) -> Result<Prepared, LedgerError> {
        let lease_until = invocation.lease_until_ms();
        let taken =
            self.parts.ledger.take_over(&message.key, &invocation.run, lease_until, epoch_ms()).await?;
        Ok(match taken {
            TakeOver::Started(started) => self.held(message, *started, None),
            TakeOver::Busy { until_ms } => Prepared::Ended(Ending::Again(Again::At(until_ms))),
            // It was settled in between: the message comes back to what it is now.
            TakeOver::Settled => Prepared::Ended(Ending::Again(Again::Soon)),
        })
    }
}

/// What is left to do with a message whose document stands otherwise than was thought.
fn after(standing: &Standing) -> Ending {
    match standing {
        Standing::AlreadyPosted => Ending::AlreadyPosted,
        Standing::Superseded | Standing::Parked | Standing::Skipped => Ending::Nothing,
        Standing::Busy { until_ms } => Ending::Again(Again::At(*until_ms)),
        Standing::Unsettled | Standing::Changed(_) => Ending::Again(Again::Soon),
    }
}
