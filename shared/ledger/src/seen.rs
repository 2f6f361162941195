//! What was accepted once and must not be accepted again: the signatures of requests, while they are fresh.

use aws_sdk_dynamodb::operation::put_item::PutItemError;

use crate::codec::{ItemReader, ItemWriter};
use crate::error::LedgerError;
use crate::schema::TTL_ATTRIBUTE;
use crate::watermarks::SINGLE;
use crate::{EpochMs, Ledger};

fn seen_key(name: &str) -> String {
    format!("seen#{name}")
}

impl Ledger {
    /// Tells whether `name` was remembered and is not over yet, strongly consistent.
    pub async fn is_seen(&self, name: &str, now_ms: EpochMs) -> Result<bool, LedgerError> {
        let item = self.single(&seen_key(name), "look up").await?;
        let until: Option<i64> = ItemReader::new(&item).maybe(TTL_ATTRIBUTE)?;
        Ok(until.is_some_and(|seconds| seconds > now_ms.div_euclid(1000)))
    }

    /// Remembers `name` until an instant; `false` if it is remembered already. Call it when the work is done,
    /// not before: what failed must be free to come again.
    pub async fn remember_seen(
        &self,
        name: &str,
        until_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<bool, LedgerError> {
        let key = seen_key(name);
        // The second it ends in still counts.
        let until = until_ms.div_euclid(1000) + 1;
        let item = ItemWriter::default().text("pk", &key).text("sk", SINGLE).number(TTL_ATTRIBUTE, until);
        let written = self
            .client
            .put_item()
            .table_name(&self.tables.watermarks)
            .set_item(Some(item.finish()))
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", crate::codec::number(now_ms.div_euclid(1000)))
            .send()
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(LedgerError::store("remember", &key, error)),
            },
        }
    }
}
