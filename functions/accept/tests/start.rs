//! What keeps `accept` from starting is said at once: everything, where, and what to write instead.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Starts the function with these settings alone; it must not start. Returns all that it said.
fn refusal(settings: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accept"));
    // What Lambda sets for every function.
    command.env_clear().env("AWS_REGION", "cn-north-1").env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9");
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let output = command.envs(settings.iter().copied()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("CANARY"), "a secret was printed: {said}");
    said
}

#[test]
fn missing_settings_are_all_named_at_once() {
    let said = refusal(&[]);
    for text in ["DOUGONG_DOCUMENTS_TABLE", "DOUGONG_ORDERS_QUEUE_URL", "DOUGONG_SECRET_ID", "dougong.toml"] {
        assert!(said.contains(text), "nothing is said about {text}: {said}");
    }
}

#[test]
fn without_a_store_system_or_a_secret_for_it_nothing_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets.json");
    let keys = r#"{"app_key":"1","app_secret":"CANARY"}"#;
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").display().to_string();
    for (url, of_store, expected) in [
        ("", r#"{"secrets":["CANARY-long-enough-1"]}"#, "no store system"),
        ("https://store.example.cn/api", r#"{"secrets":[]}"#, "store.secrets"),
        ("https://store.example.cn/api", r#"{"secrets":["CANARY"]}"#, "shorter than 16"),
    ] {
        fs::write(&secrets, format!(r#"{{"wdt":{keys},"bip":{keys},"store":{of_store}}}"#)).unwrap();
        let said = refusal(&[
            ("DOUGONG_WATERMARKS_TABLE", "watermarks"),
            ("DOUGONG_DOCUMENTS_TABLE", "documents"),
            ("DOUGONG_ORDERS_QUEUE_URL", "http://127.0.0.1:9/orders"),
            ("DOUGONG_TENANT", "shanjian"),
            ("DOUGONG_WDT_URL", "http://127.0.0.1:9/router/qm"),
            ("DOUGONG_WDT_SID", "demo2"),
            ("DOUGONG_WDT_TARGET_APP_KEY", "87654321"),
            ("DOUGONG_BIP_TOKEN_URL", "http://127.0.0.1:9/auth"),
            ("DOUGONG_BIP_GATEWAY_URL", "http://127.0.0.1:9/gateway"),
            ("DOUGONG_STORE_URL", url),
            ("DOUGONG_CONFIG", &config),
            ("DOUGONG_SECRETS", &secrets.display().to_string()),
        ]);
        assert!(said.contains(expected), "nothing is said about {expected:?}: {said}");
    }
}
