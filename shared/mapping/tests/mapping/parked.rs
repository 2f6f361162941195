//! Documents that cannot be booked: every problem at once, each with what to do.

use dougong_mapping::Problem;
use dougong_mapping::rules::{BrokenUnits, MissingBatch, Postage, ZeroQuantity};
use dougong_wdt::Stockout;

use crate::given::{mapped, rules, rules_with, shown, stockout};

fn reasons(problems: &[Problem]) -> Vec<&'static str> {
    problems.iter().map(Problem::reason).collect()
}

#[test]
fn every_problem_of_a_document_is_told_at_once() {
    let problems = mapped(rules(), &stockout("everything_wrong")).unwrap_err();
    insta::assert_snapshot!(shown(&problems));
}

#[test]
fn problems_survive_the_ledger() {
    let problems = mapped(rules(), &stockout("everything_wrong")).unwrap_err();
    let kept = serde_json::to_string(&problems).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Problem>>(&kept).unwrap(), problems);
    assert!(kept.contains(r#""reason":"unknown_shop""#), "{kept}");
}

#[test]
fn an_unknown_code_names_the_closest_ones_that_exist() {
    let problems = mapped(rules(), &stockout("everything_wrong")).unwrap_err();
    let hint = |reason| {
        let problem = problems.iter().find(|problem| problem.reason() == reason);
        problem.and_then(|problem| problem.hint.clone()).unwrap()
    };
    assert!(hint("unknown_shop").contains("`TM001`"), "{}", hint("unknown_shop"));
    assert!(hint("unknown_warehouse").contains("`WH01`"), "{}", hint("unknown_warehouse"));
    assert!(hint("unknown_goods").contains("`SKU-0001`"), "{}", hint("unknown_goods"));
}

#[test]
fn shares_and_postage_that_miss_the_receivable_by_more_than_a_cent_are_parked() {
    let sample = stockout("wdt_qimen_sample");
    for (receivable, booked) in
        [("190.0", true), ("190.01", true), ("189.99", true), ("190.02", false), ("180.0", false)]
    {
        let changed =
            sample.json().replace(r#""receivable": 190.0"#, &format!(r#""receivable": {receivable}"#));
        let mapped = mapped(rules(), &Stockout::from_json(&changed).unwrap());
        assert_eq!(mapped.is_ok(), booked, "receivable {receivable}");
        if let Err(problems) = mapped {
            assert_eq!(reasons(&problems), ["postage_mismatch"]);
        }
    }
    let silent = sample.json().replace(r#""receivable": 190.0,"#, "");
    assert!(mapped(rules(), &Stockout::from_json(&silent).unwrap()).is_ok());
}

#[test]
fn postage_that_only_gifts_could_carry_is_parked_when_it_is_to_be_spread() {
    let only_gifts = stockout("wdt_qimen_sample").json().replace("180.0", "0.0").replace("190.0", "10.0");
    let only_gifts = only_gifts.replace(r#""gift_type": 0"#, r#""gift_type": 1"#);
    let only_gifts = Stockout::from_json(&only_gifts).unwrap();
    let problems =
        mapped(rules_with(|rules| rules.postage.policy = Postage::Spread), &only_gifts).unwrap_err();
    assert_eq!(reasons(&problems), ["postage_nowhere"]);
    assert!(mapped(rules(), &only_gifts).is_ok());
}

#[test]
fn the_strict_rules_park_what_the_lenient_ones_book() {
    let boxes = stockout("batches_boxes_and_kilograms");
    let problems = mapped(rules_with(|rules| rules.lines.constants.broken_units = BrokenUnits::Park), &boxes)
        .unwrap_err();
    assert_eq!(reasons(&problems), ["bad_quantity"]);

    let gifts = stockout("gifts_free_and_priced");
    assert_eq!(reasons(&mapped(rules(), &gifts).unwrap_err()), ["priced_gift"]);
    let strict = rules_with(|rules| rules.lines.zero_quantity = ZeroQuantity::Park);
    assert_eq!(reasons(&mapped(strict, &gifts).unwrap_err()), ["priced_gift", "bad_quantity"]);

    let nameless = boxes.json().replace("LOT-", "").replace(r#""batch_no": "B""#, r#""batch_no": """#);
    let nameless = Stockout::from_json(&nameless.replace(r#""batch_no": "A""#, r#""batch_no": """#)).unwrap();
    assert_eq!(reasons(&mapped(rules(), &nameless).unwrap_err()), ["batch_missing"]);
    let order =
        mapped(rules_with(|rules| rules.lines.missing_batch = MissingBatch::Omit), &nameless).unwrap();
    assert_eq!(order.order_details[0].batch_no, None);
}

#[test]
fn a_document_without_lines_is_parked() {
    let empty = r#"{"stockout_id":1,"stockout_no":"CK1","shop_no":"TM001","warehouse_no":"WH01","consign_time":"2026-11-20 18:30:00"}"#;
    let problems = mapped(rules(), &Stockout::from_json(empty).unwrap()).unwrap_err();
    assert_eq!(reasons(&problems), ["no_lines"]);
}
