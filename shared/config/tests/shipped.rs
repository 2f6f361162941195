//! The shipped `config/` is complete, and what it says is what happens.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use dougong_bip::ProductType;
use dougong_config::{Config, OnChange, WdtChannel};
use dougong_mapping::Identity;
use dougong_values::{DocumentKey, SchemeId};
use dougong_wdt::Stockout;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

fn load(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let env = |name: &str| variables.get(name).map(|&value| value.to_owned());
    Config::load(&folder(), &env).map_err(|errors| errors.to_string())
}

const NEEDED: [(&str, &str); 5] = [
    ("DOUGONG_TENANT", "demo"),
    ("DOUGONG_WDT_URL", "https://hu3cgwt0tc.api.taobao.com/router/qm"),
    ("DOUGONG_WDT_SID", "demo2"),
    ("DOUGONG_WDT_TARGET_APP_KEY", "21363512"),
    ("DOUGONG_BIP_TENANT_ID", "abcd1234"),
];

fn scheme_id() -> SchemeId {
    "online-sales".parse().unwrap()
}

fn shop_of(shop: &str, lines: &str, head: &str) -> Stockout {
    Stockout::from_json(&format!(
        r#"{{"stockout_id":80012345,"stockout_no":"CK1","shop_no":"{shop}","warehouse_no":"WH01","status":110,"trade_type":1,"consign_time":"2026-11-20 18:30:00",{head}"details_list":[{lines}]}}"#
    ))
    .unwrap()
}

fn book(config: &Config, stockout: &Stockout) -> dougong_bip::Order {
    let scheme = scheme_id();
    let key = DocumentKey::stockout(config.wdt.sid(), &stockout.stockout_id);
    let identity = Identity { tenant: &config.tenant, scheme: &scheme, key: &key };
    config.schemes[&scheme].mapping.map(stockout, &identity).unwrap()
}

#[test]
fn the_shipped_configuration_loads_with_the_documented_variables() {
    let config = load(&NEEDED).unwrap();
    assert_eq!(config.tenant.as_str(), "demo");
    assert!(
        matches!(&config.wdt.channel, WdtChannel::Qimen { target_app_key, .. } if target_app_key == "21363512")
    );
    assert_eq!(
        (config.wdt.calls_per_minute, config.wdt.page_size.get(), config.bip.calls_per_minute),
        (50, 100, 58)
    );
    assert_eq!((config.bip.tenant_id.as_str(), config.bip.gateway()), ("abcd1234", None));
    let scheme = &config.schemes[&scheme_id()];
    assert_eq!((scheme.source.status, scheme.source.by_modified), (Some(110), true));
    assert_eq!((scheme.source.lag_seconds, scheme.source.max_span_seconds), (300, 86_400));
    assert_eq!(scheme.on_change, OnChange::Hold);
}

#[test]
fn the_shipped_pace_keeps_bips_limit_although_calls_arrive_up_to_two_seconds_apart_from_their_slots() {
    let pace = load(&NEEDED).unwrap().bip.calls_per_minute;
    let interval_ms = 60_000_u32.div_ceil(pace);
    // The calls that can arrive within a minute are those whose slots lie within it and the two seconds before.
    let most = 62_000_u32.div_ceil(interval_ms);
    assert!(most <= 60, "{most} calls may arrive within a minute, BIP allows 60");
}

#[test]
fn addresses_may_stand_in_for_the_tenant_and_the_channel_may_be_direct() {
    let config = load(&[
        ("DOUGONG_TENANT", "demo"),
        ("DOUGONG_WDT_CHANNEL", "direct"),
        ("DOUGONG_WDT_URL", "http://127.0.0.1:8081/openapi2/stockout_order_query_trade.php"),
        ("DOUGONG_WDT_SID", "demo2"),
        ("DOUGONG_WDT_CALLS_PER_MINUTE", "60000"),
        ("DOUGONG_BIP_TENANT_ID", ""),
        ("DOUGONG_BIP_TOKEN_URL", "http://127.0.0.1:8082/iuap-api-auth/"),
        ("DOUGONG_BIP_GATEWAY_URL", "http://127.0.0.1:8082/iuap-api-gateway"),
        ("DOUGONG_ONLINE_SALES_START", "2026-11-21 00:00:00"),
        ("DOUGONG_ONLINE_SALES_LAG", "0s"),
    ])
    .unwrap();
    assert!(matches!(config.wdt.channel, WdtChannel::Direct { .. }));
    assert_eq!(config.wdt.calls_per_minute, 60_000);
    assert_eq!(config.bip.gateway().unwrap().token_url, "http://127.0.0.1:8082/iuap-api-auth");
    let source = &config.schemes[&scheme_id()].source;
    assert_eq!((source.start.to_string().as_str(), source.lag_seconds), ("2026-11-21 00:00:00", 0));
}

