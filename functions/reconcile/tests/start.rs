//! What keeps `reconcile` from starting is said at once.

use std::process::Command;

#[test]
fn missing_settings_are_all_named_at_once() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reconcile"));
    // What Lambda sets for every function.
    command.env_clear().env("AWS_REGION", "cn-north-1").env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9");
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let output = command.output().expect("the function is built");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in ["DOUGONG_WATERMARKS_TABLE", "DOUGONG_ORDERS_QUEUE_URL", "DOUGONG_SECRET_ID", "dougong.toml"]
    {
        assert!(said.contains(text), "nothing is said about {text}: {said}");
    }
}
