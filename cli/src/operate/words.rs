//! What the operator's commands say, in both languages.

use std::io;
use std::path::Path;

use dougong_operate::{Deed, Health, Next, Place, Settled, System, in_chinese};
use dougong_values::{BeijingTime, DocumentKey};

use crate::failure::Failure;
use crate::lang::{Lang, Texts};

/// Picks one of two texts that are made up on the spot.
macro_rules! say {
    ($lang:expr, $en:literal, $zh:literal) => {
        match $lang {
            $crate::lang::Lang::En => format!($en),
            $crate::lang::Lang::Zh => format!($zh),
        }
    };
}
pub(super) use say;

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        $(pub(super) const $name: Texts = Texts { en: $en, zh: $zh };)*
    };
}

words! {
    SCHEME: "scheme", "方案";
    WATERMARK: "watermark", "水位";
    BEHIND: "behind", "落后";
    LAST_RUN: "last run ended", "上次运行结束";
    STATE: "state", "状态";
    DOCUMENT: "document", "单据";
    DOCUMENTS: "documents", "张数";
    AMOUNT: "amount", "金额";
    SINCE: "since", "自";
    OLDEST: "oldest", "最早";
    REASON: "reason", "原因";
    VOUCHER: "voucher", "凭单";
    WHAT_TO_DO: "what to do", "处理办法";
    NEEDS_PERSON: "needs a person", "待人工处理";
    WINDOW: "window", "窗口";
    FINISHED: "finished", "完成时间";
    READ: "rows", "行数";
    QUEUED: "queued", "入队";
    KNOWN: "known", "已知";
    LEFT_OUT: "left out", "按规则不入账";
    KIND: "kind", "类别";
    WHEN: "when", "时间";
    WHO: "who", "操作人";
    WHAT: "what", "操作";
    TO_WHAT: "to what", "对象";
    WHY: "why", "理由";
    PROBLEM: "problem", "问题";
    SENT: "sent", "发送时间";
    BYTES: "bytes", "字节";
    NONE: "none", "无";
    LIVE: "live", "实时";
    AGAIN: "backfill or re-scan", "补拉或重扫";
    NOTHING_FOUND: "nothing", "没有单据";
    MORE: "there are more: narrow the filter, or raise --most", "还有更多：请缩小范围，或加大 --most";
    AT_LEAST: "not everything was counted: there are more than these", "未全部统计：实际不止这些";
}

pub(super) fn place(place: Place) -> Texts {
    match place {
        Place::Queued => Texts { en: "queued", zh: "排队中" },
        Place::Waiting => Texts { en: "to be merged", zh: "等待汇总" },
        Place::Posting => Texts { en: "being sent", zh: "正在入账" },
        Place::Unknown => Texts { en: "outcome unknown", zh: "结果未知" },
        Place::Parked => Texts { en: "parked", zh: "待人工处理" },
        Place::Held => Texts { en: "change held", zh: "变更待定" },
        Place::Posted => Texts { en: "booked", zh: "已入账" },
        Place::Skipped => Texts { en: "skipped", zh: "不入账" },
    }
}

pub(super) fn system(system: System) -> Texts {
    match system {
        System::Bip => Texts { en: "BIP", zh: "BIP" },
        System::Wdt => Texts { en: "WDT", zh: "旺店通" },
        System::Store => Texts { en: "the store system", zh: "门店系统" },
    }
}

/// Says in this language what a part of the program says in English.
pub(super) fn said(lang: Lang, sentence: &str) -> String {
    match lang {
        Lang::En => sentence.to_owned(),
        Lang::Zh => in_chinese(sentence),
    }
}

/// Says why something was done, or with which values: a person's own words stay.
pub(super) fn deed_words(lang: Lang, deed: &Deed) -> String {
    let words = deed.words.as_deref().unwrap_or_default();
    if deed.has_values() { said(lang, words) } else { words.to_owned() }
}

/// Names a deed of a person.
pub(super) fn deed(what: &str) -> Option<Texts> {
    Some(match what {
        "replay" => Texts { en: "sent again", zh: "重新发送" },
        "skip" => Texts { en: "skipped", zh: "跳过" },
        "accept" => Texts { en: "change accepted", zh: "接受变更" },
        "dismiss" => Texts { en: "change dismissed", zh: "忽略变更" },
        "dissolve" => Texts { en: "part dissolved", zh: "解散汇总份" },
        "pause" => Texts { en: "calls paused", zh: "暂停调用" },
        "resume" => Texts { en: "calls resumed", zh: "恢复调用" },
        "watermark" => Texts { en: "watermark set", zh: "设置水位" },
        "redrive" => Texts { en: "dead letters sent again", zh: "死信重发" },
        "doctor" => Texts { en: "looked whether all is well", zh: "体检" },
        "reconcile" => Texts { en: "reconciled", zh: "对账" },
        "pull" => Texts { en: "pulled by hand", zh: "手工拉取" },
        _ => return None,
    })
}

