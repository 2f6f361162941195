//! From a held document to a recorded outcome.

use std::time::Duration;

use dougong_bip::{CallError, FoundVoucher, Likeness, Lookup, RefusalReason, SaveOutcome, Slot, Voucher};
use dougong_ledger::{Attempt, Certainty, Hold, LedgerError, Parking};
use dougong_runtime::epoch_ms;
use dougong_values::{DocumentKind, VoucherCode, VoucherId};
use serde_json::json;
use tracing::{debug, error, info, warn};

use crate::Deliver;
use crate::backoff::AFTER_UNKNOWN_SECONDS;
use crate::ending::{Again, Ending};
use crate::prepare::Held;

/// After this many attempts that BIP was too busy for, a person is asked.
const MOST_BUSY_ATTEMPTS: u32 = 20;
/// How long a slot for a look-up after a refusal may take.
const LOOK_UP_WAIT: Duration = Duration::from_secs(20);

impl Deliver {
    /// Looks the voucher up if it may be in BIP already, sends it, and records what became of it.
    pub(crate) async fn settle(&self, held: Held, mut slots: Vec<Slot>) -> Result<Ending, LedgerError> {
        let looks_up = held.looks_up();
        let Held { mut hold, voucher, kind, code, late, attempt, .. } = held;
        if looks_up {
            let Some(code) = &code else {
                // BIP numbered it: nobody can say which of its vouchers this would be.
                return self
                    .park_unknown(
                        &hold,
                        "an earlier attempt may have been saved, and the voucher has no code to look it up by",
                    )
                    .await;
            };
            let Some(kind) = kind else {
                error!(document = %hold.key(), "the scheme it was sent under is not in the configuration");
                return self.give_back(&hold, Attempt::Uncounted, Again::Misconfigured).await;
            };
            let Some(slot) = slots.pop() else {
                return self.give_back(&hold, Attempt::Uncounted, Again::Soon).await;
            };
            match self.session.find_by_code(slot, kind, code).await {
                Lookup::Found(found) => return self.found(&hold, voucher.as_ref(), &found).await,
                // Soon after an attempt BIP may still be at work: absence proves nothing yet.
                Lookup::Absent if late => hold = hold.found_absent(),
                Lookup::Absent => {}
                Lookup::Failed(error) => return self.not_looked_up(&hold, error).await,
            }
        }
        let Some(voucher) = voucher else {
            // Today's mapping cannot map what was sent. Proved absent, it goes on with its own message; else
            // it is looked up again until it is.
            let again = match hold.earlier() {
                Certainty::NothingSaved => Again::Soon,
                Certainty::PerhapsSaved => Again::Growing,
            };
            return self.give_back(&hold, Attempt::Uncounted, again).await;
        };
        let Some(slot) = slots.pop() else {
            return self.give_back(&hold, Attempt::Uncounted, Again::Soon).await;
        };
        debug!(document = %hold.key(), attempt, "sent to BIP");
        let outcome = self.session.save(slot, &voucher).await;
        self.record(&hold, &voucher, attempt, outcome).await
    }

