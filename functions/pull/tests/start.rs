//! What keeps `pull` from starting is said at once: everything, where, and what to write instead.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const SETTINGS: [(&str, &str); 10] = [
    ("DOUGONG_WATERMARKS_TABLE", "watermarks"),
    ("DOUGONG_DOCUMENTS_TABLE", "documents"),
    ("DOUGONG_ORDERS_QUEUE_URL", "http://127.0.0.1:9/orders"),
    ("DOUGONG_TENANT", "shanjian"),
    ("DOUGONG_WDT_URL", "http://127.0.0.1:9/router/qm"),
    ("DOUGONG_WDT_SID", "demo2"),
    ("DOUGONG_WDT_TARGET_APP_KEY", "87654321"),
    ("DOUGONG_BIP_TOKEN_URL", "http://127.0.0.1:9/auth"),
    ("DOUGONG_BIP_GATEWAY_URL", "http://127.0.0.1:9/gateway"),
    ("DOUGONG_ONLINE_SALES_LAG", "5m"),
];

const SECRETS: &str =
    r#"{"wdt":{"app_key":"1","app_secret":"CANARY-1"},"bip":{"app_key":"2","app_secret":"CANARY-2"}}"#;

/// A folder with the shipped configuration and secrets, to be spoilt.
struct Deployment {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Deployment {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        fs::create_dir(folder.path().join("tables")).unwrap();
        fs::copy(shipped.join("dougong.toml"), folder.path().join("dougong.toml")).unwrap();
        for table in ["shops", "warehouses", "goods", "taxes", "units"] {
            let name = format!("tables/{table}.csv");
            fs::copy(shipped.join(&name), folder.path().join(&name)).unwrap();
        }
        fs::write(folder.path().join("secrets.json"), SECRETS).unwrap();
        let mut settings: Vec<_> = SETTINGS.map(|(name, value)| (name, value.to_owned())).into();
        settings.push(("DOUGONG_CONFIG", folder.path().display().to_string()));
        settings.push(("DOUGONG_SECRETS", folder.path().join("secrets.json").display().to_string()));
        Self { folder, settings }
    }

    fn spoil(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from:?} must be once in {file}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn without(&mut self, name: &str) {
        self.settings.retain(|(known, _)| *known != name);
    }

    /// Starts the function, which must not start, and returns all that it said.
    fn refusal(&self) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pull"));
        // What Lambda sets for every function.
        command.env_clear().env("AWS_REGION", "cn-north-1").env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9");
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains("CANARY"), "a secret was printed: {said}");
        // The texts as a person reads them: log lines are JSON.
        said.replace("\\n", "\n").replace("\\\"", "\"")
    }
}

#[track_caller]
fn says(said: &str, texts: &[&str]) {
    for text in texts {
        assert!(said.contains(text), "nothing is said about {text:?}:\n{said}");
    }
}

#[test]
fn missing_settings_are_all_named_at_once() {
    let mut bare = Deployment::new();
    bare.settings.clear();
    says(
        &bare.refusal(),
        &[
            "DOUGONG_WATERMARKS_TABLE",
            "DOUGONG_DOCUMENTS_TABLE",
            "DOUGONG_ORDERS_QUEUE_URL",
            "DOUGONG_SECRET_ID",
            "/opt/config/dougong.toml",
            "DOUGONG_CONFIG names the folder",
        ],
    );
}

#[test]
fn settings_configuration_tables_and_secrets_are_all_checked_in_one_start() {
    let mut wrong = Deployment::new();
    wrong.without("DOUGONG_DOCUMENTS_TABLE");
    wrong.without("DOUGONG_WDT_SID");
    wrong.spoil("dougong.toml", "overlap = \"2m\"", "overlap = \"2 minutes\"\noverlpa = \"2m\"");
    wrong.spoil("dougong.toml", "policy = \"line\"", "policy = \"lines\"");
    wrong.spoil("tables/warehouses.csv", "warehouse_no,", "warehous,");
    fs::remove_file(wrong.folder.path().join("tables/taxes.csv")).unwrap();
    fs::write(wrong.folder.path().join("secrets.json"), SECRETS.replace("\"CANARY-2\"", "\"\"")).unwrap();
    let said = wrong.refusal();
    says(
        &said,
        &[
            "DOUGONG_DOCUMENTS_TABLE",
            "the environment variable DOUGONG_WDT_SID is not set",
            "2 minutes",
            "overlpa",
            "did you mean `overlap`?",
            "\"lines\"",
            "dougong.toml:",
            "warehouse_no",
            "warehouses.csv",
            "taxes.csv",
            "the secrets lack bip.app_secret",
        ],
    );
}

#[test]
fn a_table_that_cannot_be_read_is_named_with_line_and_cell() {
    let wrong = Deployment::new();
    wrong.spoil("tables/taxes.csv", "VAT13,增值税 13%,VAT13,0.13", "VAT13,增值税 13%,VAT13,13%");
    says(&wrong.refusal(), &["taxes.csv:4:4", "13%", "hint"]);
}

#[test]
fn secrets_that_are_no_json_are_named_by_their_place_alone() {
    let wrong = Deployment::new();
    fs::write(wrong.folder.path().join("secrets.json"), "{\"wdt\": CANARY}").unwrap();
    says(&wrong.refusal(), &["the secrets are no JSON object as expected (line 1, column"]);
}
