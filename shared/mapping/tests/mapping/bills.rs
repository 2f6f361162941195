//! Store bills, as they leave for BIP, and what a store is told about a stockout.

use std::sync::LazyLock;

use dougong_bip::{Voucher, VoucherKind};
use dougong_mapping::bill_rules::{
    BillCode, BillTime, FreeGoods, Negative, PaymentsRule, Totals, UnknownUnit,
};
use dougong_mapping::{BillMapping, BillRules, Identity, MappedBill, Mapping, Problem, Reason, Telling};
use dougong_store::{Bill, BillKind};
use dougong_values::{DocumentKey, Money, SchemeId, TenantId};
use proptest::prelude::*;

use crate::given::{rules_with, shown, stockout, tables};

fn rules(kind: BillKind) -> BillRules {
    let mut rules = BillRules::of(kind);
    rules.head.constants.transaction_type = Some("SO023".to_owned());
    rules.head.memo = Some("{store_name} {billno} {source_no} {payments}".parse().unwrap());
    rules.lines.memo = Some("{line_id} {product_code} {remark}".parse().unwrap());
    rules
}

fn rules_of(kind: BillKind, change: impl FnOnce(&mut BillRules)) -> BillRules {
    let mut rules = rules(kind);
    change(&mut rules);
    rules
}

fn mapping(rules: BillRules) -> BillMapping {
    BillMapping::new(rules, tables()).unwrap()
}

fn map_by(mapping: &BillMapping, bill: &Bill) -> Result<MappedBill, Vec<Problem>> {
    let tenant: TenantId = "demo".parse().unwrap();
    let scheme: SchemeId = "store".parse().unwrap();
    mapping.map(bill, &Identity { tenant: &tenant, scheme: &scheme, key: &bill.key() })
}

fn mapped(rules: BillRules, json: &str) -> Result<MappedBill, Vec<Problem>> {
    let kind = rules.kind;
    map_by(&mapping(rules), &Bill::from_json(kind, json).unwrap())
}

/// The wire text, with exact decimals, indented for the eye.
fn wire(mapped: &MappedBill) -> String {
    match &mapped.voucher {
        Voucher::Order(order) => serde_json::to_string_pretty(order).unwrap(),
        Voucher::Return(sale_return) => serde_json::to_string_pretty(sale_return).unwrap(),
    }
}

const DECLARED: &str = r#"{"billno":"BH1","rdate":"2026-11-20","billingdate":"2026-11-20 09:00:00","refertime":"2026-11-20 09:05:00",
  "deliverywhcode":"WHCODE","deliverywhname":"华东仓","storeuid":38503,"storecode":"0201","storename":"加盟店","amounttotal":15,"dealtotal":100.01,"remarks":"急",
  "billitems":[
    {"prodcode":"SKU-0001","prodname":"一","unit":"件","dealpri":"3.3333","amount":3,"trademoney":"9.9999"},
    {"prodcode":"LJC-2","prodname":"二","unit":"PCS","amount":"6","dealpri":5,"trademoney":30.0067,"remark":"少送一件"},
    {"prodcode":"SKU-BOX","prodname":"箱","unit":"箱","amount":1,"dealpri":60,"trademoney":60.0034},
    {"produid":20001,"prodname":"一","amount":1,"dealpri":0,"trademoney":0}],
  "payitems":[{"paycode":"301","payname":"支付宝","paymoney":"88.01"},{"paycode":"9","payname":"现金","paymoney":12}]}"#;

#[test]
fn declared_goods_become_a_sales_order_with_the_store_as_customer() {
    insta::assert_snapshot!(wire(&mapped(rules(BillKind::Declare), DECLARED).unwrap()));
}

#[test]
fn receiving_differences_become_a_sale_return() {
    let json = r#"{"billno":"SC1","rdate":"2026-11-20","refertime":"2026-11-20 10:00:00","outstoreuid":1002,"outstorecode":"WH02","instorecode":"0201","instorename":"加盟店",
        "stobillno":"FHD1","dealtotal":"20","billitems":[{"prodcode":"SKU-0001","unit":"件","amount":2,"dealpri":10,"trademoney":20,"remark":"少送"}]}"#;
    insta::assert_snapshot!(wire(&mapped(rules(BillKind::Receipt), json).unwrap()));
}