    async fn record(
        &self,
        hold: &Hold,
        voucher: &Voucher,
        attempt: u32,
        outcome: SaveOutcome,
    ) -> Result<Ending, LedgerError> {
        let name = outcome.name();
        match outcome {
            SaveOutcome::Saved { id, code } => self.posted(hold, &id, code.as_ref(), Ending::Posted).await,
            SaveOutcome::AlreadySaved { id } => {
                self.posted(hold, &id, voucher.code(), Ending::AlreadySaved).await
            }
            SaveOutcome::Refused { code, message, trace_id, reason } => {
                let taken = reason == RefusalReason::CodeTaken;
                let mut problem =
                    json!({ "reason": "refused", "code": code, "message": message, "trace_id": trace_id });
                if taken {
                    problem["hint"] = json!("BIP says the code is taken, but lists no voucher of this code");
                }
                let problems = json!([problem]).to_string();
                // What BIP refuses now it may have saved before: an attempt whose outcome is not known.
                if (taken || hold.earlier() == Certainty::PerhapsSaved)
                    && let Some(voucher_code) = voucher.code()
                {
                    return self.refused(hold, voucher, voucher_code, &problems).await;
                }
                self.parked(hold, "refused", &problems, hold.earlier()).await
            }
            SaveOutcome::Throttled { code } => {
                warn!(document = %hold.key(), code, reason = name, "given back");
                self.give_back(hold, Attempt::Uncounted, Again::Throttled).await
            }
            SaveOutcome::Misconfigured { code, message } => {
                // The alarm is raised by whoever began the pause.
                warn!(document = %hold.key(), code, answer = message, reason = name, "given back");
                self.give_back(hold, Attempt::Uncounted, Again::Misconfigured).await
            }
            SaveOutcome::TokenInvalid => {
                warn!(document = %hold.key(), reason = name, "given back");
                self.give_back(hold, Attempt::Uncounted, Again::Throttled).await
            }
            SaveOutcome::NotSent { reason } => {
                warn!(document = %hold.key(), reason, "not sent");
                self.give_back(hold, Attempt::Uncounted, Again::Growing).await
            }
            SaveOutcome::Busy { code, message } if attempt >= MOST_BUSY_ATTEMPTS => {
                let problems =
                    json!([{ "reason": "busy", "code": code, "message": message, "attempts": attempt }]);
                // BIP's being busy now says nothing about an earlier attempt whose outcome is unknown.
                self.parked(hold, "busy", &problems.to_string(), hold.earlier()).await
            }
            SaveOutcome::Busy { code, .. } => {
                warn!(document = %hold.key(), code, attempt, reason = name, "given back");
                self.give_back(hold, Attempt::Counted, Again::Growing).await
            }
            SaveOutcome::Unknown { reason } => {
                warn!(document = %hold.key(), reason, attempt, "outcome unknown");
                let now = epoch_ms();
                let again_at = now + i64::from(AFTER_UNKNOWN_SECONDS) * 1_000;
                self.lasting(|| self.parts.ledger.record_unknown(hold, &reason, again_at, now)).await?;
                Ok(Ending::Again(Again::Unknown))
            }
        }
    }

    /// BIP refuses a voucher whose code it may hold: our own, from an earlier attempt, or somebody else's.
    async fn refused(
        &self,
        hold: &Hold,
        voucher: &Voucher,
        code: &VoucherCode,
        problems: &str,
    ) -> Result<Ending, LedgerError> {
        let slot = match self.session.reserve(1, LOOK_UP_WAIT).await {
            Ok(mut slots) => slots.pop(),
            Err(_) => None,
        };
        let Some(slot) = slot else {
            return self.give_back(hold, Attempt::Uncounted, Again::Throttled).await;
        };
        match self.session.find_by_code(slot, voucher.kind(), code).await {
            Lookup::Found(found) => self.found(hold, Some(voucher), &found).await,
            // Soon after an attempt BIP may still be at work: absence proves nothing about it.
            Lookup::Absent => self.parked(hold, "refused", problems, hold.earlier()).await,
            Lookup::Failed(error) => self.not_looked_up(hold, error).await,
        }
    }

    /// A voucher of our code is in BIP: it is ours if it is alike.
    async fn found(
        &self,
        hold: &Hold,
        voucher: Option<&Voucher>,
        found: &FoundVoucher,
    ) -> Result<Ending, LedgerError> {
        match voucher.map(|voucher| found.compare(voucher)) {
            Some(Likeness::Same) => {
                self.posted(hold, &found.id, Some(&found.code), Ending::AlreadySaved).await
            }
            Some(Likeness::Different(differences)) => {
                let problems = json!([{
                    "reason": "code_taken",
                    "message": "BIP holds another voucher of this code",
                    "voucher_id": found.id,
                    "differences": differences,
                }]);
                self.parked(hold, "code_taken", &problems.to_string(), Certainty::PerhapsSaved).await
            }
            Some(Likeness::Unclear) | None => {
                let words = format!(
                    "BIP holds voucher {} of this code; it cannot be compared with the document",
                    found.id
                );
                self.park_unknown(hold, &words).await
            }
        }
    }

