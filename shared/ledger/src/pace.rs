//! The shared pace: slots for the calls that all workers make with one credential.

use std::time::Duration;

use dougong_values::Account;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::codec::{Attributes, ItemReader, number, text};
use crate::error::LedgerError;
use crate::watermarks::SINGLE;
use crate::{EpochMs, Ledger};

/// What reserving slots came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// One instant per call, each at least an interval after the one before it, whoever got that.
    Granted(Vec<EpochMs>),
    /// Nobody may call before that instant.
    Paused {
        /// When calling may go on.
        until_ms: EpochMs,
        /// The stable name of why.
        reason: String,
    },
    /// The last of the slots would come later than the caller can wait; nothing was reserved.
    Full {
        /// When the next free slot comes.
        next_ms: EpochMs,
    },
}

/// What pausing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// Calling stopped now, or is stopped for another reason than before: whoever gets this raises the alarm.
    Begun,
    /// Calling was paused already for this reason and is so for longer now.
    Extended,
    /// Calling was paused already, for at least as long.
    Already {
        /// Until then.
        until_ms: EpochMs,
    },
}

/// How often a reservation is tried when others reserve in between. Each failure means that another
/// worker got slots, and after one of them the steady branch decides.
const TRIES: usize = 64;

fn pace_key(account: &Account) -> String {
    format!("pace#{account}")
}

/// Neither branch may pass while calling is paused.
const NOT_PAUSED: &str = "(attribute_not_exists(paused_until) OR paused_until <= :now)";

/// What the pace item said when a branch's condition failed.
#[derive(Debug, Clone, Copy)]
struct Pace {
    next_ms: Option<EpochMs>,
}

impl Ledger {
    /// Reserves `count` slots, `interval` apart, the first not before `now_ms`, the last at most `max_wait`
    /// after it. One conditional write while there is work; two after a lull.
    pub async fn reserve(
        &self,
        account: &Account,
        count: u32,
        interval: Duration,
        max_wait: Duration,
        now_ms: EpochMs,
    ) -> Result<Reservation, LedgerError> {
        let interval_ms = millis(interval);
        let span_ms = interval_ms.saturating_mul(i64::from(count));
        if count == 0 {
            return Ok(Reservation::Granted(Vec::new()));
        }
        // The first slot may come this late, so that the last one still comes in time.
        let latest_ms = now_ms.saturating_add(millis(max_wait)).saturating_sub(span_ms - interval_ms);
        let slots =
            |first_ms: EpochMs| (0..i64::from(count)).map(|slot| first_ms + slot * interval_ms).collect();
        let key = pace_key(account);
        for _ in 0..TRIES {
            let steady = self
                .pace_update(&key, format!("next_slot >= :now AND next_slot <= :latest AND {NOT_PAUSED}"))
                .update_expression("SET next_slot = next_slot + :span")
                .expression_attribute_values(":span", number(span_ms))
                .expression_attribute_values(":now", number(now_ms))
                .expression_attribute_values(":latest", number(latest_ms));
            let found = match self.try_reserve(steady, &key, now_ms).await? {
                Tried::Granted(first_ms) => return Ok(Reservation::Granted(slots(first_ms))),
                Tried::Paused(paused) => return Ok(paused),
                Tried::Failed(found) => found,
            };
            if let Some(next_ms) = found.next_ms.filter(|next_ms| *next_ms >= now_ms) {
                if next_ms > latest_ms {
                    return Ok(Reservation::Full { next_ms });
                }
                continue;
            }
            if now_ms > latest_ms {
                return Ok(Reservation::Full { next_ms: now_ms });
            }
            let idle = self
                .pace_update(
                    &key,
                    format!("(attribute_not_exists(next_slot) OR next_slot < :now) AND {NOT_PAUSED}"),
                )
                .update_expression("SET next_slot = :after")
                .expression_attribute_values(":after", number(now_ms.saturating_add(span_ms)))
                .expression_attribute_values(":now", number(now_ms));
            match self.try_reserve(idle, &key, now_ms).await? {
                Tried::Granted(_) => return Ok(Reservation::Granted(slots(now_ms))),
                Tried::Paused(paused) => return Ok(paused),
                Tried::Failed(_) => {}
            }
        }
        Err(LedgerError::Contended { operation: RESERVE, item: key })
    }

