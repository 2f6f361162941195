//! `${DOUGONG_NAME}` in values.

/// The prefix of the variables that may be named: nothing else of the environment can leak into a voucher.
const PREFIX: &str = "DOUGONG_";

/// A place in a text that cannot be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreplaced {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Tells whether a text names a variable.
pub(crate) fn names_variable(text: &str) -> bool {
    text.contains("${")
}

/// Returns the first variable that a text names.
pub(crate) fn variable(written: &str) -> Option<&str> {
    let (_, opened) = written.split_once("${")?;
    opened.split(['}', ':']).next()
}

/// Replaces every variable of a text; returns every one that cannot be.
pub(crate) fn substitute(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Vec<Unreplaced>> {
    let mut replaced = String::with_capacity(text.len());
    let mut problems = Vec::new();
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once("${") {
        replaced.push_str(before);
        let Some((inside, behind)) = opened.split_once('}') else {
            problems.push(Unreplaced {
                message: "a `${` is not closed by a `}`".to_owned(),
                hint: Some(format!("write ${{{PREFIX}NAME}}")),
            });
            return Err(problems);
        };
        rest = behind;
        let (name, default) =
            inside.split_once(":-").map_or((inside, None), |(name, text)| (name, Some(text)));
        let well_formed =
            name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if !name.starts_with(PREFIX) || !well_formed {
            problems.push(Unreplaced {
                message: format!("`${{{name}}}` cannot be replaced"),
                hint: Some(format!(
                    "only variables named {PREFIX}… in capitals are read from the environment"
                )),
            });
            continue;
        }
        match env(name).or_else(|| default.map(str::to_owned)) {
            Some(value) => replaced.push_str(value.trim()),
            None => problems.push(Unreplaced {
                message: format!("the environment variable {name} is not set"),
                hint: Some(format!("set it, or write `${{{name}:-…}}` with what holds without it")),
            }),
        }
    }
    replaced.push_str(rest);
    if problems.is_empty() { Ok(replaced) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "DOUGONG_SID" => Some("demo2 ".to_owned()),
            "DOUGONG_EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_and_defaults_hold() {
        for (text, expected) in [
            ("plain $ {x}", "plain $ {x}"),
            ("a/${DOUGONG_SID}/b${DOUGONG_SID}", "a/demo2/bdemo2"),
            ("${DOUGONG_NONE:-50}", "50"),
            ("${DOUGONG_NONE:-}", ""),
            ("${DOUGONG_EMPTY:-x}", ""),
        ] {
            assert_eq!(substitute(text, &env).as_deref(), Ok(expected), "from {text}");
        }
    }

    #[test]
    fn every_variable_that_cannot_be_replaced_is_named() {
        let problems =
            substitute("${DOUGONG_A} ${HOME} ${DOUGONG_b} ${DOUGONG_SID} ${DOUGONG_C", &env).unwrap_err();
        let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "the environment variable DOUGONG_A is not set",
                "`${HOME}` cannot be replaced",
                "`${DOUGONG_b}` cannot be replaced",
                "a `${` is not closed by a `}`",
            ]
        );
    }
}
