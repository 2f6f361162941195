//! What keeps `deliver` from starting is said at once: everything, where, and what to write instead.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Starts the function with these settings alone; it must not start. Returns all that it said.
fn refusal(settings: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deliver"));
    // What Lambda sets for every function.
    command.env_clear().env("AWS_REGION", "cn-north-1").env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9");
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let output = command.envs(settings.iter().copied()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("CANARY"), "a secret was printed: {said}");
    // The texts as a person reads them: log lines are JSON.
    said.replace("\\n", "\n").replace("\\\"", "\"")
}

#[track_caller]
fn says(said: &str, texts: &[&str]) {
    for text in texts {
        assert!(said.contains(text), "nothing is said about {text:?}:\n{said}");
    }
}

#[test]
fn missing_settings_are_all_named_at_once() {
    says(
        &refusal(&[]),
        &[
            "DOUGONG_WATERMARKS_TABLE",
            "DOUGONG_DOCUMENTS_TABLE",
            "DOUGONG_ORDERS_QUEUE_URL",
            "DOUGONG_SECRET_ID",
            "/opt/config/dougong.toml",
        ],
    );
}

#[test]
fn settings_configuration_tables_and_secrets_are_all_checked_in_one_start() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let rules = fs::read_to_string(shipped.join("dougong.toml")).unwrap();
    assert!(rules.contains("total_timeout = \"40s\""));
    let rules = rules.replace("total_timeout = \"40s\"", "total_timeout = \"1s\"\ntoken = \"CANARY\"");
    fs::write(folder.path().join("dougong.toml"), rules).unwrap();
    fs::create_dir(folder.path().join("tables")).unwrap();
    for table in ["shops", "warehouses", "taxes", "units"] {
        let name = format!("tables/{table}.csv");
        fs::copy(shipped.join(&name), folder.path().join(&name)).unwrap();
    }
    let secrets = folder.path().join("secrets.json");
    fs::write(&secrets, r#"{"wdt":{"app_key":"1","app_secret":"CANARY"}}"#).unwrap();

    let said = refusal(&[
        ("DOUGONG_WATERMARKS_TABLE", "watermarks"),
        ("DOUGONG_CONFIG", &folder.path().display().to_string()),
        ("DOUGONG_SECRETS", &secrets.display().to_string()),
        ("DOUGONG_WDT_URL", "http://api.example.cn/router/qm"),
        ("DOUGONG_BIP_TOKEN_URL", "https://auth.example.cn"),
    ]);
    says(
        &said,
        &[
            "DOUGONG_DOCUMENTS_TABLE, DOUGONG_ORDERS_QUEUE_URL",
            "the environment variable DOUGONG_TENANT is not set",
            "`wdt.url`: plain http would show tokens",
            "it comes from the environment variable DOUGONG_WDT_URL",
            "gateway_url",
            "`total_timeout` is shorter than",
            "unknown key `token`",
            "goods.csv",
            "the secrets lack bip.app_key, bip.app_secret",
        ],
    );
}
