//! A wrong configuration: everything that is wrong, where, and what to write instead.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fmt::Write;

use dougong_config::{Config, Files, NamedFile};

const TABLES: [(&str, &str); 5] = [
    ("tables/shops.csv", "shop_no,customer,sales_org,transaction_type\nTM001,C1,O1,SO\nJD001,,O1,SO\n"),
    ("tables/warehouses.csv", "warehouse_no,stock_org\nWH01,O1\n"),
    ("tables/goods.csv", "spec_no,name,product,tax,main_unit\nA1,\"a, b\",P1,V13,PCS\nA2,,P2,V31,PCS\n"),
    ("tables/taxes.csv", "tax,tax_id,rate\nV13,V13,0.13\n"),
    ("tables/units.csv", "unit,unit_id\nPCS,PCS\n"),
];

const GOOD_GOODS: &str = "spec_no,product,tax,main_unit\nA1,P1,V13,PCS\n";

fn read(rules: &str, goods: Option<&str>) -> Result<Config, String> {
    read_with(rules, goods, &[])
}

fn read_with(rules: &str, goods: Option<&str>, own: &[(&str, &str)]) -> Result<Config, String> {
    let table = |(name, text): (&str, &str)| {
        let text = goods.filter(|_| name.ends_with("goods.csv")).unwrap_or(text);
        NamedFile { name: name.to_owned(), bytes: text.into() }
    };
    let rules = NamedFile { name: "config/dougong.toml".to_owned(), bytes: rules.into() };
    let env = |name: &str| (name == "DOUGONG_EMPTY").then(String::new);
    let own = own.iter().map(|&(name, text)| NamedFile { name: name.to_owned(), bytes: text.into() });
    let files = Files { rules, tables: TABLES.map(table).into_iter().chain(own).collect() };
    Config::read(&files, &env).map_err(|errors| errors.to_string())
}

const SMALLEST: &str = r#"
tenant = "demo"
[wdt]
url = "https://example.cn/router/qm"
sid = "demo2"
target_app_key = "1"
[bip]
tenant_id = "t"
[schemes.sales.source]
start = "2026-11-01 00:00:00"
[schemes.sales.mapping]
head.customer = "C0"
postage.policy = "spread"
"#;

#[test]
fn the_smallest_configuration_takes_every_default() {
    let config = read(SMALLEST, Some(GOOD_GOODS)).unwrap();
    assert_eq!((config.wdt.calls_per_minute, config.bip.calls_per_minute), (50, 58));
    assert!(config.bip.meta_url.starts_with("https://apigateway.yonyoucloud.com/"));
    let source = &config.schemes.values().next().unwrap().source;
    assert_eq!((source.status, source.by_modified, source.rescan_days), (None, true, 2));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let rules = r#"
tenant = "${DOUGONG_TENANT}"
colour = 1

[wdt]
channel = "quimen"
url = "http://example.cn/router/qm?secret=hush"
sid = "${DOUGONG_EMPTY}"
calls_per_minut = 50
page_size = 500
sign_method = "sha1"
read_timeout = "60"
app_secret = "hush"

[bip]
token_url = "https://c4.example.cn/iuap-api-auth"
calls_per_minute = "54"
total_timeout = "1s"

[schemes.online-sales]
on_change = "hodl"

[schemes.online-sales.source]
status = "110"
by_modified = 1
start = "yesterday"
lag = "5 minutes"
max_span = "31d"

[schemes.online-sales.mapping]
filter.trade_type = [1, "网店"]
filter.shops = "TM001"
head.memo = "WDT {stockout_on}"   # 备注
head.exchange_rate = -7.1
head.soure = 4
lines.equal = "merged"
postage = { policy = "line", tolerance = 5 }
gifts.priced = true
[schemes.online-sales.mapping.postge]
"#;
    let errors = read(rules, None).unwrap_err();
    assert!(!errors.contains("hush"), "a secret is shown: {errors}");
    insta::assert_snapshot!(errors);
}

