use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;

#[test]
fn a_chain_of_causes_is_said_link_by_link_and_what_others_said_stays() {
    assert_eq!(
        in_chinese("BIP does not answer: BIP is busy (310043: 稍后再试)"),
        "BIP 没有应答：BIP 繁忙（310043：稍后再试）"
    );
    assert_eq!(
        in_chinese(
            "this needs the secrets: cannot read the secrets file /etc/s.json: No such file (os error 2)"
        ),
        "此操作需要密钥：无法读取密钥文件 /etc/s.json: No such file (os error 2)"
    );
    assert_eq!(
        in_chinese("cannot record as posted stockout#1#2: the ledger does not answer: timed out"),
        "未能将 stockout#1#2 记为已入账：台账没有应答：timed out"
    );
    assert_eq!(
        in_chinese(
            "the row cannot be read as a stockout: rec_id: is missing or empty; details_list[0]: is not a list"
        ),
        "该行无法读作出库单：rec_id：缺失或为空；details_list[0]：不是列表"
    );
    assert_eq!(in_chinese("客户档案不存在"), "客户档案不存在");
    assert_eq!(in_chinese("something new; and more: of it"), "something new; and more: of it");
}

#[test]
fn what_bip_said_stays_and_our_own_words_beside_it_are_chinese() {
    let refused = json!({ "reason": "refused", "code": "999", "message": "there is no line", "value": "3 lines",
                          "hint": "BIP says the code is taken, but lists no voucher of this code" });
    let said = problem_in_chinese(&refused);
    assert_eq!((said["message"].as_str(), said["value"].as_str()), (Some("there is no line"), Some("3 行")));
    assert_eq!(said["hint"], "BIP 称编码已存在，却查不到该编码的单据");
    let taken = json!({ "reason": "code_taken", "message": "BIP holds another voucher of this code",
                        "differences": ["payMoney: sent 1.00, found 2.00"] });
    let said = problem_in_chinese(&taken);
    assert_eq!(said["differences"][0], "payMoney：发送 1.00，查到 2.00");
}

/// Where sentences come from that a person may read of a document or of an operation.
const SOURCES: [&str; 11] = [
    "shared/bip/src",
    "shared/intake/src",
    "shared/ledger/src",
    "shared/mapping/src",
    "shared/operate/src",
    "shared/queue/src",
    "shared/runtime/src",
    "shared/store/src",
    "shared/values/src",
    "shared/wdt/src",
    "functions/deliver/src",
];

/// What speaks while a configuration is loaded (the command line has those sentences), or in both languages already.
const OTHERS: [&str; 15] = [
    "mapping/src/bill_rules.rs",
    "mapping/src/formulas.rs",
    "mapping/src/formulas/catalogue.rs",
    "mapping/src/formulas/targets.rs",
    "mapping/src/merge/rules.rs",
    "mapping/src/rules.rs",
    "mapping/src/tables.rs",
    "mapping/src/tables/",
    "mapping/src/template.rs",
    "operate/src/chinese",
    "operate/src/reasons.rs",
    "operate/src/reconcile",
    "store/src/acknowledgement.rs",
    "store/src/auth",
    "wdt/src/sign.rs",
];

/// Texts of three words and more that nobody is told: names, patterns, and parts of sentences that stand in the list whole.
const NOT_SAID: [&str; 21] = [
    "dougong shared BIP access token, form 1",
    "SealedToken({} bytes, expires at {})",
    "NewDocument({} version {} modified {modified:?})",
    "Message({} version {}, {} bytes)",
    "window_start <= :second AND window_end >= :second",
    " (and {more} more rows)",
    "`{key}` has no `{column}`{and_more}",
    "{reason}: {message} ({source} = {value:?} → {target}, rule {rule})",
    "the result is {}, not a tax",
    "{whole} has no field `{name}`",
    "{what} has no field `{field}`",
    "`{name}` of the document is {what}",
    "no decimal number",
    "no whole number",
    "&str | ImmutableString | String",
    "}}, and with a store system ",
    "{0:?} is no kind of store bill: write `declare`, `rec`, `req`, `outbound` or `sale`",
    "{name}: {path}: {detail}",
    "{first}** ({count} chars)",
    "an id as a string or an integer",
    "kind of document",
];

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            None => files(&path, into),
            Some(extension) if extension == "rs" => into.push(path),
            Some(_) => {}
        }
    }
}