    fn pace_update(&self, key: &str, condition: String) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(key))
            .key("sk", text(SINGLE))
            .condition_expression(condition)
            .return_values(ReturnValue::UpdatedOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn try_reserve(
        &self,
        update: UpdateItemFluentBuilder,
        key: &str,
        now_ms: EpochMs,
    ) -> Result<Tried, LedgerError> {
        let error = match update.send().await {
            Ok(done) => {
                let old = done.attributes.unwrap_or_default();
                return Ok(Tried::Granted(ItemReader::new(&old).maybe("next_slot")?.unwrap_or(now_ms)));
            }
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(LedgerError::store(RESERVE, key, error));
        };
        let item = failed.item().cloned().unwrap_or_default();
        Ok(match read_pause(&item, now_ms)? {
            Some((until_ms, reason)) => Tried::Paused(Reservation::Paused { until_ms, reason }),
            None => Tried::Failed(Pace { next_ms: ItemReader::new(&item).maybe("next_slot")? }),
        })
    }

    /// Stops everybody's calls until an instant; never shortens a pause.
    pub async fn pause(
        &self,
        account: &Account,
        until_ms: EpochMs,
        reason: &str,
        now_ms: EpochMs,
    ) -> Result<Pause, LedgerError> {
        let key = pace_key(account);
        let result = self
            .pace_update(&key, "attribute_not_exists(paused_until) OR paused_until < :until".to_owned())
            .update_expression("SET paused_until = :until, paused_for = :reason")
            .expression_attribute_values(":until", number(until_ms))
            .expression_attribute_values(":reason", text(reason))
            .send()
            .await;
        match result {
            Ok(done) => {
                let old = read_pause(&done.attributes.unwrap_or_default(), now_ms)?;
                Ok(match old {
                    Some((_, before)) if before == reason => Pause::Extended,
                    _ => Pause::Begun,
                })
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let item = failed.item().cloned().unwrap_or_default();
                    let there: Option<EpochMs> = ItemReader::new(&item).maybe("paused_until")?;
                    // The very same pause is our own, whose answer was lost: the alarm must not be.
                    let own = read_pause(&item, now_ms)?
                        .is_some_and(|(until, what)| until == until_ms && what == reason);
                    Ok(if own {
                        Pause::Begun
                    } else {
                        Pause::Already { until_ms: there.unwrap_or(until_ms) }
                    })
                }
                _ => Err(LedgerError::store("pause", &key, error)),
            },
        }
    }

    /// Lets calls go on at once, as a person decides after mending what was wrong.
    pub async fn resume(&self, account: &Account) -> Result<(), LedgerError> {
        let key = pace_key(account);
        self.client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(&key))
            .key("sk", text(SINGLE))
            .update_expression("REMOVE paused_until, paused_for")
            .send()
            .await
            .map_err(|error| LedgerError::store("resume", &key, error))?;
        Ok(())
    }

    /// Reads the pause that holds now: until when, and why.
    pub async fn paused(
        &self,
        account: &Account,
        now_ms: EpochMs,
    ) -> Result<Option<(EpochMs, String)>, LedgerError> {
        let item = self.single(&pace_key(account), "read the pace of").await?;
        read_pause(&item, now_ms)
    }
}

const RESERVE: &str = "reserve a slot of";

/// What one branch of a reservation came to.
enum Tried {
    /// The slots are reserved, from there on where the item already had a next slot.
    Granted(EpochMs),
    /// Nobody may call.
    Paused(Reservation),
    /// The other branch may fit, or none.
    Failed(Pace),
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn read_pause(item: &Attributes, now_ms: EpochMs) -> Result<Option<(EpochMs, String)>, LedgerError> {
    let read = ItemReader::new(item);
    let until_ms: Option<EpochMs> = read.maybe("paused_until")?;
    match until_ms.filter(|until_ms| *until_ms > now_ms) {
        Some(until_ms) => Ok(Some((until_ms, read.maybe("paused_for")?.unwrap_or_default()))),
        None => Ok(None),
    }
}
