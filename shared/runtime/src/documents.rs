//! Documents, messages of the queue, and what the ledger keeps of them.

use dougong_config::Config;
use dougong_ledger::{Document, NewDocument};
use dougong_queue::Message;
use dougong_store::{Bill, BillKind};
use dougong_values::{BusinessDay, SchemeId};

/// Returns what a message says about its document, in the ledger's words.
pub fn new_document(message: &Message) -> NewDocument {
    NewDocument {
        key: message.key.clone(),
        scheme: message.scheme.clone(),
        version: message.version.clone(),
        modified: message.modified,
        day: message.day,
        amount: message.amount,
        source_json: message.document.clone(),
        warnings: warnings(message),
    }
}

/// Returns every tolerance that reading a store bill took, as JSON; their free texts are masked.
fn warnings(message: &Message) -> Option<String> {
    let kind = BillKind::of_document(message.key.kind())?;
    let reading = Bill::read(kind, &message.document).ok()?;
    let any = !reading.warnings.is_empty();
    any.then(|| serde_json::to_string(&reading.warnings).ok()).flatten()
}

/// Returns a document as a message once more; `None` if the ledger no longer has its text.
pub fn message_again(document: &Document) -> Option<Message> {
    Some(Message {
        scheme: document.scheme.clone(),
        key: document.key.clone(),
        version: document.version.clone(),
        modified: document.modified,
        day: document.day,
        amount: document.amount,
        document: document.source.as_ref()?.text()?,
    })
}

/// Returns the message of a store bill, for the scheme that books it. Where none does it is for
/// [`SchemeId::unassigned`], and `deliver` keeps the bill as skipped.
///
/// A bill without any date counts for the day `received`.
pub fn bill_message(config: &Config, bill: &Bill, received: BusinessDay) -> Message {
    Message {
        scheme: config.route(bill).cloned().unwrap_or_else(|_| SchemeId::unassigned()),
        key: bill.key(),
        version: bill.version(),
        modified: bill.submitted_at,
        day: bill.day().unwrap_or(received),
        amount: bill.amount_total,
        document: bill.json().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use dougong_config::{Files, NamedFile};

    use super::*;

    const RULES: &str = r#"
tenant = "demo"
wdt = { url = "https://example.cn/router/qm", sid = "demo2", target_app_key = "1" }
bip.tenant_id = "t"
[schemes.declared.source]
bill = "declare"
store_types = ["franchise"]
[schemes.declared.mapping]
payments = "ignore"
head.transaction_type = "SO"
"#;

    const TABLES: [(&str, &str); 6] = [
        ("shops.csv", "shop_no\n"),
        ("warehouses.csv", "warehouse_no\n"),
        ("goods.csv", "spec_no,product\n"),
        ("taxes.csv", "tax,tax_id,rate\n"),
        ("units.csv", "unit,unit_id\n"),
        ("stores.csv", "store,type,customer,sales_org\nM1,franchise,C1,O1\nM2,own,C2,O1\n"),
    ];

    fn config() -> Config {
        let file = |(name, text): (&str, &str)| NamedFile { name: name.to_owned(), bytes: text.into() };
        let files = Files { rules: file(("dougong.toml", RULES)), tables: TABLES.map(file).into() };
        Config::read(&files, &|_| None).unwrap()
    }

    #[test]
    fn a_bill_goes_to_the_scheme_for_its_kind_and_its_stores_type() {
        let config = config();
        let received = "2026-11-23".parse().unwrap();
        for (kind, store, scheme, key) in [
            (BillKind::Declare, "M1", "declared", "declare#BH1"),
            (BillKind::Declare, "M2", "unassigned", "declare#BH1"),
            // An unknown store is for a person to see, where its bills would be booked.
            (BillKind::Declare, "M3", "declared", "declare#BH1"),
            (BillKind::Receipt, "M1", "unassigned", "rec#BH1"),
        ] {
            let (storecode, refertime) = match kind {
                BillKind::Declare => ("storecode", r#","refertime":"2026-11-22 23:59:59""#),
                _ => ("instorecode", ""),
            };
            let json = format!(
                r#"{{"billno":"BH1","{storecode}":"{store}","dealtotal":"12.50"{refertime},"billitems":[{{"prodcode":"A","amount":1}}]}}"#
            );
            let bill = Bill::from_json(kind, &json).unwrap();
            let message = bill_message(&config, &bill, received);
            assert_eq!((message.scheme.as_str(), message.key.as_str()), (scheme, key), "{store}");
            assert_eq!((message.version, message.document), (bill.version(), json));
            let day = if refertime.is_empty() { "2026-11-23" } else { "2026-11-22" };
            assert_eq!(message.day.to_string(), day);
        }
    }
}
