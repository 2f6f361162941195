//! A day of 100 000 orders over forty shops, in merged vouchers: how many calls to BIP it takes.
//!
//! The orders are mapped, put together and summed by the code that does it in the functions; queue, ledger and BIP
//! are left out, and the time is the number of calls at the pace that slots are given out at. It takes BIP to answer
//! each call before the next one is due, as it does with every other voucher.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dougong_bip::Order;
use dougong_config::{Config, Scheme};
use dougong_mapping::Identity;
use dougong_mapping::merge::{Full, Member, Packing, Part};
use dougong_simulators::day;
use dougong_simulators::wdt::WdtOrder;
use dougong_tests::is_sold;
use dougong_values::{BusinessDay, DocumentKey, Money, SchemeId};
use dougong_wdt::Stockout;

const SHOPS: usize = 40;
const ORDERS: usize = 100_000;
/// Slots at the shipped pace of 58 calls a minute.
const PACE: Duration = Duration::from_millis(1_035);

/// The shipped configuration with forty shops, merging.
fn config(folder: &Path) -> Config {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    std::fs::create_dir_all(folder.join("tables")).unwrap();
    for entry in std::fs::read_dir(shipped.join("tables")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join("tables").join(entry.file_name())).unwrap();
    }
    let mut shops = std::fs::read_to_string(shipped.join("tables/shops.csv")).unwrap();
    for shop in 0..SHOPS {
        writeln!(shops, "S{shop:02},店{shop},CUST-S{shop:02},,ORG01,,SO021,,,").unwrap();
    }
    std::fs::write(folder.join("tables/shops.csv"), shops).unwrap();
    let rules = std::fs::read_to_string(shipped.join("dougong.toml")).unwrap();
    let merge = "[schemes.online-sales.mapping.merge]\nby = [\"shop\", \"warehouse\", \"day\"]\n";
    std::fs::write(folder.join("dougong.toml"), format!("{rules}\n{merge}")).unwrap();
    let variables = |name: &str| match name {
        "DOUGONG_TENANT" => Some("shanjian".to_owned()),
        "DOUGONG_WDT_URL" => Some("https://example.cn/router/qm".to_owned()),
        "DOUGONG_WDT_SID" => Some("demo2".to_owned()),
        "DOUGONG_WDT_TARGET_APP_KEY" => Some("1".to_owned()),
        "DOUGONG_BIP_TENANT_ID" => Some("t".to_owned()),
        _ => None,
    };
    Config::load(folder, &variables).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What the mapping reads of an order, as WDT writes it.
fn row(order: &WdtOrder, shop: usize) -> String {
    let mut lines = String::new();
    for line in &order.lines {
        let mut places = String::new();
        for place in &line.positions {
            write!(
                places,
                r#"{{"batch_no":"{}","position_goods_count":"{}"}},"#,
                place.batch_no, place.count
            )
            .unwrap();
        }
        let expires = line.expire_date.map(|time| time.to_string()).unwrap_or_default();
        write!(
            lines,
            r#"{{"rec_id":{},"spec_no":"{}","goods_count":"{}","share_amount":"{}","share_post":"{}","gift_type":{},"refund_status":{},"batch_no":"{}","expire_date":"{expires}","position_list":[{}]}},"#,
            line.rec_id,
            line.spec_no,
            line.count,
            line.share_amount,
            line.share_post,
            line.gift_type,
            line.refund_status,
            line.batch_no,
            places.trim_end_matches(','),
        )
        .unwrap();
    }
    format!(
        r#"{{"stockout_id":1{shop:02}{:09},"stockout_no":"{shop}-{}","shop_no":"S{shop:02}","warehouse_no":"{}","status":110,"consign_time":"{}","post_amount":"{}","receivable":"{}","details_list":[{}]}}"#,
        order.stockout_id % 1_000_000_000,
        order.stockout_no,
        order.warehouse_no,
        order.consign_time,
        order.post_amount,
        order.receivable,
        lines.trim_end_matches(','),
    )
}