    async fn not_looked_up(&self, hold: &Hold, error: CallError) -> Result<Ending, LedgerError> {
        warn!(document = %hold.key(), error = %error, "could not be looked up");
        let again = match error {
            CallError::Throttled { .. } | CallError::TokenInvalid { .. } => Again::Throttled,
            CallError::Misconfigured { .. } => Again::Misconfigured,
            _ => Again::Growing,
        };
        self.give_back(hold, Attempt::Uncounted, again).await
    }

    async fn posted(
        &self,
        hold: &Hold,
        id: &VoucherId,
        code: Option<&VoucherCode>,
        ending: Ending,
    ) -> Result<Ending, LedgerError> {
        if !self.queue_tellings(hold).await {
            // Booked, but its store would not be told: the same key brings the same answer, and then it is.
            let now = epoch_ms();
            let again_at = now + i64::from(AFTER_UNKNOWN_SECONDS) * 1_000;
            let reason = "booked, but what its store is told could not be queued";
            self.lasting(|| self.parts.ledger.record_unknown(hold, reason, again_at, now)).await?;
            return Ok(Ending::Again(Again::Unknown));
        }
        let now = epoch_ms();
        self.lasting(|| self.parts.ledger.record_posted(hold, id, code, now)).await?;
        if hold.key().kind() == DocumentKind::Merged {
            self.book_members(&hold.document().posted(id, code, now)).await?;
        }
        info!(document = %hold.key(), voucher_id = %id, voucher_code = code.map(VoucherCode::as_str), "posted");
        Ok(ending)
    }

    pub(crate) async fn parked(
        &self,
        hold: &Hold,
        reason: &str,
        problems: &str,
        certainty: Certainty,
    ) -> Result<Ending, LedgerError> {
        let parking = Parking { reason, problems };
        self.lasting(|| self.parts.ledger.record_parked(hold, &parking, certainty, epoch_ms())).await?;
        warn!(document = %hold.key(), reason, "parked");
        Ok(Ending::Parked)
    }

    pub(crate) async fn park_unknown(&self, hold: &Hold, words: &str) -> Result<Ending, LedgerError> {
        let problems = json!([{ "reason": "unknown_outcome", "message": words }]).to_string();
        self.parked(hold, "unknown_outcome", &problems, Certainty::PerhapsSaved).await
    }

    /// Gives a document back to the queue: this attempt certainly left nothing in BIP.
    pub(crate) async fn give_back(
        &self,
        hold: &Hold,
        attempt: Attempt,
        again: Again,
    ) -> Result<Ending, LedgerError> {
        self.lasting(|| self.parts.ledger.record_queued_again(hold, attempt, epoch_ms())).await?;
        Ok(Ending::Again(again))
    }

    /// Tries to record an outcome a few times more than the SDK does: what BIP said must not be forgotten
    /// because the ledger was away for a second. If it stays away, the same key brings the same answer later.
    pub(crate) async fn lasting<F>(&self, record: impl Fn() -> F) -> Result<(), LedgerError>
    where
        F: Future<Output = Result<(), LedgerError>>,
    {
        let mut pause = Duration::from_millis(200);
        for _ in 0..3 {
            match record().await {
                Err(error) if error.is_retryable() => {
                    warn!(error = error.name(), "the outcome is recorded again");
                    tokio::time::sleep(pause).await;
                    pause *= 3;
                }
                done => return done,
            }
        }
        record().await
    }
}
