//! `dougong doctor`: whether everything is in its place.

use comfy_table::Cell;
use dougong_operate::{Checkup, Finding, Part};

use super::Said;
use super::arguments::DoctorArguments;
use super::connection::Connection;
use super::status::table;
use super::words::{self, say};
use crate::failure::Failure;
use crate::lang::{Lang, Texts};
use crate::tables::plain;

pub(super) async fn run(options: &DoctorArguments, connection: &Connection) -> Result<Said, Failure> {
    let lang = connection.lang;
    let found = connection.operator.doctor().await;
    let wrong = found.iter().any(|checkup| checkup.finding == Finding::Wrong);
    Ok(Said::of(&options.common, &found, u8::from(wrong), || written(&found, connection, lang)))
}

fn written(found: &[Checkup], connection: &Connection, lang: Lang) -> String {
    let mut rows = plain();
    for Checkup { part, finding, words } in found {
        let mark = match finding {
            Finding::Well => say!(lang, "well", "正常"),
            Finding::Doubtful => say!(lang, "doubtful", "存疑"),
            Finding::Wrong => say!(lang, "wrong", "有误"),
        };
        rows.add_row([
            Cell::new(mark),
            Cell::new(lang.pick(name(*part))),
            Cell::new(words::said(lang, words)),
        ]);
    }
    let mut text = table(&rows);
    for Checkup { part, .. } in found.iter().filter(|checkup| checkup.finding != Finding::Well) {
        let (name, hint) = (lang.pick(name(*part)), lang.pick(hint(*part)));
        text += &say!(lang, "\n{name}: {hint}\n", "\n{name}：{hint}\n");
    }
    if connection.config_changed {
        text += &say!(
            lang,
            "\nthe configuration was changed since `dougong up` has read it: restart it\n",
            "\n配置在 `dougong up` 启动之后有改动：请重启\n"
        );
    }
    text
}

const fn name(part: Part) -> Texts {
    match part {
        Part::Configuration => Texts { en: "configuration", zh: "配置" },
        Part::ReadLedger => Texts { en: "reading the ledger", zh: "读台账" },
        Part::WriteLedger => Texts { en: "writing to the ledger", zh: "写台账" },
        Part::Queue => Texts { en: "order queue", zh: "订单队列" },
        Part::DeadLetters => Texts { en: "dead letters", zh: "死信队列" },
        Part::Secrets => Texts { en: "secrets", zh: "密钥" },
        Part::Clock => Texts { en: "clock", zh: "时钟" },
        Part::Wdt => Texts { en: "a call to WDT", zh: "调用旺店通" },
        Part::Bip => Texts { en: "a call to BIP", zh: "调用 BIP" },
        Part::Store => Texts { en: "a call to the store system", zh: "调用门店系统" },
    }
}

const fn hint(part: Part) -> Texts {
    match part {
        Part::Configuration => Texts {
            en: "`dougong check` says everything that is wrong",
            zh: "`dougong check` 列出全部问题",
        },
        Part::ReadLedger | Part::WriteLedger => Texts {
            en: "check the names of the tables, the region, and the rights of the credentials (OperatorPolicyArn)",
            zh: "请核对表名、区域和凭证权限（OperatorPolicyArn）",
        },
        Part::Queue | Part::DeadLetters => Texts {
            en: "check DOUGONG_ORDERS_QUEUE_URL, its redrive policy, and the rights of the credentials",
            zh: "请核对 DOUGONG_ORDERS_QUEUE_URL、其重驱策略和凭证权限",
        },
        Part::Secrets => Texts {
            en: "let DOUGONG_SECRETS name the file, or DOUGONG_SECRET_ID the secret, and allow reading it (CallerPolicyArn)",
            zh: "请用 DOUGONG_SECRETS 指定文件，或用 DOUGONG_SECRET_ID 指定密钥并授予读取权限（CallerPolicyArn）",
        },
        Part::Clock => Texts {
            en: "set this machine's clock by NTP: requests are signed with the time",
            zh: "请用 NTP 校准本机时钟：请求按时间签名",
        },
        Part::Wdt => Texts {
            en: "check wdt.url, sid, the keys in the secret, and the rights of the interface account",
            zh: "请核对 wdt.url、sid、密钥和接口账号的权限",
        },
        Part::Bip => Texts {
            en: "check the addresses or tenant_id, the keys in the secret, and that the application may list and save sales orders",
            zh: "请核对地址或 tenant_id、密钥，以及应用是否获准查询和保存销售订单",
        },
        Part::Store => Texts {
            en: "check store.url, auth of [store.outgoing], and the secrets",
            zh: "请核对 store.url、[store.outgoing] 的 auth 和密钥",
        },
    }
}