#[derive(Debug, Default)]
struct Books {
    orders: usize,
    parts: usize,
    lines: usize,
    shipped: Money,
    booked: Money,
}

/// Books one shop's day.
fn book(scheme: &Scheme, config: &Config, shop: usize, orders: usize, day: BusinessDay) -> Books {
    let id: SchemeId = "online-sales".parse().unwrap();
    let rules = scheme.mapping.merging().unwrap();
    let mut groups: BTreeMap<DocumentKey, Vec<(Member, Order)>> = BTreeMap::new();
    let mut books = Books::default();
    let seed = 1_800 + u64::try_from(shop).unwrap();
    let sold = day::orders(seed, orders + orders / 8 + 20, day).into_iter().filter(is_sold).take(orders);
    for order in sold {
        let stockout = Stockout::from_json(&row(&order, shop)).unwrap();
        let key = DocumentKey::stockout(config.wdt.sid(), &stockout.stockout_id);
        let identity = Identity { tenant: &config.tenant, scheme: &id, key: &key };
        let voucher =
            scheme.mapping.map(&stockout, &identity).unwrap_or_else(|problems| panic!("{problems:?}"));
        books.orders += 1;
        books.shipped += order.expected_gross();
        let group = scheme.mapping.group(&stockout, &voucher, &id).unwrap().unwrap();
        groups.entry(group).or_default().push((Member { key, version: stockout.version() }, voucher));
    }
    for (group, members) in groups {
        let mut packing = Packing::new(rules);
        let mut full: Vec<Full> =
            members.iter().filter_map(|(member, order)| packing.add(member.clone(), order)).collect();
        full.extend(packing.finish());
        let by_key: BTreeMap<&DocumentKey, &Order> =
            members.iter().map(|(member, order)| (&member.key, order)).collect();
        for (full, number) in full.into_iter().zip(1..) {
            let part = Part::new(group.clone(), number, full.members);
            let orders: Vec<Order> = part.members.iter().map(|member| by_key[&member.key].clone()).collect();
            let voucher = scheme.mapping.merge(&part, &orders, &config.tenant, &id);
            let voucher = voucher.unwrap_or_else(|problems| panic!("{problems:?}"));
            assert!(voucher.order_details.len() <= rules.max_lines || part.members.len() == 1);
            books.parts += 1;
            books.lines += voucher.order_details.len();
            books.booked += voucher.pay_money;
        }
    }
    books
}

#[test]
fn a_day_of_a_hundred_thousand_orders_is_booked_within_an_hour_of_bips_real_pace() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let scheme = &config.schemes[&"online-sales".parse::<SchemeId>().unwrap()];
    let day: BusinessDay = "2026-11-11".parse().unwrap();
    let next = AtomicUsize::new(0);
    let mut total = Books::default();
    std::thread::scope(|threads| {
        let work = || {
            let mut own = Vec::new();
            loop {
                let shop = next.fetch_add(1, Ordering::Relaxed);
                if shop >= SHOPS {
                    return own;
                }
                own.push(book(scheme, &config, shop, ORDERS / SHOPS, day));
            }
        };
        let workers = [threads.spawn(work), threads.spawn(work)];
        for books in workers.into_iter().flat_map(|worker| worker.join().unwrap()) {
            total.orders += books.orders;
            total.parts += books.parts;
            total.lines += books.lines;
            total.shipped += books.shipped;
            total.booked += books.booked;
        }
    });
    // A call each, and the token.
    let calls = u32::try_from(total.parts).unwrap() + 1;
    let takes = PACE * calls;
    println!("{total:?}: {calls} calls, {} minutes at BIP's pace", takes.as_secs() / 60);
    assert_eq!((total.orders, total.booked), (ORDERS, total.shipped));
    assert!(takes <= Duration::from_hours(1), "{calls} calls take {takes:?}");
}