#[test]
fn rules_and_tables_that_do_not_fit_are_shown_where_each_is_wrong() {
    let rules =
        SMALLEST.replace("head.customer = \"C0\"\n", "lines.tax = \"V31\"\nfilter.shops = [\"TM01\"]\n");
    let rules =
        rules.replace("postage.policy = \"spread\"", "postage = { policy = \"line\", goods = \"FREIGHT\" }");
    insta::assert_snapshot!(read(&rules, Some(GOOD_GOODS)).unwrap_err());
}

#[test]
fn every_slip_of_syntax_is_told_at_once() {
    insta::assert_snapshot!(
        read("tenant = demo\n[wdt]\nsid = \"a\"\nsid = \"b\"\nurl = \"x\n[bip\n", None).unwrap_err()
    );
}

#[test]
fn a_folder_without_files_names_every_missing_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tables")).unwrap();
    std::fs::write(folder.path().join("tables/goods.xlsx"), "").unwrap();
    std::fs::write(folder.path().join("tables/good.csv"), "").unwrap();
    std::fs::write(folder.path().join("tables/~$goods.csv"), "").unwrap();
    let errors = Config::load(folder.path(), &|_| None).unwrap_err().to_string();
    let errors = errors.replace(&folder.path().display().to_string(), "config");
    insta::assert_snapshot!(errors);
}

#[test]
fn the_file_must_be_utf8() {
    let rules = NamedFile { name: "dougong.toml".to_owned(), bytes: b"tenant = \"\xCC\xEC\"".to_vec() };
    let errors = Config::read(&Files { rules, tables: Vec::new() }, &|_| None).unwrap_err();
    assert!(errors.to_string().contains("not UTF-8"), "{errors}");
}

#[test]
fn tables_of_ones_own_are_declared_and_found() {
    let rules = format!(
        "{SMALLEST}\n[tables.departments]\nkeys = [\"shop_no\", \"kind\"]\nfrom = \"since\"\nrefers = {{ shop_no = \"shops\" }}\n"
    );
    let file = ("tables/departments.csv", "shop_no,kind,since,department\nTM001,1,2026-01-01,D01\n");
    let config = read_with(&rules, Some(GOOD_GOODS), &[file]).unwrap();
    let at = "2026-11-11 00:00:00".parse().ok();
    assert_eq!(config.tables.lookup_value("departments", &["TM001", "1"], at, "department"), Ok("D01"));
    let missing = read(&rules, Some(GOOD_GOODS)).unwrap_err();
    assert!(missing.contains("departments.csv: the table is missing"), "{missing}");
}

#[test]
fn declarations_of_tables_that_cannot_be_are_told_where_they_stand() {
    let rules = format!(
        r#"{SMALLEST}
[tables.goods]
keys = ["spec_no"]

[tables.departments]
file = "../departments.xlsx"
keys = ["shop_no", "shop_no"]
from = "shop_no"
key = "shop_no"
refers = {{ department = "shopps", kind = "pairs", owner = 1 }}

[tables.pairs]
file = "departments.csv"
keys = ["a", "b"]

[tables.nothing]
"#
    );
    let file = ("tables/departments.csv", "shop_no,a,b\nTM001,1,2\n");
    insta::assert_snapshot!(read_with(&rules, Some(GOOD_GOODS), &[file]).unwrap_err());
}

