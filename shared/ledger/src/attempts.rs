//! How often something may be tried: counted for everybody together, in windows of time.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use crate::codec::{number, text};
use crate::error::LedgerError;
use crate::watermarks::SINGLE;
use crate::{EpochMs, Ledger};

impl Ledger {
    /// Counts one more try of `name` in the window that holds `now_ms`; `false` if there were `most` in it already. One
    /// conditional write, so that it holds however many functions count.
    pub async fn try_again(
        &self,
        name: &str,
        most: u32,
        window_ms: EpochMs,
        now_ms: EpochMs,
    ) -> Result<bool, LedgerError> {
        let window = now_ms.div_euclid(window_ms);
        let key = format!("tries#{name}#{window}");
        let over = (window + 1).saturating_mul(window_ms).div_euclid(1000) + 1;
        let counted = self
            .client
            .update_item()
            .table_name(&self.tables.watermarks)
            .key("pk", text(&key))
            .key("sk", text(SINGLE))
            .update_expression("ADD tries :one SET expires_at = :over")
            .condition_expression("attribute_not_exists(tries) OR tries < :most")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":over", number(over))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(LedgerError::store("count tries of", &key, error)),
            },
        }
    }
}
