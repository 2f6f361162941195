//! Merged vouchers: worth what their orders are worth, however they are split.

use std::collections::BTreeMap;

use dougong_bip::{Order, check};
use dougong_mapping::merge::{Full, MOST_MEMBERS, Member, MergeRules, MergedPrice, Packing, Part};
use dougong_mapping::rules::CodeSource;
use dougong_mapping::{Mapping, Reason};
use dougong_values::{DocumentKey, Money, Quantity, SchemeId, TenantId};
use dougong_wdt::Stockout;
use proptest::prelude::*;

use crate::given::{map_by, rules_with, stockout, tables};
use crate::properties::{any_line, document};

fn merging(rules: MergeRules) -> Mapping {
    Mapping::new(rules_with(|all| all.merge = Some(rules)), tables()).unwrap()
}

fn scheme() -> SchemeId {
    "online-sales".parse().unwrap()
}

fn tenant() -> TenantId {
    "demo".parse().unwrap()
}

/// The n-th document of a day: the same goods under another identity.
fn member(number: usize, stockout: &Stockout) -> Member {
    Member { key: format!("stockout#demo2#{number:05}").parse().unwrap(), version: stockout.version() }
}

fn group() -> DocumentKey {
    DocumentKey::group(&scheme(), &["TM001", "WH01", "2026-11-20"])
}

/// Packs orders into parts and merges each.
fn vouchers(mapping: &Mapping, orders: &[(Member, Order)]) -> Vec<(Part, Order)> {
    let mut packing = Packing::new(mapping.merging().unwrap());
    let mut lists: Vec<Full> =
        orders.iter().filter_map(|(member, order)| packing.add(member.clone(), order)).collect();
    lists.extend(packing.finish());
    let by_key: BTreeMap<&DocumentKey, &Order> =
        orders.iter().map(|(member, order)| (&member.key, order)).collect();
    let parts = lists.into_iter().zip(1..).map(|(full, number)| Part::new(group(), number, full.members));
    parts
        .map(|part| {
            let members: Vec<Order> = part.members.iter().map(|member| by_key[&member.key].clone()).collect();
            let voucher = mapping.merge(&part, &members, &tenant(), &scheme());
            (part, voucher.unwrap())
        })
        .collect()
}

/// What is sold of each material, as goods or gift: counts and cents.
fn sold<'a>(orders: impl Iterator<Item = &'a Order>) -> BTreeMap<(String, String), (Quantity, Money)> {
    let mut sold = BTreeMap::new();
    for line in orders.flat_map(|order| &order.order_details) {
        let (qty, sum) = sold
            .entry((line.product_id.clone(), format!("{:?} {:?}", line.order_product_type, line.batch_no)))
            .or_insert((Quantity::ZERO, Money::ZERO));
        *qty += line.qty;
        *sum += line.ori_sum;
    }
    sold
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn merged_vouchers_are_worth_what_their_orders_are_worth(
        documents in prop::collection::vec(
            (prop::collection::vec(any_line(), 1..8), prop_oneof![Just(0_i64), 1..500_000_i64]), 1..16,
        ),
        shop in prop::sample::select(vec!["TM001", "US001"]),
        max_lines in 1_usize..40,
        price in prop::sample::select(vec![MergedPrice::Cent, MergedPrice::Exact, MergedPrice::Average]),
    ) {
        let mapping = merging(MergeRules { max_lines, price, ..MergeRules::default() });
        let orders: Vec<(Member, Order)> = documents
            .iter()
            .map(|(lines, postage)| document(lines, *postage, shop))
            .enumerate()
            .map(|(number, document)| (member(number, &document), map_by(&mapping, &document).unwrap()))
            .collect();
        let vouchers = vouchers(&mapping, &orders);

        let total = |orders: &mut dyn Iterator<Item = &Order>| orders.map(|order| order.pay_money).sum::<Money>();
        let alone = || orders.iter().map(|(_, order)| order);
        let merged = || vouchers.iter().map(|(_, voucher)| voucher);
        prop_assert_eq!(total(&mut alone()), total(&mut merged()));
        prop_assert_eq!(sold(alone()), sold(merged()));

        let mut booked: Vec<&DocumentKey> =
            vouchers.iter().flat_map(|(part, _)| &part.members).map(|member| &member.key).collect();
        booked.sort_unstable();
        let mut known: Vec<&DocumentKey> = orders.iter().map(|(member, _)| &member.key).collect();
        known.sort_unstable();
        prop_assert_eq!(booked, known, "each order is in exactly one part");

        for (part, voucher) in &vouchers {
            prop_assert_eq!(check::order(voucher), vec![]);
            prop_assert!(voucher.order_details.len() <= max_lines || part.members.len() == 1);
            let own = orders.iter().filter(|(member, _)| part.members.contains(member)).map(|(_, order)| order.pay_money);
            prop_assert_eq!(voucher.pay_money, own.sum::<Money>());
            for line in &voucher.order_details {
                // The tax of the whole amount, not the roundings of its orders added up.
                let rate = rate_of(&line.tax_id);
                let money = Money::new(line.ori_sum.decimal() / (Quantity::new(1.into()).decimal() + rate.decimal()));
                prop_assert_eq!(line.ori_money, money.rounded(Money::CENTS));
            }
        }
    }

    #[test]
    fn a_part_is_the_same_voucher_whatever_order_its_members_came_in(
        documents in prop::collection::vec(prop::collection::vec(any_line(), 1..5), 2..8), turn in 1_usize..7,
    ) {
        let mapping = merging(MergeRules::default());
        let mut orders: Vec<(Member, Order)> = documents
            .iter()
            .map(|lines| document(lines, 0, "TM001"))
            .enumerate()
            .map(|(number, document)| (member(number, &document), map_by(&mapping, &document).unwrap()))
            .collect();
        let before = vouchers(&mapping, &orders);
        let turned = turn % orders.len();
        orders.rotate_left(turned);
        prop_assert_eq!(before, vouchers(&mapping, &orders));
    }
}

