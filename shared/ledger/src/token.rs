//! BIP's access token, sealed by its user and shared by all workers.

use std::fmt;

use dougong_values::RunId;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;

use crate::codec::{Attributes, ItemReader, bytes, number, text};
use crate::error::LedgerError;
use crate::watermarks::SINGLE;
use crate::{EpochMs, Ledger};

/// A token as the ledger keeps it: encrypted by whoever stored it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken {
    /// The sealed bytes.
    pub bytes: Vec<u8>,
    /// When the token inside expires.
    pub expires_at_ms: EpochMs,
}

impl fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedToken({} bytes, expires at {})", self.bytes.len(), self.expires_at_ms)
    }
}

/// What storing a token came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is the shared one now.
    Done,
    /// Another worker stored one first: use that.
    Other(SealedToken),
}

/// What asking for the right to refresh came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshLock {
    /// It is this worker's turn.
    Mine,
    /// Another worker is at it; its token will be there, or its turn over, at that instant.
    Other {
        /// When its turn ends.
        until_ms: EpochMs,
    },
}

const KEY: &str = "token#bip";

fn read_token(item: &Attributes) -> Result<Option<SealedToken>, LedgerError> {
    let read = ItemReader::new(item);
    match read.maybe_bytes("sealed")? {
        Some(sealed) => Ok(Some(SealedToken {
            bytes: sealed.to_vec(),
            expires_at_ms: read.required("token_expires_at")?,
        })),
        None => Ok(None),
    }
}

impl Ledger {
    /// Reads the shared token, strongly consistent.
    pub async fn load_token(&self) -> Result<Option<SealedToken>, LedgerError> {
        read_token(&self.single(KEY, "load").await?)
    }

    /// Stores a fresh token in place of the one it was refreshed from (`None`: there was none), and ends
    /// the refresh lock.
    pub async fn store_token(
        &self,
        token: &SealedToken,
        expected_old: Option<&SealedToken>,
    ) -> Result<Stored, LedgerError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(KEY))
            .key("sk", text(SINGLE))
            .update_expression(
                "SET sealed = :sealed, token_expires_at = :expires REMOVE refresh_owner, refresh_until",
            )
            .expression_attribute_values(":sealed", bytes(&token.bytes))
            .expression_attribute_values(":expires", number(token.expires_at_ms))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match expected_old {
            Some(old) => update
                .condition_expression("sealed = :old")
                .expression_attribute_values(":old", bytes(&old.bytes)),
            None => update.condition_expression("attribute_not_exists(sealed)"),
        };
        let Err(error) = update.send().await else {
            return Ok(Stored::Done);
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(LedgerError::store("store", KEY, error));
        };
        match failed.item().map(read_token).transpose()?.flatten() {
            Some(there) if there == *token => Ok(Stored::Done),
            Some(there) => Ok(Stored::Other(there)),
            None => Err(LedgerError::Contended { operation: "store", item: KEY.to_owned() }),
        }
    }

    /// Asks for the right to refresh the token until an instant: single flight across all workers.
    pub async fn lock_token_refresh(
        &self,
        owner: &RunId,
        until_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<RefreshLock, LedgerError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(KEY))
            .key("sk", text(SINGLE))
            .update_expression("SET refresh_owner = :owner, refresh_until = :until")
            .condition_expression(
                "attribute_not_exists(refresh_until) OR refresh_until <= :now OR refresh_owner = :owner",
            )
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", number(until_ms))
            .expression_attribute_values(":now", number(now_ms))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = result else {
            return Ok(RefreshLock::Mine);
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(LedgerError::store("lock", KEY, error));
        };
        let item = failed.item().cloned().unwrap_or_default();
        let until_ms = ItemReader::new(&item).maybe("refresh_until")?.unwrap_or(now_ms);
        Ok(RefreshLock::Other { until_ms })
    }
}
