//! What a row says: every field by its name, the version, and nothing personal.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its own functions included"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dougong_values::{Money, Quantity};
use dougong_wdt::{PERSONAL_FIELDS, Stockout, is_personal};

/// Every response field of the integration scheme, `list.field` for nested ones.
const SEED_RESPONSE_FIELDS: &str = include_str!("payloads/seed_response_fields.txt");

const LISTS: [&str; 2] = ["details_list", "details_list.position_list"];

/// Builds a row with every field of the scheme: fields the pipeline reads get a value it can read, all others
/// their own name.
fn whole_row() -> String {
    let known = |path: &str| match path.rsplit('.').next().unwrap_or_default() {
        "consign_time" | "modified" | "trade_time" | "pay_time" => "2024-11-11 00:02:58",
        "expire_date" => "2026-05-01 00:00:00",
        "status" | "trade_status" | "trade_type" | "refund_status" | "platform_id" | "gift_type" => "1",
        "goods_count"
        | "discount"
        | "post_amount"
        | "paid"
        | "cod_amount"
        | "num"
        | "num2"
        | "share_amount"
        | "share_post"
        | "price"
        | "sell_price"
        | "tax_rate"
        | "unit_ratio"
        | "position_goods_count" => "3.0000",
        _ => "",
    };
    let object = |prefix: &str, list: &str| {
        let mut text = String::from("{");
        for path in SEED_RESPONSE_FIELDS.lines().filter(|path| !LISTS.contains(path)) {
            if let Some(name) = path.strip_prefix(prefix).filter(|name| !name.contains('.')) {
                let value = if known(path).is_empty() { path } else { known(path) };
                let _ = write!(text, "\"{name}\":\"{value}\",");
            }
        }
        text + list + "}"
    };
    let positions = object("details_list.position_list.", "\"end\":null");
    let lines = object("details_list.", &format!("\"position_list\":[{positions}]"));
    object("", &format!("\"details_list\":[{lines}]"))
}

#[test]
fn every_response_field_of_the_scheme_is_reachable_by_its_name() {
    let stockout = Stockout::from_json(&whole_row()).unwrap();
    assert_eq!(SEED_RESPONSE_FIELDS.lines().count(), 218);
    for path in SEED_RESPONSE_FIELDS.lines() {
        let line = &stockout.details[0];
        let found = match path.strip_prefix("details_list.") {
            None => stockout.field(path),
            Some(name) => match name.strip_prefix("position_list.") {
                None => line.field(name),
                Some(name) => line.positions[0].field(name),
            },
        };
        let found = found.unwrap_or_else(|| panic!("{path} is not reachable"));
        let own = found.as_str() == path || LISTS.contains(&path);
        assert!(own || found.as_str().starts_with(|first: char| first.is_ascii_digit()), "{path}: {found}");
    }
    assert!(stockout.field("no_such_field").is_none());
}

#[test]
fn the_text_of_a_stockout_survives_the_queue() {
    let stockout = Stockout::from_json(&whole_row()).unwrap();
    let again = Stockout::from_json(stockout.json()).unwrap();
    assert_eq!(stockout, again);
    assert_eq!(stockout.version(), again.version());
}

fn row(head: &str, line: &str) -> Stockout {
    let json = format!(
        r#"{{"stockout_id":1,"consign_time":"2024-11-11 00:02:58","modified":"2024-11-11 00:03:00",{head}
        "details_list":[{{"rec_id":1,"spec_no":"A","goods_count":2,"share_amount":10.0000,{line}
        "position_list":[{{"batch_no":"B1","num":1}},{{"batch_no":"B2","num":1}}]}},
        {{"rec_id":2,"spec_no":"B","goods_count":1,"share_amount":5}}]}}"#
    );
    Stockout::from_json(&json).unwrap()
}

