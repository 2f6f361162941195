//! Time that passes without anybody waiting: what the ledger measures by the clock is moved back instead.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::world::{SCHEME, World, now_ms};

/// The instants of a document that are compared with the clock, milliseconds since the Unix epoch.
const INSTANTS: [&str; 4] = ["lease_until", "first_posting_at", "last_posting_at", "unknown_since"];

impl World {
    /// Ends the lease that a dead pull has left on the scheme, as time would.
    pub async fn end_lease_of_pull(&self) {
        self.end_lease("scheme").await;
    }

    /// Ends the lease that a dead closing has left on the scheme, as time would.
    pub async fn end_lease_of_closing(&self) {
        self.end_lease("close").await;
    }

    /// Makes every merged voucher look as if nobody had touched it for an hour.
    pub async fn age_parts(&self) {
        for item in self.items().await {
            let Some(key) =
                item.get("pk").filter(|key| key.as_s().is_ok_and(|key| key.starts_with("merged#")))
            else {
                continue;
            };
            let aged = self
                .stack
                .dynamodb()
                .client()
                .update_item()
                .table_name(&self.stack.tables().documents)
                .key("pk", key.clone())
                .update_expression("SET updated_at = updated_at - :hour")
                .expression_attribute_values(":hour", AttributeValue::N("3600000".to_owned()))
                .send();
            aged.await.expect("a document is aged");
        }
    }

    async fn end_lease(&self, cursor: &str) {
        let client = self.stack.dynamodb().client();
        let end = || {
            client
                .update_item()
                .table_name(&self.stack.tables().watermarks)
                .key("pk", AttributeValue::S(format!("{cursor}#{SCHEME}")))
                .key("sk", AttributeValue::S("-".to_owned()))
                .update_expression("SET lease_until = :now")
                .condition_expression("attribute_exists(lease_until)")
                .expression_attribute_values(":now", AttributeValue::N(now_ms().to_string()))
                .send()
        };
        // As often as it takes: a test may be disturbing the tables.
        self.until("the lease is ended", async || {
            use aws_sdk_dynamodb::Error;
            let ended = end().await.map_err(Error::from);
            // Without a lease it died before it took it, or after it had given it back.
            matches!(ended, Ok(_) | Err(Error::ConditionalCheckFailedException(_)))
        })
        .await;
    }

    /// Makes every document older by so much whose outcome is open: leases end, and what was sent was sent long ago.
    /// Returns how many.
    pub async fn age_open_documents(&self, by: Duration) -> usize {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let mut aged = 0;
        for item in self.items().await {
            let is_open =
                item.get("state").is_some_and(|state| state.as_s().is_ok_and(|state| state == "posting"));
            let (Some(key), true) = (item.get("pk"), is_open) else { continue };
            let mut update = self
                .stack
                .dynamodb()
                .client()
                .update_item()
                .table_name(&self.stack.tables().documents)
                .key("pk", key.clone());
            let mut changes = Vec::new();
            for name in INSTANTS {
                let instant = item.get(name).and_then(|value| value.as_n().ok()?.parse::<i64>().ok());
                if let Some(instant) = instant {
                    let earlier = AttributeValue::N((instant - by).to_string());
                    update = update.expression_attribute_values(format!(":{name}"), earlier);
                    changes.push(format!("{name} = :{name}"));
                }
            }
            let Some(fence) = item.get("fence") else { continue };
            update = update
                .update_expression(format!("SET {}", changes.join(", ")))
                .condition_expression("fence = :fence")
                .expression_attribute_values(":fence", fence.clone());
            match update.send().await.map_err(aws_sdk_dynamodb::Error::from) {
                Ok(_) => aged += 1,
                // It went on meanwhile.
                Err(aws_sdk_dynamodb::Error::ConditionalCheckFailedException(_)) => {}
                Err(problem) => panic!("a document is not aged: {problem}"),
            }
        }
        aged
    }
}
