//! What a bill says: the vendor's own examples, read with the warnings they deserve.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its own functions included")]

use dougong_store::{Bill, BillKind};

/// The one bill in an example: the object behind `items` or `billnoitems`.
fn bill_of(example: &str) -> &str {
    let list = example.find("items\": [").unwrap();
    let start = list + example[list..].find('{').unwrap();
    example[start..example.rfind(']').unwrap()].trim_end()
}

#[test]
fn an_example_of_the_vendor_is_read() {
    let example = include_str!("samples/03_PushStoreDeclareGoods_request.json");
    let bill = Bill::read(BillKind::Declare, bill_of(example)).unwrap().bill;
    assert_eq!(bill.number.as_deref(), Some("XS20161010001"));
    assert_eq!(bill.to.code.as_deref(), Some("001"));
    assert_eq!(bill.lines[0].quantity.to_string(), "1");
    assert_eq!(bill.json(), bill_of(example));
    assert_eq!(Bill::from_json(BillKind::Declare, bill.json()).unwrap().version(), bill.version());
}
