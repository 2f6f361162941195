//! What a person decides: skip, accept or dismiss a change, dissolve a merged voucher.

use std::collections::BTreeMap;

use dougong_ledger::Decision;
use dougong_operate::Settled;
use dougong_values::DocumentKey;

use super::arguments::{DecisionArguments, SkipArguments};
use super::connection::Connection;
use super::words::{self, say};
use super::{Said, agreed, failed, orders};
use crate::failure::Failure;

pub(super) async fn skip(options: &SkipArguments, connection: &Connection) -> Result<Said, Failure> {
    let lang = connection.lang;
    let keys = orders::keys(&options.keys, connection)?;
    let count = keys.len();
    if !agreed(lang, options.yes, &say!(lang, "skip {count} documents?", "跳过 {count} 张单据？")) {
        return Ok(Said::not(""));
    }
    let decision = if options.looked_up { Decision::SkipUnsettled } else { Decision::Skip };
    let mut done = Vec::new();
    for key in keys {
        let settled =
            connection.operator.settle(&key, decision, &options.reason).await.map_err(failed(lang))?;
        done.push((key, settled));
    }
    let mut said = result(options.common.json, &done, connection);
    let may_be_booked = |(_, settled): &(DocumentKey, Settled)| matches!(settled, Settled::Not(_));
    if !options.looked_up && !options.common.json && done.iter().any(may_be_booked) {
        said.text += &say!(
            lang,
            "hint: what was sent without an answer may be in BIP: `orders replay` asks BIP, or look there and add --looked-up\n",
            "提示：结果未知的单据可能已在 BIP：用 `orders replay` 向 BIP 查询，或自行核对后加 --looked-up\n"
        );
    }
    Ok(said)
}

pub(super) async fn accept(options: &DecisionArguments, connection: &Connection) -> Result<Said, Failure> {
    let question =
        say!(connection.lang, "the voucher in BIP says what the change says?", "BIP 中的单据已按变更更正？");
    decide(options, connection, Decision::AcceptChange, &question).await
}

pub(super) async fn dismiss(options: &DecisionArguments, connection: &Connection) -> Result<Said, Failure> {
    let question = say!(connection.lang, "leave the voucher in BIP as it is?", "保持 BIP 中的单据不变？");
    decide(options, connection, Decision::DismissChange, &question).await
}

async fn decide(
    options: &DecisionArguments,
    connection: &Connection,
    decision: Decision,
    question: &str,
) -> Result<Said, Failure> {
    let lang = connection.lang;
    let keys = orders::keys(std::slice::from_ref(&options.key), connection)?;
    if !agreed(lang, options.yes, question) {
        return Ok(Said::not(""));
    }
    let mut done = Vec::new();
    for key in keys {
        let settled =
            connection.operator.settle(&key, decision, &options.reason).await.map_err(failed(lang))?;
        done.push((key, settled));
    }
    Ok(result(options.common.json, &done, connection))
}

pub(super) async fn dissolve(options: &DecisionArguments, connection: &Connection) -> Result<Said, Failure> {
    let lang = connection.lang;
    let keys = orders::keys(std::slice::from_ref(&options.key), connection)?;
    if !agreed(lang, options.yes, &say!(lang, "give this merged voucher up?", "解散这份汇总单？")) {
        return Ok(Said::not(""));
    }
    let mut done = Vec::new();
    for key in keys {
        let settled = connection.operator.dissolve(&key, &options.reason).await.map_err(failed(lang))?;
        done.push((key, settled));
    }
    Ok(result(options.common.json, &done, connection))
}

fn result(as_json: bool, done: &[(DocumentKey, Settled)], connection: &Connection) -> Said {
    let code = u8::from(done.iter().any(|(_, settled)| *settled != Settled::Done));
    let text = if as_json {
        let map: BTreeMap<&str, Settled> =
            done.iter().map(|(key, settled)| (key.as_str(), *settled)).collect();
        super::json(&map)
    } else {
        done.iter().map(|(key, settled)| words::settled(connection.lang, key, *settled)).collect()
    };
    Said { text, code }
}