#[test]
fn returns_become_a_sale_return_and_may_carry_a_code_of_their_own() {
    let json = r#"{"billno":"TC1","rdate":"2026-11-20","outstorecode":"WHCODE","instorecode":"0101","billitems":[{"prodcode":"SKU-BATCH","amount":2,"dealpri":"0.005"}]}"#;
    let rules = rules_of(BillKind::Return, |rules| {
        rules.head.code_prefix = "TC-".to_owned();
        rules.payments = PaymentsRule::Ignore;
    });
    insta::assert_snapshot!(wire(&mapped(rules, json).unwrap()));
}

#[test]
fn a_transferring_order_becomes_a_sales_order_by_ids_alone() {
    let json = r#"{"billno":"ZFH1","buid":7001,"rdate":"2026-11-20","cdate":"2026-11-20 12:00:00","tnum":2,"shopid":38485,"shopname":"湖滨店","storeid":1001,"storename":"华东仓",
        "billnoproductsitems":[{"ibiuid":1,"produid":20056,"prodname":"箱","unit":"件","amount":12,"dealpri":"1.005","trademoney":"12.06"}]}"#;
    insta::assert_snapshot!(wire(&mapped(rules(BillKind::Outbound), json).unwrap()));
}

#[test]
fn a_sale_takes_from_the_stores_own_stock_under_a_code_of_its_own() {
    insta::assert_snapshot!(wire(&mapped(rules(BillKind::Sale), SOLD).unwrap()));
}

const SOLD: &str = r#"{"billno":"XS1","rdate":"2026-11-20","cdate":"2026-11-20 20:01:02","shopid":38485,"shopname":"湖滨店","dealtotal":"19.8",
    "billnoproductsitems":[{"ibiuid":9,"produid":20001,"unit":"件","amount":2,"dealpri":"9.9","trademoney":"19.8"}],
    "billnoPayitems":[{"paycode":1,"payname":"现金","paymoney":"19.80"}]}"#;

#[test]
fn a_refund_at_the_till_becomes_the_opposite_voucher_where_the_rule_says_so() {
    let refunded = SOLD.replace(r#""amount":2"#, r#""amount":-2"#).replace("19.8", "-19.8");
    let opposite = rules_of(BillKind::Sale, |rules| rules.negative = Negative::Opposite);
    let sale = mapped(opposite.clone(), SOLD).unwrap().voucher;
    let refund = mapped(opposite.clone(), &refunded).unwrap().voucher;
    assert_eq!((sale.kind(), refund.kind()), (VoucherKind::Order, VoucherKind::Return));
    assert_eq!((sale.total(), refund.total()), ("19.8".parse().unwrap(), "19.8".parse().unwrap()));

    let problems = mapped(rules(BillKind::Sale), &refunded).unwrap_err();
    assert!(problems.iter().all(|problem| problem.reason == Reason::BadQuantity), "{}", shown(&problems));
    let both = refunded.replace(
        r#""billnoproductsitems":["#,
        r#""billnoproductsitems":[{"ibiuid":8,"produid":20001,"amount":1,"trademoney":1},"#,
    );
    assert!(mapped(opposite, &both).is_err(), "goods of both directions were booked");
}

#[test]
fn everything_wrong_with_a_bill_is_told_at_once() {
    let json = r#"{"billno":"BH2","deliverywhcode":"WHCODF","storecode":"0210","dealtotal":1,"billitems":[
        {"prodcode":"SKU-0O01","amount":1,"trademoney":1},
        {"extproduid":"NO","amount":1,"trademoney":1},
        {"prodcode":"SKU-0001","unit":"打","amount":1,"trademoney":1},
        {"prodcode":"SKU-0001","amount":"1.5","trademoney":1},
        {"prodcode":"SKU-0001","amount":-1,"trademoney":-1},
        {"prodcode":"SKU-0001","amount":1,"trademoney":-1}],
      "payitems":[{"paycode":"303","payname":"支付","paymoney":1}]}"#;
    let strict = rules_of(BillKind::Declare, |rules| {
        rules.totals = Totals::Park;
        rules.head.voucher_date = BillTime::SubmittedAt;
    });
    insta::assert_snapshot!(shown(&mapped(strict, json).unwrap_err()));
}

#[test]
fn what_does_not_add_up_is_a_warning_or_parks_the_bill() {
    let odd = DECLARED.replace("100.01", "100.02");
    let warned = mapped(rules(BillKind::Declare), &odd).unwrap();
    assert_eq!(warned.voucher.total(), "100.01".parse().unwrap(), "the lines count");
    assert!(warned.warnings.iter().any(|warning| warning.path == "dealtotal"), "{:?}", warned.warnings);
    let parked = mapped(rules_of(BillKind::Declare, |rules| rules.totals = Totals::Park), &odd).unwrap_err();
    assert!(
        parked.iter().any(|problem| problem.reason == Reason::TotalMismatch && problem.source == "dealtotal")
    );
}

