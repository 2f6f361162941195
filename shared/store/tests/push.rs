//! What comes in: pushes of every shape, and the answer each deserves.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, its own functions included"
)]

use dougong_store::{
    Answer, Bill, BillKind, Encoding, LARGEST_PUSH, Push, PushError, WarningName, read_push,
};
use dougong_values::DocumentKey;
use proptest::prelude::*;

const DECLARED: &str = include_str!("samples/03_PushStoreDeclareGoods_request.json");
const RECEIVED: &str = include_str!("samples/09_PushRECBill_request.json");
const RETURNED: &str = include_str!("samples/13_PushREQBill_request.json");

fn read(text: &str) -> Push {
    read_push(text.as_bytes(), Encoding::Utf8).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn push(rest: &str) -> String {
    format!(r#"{{"cmd":"PushRECBill","seq":"s-1",{rest}}}"#)
}

const BILL: &str = r#"{"billno":"CY1","instorecode":"S1","billitems":[{"prodcode":"A","amount":2}]}"#;

fn warned(push: &Push, name: WarningName) -> bool {
    push.rows.iter().flatten().all(|row| row.warnings.iter().any(|warning| warning.name == name))
}

#[test]
fn the_pushes_of_the_vendor_and_their_twins_bring_the_same_bills() {
    for (kind, command, example, twin) in [
        (
            BillKind::Declare,
            "PushStoreDeclareGoods",
            DECLARED,
            include_str!("samples/tables/03_PushStoreDeclareGoods_request.json"),
        ),
        (
            BillKind::Receipt,
            "PushRECBill",
            RECEIVED,
            include_str!("samples/tables/09_PushRECBill_request.json"),
        ),
        (
            BillKind::Return,
            "PushREQBill",
            RETURNED,
            include_str!("samples/tables/13_PushREQBill_request.json"),
        ),
    ] {
        let (example, twin) = (read(example), read(twin));
        assert_eq!((example.kind, example.command.as_str()), (kind, command));
        assert_eq!(example.seq.as_ref().unwrap().text(), "eb46ce74-dffa-4108-87bc-4809144ca33c");
        let version = |push: &Push| push.rows[0].as_ref().unwrap().bill.version();
        assert_eq!((example.rows.len(), version(&example)), (1, version(&twin)));
    }
}

#[test]
fn a_pulled_bill_is_the_same_as_the_pushed_one() {
    for (kind, pushed, pulled) in [
        (BillKind::Declare, DECLARED, include_str!("samples/06_DownloadStoreDeclareGoodsByBatch_reply.json")),
        (BillKind::Receipt, RECEIVED, include_str!("samples/12_DownloadRECBill_reply.json")),
        // This one has second units where its push has none.
        (BillKind::Return, RETURNED, include_str!("samples/16_DownloadREQBill_reply.json")),
    ] {
        let bill = &pulled[pulled.find('[').unwrap() + 1..pulled.rfind(']').unwrap()];
        let pulled = Bill::read(kind, bill).unwrap().bill;
        assert_eq!(read(pushed).rows[0].as_ref().unwrap().bill.version(), pulled.version());
    }
}

#[test]
fn one_bill_that_cannot_be_read_leaves_its_neighbours_whole() {
    let push = read(&push(&format!(r#""items":[{BILL},{{"billno":"CY2"}},7,{BILL}]"#)));
    let readable: Vec<bool> = push.rows.iter().map(Result::is_ok).collect();
    assert_eq!(readable, [true, false, false, true]);
    let row = push.rows[1].as_ref().unwrap_err();
    assert_eq!((row.json.as_str(), row.error.number.as_deref()), (r#"{"billno":"CY2"}"#, Some("CY2")));
    let key = row.error.key.as_ref().map(DocumentKey::as_str);
    assert_eq!(key, Some("rec#CY2"), "the corrected bill is the same document");
    assert_eq!(push.rows[0].as_ref().unwrap().bill.json(), BILL);
}

#[test]
fn a_list_is_a_list_whichever_way_it_was_written() {
    let text = serde_json::to_string(&format!("[{BILL}]")).unwrap();
    for (items, name) in [
        (format!(r#""items":{BILL}"#), WarningName::OneForList),
        (format!(r#""items":{text}"#), WarningName::ListInText),
        (format!(r#""items":[[{BILL}]]"#), WarningName::NestedList),
        (format!(r#""billnoitems":[{BILL}]"#), WarningName::OtherName),
        (format!(r#""ITEMS":[{BILL}]"#), WarningName::OtherName),
        (BILL[1..BILL.len() - 1].to_owned(), WarningName::OneForList),
    ] {
        let push = read(&push(&items));
        let bill = &push.rows[0].as_ref().unwrap().bill;
        assert_eq!(bill.version(), Bill::from_json(BillKind::Receipt, BILL).unwrap().version(), "{items}");
        assert!(warned(&push, name), "{items}: {:?}", push.rows);
    }
    for nothing in ["null", "\"\"", "[]"] {
        assert_eq!(read(&push(&format!(r#""items":{nothing}"#))).rows.len(), 0);
    }
    let twice = read(&push(&format!(r#""items":[{BILL}],"items":[{BILL},{BILL}]"#)));
    assert_eq!(twice.rows.len(), 3, "a list that came twice loses nothing");
    assert!(warned(&twice, WarningName::DuplicateKey));
}

#[test]
fn what_is_no_push_is_answered_by_what_is_wrong_with_it() {
    let answer = |body: &[u8]| {
        let error = read_push(body, Encoding::Utf8).unwrap_err();
        (error.name(), error.answer(), error.seq().map(|seq| seq.as_json().to_owned()))
    };
    assert_eq!(answer(b""), ("push_malformed", Answer::Malformed, None));
    assert_eq!(answer(b"[]"), ("push_malformed", Answer::Malformed, None));
    assert_eq!(answer(br#"{"cmd":"PushRECBill","items":["#), ("push_malformed", Answer::Malformed, None));
    assert_eq!(answer(b"\xff\xfe"), ("push_encoding", Answer::Malformed, None));
    assert_eq!(answer(br#"{"seq":7}"#), ("push_without_cmd", Answer::Malformed, Some("7".to_owned())));
    assert_eq!(
        answer(br#"{"seq":"a","cmd":"CaptureSaleOrderBill","items":{"scanno":"1"}}"#),
        ("push_unknown_cmd", Answer::UnknownCommand, Some("\"a\"".to_owned()))
    );
    for items in ["\"x\":1", "\"items\":5", "\"items\":true", "\"items\":\"text\""] {
        let expected = ("push_without_bills", Answer::Malformed, Some("\"s-1\"".to_owned()));
        assert_eq!(answer(push(items).as_bytes()), expected, "{items}");
    }
    let bomb = push(&format!("\"items\":[{}1]", "1,".repeat(400_000)));
    assert_eq!(answer(bomb.as_bytes()).0, "push_without_bills");
    assert_eq!(answer(&vec![b' '; LARGEST_PUSH + 1]).0, "push_too_large");
    assert_eq!(answer("[".repeat(LARGEST_PUSH).as_bytes()).0, "push_malformed");
    assert_eq!(answer("{\"a\":".repeat(200_000).as_bytes()).0, "push_malformed");
}

#[test]
fn an_error_shows_nothing_of_what_was_sent_but_the_command() {
    let body = r#"{"cmd":"Pay","seq":"s","creator":"张三","items":"#;
    let error = read_push(body.as_bytes(), Encoding::Utf8).unwrap_err();
    assert!(!error.to_string().contains("张三"), "{error}");
}

#[test]
fn byte_order_marks_and_by_setting_gbk_are_read() {
    let text = push(&format!(r#""items":[{}]"#, BILL.replace("S1", "门店一")));
    let marked = read_push(&[b"\xef\xbb\xbf", text.as_bytes()].concat(), Encoding::Utf8).unwrap();
    assert!(warned(&marked, WarningName::ByteOrderMark));

    let (gbk, _, _) = encoding_rs::GBK.encode(&text);
    assert_eq!(read_push(&gbk, Encoding::Utf8), Err(PushError::Encoding));
    let read = read_push(&gbk, Encoding::Utf8OrGbk).unwrap();
    assert!(warned(&read, WarningName::OtherEncoding));
    let bill = &read.rows[0].as_ref().unwrap().bill;
    assert_eq!(bill.to.code.as_deref(), Some("门店一"));
    assert_eq!(bill.version(), marked.rows[0].as_ref().unwrap().bill.version());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn no_bytes_crash_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_push(&bytes, Encoding::Utf8OrGbk);
    }

    #[test]
    fn no_text_of_json_crashes_the_reader(text in r#"[\[\]{}",:\\a-d0-9.eE\-+ \n]{0,200}"#) {
        let _ = read_push(push(&text).as_bytes(), Encoding::Utf8);
        for kind in BillKind::ALL {
            let _ = Bill::read(kind, &text);
            let _ = Bill::read(kind, &format!(r#"{{"billno":"1","billitems":[{{"prodcode":{text}}}]}}"#));
        }
    }
}
