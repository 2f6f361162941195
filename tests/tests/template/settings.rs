//! What the functions find in their environment, in the secret and in the layer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use dougong_config::Config;
use dougong_runtime::Settings;
use serde_json::Value;

use crate::{Template, repository, text_of};

/// What stands for the variables that must be set.
fn sample(name: &str) -> Option<&'static str> {
    match name {
        "DOUGONG_TENANT" | "DOUGONG_WDT_SID" | "DOUGONG_WDT_TARGET_APP_KEY" | "DOUGONG_BIP_TENANT_ID" => {
            Some("merchant")
        }
        "DOUGONG_WDT_URL" | "DOUGONG_STORE_URL" => Some("https://example.invalid/"),
        _ => None,
    }
}

/// The shipped configuration, and the variables that it asked for.
fn shipped() -> (Config, BTreeSet<String>) {
    let asked = RefCell::new(BTreeSet::new());
    let variable = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        sample(name).map(str::to_owned)
    };
    let config = Config::load(&repository("config"), &variable).unwrap();
    (config, asked.into_inner())
}

#[test]
fn every_variable_that_the_code_reads_is_set_and_no_other() {
    let (_, mut read) = shipped();
    let asked = RefCell::new(&mut read);
    let _ = Settings::read(&|name| {
        asked.borrow_mut().insert(name.to_owned());
        None
    });
    // The folder; and the file with the secrets, which is for one machine.
    read.insert("DOUGONG_CONFIG".to_owned());
    assert!(read.remove("DOUGONG_SECRETS"));
    let template = Template::read();
    let set = &template.0["Globals"]["Function"]["Environment"]["Variables"];
    let set: BTreeSet<String> = set.as_object().unwrap().keys().cloned().collect();
    assert_eq!(set, read);
    for (name, function) in template.of_type("AWS::Serverless::Function") {
        assert!(function["Properties"]["Environment"].is_null(), "{name} has variables of its own");
    }
}

/// `${DOUGONG_NAME:-default}` of the shipped configuration: the default of the parameter that sets the variable.
#[test]
fn the_parameters_have_the_defaults_of_the_configuration() {
    let rules = text_of("config/dougong.toml");
    let rules = rules.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut defaults: BTreeMap<String, Option<String>> = BTreeMap::new();
    for opened in rules.flat_map(|line| line.split("${").skip(1).collect::<Vec<_>>()) {
        let inside = opened.split('}').next().unwrap();
        let (name, default) =
            inside.split_once(":-").map_or((inside, None), |(name, text)| (name, Some(text)));
        defaults.insert(name.to_owned(), default.map(str::to_owned));
    }
    assert!(defaults.len() > 15, "{defaults:?}");
    let template = Template::read();
    let variables = &template.0["Globals"]["Function"]["Environment"]["Variables"];
    for (name, default) in defaults {
        let parameter = variables[&name].as_str().unwrap_or_else(|| panic!("{name} is not set"));
        let parameter = &template.0["Parameters"][parameter];
        assert!(parameter.is_object(), "{name} is no parameter");
        let of_template = match &parameter["Default"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        assert_eq!(of_template, default, "{name}");
    }
}

/// CloudFormation writes a changed text over what people have filled in: a new key needs another way.
#[test]
fn the_secret_is_created_empty_and_its_text_never_changes() {
    const TEXT: &str = r#"{"wdt":{"app_key":"","app_secret":""},"bip":{"app_key":"","app_secret":""},"store":{"app_id":"","secrets":[]},"console":{"token":""}}"#;
    let template = Template::read();
    let secrets = template.of_type("AWS::SecretsManager::Secret");
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0].1["Properties"]["SecretString"], TEXT);
    assert_eq!(secrets[0].1["DeletionPolicy"], "Retain");
    for (name, parameter) in template.section("Parameters") {
        let may_be_one = name.contains("Secret") || name.contains("Password") || name.contains("Token");
        assert!(!may_be_one || name == "BipTokenUrl", "{name} asks for a secret");
        assert!(name != "WebhookUrl" || parameter["NoEcho"] == true);
    }
}

#[test]
fn the_layer_holds_the_configuration_in_its_folder() {
    let template = Template::read();
    let folder = template.properties("ConfigLayer")["ContentUri"].as_str().unwrap();
    // A link: where a checkout makes a file of it, the layer would be empty.
    for file in ["config/dougong.toml", "config/tables/shops.csv"] {
        assert_eq!(text_of(&format!("{folder}/{file}")), text_of(file), "{folder}/{file}");
    }
}

#[test]
fn every_scheme_has_its_schedule() {
    let template = Template::read();
    let mut started: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, schedule) in template.of_type("AWS::Scheduler::Schedule") {
        let properties = &schedule["Properties"];
        assert_eq!(properties["ScheduleExpressionTimezone"], "Asia/Shanghai", "{name}");
        assert_eq!(properties["FlexibleTimeWindow"]["Mode"], "OFF", "{name}");
        assert_eq!(properties["State"], "Schedules", "{name}");
        let target = &properties["Target"];
        assert!(target["RetryPolicy"]["MaximumRetryAttempts"].as_u64().unwrap() <= 3, "{name}");
        assert!(target["RetryPolicy"]["MaximumEventAgeInSeconds"].as_u64().unwrap() <= 300, "{name}");
        assert_eq!(target["DeadLetterConfig"]["Arn"], "DeadSchedules.Arn", "{name}");
        let parameter = properties["ScheduleExpression"].as_str().unwrap();
        let expression = template.0["Parameters"][parameter]["Default"].as_str().unwrap();
        assert!(expression.starts_with("rate(") || expression.starts_with("cron("), "{parameter}");
        let event: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
        let function = target["Arn"].as_str().unwrap().to_owned();
        started.entry(function).or_default().insert(event.to_string());
    }
    let (config, _) = shipped();
    let pulls = config.schemes.keys().flat_map(|scheme| {
        let live = serde_json::json!({ "scheme": scheme.as_str() });
        [live.to_string(), serde_json::json!({ "scheme": scheme.as_str(), "rescan": true }).to_string()]
    });
    assert_eq!(started["Pull.Arn"], pulls.collect());
    let downloads = config.bill_schemes.iter().filter(|(_, scheme)| scheme.source.download);
    let downloads = downloads.map(|(scheme, _)| serde_json::json!({ "scheme": scheme.as_str() }).to_string());
    let jobs = ["stuck", "close", "payments"].map(|job| serde_json::json!({ "job": job }).to_string());
    let due: BTreeSet<String> = downloads.chain(jobs).collect();
    assert!(started["Sweep.Arn"].is_superset(&due), "{:?}", started["Sweep.Arn"]);
    assert_eq!(started["Reconcile.Arn"], BTreeSet::from(["{}".to_owned()]));
}

#[test]
fn samconfig_sets_parameters_that_there_are() {
    let config: toml::Table = text_of("samconfig.toml").parse().unwrap();
    let template = Template::read();
    let parameters = template.section("Parameters");
    for stage in ["dev", "staging", "prod"] {
        let deploy = &config[stage]["deploy"]["parameters"];
        assert_eq!(deploy["stack_name"].as_str(), Some(&*format!("dougong-{stage}")));
        for set in deploy["parameter_overrides"].as_array().unwrap() {
            let name = set.as_str().unwrap().split('=').next().unwrap();
            assert!(parameters.contains_key(name), "{stage}: there is no parameter {name}");
        }
    }
}
