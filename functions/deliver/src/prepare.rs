//! From a message to a document that this worker holds, without calling BIP.

use dougong_bip::{Voucher, VoucherKind};
use dougong_config::OnChange;
use dougong_ledger::{
    Begin, Begun, Earlier, Frozen, Hold, LedgerError, Parking, SetAside, Standing, Started, TakeOver,
};
use dougong_mapping::Problem;
use dougong_queue::Message;
use dougong_runtime::{epoch_ms, new_document};
use dougong_values::{DocumentKind, SchemeId, VoucherCode};
use serde_json::json;
use tracing::{error, info, warn};

use crate::ending::{Again, Ending};
use crate::source::{Source, Unmapped};
use crate::tell::Announced;
use crate::{Deliver, Invocation};

/// How a document that is not sent is set aside.
#[derive(Clone, Copy)]
pub(crate) enum Aside<'a> {
    /// A person has to look at it.
    Park(Parking<'a>),
    /// It is deliberately not booked, for this reason.
    Skip(&'static str),
}

/// The reason of an order whose handling panics.
const PANICKED: &str = "panicked";
/// The reason of a bill that is perhaps a delivery of ours.
const PERHAPS_ANNOUNCED: &str = "perhaps_announced";

/// A message whose document stands still until BIP is called, or has come to an end without that.
pub(crate) enum Prepared {
    /// Nothing is left to be done with the message now.
    Ended(Ending),
    /// The document is this worker's: send it.
    Held(Box<Held>),
    /// It is for the store system, not for BIP.
    Telling(Box<Message>),
}

/// A document that this worker holds.
pub(crate) struct Held {
    /// The proof needed to record the outcome.
    pub(crate) hold: Hold,
    /// What is sent; `None` if an earlier attempt has to be settled that today's mapping cannot map.
    pub(crate) voucher: Option<Voucher>,
    /// Which list of BIP it is looked up in; `None` if today's configuration cannot say.
    pub(crate) kind: Option<VoucherKind>,
    /// The code to look it up by.
    pub(crate) code: Option<VoucherCode>,
    /// Whether an earlier attempt is so old that its key may no longer bring its answer.
    pub(crate) late: bool,
    /// Whether this is what an earlier message brought, and the message itself comes after it.
    pub(crate) settles_other: bool,
    /// Which counted attempt this is.
    pub(crate) attempt: u32,
}

impl Held {
    /// The calls this document needs, tokens aside.
    pub(crate) fn calls(&self) -> u32 {
        u32::from(self.looks_up()) + u32::from(self.voucher.is_some())
    }

    /// Tells whether to look the voucher up before anything is sent.
    pub(crate) const fn looks_up(&self) -> bool {
        self.late || self.voucher.is_none()
    }
}

impl Deliver {
    /// Maps the message's document and begins it in the ledger.
    pub(crate) async fn prepare(
        &self,
        message: &Message,
        invocation: &Invocation,
    ) -> Result<Prepared, LedgerError> {
        if matches!(message.key.kind(), DocumentKind::Announce | DocumentKind::Shipped) {
            return Ok(Prepared::Telling(Box::new(message.clone())));
        }
        if message.key.kind() == DocumentKind::Merged {
            return self.prepare_part(message, invocation).await;
        }
        let config = &self.parts.config;
        let source = match Source::read(message.key.kind(), &message.document) {
            Ok(source) => source,
            Err(words) => {
                let problems = json!([{ "reason": "unreadable", "message": words }]).to_string();
                let parking = Parking { reason: "unreadable", problems: &problems };
                return self.set_aside(message, Aside::Park(parking), invocation).await;
            }
        };
        let rerouted;
        let message = match &source {
            // Since it came, a scheme may have been written for it.
            Source::Bill(bill) if message.scheme == SchemeId::unassigned() => match config.route(bill) {
                Ok(scheme) => {
                    rerouted = Message { scheme: scheme.clone(), ..message.clone() };
                    &rerouted
                }
                Err(why) => return self.set_aside(message, Aside::Skip(why.as_str()), invocation).await,
            },
            _ => message,
        };
        if let Source::Bill(bill) = &source {
            match self.announced(bill, message).await? {
                Announced::No => {}
                Announced::Ours => {
                    return self.set_aside(message, Aside::Skip("announced_by_us"), invocation).await;
                }
                Announced::Perhaps => {
                    let problems = json!([{
                        "reason": PERHAPS_ANNOUNCED,
                        "message": "a delivery of these goods was announced without learning its number, and another bill with the same goods, stores and day came as well",
                        "hint": "skip it if its goods left with a stockout of ours, else book it by hand",
                    }]);
                    let problems = problems.to_string();
                    let parking = Parking { reason: PERHAPS_ANNOUNCED, problems: &problems };
                    return self.set_aside(message, Aside::Park(parking), invocation).await;
                }
            }
        }
        match source.map(config, &message.scheme, &message.key) {
            Ok(voucher) => match source.group(config, &message.scheme, &voucher) {
                Ok(Some((group, due))) => self.group(message, &group, due, invocation).await,
                Ok(None) => {
                    let begun = self.begin(message, voucher.code(), invocation).await?;
                    self.begun(message, begun, voucher).await
                }
                Err(problems) => self.park_unmapped(message, &problems, invocation).await,
            },
            Err(Unmapped::NoScheme) => {
                // Nothing is wrong with the document: it waits for its scheme.
                error!(document = %message.key, scheme = %message.scheme, "no such scheme in the configuration");
                Ok(Prepared::Ended(Ending::Again(Again::Misconfigured)))
            }
            Err(Unmapped::Excluded(reason)) => self.set_aside(message, Aside::Skip(reason), invocation).await,
            Err(Unmapped::Problems(problems)) => self.park_unmapped(message, &problems, invocation).await,
        }
    }

    async fn park_unmapped(
        &self,
        message: &Message,
        problems: &[Problem],
        invocation: &Invocation,
    ) -> Result<Prepared, LedgerError> {
        let reason = problems.first().map_or("unmappable", Problem::reason);
        let problems = serde_json::to_string(&problems).unwrap_or_default();
        self.set_aside(message, Aside::Park(Parking { reason, problems: &problems }), invocation).await
    }

    pub(crate) async fn begin(
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
    pub(crate) async fn begun(
        &self,
        message: &Message,
        begun: Begun,
        voucher: Voucher,
    ) -> Result<Prepared, LedgerError> {
        let ending = match begun {
            Begun::Started(started) => return Ok(self.held(message, *started, Some(voucher))),
            Begun::AlreadyPosted => {
                info!(document = %message.key, "already posted");
                Ending::AlreadyPosted
            }
            Begun::Superseded | Begun::Skipped | Begun::Parked | Begun::Waiting => Ending::Nothing,
            Begun::Busy { until_ms } => Ending::Again(Again::At(until_ms)),
            Begun::Grouped => self.attach(&new_document(message)).await?,
            Begun::Changed(earlier) => self.changed(message, &earlier).await?,
        };
        Ok(Prepared::Ended(ending))
    }

    fn held(&self, message: &Message, started: Started, mapped: Option<Voucher>) -> Prepared {
        let Started { hold, attempt, frozen, late, .. } = started;
        let settles_other = frozen.is_some() && *hold.version() != message.version;
        let (voucher, kind, code) = if let Some(frozen) = frozen {
            let (voucher, kind) = self.thaw(message, &frozen, mapped);
            (voucher, kind, frozen.voucher_code)
        } else {
            let code = mapped.as_ref().and_then(|voucher| voucher.code().cloned());
            let kind = mapped.as_ref().map(Voucher::kind);
            (mapped, kind, code)
        };
        Prepared::Held(Box::new(Held { hold, voucher, kind, code, late, settles_other, attempt }))
    }

    /// Maps what an earlier attempt sent, under the scheme and the code it was sent with, and tells which list of
    /// BIP it went to; either is `None` if today's configuration cannot say.
    fn thaw(
        &self,
        message: &Message,
        frozen: &Frozen,
        mapped: Option<Voucher>,
    ) -> (Option<Voucher>, Option<VoucherKind>) {
        let config = &self.parts.config;
        if message.key.kind() == DocumentKind::Merged {
            // A part never changes: what was sent is what the message brings.
            let voucher = mapped.map(|mut voucher| {
                voucher.set_code(frozen.voucher_code.clone());
                voucher
            });
            return (voucher, Some(VoucherKind::Order));
        }
        let Ok(source) = Source::read(message.key.kind(), &frozen.source_json) else { return (None, None) };
        let kind = source.voucher_kind(config, &frozen.scheme);
        let voucher = source.map_all(config, &frozen.scheme, &message.key).ok();
        let voucher = voucher.map(|mut voucher| {
            voucher.set_code(frozen.voucher_code.clone());
            voucher
        });
        (voucher, kind)
    }

    /// Another version of this document is booked, or may be: never booked over, never dropped.
    pub(crate) async fn changed(&self, message: &Message, earlier: &Earlier) -> Result<Ending, LedgerError> {
        let config = &self.parts.config;
        let of_stockouts = config.schemes.get(&message.scheme).map(|scheme| scheme.on_change);
        let of_bills = || config.bill_schemes.get(&message.scheme).map(|scheme| scheme.on_change);
        if of_stockouts.or_else(of_bills) == Some(OnChange::Ignore) {
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

    /// Sets a document aside that is not sent, unless something of it may be in BIP: that is settled first.
    pub(crate) async fn set_aside(
        &self,
        message: &Message,
        aside: Aside<'_>,
        invocation: &Invocation,
    ) -> Result<Prepared, LedgerError> {
        let (ledger, document) = (&self.parts.ledger, new_document(message));
        let done = match aside {
            Aside::Park(parking) => ledger.park(&document, &parking, epoch_ms()).await?,
            Aside::Skip(reason) => ledger.skip(&document, reason, epoch_ms()).await?,
        };
        let ending = match (done, aside) {
            (SetAside::Done, Aside::Park(Parking { reason, .. })) => {
                warn!(document = %message.key, reason, "parked");
                Ending::Parked
            }
            (SetAside::Done, Aside::Skip(reason)) => {
                info!(document = %message.key, reason, "skipped");
                Ending::Skipped
            }
            (SetAside::Not(Standing::Unsettled), _) => return self.take_over(message, invocation).await,
            (SetAside::Not(Standing::Changed(earlier)), _) => self.changed(message, &earlier).await?,
            (SetAside::Not(Standing::Grouped), _) => self.attach(&document).await?,
            (SetAside::Not(standing), _) => after(&standing),
            (SetAside::Free, _) => Ending::Again(Again::Soon),
        };
        Ok(Prepared::Ended(ending))
    }

    /// Parks an order whose handling panics time and again. What may be in BIP of it stays unknown: when a person sends
    /// it again, it is looked up first.
    pub(crate) async fn park_panicked(
        &self,
        message: &Message,
        invocation: &Invocation,
    ) -> Result<Ending, LedgerError> {
        let problems = json!([{
            "reason": PANICKED,
            "message": "the handling of this order fails in the program itself",
            "hint": "report it with the log lines \"panicked\", and send the order again with a version that mends it",
        }]);
        let problems = problems.to_string();
        let parking = Parking { reason: PANICKED, problems: &problems };
        match self.set_aside(message, Aside::Park(parking), invocation).await? {
            Prepared::Ended(ending) => Ok(ending),
            Prepared::Held(held) => self.parked(&held.hold, PANICKED, &problems, held.hold.earlier()).await,
            // What is set aside is told to nobody.
            Prepared::Telling(_) => Ok(Ending::Again(Again::Soon)),
        }
    }

    /// Claims what an earlier attempt left unsettled, for a message that cannot be mapped itself.
    pub(crate) async fn take_over(
        &self,
        message: &Message,
        invocation: &Invocation,
    ) -> Result<Prepared, LedgerError> {
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
pub(crate) fn after(standing: &Standing) -> Ending {
    match standing {
        Standing::AlreadyPosted => Ending::AlreadyPosted,
        Standing::Superseded | Standing::Parked | Standing::Skipped | Standing::Waiting => Ending::Nothing,
        Standing::Busy { until_ms } => Ending::Again(Again::At(*until_ms)),
        Standing::Unsettled | Standing::Changed(_) | Standing::Grouped => Ending::Again(Again::Soon),
    }
}
