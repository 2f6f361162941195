//! `dougong preview`, `diff` and `test`, on the shipped configuration and its cases.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NEEDED: [(&str, &str); 5] = [
    ("DOUGONG_TENANT", "demo"),
    ("DOUGONG_WDT_URL", "https://hu3cgwt0tc.api.taobao.com/router/qm"),
    ("DOUGONG_WDT_SID", "demo2"),
    ("DOUGONG_WDT_TARGET_APP_KEY", "21363512"),
    ("DOUGONG_BIP_TENANT_ID", "abcd1234"),
];

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config")
}

fn dougong(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dougong"))
        .args(arguments)
        .envs(NEEDED)
        .env("LANG", "C")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A copy of the shipped configuration with more at the end of its rules.
fn with(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tables")).unwrap();
    for entry in fs::read_dir(shipped().join("tables")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join("tables").join(path.file_name().unwrap())).unwrap();
    }
    let rules = fs::read_to_string(shipped().join("dougong.toml")).unwrap();
    fs::write(folder.path().join("dougong.toml"), rules + more).unwrap();
    folder
}

/// The document of a shipped case.
fn order(folder: &Path, shop: &str) -> PathBuf {
    let case = fs::read_to_string(shipped().join("tests/tmall_order.toml")).unwrap();
    let json = case.split("'''").nth(1).unwrap().replace("TM001", shop);
    let file = folder.join(format!("{shop}.json"));
    fs::write(&file, json).unwrap();
    file
}

const FORMULAS: &str = "
[schemes.online-sales.mapping.formulas.head]
memo = 'order.src_order_no'
[schemes.online-sales.mapping.formulas.lines]
oriSum = 'round_half_up(item.oriSum * 0.9, 2)'
";

#[test]
fn a_preview_says_of_every_field_where_it_came_from() {
    let folder = with(FORMULAS);
    let config = folder.path().to_str().unwrap();
    let file = order(folder.path(), "TM001");
    let output = dougong(&["preview", file.to_str().unwrap(), "--config", config]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for line in [
        "would be booked as sales order",
        "\"CUST-TMALL01\"",
        "shops.csv:6 customer",
        "formulas.head.memo, line",
        "formulas.lines.oriSum, line",
        "details_list[0].goods_count",
        "= tenant, scheme and document",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let output = dougong(&["preview", file.to_str().unwrap(), "--config", config, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["booked"], true);
    let parked = order(folder.path(), "TM999");
    let output = dougong(&["preview", parked.to_str().unwrap(), "--config", config]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("unknown_shop"), "{}", said(&output));
    // A Chinese reader is told no English sentence.
    let zh = |file: &Path| {
        said(&dougong(&["preview", file.to_str().unwrap(), "--config", config, "--lang", "zh"]))
    };
    let text = zh(&file);
    for part in ["将入账为 销售订单", "formulas.head.memo 第 ", "= 商户、方案和单据", "= 各行 oriSum 之和"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let file = order(folder.path(), "TM999");
    let text = zh(&file);
    assert!(text.contains("中没有 `TM999`") && text.contains("提示：请在"), "{text}");
    assert!(!text.contains(" is ") && !text.contains("hint"), "{text}");
}

#[test]
fn a_diff_of_two_configurations_names_the_fields_that_change() {
    let folder = with(FORMULAS);
    let (before, after) = (shipped(), folder.path());
    let file = order(after, "TM001");
    let paths = [before.to_str().unwrap(), after.to_str().unwrap(), file.to_str().unwrap()];
    let output = dougong(&["diff", paths[0], paths[1], paths[2]]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("payMoney: 190 → 171"), "{text}");
    assert!(text.contains("memo: \"WDT CK2026112000001 / JY2026112000001\" → \"JY2026112000001\""), "{text}");
    assert!(!text.contains("agentId"), "{text}");
    assert!(dougong(&["diff", paths[0], paths[0], paths[2]]).status.success());
}

#[test]
fn the_shipped_cases_pass_and_a_wrong_expectation_is_told() {
    let output = dougong(&["test", shipped().to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("2 passed, 0 failed"), "{}", said(&output));
    let folder = with(FORMULAS);
    let cases = folder.path().join("tests");
    fs::create_dir(&cases).unwrap();
    fs::copy(shipped().join("tests/tmall_order.toml"), cases.join("tmall_order.toml")).unwrap();
    let output = dougong(&["test", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("payMoney: 190 expected, but it is 171"), "{}", said(&output));
    let output = dougong(&["test", folder.path().to_str().unwrap(), "--lang", "zh"]);
    assert!(said(&output).contains("payMoney：应为 190，但却是 171"), "{}", said(&output));
}