#[test]
fn rules_decide_about_free_goods_unknown_units_codes_and_stores() {
    let kinds = |free| {
        let rules = rules_of(BillKind::Declare, |rules| rules.lines.free = free);
        let Voucher::Order(order) = mapped(rules, DECLARED).ok()?.voucher else { return None };
        Some(format!("{:?}", order.order_details[3].order_product_type))
    };
    assert_eq!(kinds(FreeGoods::Sale).as_deref(), Some("Sale"));
    assert_eq!(kinds(FreeGoods::Gift).as_deref(), Some("Gift"));
    assert_eq!(kinds(FreeGoods::Park), None);

    let dozen = DECLARED.replace(r#""unit":"件""#, r#""unit":"打""#);
    assert!(mapped(rules(BillKind::Declare), &dozen).is_err());
    assert!(
        mapped(rules_of(BillKind::Declare, |rules| rules.lines.unknown_unit = UnknownUnit::Main), &dozen)
            .is_ok()
    );

    let code = |code| {
        let mapped = mapped(rules_of(BillKind::Sale, |rules| rules.head.code = code), SOLD).unwrap();
        mapped.voucher.code().map(|code| code.as_str().to_owned())
    };
    assert_eq!(code(BillCode::BillNo).as_deref(), Some("XS1"));
    assert_eq!(code(BillCode::Key).as_deref(), Some("38485-2026-11-20-XS1"));
    assert_eq!(code(BillCode::Automatic), None);

    let excluded = |json: &str| {
        let bill = Bill::from_json(BillKind::Sale, json).unwrap();
        mapping(rules(BillKind::Sale)).excluded(&bill).map(|exclusion| exclusion.reason)
    };
    assert_eq!(excluded(SOLD), None);
    assert_eq!(excluded(&SOLD.replace("38485", "38503")), Some("store_not_booked"));
    assert_eq!(excluded(&SOLD.replace("38485", "1")), None, "an unknown store is for a person to see");
}

#[test]
fn bills_need_their_tables() {
    let read = |shops: &str| {
        let files = ["warehouses.csv", "goods.csv", "taxes.csv", "units.csv"].map(|name| {
            (name, std::fs::read(format!("{}/tests/tables/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap())
        });
        let mut files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        files.push(("shops.csv", shops.as_bytes()));
        dougong_mapping::Tables::read(&files)
    };
    let problems = read("shop_no,customer,sales_org,transaction_type,store\nTM001,C,O,S,0201\n").unwrap_err();
    assert!(problems.iter().any(|problem| problem.message.contains("`store` is `0201`")), "{problems:?}");
    let shops = "shop_no,customer,sales_org,transaction_type\nTM001,C,O,S\n";
    let tables = std::sync::Arc::new(read(shops).unwrap());
    let problems: Vec<String> = BillMapping::new(BillRules::of(BillKind::Sale), tables)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
}

static DECLARE: LazyLock<BillMapping> = LazyLock::new(|| mapping(rules(BillKind::Declare)));
static RETURN: LazyLock<BillMapping> = LazyLock::new(|| mapping(rules(BillKind::Return)));

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// `map` runs `bip::check` itself: a voucher that comes out keeps every identity.
    #[test]
    fn what_is_booked_is_the_rounded_sum_of_the_lines(
        lines in prop::collection::vec((0..4_usize, 1..2_000_i64, 0..9_999_999_999_i64), 1..24),
    ) {
        let goods = ["SKU-0001", "LJC-2", "SKU-BOX", "SKU-KG"];
        let texts: Vec<String> = lines
            .iter()
            .map(|(which, count, amount)| {
                let amount = format!("{}.{:04}", amount / 10_000, amount % 10_000);
                format!(r#"{{"prodcode":"{}","amount":{count},"trademoney":{amount}}}"#, goods[*which])
            })
            .collect();
        let owed = lines.iter().map(|(_, _, amount)| amount).sum::<i64>();
        let owed: Money = format!("{}.{:04}", owed / 10_000, owed % 10_000).parse().unwrap();
        for (kind, mapping, names) in [
            (BillKind::Declare, &*DECLARE, ("deliverywhcode", "storecode")),
            (BillKind::Return, &*RETURN, ("outstorecode", "instorecode")),
        ] {
            let json = format!(
                r#"{{"billno":"1","rdate":"2026-11-20","{}":"WH02","{}":"0101","billitems":[{}]}}"#,
                names.0, names.1, texts.join(",")
            );
            let booked = map_by(mapping, &Bill::from_json(kind, &json).unwrap());
            prop_assert!(booked.is_ok(), "{:?}", booked);
            prop_assert_eq!(booked.unwrap().voucher.total(), owed.rounded(Money::CENTS));
        }
    }
}

fn telling_rules() -> Mapping {
    let rules = rules_with(|rules| rules.announce.transfer_prefix = Some("ZFH".to_owned()));
    Mapping::new(rules, tables()).unwrap()
}

/// The stockout of seven lines, sent to the store of JD001, fulfilling what `tids` names.
fn to_a_store(tids: &str) -> dougong_wdt::Stockout {
    let json = r#"{"stockout_id":8,"stockout_no":"CK8","shop_no":"JD001","warehouse_no":"WH01","warehouse_name":"华东仓","consign_time":"2026-11-20 18:30:00","src_tids":"TIDS","details_list":[
        {"rec_id":1,"spec_no":"SKU-0001","goods_name":"一","goods_count":"3","share_amount":"9.9999"},
        {"rec_id":2,"spec_no":"SKU-BOX","goods_name":"箱","goods_count":"14","share_amount":"70.0000"}]}"#;
    dougong_wdt::Stockout::from_json(&json.replace("TIDS", tids)).unwrap()
}

#[test]
fn a_store_is_told_what_is_coming_and_for_which_request() {
    let mapping = telling_rules();
    assert_eq!(mapping.telling(&stockout("wdt_qimen_sample")), None, "the shop ships to no store");
    let shipped = to_a_store("BH1,BH2");
    let Some(Telling::Delivery { request_no }) = mapping.telling(&shipped) else { panic!("{shipped:?}") };
    assert_eq!(request_no.as_deref(), Some("BH1"));
    let key: DocumentKey = "announce#demo2#8".parse().unwrap();
    let delivery = mapping.delivery(&shipped, &key, request_no).unwrap();
    insta::assert_debug_snapshot!(delivery);

    let bill = |amount: &str| {
        let json = format!(
            r#"{{"billno":"FHD1","buid":5,"rdate":"2026-11-20","shopid":38503,"storeid":1001,"dealtotal":"80.00","billnoproductsitems":[
            {{"ibiuid":1,"produid":20056,"unit":"箱","amount":"{amount}"}},{{"ibiuid":2,"produid":20056,"unit":"件","amount":2}},{{"ibiuid":3,"produid":20001,"amount":3}}]}}"#
        );
        Bill::from_json(BillKind::Outbound, &json).unwrap()
    };
    let (tables, content) = (tables(), tables().content_of_delivery(&delivery).unwrap());
    let same = |amount: &str| tables.content_of_bill(&bill(amount)) == Some(content.clone());
    assert!(same("2"), "two boxes of six and two pieces are fourteen");
    assert!(!same("3"));
}