#[test]
fn a_version_does_not_change_when_only_the_writing_or_the_handling_does() {
    let version = row("", "").version();
    for (head, line) in [
        (r#""order_no":"CK9","stockout_no":"CK9","status":110,"trade_status":110,"#, ""),
        (r#""logistics_no":"78900","print_batch_no":"7","modified_by":"x","remark":"x","#, ""),
        (r#""post_amount":"0.0000","discount":0,"refund_status":"0","src_tids":"","receivable":null,"#, ""),
        (r#""paid":"99","customer_name":"王小明","#, ""),
        ("", r#""gift_type":"0","share_post":"0.0000","expire_date":"0000-00-00 00:00:00","batch_no":"","#),
    ] {
        assert_eq!(row(head, line).version(), version, "{head} {line}");
    }
    let strings = row("", "")
        .json()
        .replace("10.0000", "\"10\"")
        .replace("\"goods_count\":2", "\"goods_count\":\"2.0\"");
    assert_eq!(Stockout::from_json(&strings).unwrap().version(), version);
    let swapped = r#"{"details_list":[{"share_amount":"5.0000","goods_count":1,"spec_no":"B","rec_id":"2"},
        {"rec_id":"1","spec_no":"A","goods_count":2,"share_amount":10,
        "position_list":[{"batch_no":"B2","position_goods_count":1},{"batch_no":"B1","num":"1.0000"}]}],
        "consign_time":"2024-11-11 00:02:58","stockout_id":"1"}"#;
    assert_eq!(Stockout::from_json(swapped).unwrap().version(), version);
}

#[test]
fn a_version_changes_with_every_part_of_the_business() {
    let version = row("", "").version();
    for (head, line) in [
        (r#""src_order_no":"JY1","#, ""),
        (r#""trade_no":"JY1","#, ""),
        (r#""src_tids":"1,2","#, ""),
        (r#""shop_no":"TM001","#, ""),
        (r#""warehouse_no":"WH01","#, ""),
        (r#""customer_no":"KH1","#, ""),
        (r#""trade_type":1,"#, ""),
        (r#""refund_status":2,"#, ""),
        (r#""post_amount":"0.01","#, ""),
        (r#""receivable":"15","#, ""),
        (r#""discount":"0.0001","#, ""),
        ("", r#""share_post":"1","#),
        ("", r#""gift_type":1,"#),
        ("", r#""refund_status":5,"#),
        ("", r#""batch_no":"B1","#),
        ("", r#""expire_date":"2026-05-01","#),
    ] {
        assert_ne!(row(head, line).version(), version, "{head} {line}");
    }
    let json = row("", "").json().to_owned();
    for (from, to) in [
        ("\"stockout_id\":1", "\"stockout_id\":2"),
        ("00:02:58", "00:02:59"),
        ("\"rec_id\":2", "\"rec_id\":3"),
        ("\"spec_no\":\"B\"", "\"spec_no\":\"C\""),
        ("\"goods_count\":2", "\"goods_count\":3"),
        ("10.0000", "10.0001"),
        ("\"B2\",\"num\":1", "\"B2\",\"num\":2"),
        ("\"B2\"", "\"B3\""),
    ] {
        let changed = json.replace(from, to);
        assert_ne!(changed, json, "{from} is not there");
        assert_ne!(Stockout::from_json(&changed).unwrap().version(), version, "{from} → {to}");
    }
}

#[test]
fn a_version_does_not_change_with_the_release_of_dougong() {
    let payload = include_str!("payloads/wdt_direct.json");
    let start = payload.find("[\n    {").unwrap() + 1;
    let end = payload.rfind(']').unwrap();
    let stockout = Stockout::from_json(&payload[start..end]).unwrap();
    assert_eq!(stockout.version().as_str(), "557ffdcb6e00c31851571eabb1f7487e");
}

#[test]
fn absent_fields_have_the_values_their_docs_promise() {
    let json = r#"{"stockout_id":7,"details_list":[{"rec_id":1,"spec_no":"A","num":"2","share_amount":0}]}"#;
    let stockout = Stockout::from_json(json).unwrap();
    assert_eq!((stockout.post_amount, stockout.receivable), (Money::ZERO, None));
    assert!(stockout.shop_no.is_none() && stockout.consign_time.is_none() && stockout.src_tids.is_empty());
    let line = &stockout.details[0];
    let two: Quantity = "2".parse().unwrap();
    assert_eq!((line.goods_count, line.num, line.num2), (two, two, None));
    assert!(!line.is_gift() && line.positions.is_empty());
}

/// Puts a canary into every personal field at every depth, and looks for it everywhere a row can be seen.
#[tokio::test]
async fn personal_data_is_nowhere_to_be_seen() {
    let canaries: String = PERSONAL_FIELDS
        .iter()
        .fold(String::new(), |text, name| text + &format!("\"{name}\":\"canary-{name}\","));
    let line = format!(
        r#"{{{canaries}"rec_id":1,"spec_no":"A","num":1,"share_amount":1,"position_list":[{{{canaries}"num":1}}]}}"#
    );
    let nested = format!("{{{canaries}\"logistics_no\":\"1\"}}");
    let readable =
        format!(r#"{{{canaries}"stockout_id":1,"logistics_list":[{nested}],"details_list":[{line}]}}"#);
    let unreadable = format!(
        r#"{{{canaries}"modified":"canary","details_list":[{line},{canaries_end}]}}"#,
        canaries_end = "{}"
    );
    let unreadable = unreadable.replace("\"modified\":\"canary\"", "\"modified\":\"soon\"");
    let body = format!(r#"{{"code":0,"total_count":"2","stockout_list":[{readable},{unreadable}]}}"#);

    let page = dougong_wdt::read_page(body.as_bytes(), 0, &BTreeSet::new()).unwrap();
    assert!(!format!("{page:?}").contains("canary"));
    let rows = page.rows.iter().map(|row| match row {
        dougong_wdt::Row::Stockout(stockout) => stockout.json(),
        dougong_wdt::Row::Unreadable(row) => row.json.as_str(),
    });
    for json in rows {
        assert!(!json.contains("canary"), "{json}");
        assert!(json.contains("share_amount"));
    }

    let keep = BTreeSet::from(["receiver_province".to_owned()]);
    let page = dougong_wdt::read_page(body.as_bytes(), 0, &keep).unwrap();
    let dougong_wdt::Row::Stockout(stockout) = &page.rows[0] else { panic!("the row is unreadable") };
    assert_eq!(stockout.field("receiver_province").unwrap().as_str(), "canary-receiver_province");
    assert_eq!(stockout.json().matches("canary").count(), 4);
    assert!(!format!("{stockout:?}").contains("canary"));
}

#[test]
fn personal_fields_of_the_scheme_are_known() {
    let personal: Vec<&str> = SEED_RESPONSE_FIELDS.lines().filter(|name| is_personal(name)).collect();
    for name in ["receiver_name", "receiver_mobile", "id_card", "buyer_message", "cs_remark", "nick_name"] {
        assert!(personal.contains(&name), "{name}");
    }
    for name in personal {
        assert!(PERSONAL_FIELDS.contains(&name), "{name} is not listed");
    }
}
