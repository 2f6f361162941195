//! `template.yaml` is what the code, the configuration, the local cloud and the runbook say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod alarms;
mod costs;
mod roles;
mod settings;
mod stack;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Returns a file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn text_of(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The template without the tags of CloudFormation's functions: `!Ref Orders` is "Orders", `!GetAtt Orders.Arn` is
/// "Orders.Arn", and `!If` is the list of what it is given.
struct Template(Value);

impl Template {
    fn read() -> Self {
        Self(serde_saphyr::from_str(&text_of("template.yaml")).unwrap())
    }

    fn section(&self, name: &str) -> &serde_json::Map<String, Value> {
        self.0[name].as_object().unwrap_or_else(|| panic!("the template has no {name}"))
    }

    /// Returns the resources of a type with their names.
    fn of_type(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.section("Resources").iter().filter(|(_, resource)| resource["Type"] == kind);
        let found: Vec<_> = resources.map(|(name, resource)| (name.as_str(), resource)).collect();
        assert!(!found.is_empty(), "the template has no {kind}");
        found
    }

    /// Returns the properties of a resource.
    fn properties(&self, name: &str) -> &Value {
        let properties = &self.0["Resources"][name]["Properties"];
        assert!(properties.is_object(), "the template has no {name}");
        properties
    }

    /// Returns a number, given as such or as a parameter with a default.
    fn number(&self, value: &Value) -> u64 {
        let parameter = value.as_str().map(|name| &self.0["Parameters"][name]["Default"]);
        parameter.unwrap_or(value).as_u64().unwrap_or_else(|| panic!("{value} is no number"))
    }
}