/// The rates in `tests/tables/taxes.csv`, as the mapping is expected to read them.
fn rate_of(tax_id: &str) -> Quantity {
    let taxes = include_str!("../tables/taxes.csv");
    let mut rows = taxes.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let head = rows.next().unwrap();
    let column =
        |name: &str| head.iter().position(|cell| cell.trim_start_matches('\u{feff}') == name).unwrap();
    let (id, rate) = (column("tax_id"), column("rate"));
    rows.find(|row| row[id] == tax_id).unwrap()[rate].parse().unwrap()
}

#[test]
fn an_order_belongs_to_the_group_of_its_shop_warehouse_and_day() {
    let document = stockout("suite_of_seven_with_postage");
    let mapping = merging(MergeRules::default());
    let order = map_by(&mapping, &document).unwrap();
    let group = mapping.group(&document, &order, &scheme()).unwrap().unwrap();
    assert_eq!(group.as_str(), "merged#online-sales#TM001#WH01#2026-11-20");

    let by = |names: &[&str]| MergeRules {
        by: names.iter().map(|name| name.parse().unwrap()).collect(),
        ..MergeRules::default()
    };
    let more = merging(by(&["day", "stockout_no"])).group(&document, &order, &scheme()).unwrap().unwrap();
    assert_eq!(more.as_str(), "merged#online-sales#2026-11-20#CK2026112000007");
    let problems = merging(by(&["day", "no_such_field"])).group(&document, &order, &scheme()).unwrap_err();
    assert_eq!(problems[0].reason, Reason::MissingField);

    let alone = Mapping::new(rules_with(|_| ()), tables()).unwrap();
    assert_eq!(alone.group(&document, &order, &scheme()), Ok(None));
}

#[test]
fn a_merged_voucher_has_a_code_of_its_group_that_no_other_group_has() {
    let mapping = merging(MergeRules::default());
    let code = |group: DocumentKey| {
        let part = Part::new(group, 3, Vec::new());
        mapping.part_code(&part).unwrap().to_string()
    };
    let of = |values: &[&str]| code(DocumentKey::group(&scheme(), values));
    assert_eq!(of(&["TM001", "WH01", "2026-11-20"]), "online-sales-TM001-WH01-20261120-3");
    let hashed = [of(&["A-B", "C"]), of(&["A", "B-C"]), of(&["天猫", "C"]), of(&[&"x".repeat(300), "C"])];
    for (index, code) in hashed.iter().enumerate() {
        assert!(code.len() <= 50 && !hashed[..index].contains(code), "{code}");
    }
    let automatic = rules_with(|rules| rules.head.code = CodeSource::Automatic);
    let automatic = Mapping::new(automatic, tables()).unwrap();
    assert_eq!(automatic.part_code(&Part::new(group(), 1, Vec::new())), None);
}

#[test]
fn orders_of_different_customers_or_days_never_share_a_voucher() {
    let mapping = merging(MergeRules::default());
    let document = stockout("suite_of_seven_with_postage");
    let order = map_by(&mapping, &document).unwrap();
    let other = Order { agent_id: "CUST-OTHER".to_owned(), ..order.clone() };
    let later = Order { vouchdate: order.vouchdate.plus_seconds(86_400), ..order.clone() };
    let orders = [order.clone(), other.clone(), later, order.clone()];
    let orders: Vec<(Member, Order)> =
        orders.into_iter().enumerate().map(|(number, order)| (member(number, &document), order)).collect();
    let sizes: Vec<usize> = vouchers(&mapping, &orders).iter().map(|(part, _)| part.members.len()).collect();
    assert_eq!(sizes, [2, 1, 1]);

    let members = vec![member(0, &document), member(1, &document)];
    let problems =
        mapping.merge(&Part::new(group(), 1, members), &[order, other], &tenant(), &scheme()).unwrap_err();
    assert_eq!((problems[0].reason, problems[0].target.as_str()), (Reason::MembersDiffer, "agentId"));
    assert_eq!(problems[0].source, "stockout#demo2#00001");
}

#[test]
fn a_part_is_read_as_it_was_written_and_fits_into_a_message() {
    let document = stockout("suite_of_seven_with_postage");
    let members: Vec<Member> = (0..MOST_MEMBERS).rev().map(|number| member(number, &document)).collect();
    let part = Part::new(group(), 1, members);
    assert!(part.members.is_sorted_by_key(|member| &member.key));
    let json = part.to_json();
    assert!(json.len() < 200 * 1024, "{} bytes", json.len());
    assert_eq!(Part::from_json(&json).unwrap(), part);
    assert!(Part::from_json("[]").is_err());
}
