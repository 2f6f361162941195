//! Every sentence a person reads, in every language. A text that lacks one does not compile.

use dougong_values::DocumentKind;

use crate::lang::{Lang, Texts};

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        $(pub(crate) const $name: Texts = Texts { en: $en, zh: $zh };)*
    };
}

/// Says where the page of a demo is.
pub(crate) fn page(lang: Lang, url: &str, token: &str) -> String {
    match lang {
        Lang::En => format!("page: {url} (token {token})"),
        Lang::Zh => format!("操作页面：{url}（令牌 {token}）"),
    }
}

words! {
    STAYS: "the page stays until Ctrl-C", "操作页面保持可用，按 Ctrl-C 结束";
    ORDERS: "orders", "订单";
    COUNT: "orders", "单数";
    WDT_AMOUNT: "WDT amount", "旺店通金额";
    BIP_AMOUNT: "BIP amount", "BIP 金额";
    DIFFERENCE: "difference", "差额";
    WHAT_TO_DO: "what to do", "处理办法";
    SHIPPED: "shipped and completed in WDT", "旺店通已发货并完成";
    BOOKED: "booked in BIP", "BIP 已入账";
    PARKED: "parked: ", "待人工处理：";
    EXCLUDED: "left out by a rule: ", "按规则不入账：";
    UNACCOUNTED: "unaccounted for", "下落不明";
    NOT_YET: "not completed in WDT yet", "旺店通尚未完成";

    STORE_BILLS: "store bills", "门店单据";
    BILLS: "bills", "单数";
    OF_THEM_BOOKED: "booked", "已入账";
    STORE_AMOUNT: "store amount", "门店金额";
    PUSHES_LOST: "pushes lost", "丢失的推送";
    FOUND_BY_SWEEP: "found by sweep", "补漏找回";
    STORE_BESIDE: "beside them", "此外";
    ANNOUNCED: "deliveries announced to the store", "已通知门店的配送";
    WRITTEN_BACK: "transferring orders written back", "已回写实发数的调拨单";
    NOT_TOLD: "not told to the store: ", "未能通知门店：";

    CALLS: "calls", "调用";
    TIMES: "times", "次数";
    PER_DOCUMENT: "per document", "每单";
    CALLS_STORE: "store system: calls", "门店系统：调用";
    CALLS_WDT: "WDT: pages read", "旺店通：读取页数";
    CALLS_SAVE: "BIP: orders saved", "BIP：保存订单";
    CALLS_TOKEN: "BIP: tokens", "BIP：令牌";
    CALLS_LOOKUP: "BIP: look-ups", "BIP：查询";
    CALLS_DYNAMODB: "DynamoDB: requests", "DynamoDB：请求";
    CALLS_SQS: "SQS: requests", "SQS：请求";

    HAPPENED: "on the way", "途中";
    LATE: "orders completed while the demo ran", "演示期间才完成的订单";
    MOVED: "orders that moved while WDT was paged", "翻页期间移动的订单";
    FAULTS_MET: "faults that the outside systems made", "外部系统发生的故障";
    KILLED: "function processes killed", "被强制结束的函数进程";
    REPEATED_ROWS: "duplicates avoided: orders WDT listed again", "避免重复：旺店通重复列出的订单";
    REPEATED_PUSHES: "duplicates avoided: pushes repeated", "避免重复：门店系统重复的推送";
    REPEATED_SAVES: "duplicates avoided: saves repeated under the same key", "避免重复：同一幂等键的重复保存";
    TIME: "time", "用时";

    WAITING: "booked or parked", "已入账或待处理";
    STARTING: "starting the cloud and the outside systems on this machine", "正在本机启动云环境和外部系统";
    SETTLING: "everything has ended; looking once more for doubles", "单据均已结束，再次核查有无重复";
    STOPPED: "stopped; nothing was left running", "已停止，没有遗留进程";
    STALLED: "nothing moved for a long time; the demo ends here", "长时间没有进展，演示到此结束";
    GOOD: "Everything is accounted for exactly once, and nothing is doubled.", "每张单据都有着落，且只记一次，没有重复。";
    BAD: "Not everything is accounted for exactly once:", "并非每张单据都有着落且只记一次：";

    KEEP_NOT_EMPTY: "name a folder that does not exist yet, or an empty one", "请指定一个尚不存在的目录或空目录";
    KEEP_UNWRITABLE: "name a folder that you may write to", "请指定一个可写的目录";
    REPORT_BUG: "this is a fault of the demo itself: run it again with --keep DIR and look into DIR/functions.log",
        "这是演示程序自身的问题：请加 --keep DIR 重新运行，并查看 DIR/functions.log";
}

/// Says where the kept files are.
pub(crate) fn kept(lang: Lang, folder: &str) -> String {
    match lang {
        Lang::En => format!("kept in {folder}: config/, ledger.sqlite, functions.log"),
        Lang::Zh => format!("已保留在 {folder}：config/、ledger.sqlite、functions.log"),
    }
}

/// Heads the report.
pub(crate) fn title(lang: Lang, day: &str, seed: u64, faults: &str, pace: &str) -> String {
    match lang {
        Lang::En => format!("A day, {day} (seed {seed}, faults {faults}, pace {pace})"),
        Lang::Zh => format!("一天的单据，{day}（种子 {seed}，故障 {faults}，节奏 {pace}）"),
    }
}

/// Says how long it took.
pub(crate) fn seconds(lang: Lang, text: &str) -> String {
    match lang {
        Lang::En => format!("{text} s"),
        Lang::Zh => format!("{text} 秒"),
    }
}

/// Says how far the demo is.
pub(crate) fn progress(lang: Lang, booked: u64, parked: u64, total: u64) -> String {
    match lang {
        Lang::En => format!("{booked} booked and {parked} parked of {total}"),
        Lang::Zh => format!("共 {total} 单，已入账 {booked}，待处理 {parked}"),
    }
}

/// Names a kind of bill.
pub(crate) fn bill_kind(kind: DocumentKind) -> Texts {
    match kind {
        DocumentKind::Declare => Texts { en: "declared goods", zh: "报货单" },
        DocumentKind::Receipt => Texts { en: "receiving differences", zh: "收货差异单" },
        DocumentKind::Return => Texts { en: "returns", zh: "退仓单" },
        DocumentKind::Outbound => Texts { en: "transferring orders", zh: "调拨出库单" },
        DocumentKind::Sale => Texts { en: "store sales", zh: "门店销售单" },
        _ => Texts { en: "other documents", zh: "其他单据" },
    }
}

/// Says something of one kind of bill.
pub(crate) fn of_kind(lang: Lang, kind: &str, what: &str) -> String {
    match lang {
        Lang::En => format!("{kind}, {what}"),
        Lang::Zh => format!("{kind}，{what}"),
    }
}

/// Counts what is done of what is due.
pub(crate) fn of_due(lang: Lang, done: u64, due: u64) -> String {
    match lang {
        _ if done == due => done.to_string(),
        Lang::En => format!("{done} of {due}"),
        Lang::Zh => format!("{done}/{due}"),
    }
}

/// Says that a folder is in use.
pub(crate) fn not_empty(lang: Lang, folder: &str) -> String {
    match lang {
        Lang::En => format!("the folder {folder} is not empty"),
        Lang::Zh => format!("目录 {folder} 不为空"),
    }
}
