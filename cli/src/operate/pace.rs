//! `dougong pause` and `resume`: stopping all calls to a system, for everyone.

use dougong_operate::System;

use super::arguments::{PauseArguments, ResumeArguments, SystemName};
use super::connection::Connection;
use super::words::{self, say};
use super::{Said, failed};
use crate::failure::Failure;

impl From<SystemName> for System {
    fn from(name: SystemName) -> Self {
        match name {
            SystemName::Bip => Self::Bip,
            SystemName::Wdt => Self::Wdt,
            SystemName::Store => Self::Store,
        }
    }
}

pub(super) async fn pause(options: &PauseArguments, connection: &Connection) -> Result<Said, Failure> {
    let (lang, system) = (connection.lang, System::from(options.system));
    let paused = connection.operator.pause(system, options.lasting, &options.reason).await;
    let paused = paused.map_err(failed(lang))?;
    Ok(Said::of(&options.common, &paused, 0, || {
        let what = lang.pick(words::system(system));
        let said = words::calls_stopped(lang, what, paused.until, &paused.reason);
        let command = connection.typed(&format!("resume {}", system.as_str()));
        say!(lang, "{said}\nsooner: {command}\n", "{said}\n提前恢复：{command}\n")
    }))
}

pub(super) async fn resume(options: &ResumeArguments, connection: &Connection) -> Result<Said, Failure> {
    let (lang, system) = (connection.lang, System::from(options.system));
    let was = connection.operator.resume(system).await.map_err(failed(lang))?;
    Ok(Said::of(&options.common, &serde_json::json!({ "ended": was }), 0, || {
        let what = lang.pick(words::system(system));
        match &was {
            Some(was) => {
                let (until, reason) = (was.until, words::said(lang, &was.reason));
                say!(
                    lang,
                    "calls to {what} go on; they were stopped until {until}: {reason}\n",
                    "已恢复对{what}的调用；原暂停至 {until}：{reason}\n"
                )
            }
            None => say!(lang, "calls to {what} were not stopped\n", "对{what}的调用并未暂停\n"),
        }
    }))
}
