//! Who may do what, in any partition.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Template, text_of};

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn statements(policy: &Value) -> impl Iterator<Item = &Value> {
    policy["Statement"].as_array().unwrap().iter()
}

#[test]
fn every_function_has_a_role_of_its_own_that_grants_nothing_by_wildcard() {
    let template = Template::read();
    let mut roles = BTreeSet::new();
    for (name, function) in template.of_type("AWS::Serverless::Function") {
        let role = function["Properties"]["Role"].as_str().unwrap().strip_suffix(".Arn").unwrap();
        assert!(roles.insert(role.to_owned()), "{name} shares {role}");
        assert!(function["Properties"]["Policies"].is_null(), "{name} is granted more by SAM");
    }
    let of_functions = template.of_type("AWS::IAM::Role");
    let policies = of_functions.iter().flat_map(|(name, role)| {
        assert!(role["Properties"]["ManagedPolicyArns"].is_null(), "{name}");
        let policies = role["Properties"]["Policies"].as_array().unwrap();
        policies.iter().map(|policy| (*name, &policy["PolicyDocument"]))
    });
    let of_people =
        ["OperatorPolicy", "CallerPolicy"].map(|name| (name, &template.properties(name)["PolicyDocument"]));
    for (name, policy) in policies.chain(of_people) {
        for statement in statements(policy) {
            assert!(statement["Sid"].is_string(), "{name}");
            assert_eq!(statement["Effect"], "Allow", "{name}");
            let actions = strings(&statement["Action"]);
            assert!(actions.iter().all(|action| !action.contains('*')), "{name}: {actions:?}");
            let mut sorted = actions.clone();
            sorted.sort_unstable();
            assert_eq!(actions, sorted, "{name}");
            let resources = strings(&statement["Resource"]);
            assert!(!resources.is_empty(), "{name}");
            if resources.iter().any(|resource| resource.contains('*')) {
                // AWS knows no resources for these.
                let unbound =
                    ["xray:", "cloudwatch:", "logs:DescribeQueryDefinitions", "logs:GetQueryResults"];
                let unbound = |action: &&str| unbound.iter().any(|prefix| action.starts_with(prefix));
                assert!(actions.iter().all(unbound), "{name}: {actions:?} for {resources:?}");
            }
        }
    }
}

#[test]
fn operators_do_not_read_the_secret() {
    let template = Template::read();
    let policy = &template.properties("OperatorPolicy")["PolicyDocument"];
    let actions: Vec<&str> = statements(policy).flat_map(|statement| strings(&statement["Action"])).collect();
    assert!(!actions.contains(&"secretsmanager:GetSecretValue"));
    assert!(actions.contains(&"secretsmanager:PutSecretValue"));
}

/// `pull` and `reconcile` run the functions' own work on a person's machine, the others ask and tell: what one policy does
/// not allow, the other one must.
#[test]
fn with_both_policies_a_person_may_do_whatever_pull_and_sweep_do() {
    let template = Template::read();
    let actions = |name: &str| -> BTreeSet<String> {
        let policy = template.properties(name)["PolicyDocument"].clone();
        statements(&policy).flat_map(|statement| strings(&statement["Action"])).map(str::to_owned).collect()
    };
    let callers = actions("CallerPolicy");
    let expected = ["dynamodb:DeleteItem", "secretsmanager:GetSecretValue"].map(str::to_owned);
    assert_eq!(callers, BTreeSet::from(expected));
    let statement = template.properties("CallerPolicy")["PolicyDocument"]["Statement"][0].clone();
    assert_eq!(strings(&statement["Resource"]), ["Secret.Id"]);
    let together: BTreeSet<String> = actions("OperatorPolicy").union(&callers).cloned().collect();
    for role in ["PullRole", "SweepRole"] {
        for policy in template.properties(role)["Policies"].as_array().unwrap() {
            let needed =
                statements(&policy["PolicyDocument"]).flat_map(|statement| strings(&statement["Action"]));
            // Logs and traces are the function's own, and nobody closes merged vouchers by hand.
            let own = ["logs:", "xray:", "dynamodb:ConditionCheckItem"];
            let needed = needed.filter(|action| !own.iter().any(|own| action.starts_with(own)));
            let missing: Vec<&str> = needed.filter(|action| !together.contains(*action)).collect();
            assert!(missing.is_empty(), "{role} needs {missing:?} on a person's machine");
        }
    }
}

/// The China regions are a partition of their own, with addresses of their own. Their service principals are those of
/// everywhere else: IAM refuses `lambda.amazonaws.com.cn`.
#[test]
fn nothing_but_service_principals_names_a_partition() {
    let text = text_of("template.yaml");
    assert!(!text.contains("arn:aws"));
    for line in text.lines().filter(|line| line.contains("amazonaws")) {
        let is_comment = line.trim_start().starts_with('#');
        let principal = line.split("Principal: { Service: ").nth(1).and_then(|rest| rest.split(' ').next());
        let service = principal.and_then(|principal| principal.strip_suffix(".amazonaws.com"));
        let is_service = service.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()));
        assert!(is_comment || is_service, "{line}");
    }
}

#[test]
fn every_exception_of_the_linters_carries_its_reason() {
    for file in [".ci/checkov.yaml", ".ci/cfnlintrc.yaml"] {
        let text = text_of(file);
        let exceptions: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("- ")).collect();
        assert!(!exceptions.is_empty(), "{file}");
        for exception in exceptions {
            let reason = exception.split_once('#').map_or("", |(_, reason)| reason.trim());
            assert!(reason.len() > 20, "{file}: {exception}");
        }
    }
}
