//! `dougong check` as a person runs it: everything wrong at once, in either language, or what there is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config")
}

/// Runs it in a folder, with the variables that the shipped configuration needs.
fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dougong"));
    command.current_dir(folder).arg("check").args(arguments).env_clear().env("LANG", "C.UTF-8");
    for (name, value) in [
        ("DOUGONG_TENANT", "demo"),
        ("DOUGONG_WDT_URL", "https://hu3cgwt0tc.api.taobao.com/router/qm"),
        ("DOUGONG_WDT_SID", "demo2"),
        ("DOUGONG_WDT_TARGET_APP_KEY", "21363512"),
        ("DOUGONG_BIP_TENANT_ID", "abcd1234"),
    ] {
        command.env(name, value);
    }
    command.output().unwrap()
}

const RULES: &str = r#"tenant = "demo"

[wdt]
url = "https://hu3cgwt0tc.api.taobao.com/router/qm"
sid = "${DOUGONG_WDT_SID}"
target_app_key = "21363512"
page_size = 100

[bip]
tenant_id = "abcd1234"

[tables.departments]
keys = ["shop_no"]
refers = { shop_no = "shops" }

[schemes.online-sales.source]
start = "2026-11-01 00:00:00"

[schemes.online-sales.mapping.postage]
policy = "line"
goods = "FREIGHT"

[schemes.sales.source]
bill = "sale"
book = false

[schemes.sales.mapping]
payments = "ignore"
head.transaction_type = "SO1"
"#;

const TABLES: [(&str, &str); 7] = [
    ("shops.csv", "shop_no,name,customer,sales_org,transaction_type\nTM001,天猫旗舰店,C1,O1,SO1\n"),
    ("warehouses.csv", "warehouse_no,stock_org\nWH01,O1\n"),
    (
        "goods.csv",
        "spec_no,name,product,tax,main_unit,sales_unit,sales_rate\nFREIGHT,邮费,P0,VAT6,PCS,,\n\
         TEA-1,\"龙井, 礼盒\",P1,VAT13,PCS,BOX,12\nTEA-2,乌龙,P2,VAT13,PCS,,\n",
    ),
    ("taxes.csv", "tax,tax_id,rate\nVAT13,T13,0.13\nVAT6,T6,0.06\n"),
    ("units.csv", "unit,unit_id\nPCS,PCS\nBOX,BOX\n"),
    ("stores.csv", "store,type,customer,sales_org,stock_org,stock\nS1,own,C1,O1,O1,W1\n"),
    ("departments.csv", "shop_no,部门\nTM001,D01\n"),
];

/// A small configuration in `config/`.
fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::create_dir_all(config.join("tables")).unwrap();
    fs::write(config.join("dougong.toml"), RULES).unwrap();
    for (name, table) in TABLES {
        fs::write(config.join("tables").join(name), table).unwrap();
    }
    folder
}

/// Replaces a text of a file, which has it.
fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join("config").join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Formulas that are none, and one that looks up a column which its table does not have.
const FORMULAS: &str = r#"
[schemes.online-sales.mapping.formulas.head]
memo = 'order.trade_no +'
agentId = 'ordr.shop_no'
saleDepartmentId = 'lookup("departments", order.shop_no, "部们")'
corpContact = 'lookup_or("departments", order.shop_no, "salesman", "S0")'

[schemes.sales.mapping.scripts]
head = """
let name = order.store_nam;
voucher.memo = name +;
"""
"#;

/// The same with a slip of every kind.
fn broken() -> tempfile::TempDir {
    let folder = small();
    let rules = folder.path().join("config/dougong.toml");
    fs::write(&rules, format!("{RULES}{FORMULAS}")).unwrap();
    edit(folder.path(), "dougong.toml", "page_size = 100", "page_sise = 100");
    edit(folder.path(), "dougong.toml", "goods = \"FREIGHT\"", "goods = \"FRIEGHT\"");
    edit(folder.path(), "dougong.toml", "DOUGONG_WDT_SID", "DOUGONG_WDT_ACCOUNT");
    edit(folder.path(), "tables/goods.csv", "VAT13,PCS", "VAT31,PCS");
    edit(folder.path(), "tables/goods.csv", "BOX,12", "BOX,");
    edit(folder.path(), "tables/shops.csv", "C1,O1", ",O1");
    edit(folder.path(), "tables/departments.csv", "TM001,D01\n", "TM001,D01\nTM001,D02\nTM01,D03\n");
    folder
}

fn text(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_configuration_without_a_slip_is_listed() {
    let folder = small();
    for (lang, name) in [("en", "all_is_well_en"), ("zh", "all_is_well_zh")] {
        let output = check(folder.path(), &["--lang", lang]);
        assert!(output.status.success(), "{}", text(&output));
        insta::assert_snapshot!(name, text(&output));
    }
    let output = check(folder.path(), &["config", "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["ok"], &json["tenant"]), (&Value::Bool(true), &Value::from("demo")));
    let own = json["tables"].as_array().unwrap().iter().find(|table| table["own"] == true).unwrap();
    assert_eq!((&own["table"], &own["rows"]), (&Value::from("departments"), &Value::from(1)));
}

#[test]
fn nothing_is_wrong_with_the_shipped_configuration() {
    let output = check(&shipped(), &["."]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn everything_wrong_is_told_at_once_with_line_caret_and_hint_in_either_language() {
    let folder = broken();
    for (lang, name) in [("en", "much_is_wrong_en"), ("zh", "much_is_wrong_zh")] {
        let output = check(folder.path(), &["--lang", lang]);
        assert_eq!(output.status.code(), Some(1));
        insta::assert_snapshot!(name, text(&output));
    }
    let output = check(folder.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["ok"], false);
    for problem in json["problems"].as_array().unwrap() {
        assert!(
            problem["file"].is_string() && problem["line"].is_u64() && problem["message"].is_string(),
            "{problem}"
        );
    }
}

#[test]
fn the_schema_that_is_printed_is_the_one_that_is_shipped() {
    let output = check(&shipped(), &["--schema"]);
    assert!(output.status.success());
    assert_eq!(text(&output), fs::read_to_string(shipped().join("dougong.schema.json")).unwrap());
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let output = check(&shipped(), &["nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).starts_with("error: nowhere/dougong.toml: the file is missing"),
        "{}",
        text(&output)
    );
}