#[test]
fn without_its_variables_every_missing_one_is_named() {
    let errors = load(&[]).unwrap_err();
    for name in ["DOUGONG_TENANT", "DOUGONG_WDT_URL", "DOUGONG_WDT_SID", "DOUGONG_WDT_TARGET_APP_KEY"] {
        assert!(errors.contains(name), "{name} is not in {errors}");
    }
    assert!(errors.contains("`bip.tenant_id`"), "{errors}");
}

#[test]
fn every_shop_warehouse_and_goods_code_of_the_simulated_day_is_in_the_tables() {
    let config = load(&NEEDED).unwrap();
    let lines: Vec<String> = (1..=60)
        .map(|number| {
            let batch = r#""batch_no":"LOT1","expire_date":"2027-06-30 00:00:00""#;
            format!(r#"{{"rec_id":{number},"spec_no":"SKU-{number:04}","goods_count":"2","share_amount":"19.9900","gift_type":0,{batch}}}"#)
        })
        .collect();
    for shop in ["TM001", "JD001", "DY001", "PDD01", "OFF01"] {
        for warehouse in ["WH01", "WH02", "WH03"] {
            let head = r#""post_amount":"12.0000","receivable":"1211.4000","#;
            let json = shop_of(shop, &lines.join(","), head).json().replace("WH01", warehouse);
            let order = book(&config, &Stockout::from_json(&json).unwrap());
            assert_eq!(order.order_details.len(), 61);
            assert_eq!(order.pay_money, "1211.4".parse().unwrap());
            let batches = order.order_details.iter().filter(|line| line.batch_no.is_some()).count();
            assert_eq!(batches, 10);
            assert!(
                order
                    .order_details
                    .iter()
                    .filter(|line| line.batch_no.is_some())
                    .all(|line| line.product_date.is_some())
            );
        }
    }
}

#[test]
fn a_gift_costs_nothing_and_a_box_of_six_is_one_box() {
    let config = load(&NEEDED).unwrap();
    let lines = r#"{"rec_id":1,"spec_no":"SKU-0051","goods_count":1,"share_amount":0,"gift_type":1},
        {"rec_id":2,"spec_no":"SKU-0056","goods_count":6,"share_amount":"60.0000"},
        {"rec_id":3,"spec_no":"SKU-0060","goods_count":13,"share_amount":"120.0000"}"#;
    let order = book(&config, &shop_of("TM001", lines, ""));
    let [gift, six, thirteen] = order.order_details.as_slice() else { panic!("{order:?}") };
    assert_eq!(gift.order_product_type, ProductType::Gift);
    assert_eq!((six.qty, six.sub_qty), ("6".parse().unwrap(), "1".parse().unwrap()));
    // Thirteen bottles are no whole number of boxes of twelve: they are sold by the bottle.
    assert_eq!((thirteen.qty, thirteen.sub_qty), ("13".parse().unwrap(), "13".parse().unwrap()));
}

#[test]
fn exchanges_and_orders_that_were_refunded_as_a_whole_are_excluded() {
    let config = load(&NEEDED).unwrap();
    let mapping = &config.schemes[&scheme_id()].mapping;
    let line = r#"{"rec_id":1,"spec_no":"SKU-0001","goods_count":1,"share_amount":1}"#;
    assert_eq!(mapping.excluded(&shop_of("TM001", line, "")), None);
    assert_eq!(
        mapping.excluded(&shop_of("TM001", line, r#""refund_status":3,"#)).unwrap().reason,
        "refund_status"
    );
    let exchange = shop_of("TM001", line, "").json().replace(r#""trade_type":1"#, r#""trade_type":3"#);
    assert_eq!(mapping.excluded(&Stockout::from_json(&exchange).unwrap()).unwrap().reason, "trade_type");
}