/// The string literals of a source outside of its tests, comments, logs and attributes that are no errors.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut found = Vec::new();
    let mut unsaid = Vec::new();
    let (mut depth, mut rest) = (0_usize, code);
    while let Some(letter) = rest.chars().next() {
        let silent = ["error!(", "warn!(", "info!(", "debug!(", "#[expect(", "#[must_use", ".expect("]
            .into_iter()
            .find(|silent| rest.starts_with(silent));
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        }
        if let Some(silent) = silent {
            unsaid.push(depth);
            depth += 1;
            rest = &rest[silent.len()..];
            continue;
        }
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => {
                depth = depth.saturating_sub(1);
                unsaid.retain(|at| *at < depth);
            }
            // A quotation mark as a character, or an escaped one.
            '\'' if rest.starts_with("'\"'") => {
                rest = &rest[3..];
                continue;
            }
            '"' => {
                let mut text = String::new();
                let mut letters = rest[1..].char_indices();
                let mut end = rest.len() - 1;
                while let Some((at, letter)) = letters.next() {
                    match letter {
                        '"' => {
                            end = at;
                            break;
                        }
                        '\\' => match letters.next() {
                            Some((_, 'n')) => text.push('\n'),
                            Some((_, '\n')) => {
                                let blanks =
                                    letters.as_str().chars().take_while(|blank| *blank == ' ').count();
                                for _ in 0..blanks {
                                    letters.next();
                                }
                            }
                            Some((_, escaped)) => text.push(escaped),
                            None => {}
                        },
                        other => text.push(other),
                    }
                }
                if unsaid.is_empty() {
                    found.push(text);
                }
                rest = &rest[(end + 2).min(rest.len())..];
                continue;
            }
            _ => {}
        }
        rest = &rest[letter.len_utf8()..];
    }
    found
}

/// Writes every place of a format string as `{}`; braces that are meant stay.
fn without_names(literal: &str) -> String {
    let marked = literal.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut text = String::new();
    let mut rest = marked.as_str();
    while let Some((before, behind)) = rest.split_once('{') {
        text += before;
        text += "{}";
        rest = behind.split_once('}').map_or("", |(_, behind)| behind);
    }
    text += rest;
    text.replace('\u{1}', "{").replace('\u{2}', "}")
}

fn is_in_the_list(pattern: &str) -> bool {
    // An operation is said together with what it is done to.
    let pattern = pattern.replace("cannot {} {}: ", "cannot {}: ");
    let is = |english: &str| english.replace("{*}", "{}").replace("{~}", "{}") == pattern;
    LISTS.iter().copied().flatten().any(|(english, _)| is(english))
}

fn is_a_sentence(text: &str) -> bool {
    let is_expression =
        ["#", ":now", " = :", "attribute_", "_at", "SET "].iter().any(|part| text.contains(part));
    text.split(' ').filter(|word| word.chars().any(|letter| letter.is_ascii_lowercase())).count() > 2
        && !is_expression
}

#[test]
fn every_sentence_that_a_person_may_read_of_a_document_has_its_chinese() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut checked, mut untold) = (0, Vec::new());
    for folder in SOURCES {
        let mut found = Vec::new();
        files(&root.join(folder), &mut found);
        assert!(!found.is_empty(), "{folder}");
        for file in found {
            let name = file.to_string_lossy().into_owned();
            if OTHERS.iter().any(|other| name.contains(other)) {
                continue;
            }
            for literal in literals(&fs::read_to_string(&file).unwrap()) {
                if !is_a_sentence(&literal) || NOT_SAID.contains(&literal.as_str()) {
                    continue;
                }
                checked += 1;
                let pattern = without_names(&literal);
                let example = pattern.replace("{}", "a1");
                // An operation is said together with what it is done to.
                let is_said = is_in_the_list(&pattern)
                    || is_in_the_list(&format!("{pattern} {{}}"))
                    || is_in_the_list(&format!("cannot {pattern}"))
                    || translated(&example, &[]).is_some();
                if !is_said {
                    untold.push(format!("{}: {literal}", file.strip_prefix(&root).unwrap().display()));
                }
            }
        }
    }
    assert!(checked > 300, "{checked} sentences were found");
    assert!(untold.is_empty(), "give these a Chinese counterpart: {untold:#?}");
}

#[test]
fn no_counterpart_keeps_english_words_and_each_keeps_every_place() {
    for (english, chinese) in LISTS.iter().copied().flatten() {
        let count = ["{}", "{*}", "{~}"].iter().map(|mark| english.matches(mark).count()).sum::<usize>();
        for place in 0..count {
            // Some names say nothing to a reader: which kind of id is too long, in which list of files it stands.
            let is_kept = chinese.contains(&format!("{{{place}}}"));
            assert!(is_kept || english.starts_with("{} cannot be a {}"), "{english}: {chinese}");
        }
        for word in [" the ", " is ", " of ", " and ", " not "] {
            assert!(!chinese.contains(word), "{chinese}");
        }
    }
}

#[test]
fn a_sentence_without_a_counterpart_is_found_in_a_source() {
    let source = r#"
        // "a comment is not told to anybody"
        fn told(name: &str) -> String {
            warn!(name, "a log line is not told either");
            let letter = '"';
            format!("nobody has written {name} in Chinese \
                     yet")
        }
        #[cfg(test)]
mod tests { const OF_TESTS: &str = "this is of no interest here"; }
    "#;
    let found = literals(source);
    assert_eq!(found, ["nobody has written {name} in Chinese yet"]);
    let pattern = without_names(&found[0]);
    assert_eq!(pattern, "nobody has written {} in Chinese yet");
    assert!(is_a_sentence(&pattern) && !is_in_the_list(&pattern));
}