#[test]
fn shipped_quantities_are_written_back_line_by_line() {
    let mapping = telling_rules();
    let shipped = to_a_store("ZFH1");
    assert_eq!(mapping.telling(&shipped), Some(Telling::Shipped { number: "ZFH1".to_owned() }));
    let order = r#"{"billno":"ZFH1","buid":7001,"billnoproductsitems":[
        {"ibiuid":1,"produid":20056,"prodname":"箱","unit":"箱","amount":1},{"ibiuid":2,"produid":20056,"prodname":"箱","unit":"件","amount":10},
        {"ibiuid":3,"produid":20001,"prodname":"一","unit":"件","amount":2},{"ibiuid":4,"produid":20002,"prodname":"二","unit":"件","amount":5}]}"#;
    let order = Bill::from_json(BillKind::Outbound, order).unwrap();
    let shipment = mapping.shipment(&shipped, &order).unwrap();
    let shown: Vec<String> = shipment
        .lines
        .iter()
        .map(|line| format!("{}: {} of {}", line.id, line.shipped, line.ordered))
        .collect();
    assert_eq!(shown, ["1: 1 of 1", "2: 8 of 10", "3: 3 of 2", "4: 0 of 5"]);
    assert_eq!((shipment.buid.as_str(), shipment.creator.as_str()), ("7001", "dougong"));

    let other = order.json().replace("20001", "20002");
    let problems =
        mapping.shipment(&shipped, &Bill::from_json(BillKind::Outbound, &other).unwrap()).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].reason, problems[0].value.as_str()), (Reason::UnknownGoods, "SKU-0001"));
}
