//! The two tables and their indexes, for the embedded store and for tests; `template.yaml` says the same.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};

use crate::error::LedgerError;

/// The names of the two tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNames {
    /// Watermarks, history, pace and token.
    pub watermarks: String,
    /// Documents.
    pub documents: String,
}

/// The index of documents that need a person.
pub(crate) const ATTENTION_INDEX: &str = "attention";
/// The index of documents by scheme and business day.
pub(crate) const BY_DAY_INDEX: &str = "by_day";
/// The attribute of both tables that DynamoDB's TTL watches.
pub const TTL_ATTRIBUTE: &str = "expires_at";

fn attribute(name: &str, kind: ScalarAttributeType) -> Option<AttributeDefinition> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().ok()
}

fn keys(hash: &str, range: Option<&str>) -> Vec<KeySchemaElement> {
    let element =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().ok();
    [element(hash, KeyType::Hash), range.and_then(|range| element(range, KeyType::Range))]
        .into_iter()
        .flatten()
        .collect()
}

fn index(name: &str, hash: &str, range: &str, projected: &[&str]) -> Option<GlobalSecondaryIndex> {
    let projection = Projection::builder()
        .projection_type(ProjectionType::Include)
        .set_non_key_attributes(Some(projected.iter().map(|&name| name.to_owned()).collect()))
        .build();
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys(hash, Some(range))))
        .projection(projection)
        .build()
        .ok()
}

/// Returns the two tables, ready to be created with `send_with`.
pub fn tables(names: &TableNames) -> Vec<CreateTableInputBuilder> {
    let text = ScalarAttributeType::S;
    let watermarks = CreateTableInputBuilder::default()
        .table_name(&names.watermarks)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys("pk", Some("sk"))))
        .set_attribute_definitions(Some(
            [attribute("pk", text.clone()), attribute("sk", text.clone())].into_iter().flatten().collect(),
        ));
    let attention = ["state", "scheme", "reason", "amount"];
    let by_day = ["state", "reason", "amount", "voucher_code", "voucher_id", "updated_at"];
    let documents = CreateTableInputBuilder::default()
        .table_name(&names.documents)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys("pk", None)))
        .set_attribute_definitions(Some(
            [
                attribute("pk", text.clone()),
                attribute("scheme_day", text.clone()),
                attribute("attention", text),
                attribute("attention_at", ScalarAttributeType::N),
            ]
            .into_iter()
            .flatten()
            .collect(),
        ))
        .set_global_secondary_indexes(Some(
            [
                index(ATTENTION_INDEX, "attention", "attention_at", &attention),
                index(BY_DAY_INDEX, "scheme_day", "pk", &by_day),
            ]
            .into_iter()
            .flatten()
            .collect(),
        ));
    vec![watermarks, documents]
}

/// Creates the tables with their TTL where they are missing; existing ones are left as they are.
pub async fn create_missing(client: &Client, names: &TableNames) -> Result<(), LedgerError> {
    for (table, name) in tables(names).into_iter().zip([&names.watermarks, &names.documents]) {
        match table.send_with(client).await {
            Ok(_) => {}
            Err(error)
                if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) =>
            {
                continue;
            }
            Err(error) => return Err(LedgerError::store("create table", name, error)),
        }
        let ttl = TimeToLiveSpecification::builder().attribute_name(TTL_ATTRIBUTE).enabled(true).build();
        client
            .update_time_to_live()
            .table_name(name)
            .set_time_to_live_specification(ttl.ok())
            .send()
            .await
            .map_err(|error| LedgerError::store("set the TTL of", name, error))?;
    }
    Ok(())
}