#[test]
fn merging_names_the_day_a_time_and_known_rules() {
    let with =
        |merge: &str| read(&format!("{SMALLEST}\n[schemes.sales.mapping.merge]\n{merge}"), Some(GOOD_GOODS));
    let config = with("by = [\"shop\", \"day\"]").unwrap();
    let scheme = config.schemes.values().next().unwrap();
    assert_eq!(scheme.mapping.merging().map(|rules| rules.max_lines), Some(200));

    let wrong = |merge: &str| with(merge).unwrap_err();
    for (merge, words) in [
        ("", "`schemes.sales.mapping.merge.by` is missing"),
        ("by = [\"shop\"]", "does not name the day"),
        ("by = [\"day\", \"shop\", \"shop_no\"]", "names shop_no twice"),
        ("by = [\"day\", \"receiver_name\"]", "contains `receiver_name`"),
        ("by = [\"day\"]\nclose_at = []", "`close_at` is empty"),
        ("by = [\"day\"]\nclose_at = [\"2:00\"]", "contains `2:00`"),
        ("by = [\"day\"]\nmax_lines = 0", "from 1 to 1000"),
        ("by = [\"day\"]\nprice = \"cents\"", "did you mean `cent`"),
        ("by = [\"day\"]\nmemo = \"{gruop}\"", "did you mean `group`"),
        ("by = [\"day\"]\nmax_line = 9", "unknown key `max_line`"),
    ] {
        let told = wrong(merge);
        assert!(told.contains(words), "{merge}: {told}");
    }
}

#[test]
fn a_file_that_is_wrong_in_every_row_is_told_in_a_few_words() {
    let mut goods = "spec_no,product,tax,main_unit\n".to_owned();
    for number in 0..50_000 {
        let _ = writeln!(goods, "A{number},P,V99,PCS\nA{number},,V13,PCS");
    }
    let errors = read(SMALLEST, Some(&goods)).unwrap_err();
    assert!(errors.contains("which tables/taxes.csv does not have (and 49997 more rows)"), "{errors}");
    assert!(errors.contains("`product` is empty (and 49997 more rows)"), "{errors}");
    // Every key that comes twice is a problem of its own.
    assert!(
        errors.contains("tables/goods.csv: 49906 more problems of this table are not listed"),
        "{errors}"
    );
}

#[test]
fn a_row_of_a_gbk_file_is_shown_as_it_reads() {
    // "天猫" in GBK.
    let goods = b"spec_no,name,product,tax,main_unit\nA1,\xCC\xEC\xC3\xA8,P1,V99,PCS\n";
    let table = |(name, text): (&str, &str)| {
        let bytes = if name.ends_with("goods.csv") { goods.to_vec() } else { text.into() };
        NamedFile { name: name.to_owned(), bytes }
    };
    let rules = NamedFile { name: "config/dougong.toml".to_owned(), bytes: SMALLEST.into() };
    let files = Files { rules, tables: TABLES.map(table).into() };
    let errors = Config::read(&files, &|_| None).unwrap_err().to_string();
    assert!(errors.contains("2 | A1,天猫,P1,V99,PCS\n  |    　　    ^^^"), "{errors}");
}

#[test]
fn a_slip_in_a_formula_is_shown_where_it_stands() {
    let rules = format!(
        "{SMALLEST}{}",
        r#"
[schemes.sales.mapping.formulas.head]
memmo = 'order.trade_no'
memo = '''
  order.trade_no +
  order.spec_no'''
payMoney = '1'
agentId = "order.shop\u005fn"
[schemes.sales.mapping.formulas.lines]
memo = 5
[schemes.sales.mapping.scripts]
lines = 'item.memo = lft(line.spec_no, 2);'
head = ''
"#
    );
    insta::assert_snapshot!(read(&rules, Some(GOOD_GOODS)).unwrap_err());
}

#[test]
fn a_formula_that_does_not_compile_is_shown_where_it_stands() {
    let rules = format!(
        "{SMALLEST}{}",
        r#"
[schemes.sales.mapping.formulas]
head.memo = '''`旺店通 ${order.trade_no}` + ordr.trade_no'''
head.agentId = '''if order.status == 110 { "A" } else'''
[schemes.sales.mapping.scripts]
lines = '''
let name = line.goods_name;
item.memo = name +;
'''
"#
    );
    let config = read(&rules, Some(GOOD_GOODS)).unwrap();
    insta::assert_snapshot!(config.compile().unwrap_err());
}