pub(super) fn reach_hint(lang: Lang) -> String {
    say!(
        lang,
        "check the names, the region and the rights of the credentials (docs/operate.md); `dougong doctor` looks at all of them",
        "请核对名称、区域和凭证权限（docs/operate.zh-CN.md）；`dougong doctor` 会逐项检查"
    )
}

pub(super) fn secrets_hint(lang: Lang) -> String {
    say!(
        lang,
        "let DOUGONG_SECRETS name the file; or DOUGONG_SECRET_ID the secret, with the policy of output CallerPolicyArn beside OperatorPolicyArn: pause, resume, pull, reconcile and doctor need it (docs/operate.md)",
        "请用 DOUGONG_SECRETS 指定密钥文件；或用 DOUGONG_SECRET_ID 指定密钥，并在 OperatorPolicyArn 之外附加输出 CallerPolicyArn 的策略：pause、resume、pull、reconcile、doctor 需要它（docs/operate.zh-CN.md）"
    )
}

pub(super) fn scheme_hint(lang: Lang) -> String {
    say!(lang, "name one with --scheme", "请用 --scheme 指定方案")
}

pub(super) fn later_hint(lang: Lang) -> String {
    say!(
        lang,
        "try again later; `dougong status` tells whether calls are stopped, and why",
        "请稍后再试；`dougong status` 会说明调用是否暂停及原因"
    )
}

pub(super) fn span_hint(lang: Lang) -> String {
    say!(lang, "name the earlier time with --from", "请用 --from 指定较早的时刻")
}

pub(super) fn future_hint(lang: Lang) -> String {
    say!(
        lang,
        "a watermark in the future would leave out what comes until then: name an instant that has passed",
        "水位不能设在将来，否则其间到来的单据会被漏掉：请写已过去的时刻"
    )
}

pub(super) fn store_hint(lang: Lang) -> String {
    say!(
        lang,
        "name the scheme of another system, or set the url of [store] in dougong.toml",
        "请指定其他系统的方案，或在 dougong.toml 中填写 [store] 的 url"
    )
}

pub(super) fn day_hint(lang: Lang) -> String {
    say!(lang, "name a day that has begun", "请指定已开始的日期")
}

pub(super) fn pull_hint(lang: Lang) -> String {
    say!(
        lang,
        "what was read is queued; start the same command again later, and it goes on where it was",
        "已读取的已入队；稍后以相同参数再次执行即可继续"
    )
}

pub(super) fn which_system(lang: Lang) -> Failure {
    Failure::new(
        lang,
        say!(lang, "which system?", "哪个系统？"),
        say!(
            lang,
            "name the data folder of a running `dougong up` with --data, or set DOUGONG_DOCUMENTS_TABLE, DOUGONG_WATERMARKS_TABLE, DOUGONG_ORDERS_QUEUE_URL and DOUGONG_SECRET_ID of a deployed stack (docs/operate.md)",
            "请用 --data 指定运行中的 `dougong up` 的数据目录，或设置云上部署的 DOUGONG_DOCUMENTS_TABLE、DOUGONG_WATERMARKS_TABLE、DOUGONG_ORDERS_QUEUE_URL 和 DOUGONG_SECRET_ID（docs/operate.zh-CN.md）"
        ),
    )
}

pub(super) fn not_running(lang: Lang, data: &Path) -> Failure {
    let data = data.display();
    Failure::new(
        lang,
        say!(lang, "`dougong up` does not run on {data}", "数据目录 {data} 上没有运行 `dougong up`"),
        say!(
            lang,
            "start it (systemctl start dougong, or dougong up --data {data} …): the ledger is asked through it",
            "请先启动（systemctl start dougong，或 dougong up --data {data} …）：台账由它提供"
        ),
    )
}

pub(super) fn door_locked(lang: Lang, data: &Path, error: &io::Error) -> Failure {
    let data = data.display();
    Failure::new(
        lang,
        say!(lang, "cannot read {data}/operate.json: {error}", "无法读取 {data}/operate.json：{error}"),
        say!(
            lang,
            "only the user that runs `dougong up` may: use sudo -u with that user",
            "只有运行 `dougong up` 的用户可以读取：请用 sudo -u 切换到该用户"
        ),
    )
}

