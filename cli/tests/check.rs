//! `dougong check` as a person runs it: everything wrong at once, in either language, or what there is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config")
}

/// Runs it beside a copy of the shipped configuration, with the variables that it needs.
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

fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [(shipped(), "config"), (shipped().join("tables"), "config/tables")] {
        fs::create_dir_all(folder.path().join(to)).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, folder.path().join(to).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    folder
}

/// Replaces a text of a file, which has it.
fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join("config").join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// A configuration with a slip of every kind.
fn broken() -> tempfile::TempDir {
    let folder = copied();
    edit(folder.path(), "dougong.toml", "page_size = 100", "page_sise = 100");
    edit(folder.path(), "dougong.toml", "goods = \"SKU-FREIGHT\"", "goods = \"SKU-FRIEGHT\"");
    edit(folder.path(), "dougong.toml", "${DOUGONG_WDT_SID}", "${DOUGONG_WDT_ACCOUNT}");
    edit(
        folder.path(),
        "dougong.toml",
        "[schemes.online-sales]\n",
        "[tables.departments]\nkeys = [\"shop_no\"]\n\n[schemes.online-sales]\n",
    );
    fs::write(folder.path().join("config/tables/departments.csv"), "shop_no,部门\nTM001,D01\nTM001,D02\n")
        .unwrap();
    edit(folder.path(), "tables/units.csv", "\nCAN,", "\nCANN,");
    edit(folder.path(), "tables/units.csv", "\nBOTTLE,", "\nFLASK,");
    edit(folder.path(), "tables/goods.csv", "BOTTLE,BOX,6,", "BOTTLE,BOX,,");
    folder
}

fn text(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_shipped_configuration_is_in_order_and_its_parts_are_listed() {
    let folder = copied();
    for (lang, name) in [("en", "all_is_well_en"), ("zh", "all_is_well_zh")] {
        let output = check(folder.path(), &["--lang", lang]);
        assert!(output.status.success(), "{}", text(&output));
        insta::assert_snapshot!(name, text(&output));
    }
    let output = check(folder.path(), &["config", "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["ok"], &json["tenant"]), (&Value::Bool(true), &Value::from("demo")));
    let goods = json["tables"].as_array().unwrap().iter().find(|table| table["table"] == "goods").unwrap();
    assert!(goods["rows"].as_u64().unwrap() > 60, "{goods}");
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