pub(super) fn config_changed(lang: Lang) -> Failure {
    Failure::new(
        lang,
        say!(
            lang,
            "the configuration was changed after `dougong up` had read it: what is sent now would be mapped as before",
            "配置在 `dougong up` 启动之后有改动：现在发送仍会按旧配置映射"
        ),
        say!(
            lang,
            "restart `dougong up` first (systemctl restart dougong), then do this again; --dry-run shows what would become of it",
            "请先重启 `dougong up`（systemctl restart dougong）再执行；--dry-run 可先预览"
        ),
    )
}

pub(super) fn no_key(lang: Lang, text: &str) -> Failure {
    Failure::new(
        lang,
        say!(lang, "{text:?} names no document", "{text:?} 不是单据"),
        say!(
            lang,
            "write its key as `dougong orders list` shows it, in quotes, or a stockout's id",
            "请写 `dougong orders list` 所列的键（加引号），或出库单主键"
        ),
    )
}

pub(super) fn absent(lang: Lang, key: &DocumentKey, command: &str) -> String {
    say!(
        lang,
        "the ledger does not know {key}\nhint: was it ever inside a window? {command}\n",
        "台账中没有 {key}\n提示：它是否曾在拉取窗口之内？{command}\n"
    )
}

pub(super) fn left_alone(lang: Lang) -> String {
    say!(lang, "nothing was done", "未做任何改动")
}

pub(super) fn seconds(lang: Lang, seconds: i64) -> String {
    let (count, en, zh) = match seconds {
        ..=119 => (seconds, "s", "秒"),
        120..=7_199 => (seconds / 60, "min", "分钟"),
        7_200..=172_799 => (seconds / 3_600, "h", "小时"),
        _ => (seconds / 86_400, "d", "天"),
    };
    match lang {
        Lang::En => format!("{count} {en}"),
        Lang::Zh => format!("{count} {zh}"),
    }
}

pub(super) fn health(lang: Lang, health: Health) -> &'static str {
    lang.pick(match health {
        Health::Well => Texts { en: "all is well", zh: "一切正常" },
        Health::NeedsPerson => Texts { en: "something waits for a person", zh: "有待人工处理" },
        Health::DoesNotFlow => Texts { en: "it does not flow", zh: "流程不畅" },
    })
}

pub(super) fn calls_stopped(lang: Lang, what: &str, until: BeijingTime, reason: &str) -> String {
    say!(
        lang,
        "calls to {what} are stopped until {until}: {reason}",
        "对{what}的调用暂停至 {until}：{reason}"
    )
}

/// What may be done, as words and as the rest of the command.
pub(super) fn next(lang: Lang, next: Next, key: &DocumentKey) -> (String, Option<String>) {
    let (words, command) = match next {
        Next::Wait => (say!(lang, "nothing: it goes on by itself", "无需处理：会自动继续"), None),
        Next::Replay => (
            say!(lang, "mend what is wrong, then send it again", "修好问题之后重新发送"),
            Some(format!("orders replay '{key}'")),
        ),
        Next::Skip => (
            say!(lang, "or decide not to book it", "或决定不入账"),
            Some(format!("orders skip '{key}' --reason '…'")),
        ),
        Next::SkipUnsettled => (
            say!(
                lang,
                "or, having looked into BIP, decide not to book it",
                "或在 BIP 中核对之后，决定不入账"
            ),
            Some(format!("orders skip '{key}' --looked-up --reason '…'")),
        ),
        Next::Accept => (
            say!(
                lang,
                "correct the voucher in BIP as the change says, then say so",
                "在 BIP 中按变更更正单据，然后确认"
            ),
            Some(format!("orders accept '{key}' --reason '…'")),
        ),
        Next::Dismiss => (
            say!(lang, "or leave the voucher as it is", "或保持原单不变"),
            Some(format!("orders dismiss '{key}' --reason '…'")),
        ),
        Next::Dissolve => (
            say!(lang, "or give it up: its orders are put together anew", "或解散：其中的订单重新汇总"),
            Some(format!("orders dissolve '{key}' --reason '…'")),
        ),
    };
    (words, command)
}

pub(super) fn settled(lang: Lang, key: &DocumentKey, settled: Settled) -> String {
    match settled {
        Settled::Done => say!(lang, "{key}: done\n", "{key}：已完成\n"),
        Settled::Absent => say!(lang, "{key}: the ledger does not know it\n", "{key}：台账中没有\n"),
        Settled::Not(there) => {
            let there = lang.pick(place(there));
            say!(
                lang,
                "{key}: nothing was done, that does not fit a document that stands so: {there}\n",
                "{key}：未处理，该操作不适用于当前状态：{there}\n"
            )
        }
    }
}

/// Says where a document stands, and why.
pub(super) fn with_reason(lang: Lang, place: &str, meaning: &str) -> String {
    if meaning.is_empty() {
        return place.to_owned();
    }
    say!(lang, "{place}: {meaning}", "{place}：{meaning}")
}
