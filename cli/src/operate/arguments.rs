//! The operator's commands and options, as a person types them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use dougong_values::{BeijingTime, BusinessDay, SchemeId};

use crate::lang::Lang;

/// What every operator's command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The data folder of a running `dougong up`; without it, the system that the variables of the environment name
    /// (docs/operate.md) 运行中的 dougong up 的数据目录；不写则为环境变量所指的系统
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The folder with dougong.toml and tables/; what `up` or DOUGONG_CONFIG names unless given, else config 配置目录
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,

    /// Who does this, for the ledger's trace; DOUGONG_OPERATOR or the login name unless given 操作人
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,

    /// Language of the output; the locale's unless given 输出语言，默认取系统语言
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Option<Lang>,

    /// Print the result as JSON 以 JSON 输出结果
    #[arg(long)]
    pub(crate) json: bool,
}

/// A command that asks a running system, or puts something right in it.
#[derive(Debug)]
pub(crate) enum OperatorCommand {
    Status(StatusArguments),
    Orders(OrdersCommand),
    Watermark(WatermarkCommand),
    Pause(PauseArguments),
    Resume(ResumeArguments),
    Dlq(DlqCommand),
    History(HistoryArguments),
    Pull(PullArguments),
    Doctor(DoctorArguments),
    Reconcile(ReconcileArguments),
}

impl OperatorCommand {
    /// Returns what every command takes.
    pub(crate) const fn common(&self) -> &Common {
        match self {
            Self::Status(options) => &options.common,
            Self::Orders(command) => command.common(),
            Self::Watermark(WatermarkCommand::Show(options)) => &options.common,
            Self::Watermark(WatermarkCommand::Explain(options)) => &options.common,
            Self::Watermark(WatermarkCommand::Set(options)) => &options.common,
            Self::Pause(options) => &options.common,
            Self::Resume(options) => &options.common,
            Self::Dlq(DlqCommand::List(options)) => &options.common,
            Self::Dlq(DlqCommand::Redrive(options)) => &options.common,
            Self::History(options) => &options.common,
            Self::Pull(options) => &options.common,
            Self::Doctor(options) => &options.common,
            Self::Reconcile(options) => &options.common,
        }
    }
}

pub(crate) const STATUS_EXAMPLES: &str = "\
Examples 示例:
  dougong status --data /var/lib/dougong
  dougong status --max-age 2h > /dev/null || alert        for monitors 供监控使用
  dougong status --json | jq '.schemes[].watermark.age_seconds'

Exit code 退出码: 0 all is well 一切正常, 3 something waits for a person 有待人工处理, 4 it does not flow: a watermark is too
old, or calls are stopped 流程不畅：水位过旧或调用已暂停, 1 could not ask 无法查询, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// From which age on a watermark is too old, such as 90m 水位的最大允许年龄
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = span)]
    pub(crate) max_age: Duration,

    /// Business days whose documents are counted, today included, 1 to 31 统计的业务日天数，含今天
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=31))]
    pub(crate) days: u32,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Documents: what became of them and why, and putting them right.
#[derive(Debug, Subcommand)]
pub(crate) enum OrdersCommand {
    /// Lists what needs a person, or the documents of a day.
    /// 列出待人工处理的单据，或某一天的单据。
    #[command(verbatim_doc_comment, after_help = LIST_EXAMPLES)]
    List(ListArguments),

    /// Tells a document's whole story: when it was seen, what was read, which voucher, BIP's answer, who did what.
    /// 一张单据的来龙去脉：何时发现、读到什么、生成哪张凭单、BIP 如何答复、谁做过什么。
    #[command(verbatim_doc_comment, after_help = SHOW_EXAMPLES)]
    Show(ShowArguments),

    /// Tells why a document is not booked and what to do, with the command to type.
    /// 说明一张单据为何没有入账、该怎么办，并给出命令。
    #[command(verbatim_doc_comment, after_help = EXPLAIN_EXAMPLES)]
    Explain(DocumentArguments),

    /// Sends documents again: what is kept of them is mapped with the configuration of today, shown, and sent after a yes.
    /// 重新发送：用当前配置重新映射留存的单据，先展示，确认后发送。
    #[command(verbatim_doc_comment, after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArguments),

    /// Decides that documents are not booked.
    /// 决定不入账（跳过）。
    #[command(verbatim_doc_comment, after_help = SKIP_EXAMPLES)]
    Skip(SkipArguments),

    /// Says that the voucher in BIP was corrected by hand as the held change says.
    /// 变更已在 BIP 中手工更正：按新版本记为已入账。
    #[command(verbatim_doc_comment, after_help = ACCEPT_EXAMPLES)]
    Accept(DecisionArguments),

    /// Leaves the voucher in BIP as it is: the held change is not booked.
    /// 忽略变更：BIP 中的单据保持不变。
    #[command(verbatim_doc_comment, after_help = DISMISS_EXAMPLES)]
    Dismiss(DecisionArguments),

    /// Gives a merged voucher up of which BIP has nothing: its orders are put together anew.
    /// 解散一份 BIP 中没有的汇总单：其中的订单重新汇总。
    #[command(verbatim_doc_comment, after_help = DISSOLVE_EXAMPLES)]
    Dissolve(DecisionArguments),
}

impl OrdersCommand {
    const fn common(&self) -> &Common {
        match self {
            Self::List(options) => &options.common,
            Self::Show(options) => &options.document.common,
            Self::Explain(options) => &options.common,
            Self::Replay(options) => &options.common,
            Self::Skip(options) => &options.common,
            Self::Accept(options) | Self::Dismiss(options) | Self::Dissolve(options) => &options.common,
        }
    }
}

const LIST_EXAMPLES: &str = "\
Examples 示例:
  dougong orders list --data /var/lib/dougong                     whatever needs a person 全部待处理
  dougong orders list --state parked --reason unknown_goods
  dougong orders list --day 2026-11-22 --state posted --json | jq -r '.documents[].voucher_code'

Exit code 退出码: 0 listed 已列出, 1 could not ask 无法查询, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only what stands there; without it and without a day, whatever needs a person 状态
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<StateName>,

    /// Only what has this reason, such as unknown_goods 原因
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,

    /// Only documents of this business day, yyyy-MM-dd 业务日期
    #[arg(long, value_name = "DAY")]
    pub(crate) day: Option<BusinessDay>,

    /// Only documents of this scheme 方案
    #[arg(long, value_name = "ID")]
    pub(crate) scheme: Option<SchemeId>,

    /// How many are listed at most 最多列出的张数
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) most: u32,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Where documents stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    /// in the queue 排队中
    Queued,
    /// to be merged 等待汇总
    Waiting,
    /// being sent to BIP 正在入账
    Posting,
    /// outcome unknown 结果未知
    Unknown,
    /// waits for a person 待人工处理
    Parked,
    /// changed after it was booked 入账后变更
    Held,
    /// booked 已入账
    Posted,
    /// deliberately not booked 不入账
    Skipped,
}

const SHOW_EXAMPLES: &str = "\
Examples 示例:
  dougong orders show 80012345 --data /var/lib/dougong           a stockout's id 出库单主键
  dougong orders show 80012345 --fields                          with all that was read and is sent 含读入与发送的全部字段
  dougong orders show 'declare#BH201612090001' --json

Exit code 退出码: 0 shown 已展示, 1 the ledger does not know it 台账中没有, 2 wrong options 参数有误";

const EXPLAIN_EXAMPLES: &str = "\
Examples 示例:
  dougong orders explain 80012345 --data /var/lib/dougong

Exit code 退出码: 0 explained 已说明, 1 the ledger does not know it 台账中没有, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) document: DocumentArguments,

    /// Show every field of what was read, and of its voucher with the configuration of today; who receives the goods is
    /// masked 展示读入内容与按当前配置生成的凭单的全部字段，收货人信息已屏蔽
    #[arg(long)]
    pub(crate) fields: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DocumentArguments {
    /// The document: its key (kind#id), or a stockout's id 单据：键，或出库单主键
    #[arg(value_name = "KEY")]
    pub(crate) key: String,

    #[command(flatten)]
    pub(crate) common: Common,
}

const REPLAY_EXAMPLES: &str = "\
Examples 示例:
  dougong orders replay 80012345 --data /var/lib/dougong         one, with a preview 单张，先预览
  dougong orders replay --reason unknown_goods --yes             all of a reason, after the table was mended 补好对照表之后
  dougong orders replay --day 2026-11-22 --dry-run               what would become of them 只预览

Exit code 退出码: 0 sent, or shown with --dry-run 已发送或已预览, 1 nothing or not all could be sent 未发送或未全部发送, 2 wrong
options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The documents: keys, or stockouts' ids 单据
    #[arg(value_name = "KEY", required_unless_present_any = ["reason", "day"])]
    pub(crate) keys: Vec<String>,

    /// Every parked document with this reason 该原因的全部待处理单据
    #[arg(long, value_name = "REASON", conflicts_with = "keys")]
    pub(crate) reason: Option<String>,

    /// Every parked document of this business day 该业务日的全部待处理单据
    #[arg(long, value_name = "DAY", conflicts_with = "keys")]
    pub(crate) day: Option<BusinessDay>,

    /// Only documents of this scheme 方案
    #[arg(long, value_name = "ID", conflicts_with = "keys")]
    pub(crate) scheme: Option<SchemeId>,

    /// How many at most 最多张数
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) most: u32,

    /// Show every field of the vouchers 展示凭单的全部字段
    #[arg(long)]
    pub(crate) fields: bool,

    /// Only show what would become of them 只预览，不发送
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Send without asking 不再询问
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

const SKIP_EXAMPLES: &str = "\
Examples 示例:
  dougong orders skip 80012345 --reason 'test order of the shop' --data /var/lib/dougong
  dougong orders skip 80012345 --reason '已在 BIP 手工录入' --looked-up    what may be in BIP 可能已入账的单据

Exit code 退出码: 0 skipped 已跳过, 1 not, or not all 未跳过或未全部跳过, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct SkipArguments {
    /// The documents: keys, or stockouts' ids 单据
    #[arg(value_name = "KEY", required = true)]
    pub(crate) keys: Vec<String>,

    /// Why; kept in the ledger 理由，记入台账
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    /// You have looked into BIP: for what was sent without an answer 已在 BIP 中核对：用于结果未知的单据
    #[arg(long)]
    pub(crate) looked_up: bool,

    /// Do it without asking 不再询问
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

const ACCEPT_EXAMPLES: &str = "\
Examples 示例:
  dougong orders accept 80012345 --reason 'corrected in BIP by Li' --data /var/lib/dougong

Exit code 退出码: 0 done 已完成, 1 no change is held 没有待定的变更, 2 wrong options 参数有误";

const DISMISS_EXAMPLES: &str = "\
Examples 示例:
  dougong orders dismiss 80012345 --reason 'only a remark changed' --data /var/lib/dougong

Exit code 退出码: 0 done 已完成, 1 no change is held 没有待定的变更, 2 wrong options 参数有误";

const DISSOLVE_EXAMPLES: &str = "\
Examples 示例:
  dougong orders dissolve 'merged#online-sales#TM001#WH01#2026-11-22#1' --reason 'one order was cancelled'

Exit code 退出码: 0 done 已完成, 1 it is booked or may be 已入账或可能已入账, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct DecisionArguments {
    /// The document: its key (kind#id), or a stockout's id 单据：键，或出库单主键
    #[arg(value_name = "KEY")]
    pub(crate) key: String,

    /// Why; kept in the ledger 理由，记入台账
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    /// Do it without asking 不再询问
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// How far schemes were pulled.
#[derive(Debug, Subcommand)]
pub(crate) enum WatermarkCommand {
    /// Shows the watermark of every scheme and the last windows behind it.
    /// 展示各方案的水位和最近的窗口。
    #[command(verbatim_doc_comment, after_help = WATERMARK_EXAMPLES)]
    Show(WatermarkArguments),

    /// Tells whether an instant was ever inside a window, and how many rows came back.
    /// 查明某一时刻是否曾在拉取窗口之内、当时读到多少行。
    #[command(verbatim_doc_comment, after_help = EXPLAIN_TIME_EXAMPLES)]
    Explain(ExplainTimeArguments),

    /// Sets a watermark by hand, if it still is what you think it is.
    /// 手工设置水位；仅当现值与所给的一致时生效。
    #[command(verbatim_doc_comment, after_help = SET_EXAMPLES)]
    Set(SetArguments),
}

const WATERMARK_EXAMPLES: &str = "\
Examples 示例:
  dougong watermark show --data /var/lib/dougong
  dougong watermark show --scheme online-sales --windows 20 --json

Exit code 退出码: 0 shown 已展示, 1 could not ask 无法查询, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct WatermarkArguments {
    /// Only this scheme 方案
    #[arg(long, value_name = "ID")]
    pub(crate) scheme: Option<SchemeId>,

    /// How many windows are shown 展示的窗口数
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(crate) windows: u32,

    #[command(flatten)]
    pub(crate) common: Common,
}

const EXPLAIN_TIME_EXAMPLES: &str = "\
Examples 示例:
  dougong watermark explain '2026-11-22 08:30:00' --data /var/lib/dougong

Exit code 退出码: 0 it was inside a window 曾在窗口内, 1 it was not 不在任何窗口内, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct ExplainTimeArguments {
    /// The instant, Beijing time: when the order was changed last in WDT 时刻：单据在旺店通的最后修改时间
    #[arg(value_name = "TIME")]
    pub(crate) time: BeijingTime,

    /// The scheme, where there are several 方案
    #[arg(long, value_name = "ID")]
    pub(crate) scheme: Option<SchemeId>,

    #[command(flatten)]
    pub(crate) common: Common,
}

const SET_EXAMPLES: &str = "\
Examples 示例:
  dougong watermark set '2026-11-20 00:00:00' --expect '2026-11-23 09:00:00' --data /var/lib/dougong

Going back reads everything since then again, and books nothing twice. Going forward leaves out what is in between: use
`dougong pull` for that afterwards. 往回设置会重读其后的单据，不会重复入账；往前设置会漏读中间的单据。
Exit code 退出码: 0 set 已设置, 1 it is not what you expect 现值不符, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct SetArguments {
    /// The new watermark, Beijing time 新水位
    #[arg(value_name = "NEW")]
    pub(crate) to: BeijingTime,

    /// What it is now, as `watermark show` says 现水位
    #[arg(long, value_name = "OLD")]
    pub(crate) expect: BeijingTime,

    /// The scheme, where there are several 方案
    #[arg(long, value_name = "ID")]
    pub(crate) scheme: Option<SchemeId>,

    /// Why; it is kept beside your name 理由，留痕
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,

    /// Do it without asking 不再询问
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// An outside system that is called at a pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SystemName {
    /// 用友BIP
    Bip,
    /// 旺店通
    Wdt,
    /// the store system 门店系统
    Store,
}

pub(crate) const PAUSE_EXAMPLES: &str = "\
Examples 示例:
  dougong pause --for 2h --reason 'month-end closing in BIP' --data /var/lib/dougong
  dougong pause wdt --reason 'WDT is being upgraded'

Nothing is lost: what comes waits in the queue. 不会丢单：单据在队列中等待。
Exit code 退出码: 0 paused 已暂停, 1 not 未暂停, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct PauseArguments {
    /// The system that is not called 暂停调用的系统
    #[arg(value_name = "SYSTEM", default_value = "bip")]
    pub(crate) system: SystemName,

    /// For how long, such as 30m 时长
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = span)]
    pub(crate) lasting: Duration,

    /// Why; everybody who asks is told 理由
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) const RESUME_EXAMPLES: &str = "\
Examples 示例:
  dougong resume --data /var/lib/dougong

Exit code 退出码: 0 calls go on 已恢复, 1 could not 未能恢复, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The system that is called again 恢复调用的系统
    #[arg(value_name = "SYSTEM", default_value = "bip")]
    pub(crate) system: SystemName,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Dead letters: messages that could not even be recorded.
#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Lists dead letters; they stay where they are.
    /// 列出死信，原样保留。
    #[command(verbatim_doc_comment, after_help = DLQ_EXAMPLES)]
    List(DlqListArguments),

    /// Sends the dead letters of the order queue again; what is no message of ours stays.
    /// 把订单队列的死信重新送回队列；不是本程序的消息原样保留。
    #[command(verbatim_doc_comment, after_help = REDRIVE_EXAMPLES)]
    Redrive(RedriveArguments),
}

const DLQ_EXAMPLES: &str = "\
Examples 示例:
  dougong dlq list --data /var/lib/dougong
  dougong dlq list --queue https://sqs.cn-north-1.amazonaws.com.cn/…/DeadSchedules

Exit code 退出码: 0 there are none 没有死信, 3 there are some 有死信, 1 could not ask 无法查询, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct DlqListArguments {
    /// Another queue, by its URL; the order queue's dead letters unless given 其他队列的 URL
    #[arg(long, value_name = "URL")]
    pub(crate) queue: Option<String>,

    /// How many are looked at, at most 最多查看的条数
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) most: u32,

    #[command(flatten)]
    pub(crate) common: Common,
}

const REDRIVE_EXAMPLES: &str = "\
Examples 示例:
  dougong dlq redrive --data /var/lib/dougong
  dougong dlq redrive --yes --json

Exit code 退出码: 0 sent again 已重发, 1 not 未重发, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct RedriveArguments {
    /// How many at most 最多条数
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) most: u32,

    /// Do it without asking 不再询问
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) const HISTORY_EXAMPLES: &str = "\
Examples 示例:
  dougong history --day 2026-11-22 --data /var/lib/dougong

Exit code 退出码: 0 listed 已列出, 1 could not ask 无法查询, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// The day, yyyy-MM-dd; today unless given 日期，默认今天
    #[arg(long, value_name = "DAY")]
    pub(crate) day: Option<BusinessDay>,

    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) const PULL_EXAMPLES: &str = "\
Examples 示例:
  dougong pull --from 2026-11-01 --to 2026-11-07 --dry-run --data /var/lib/dougong
  dougong pull --from '2026-11-20 08:00:00' --to '2026-11-20 09:59:59' --scheme online-sales --yes

The live watermark is never moved; what was booked is not booked again; a backfill that was stopped goes on where it was
when it is started again. 不会移动实时水位；已入账的不会重复入账；中断后以相同参数再次执行即可继续。
Exit code 退出码: 0 pulled, or shown with --dry-run 已拉取或已预览, 1 not, or not all 未拉取或未完成, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct PullArguments {
    /// The first second, Beijing time, by the time of change in WDT; a day alone is its beginning 起始时刻
    #[arg(long, value_name = "TIME")]
    pub(crate) from: BeijingTime,

    /// The last second; a day alone is its end 结束时刻
    #[arg(long, value_name = "TIME", value_parser = last_second)]
    pub(crate) to: BeijingTime,

    /// The scheme, where there are several 方案
    #[arg(long, value_name = "ID")]
    pub(crate) scheme: Option<SchemeId>,

    /// Only count what there is and the calls it takes 只预览数量与调用次数
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do it without asking 不再询问
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) const DOCTOR_EXAMPLES: &str = "\
Examples 示例:
  dougong doctor --data /var/lib/dougong
  dougong doctor --json | jq '.[] | select(.finding != \"well\")'

Exit code 退出码: 0 nothing is wrong 没有问题, 1 something is 有问题, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) common: Common,
}

pub(crate) const RECONCILE_EXAMPLES: &str = "\
Examples 示例:
  dougong reconcile --day 2026-11-22 --data /var/lib/dougong
  dougong reconcile --day 2026-11-22 --scheme returned --json | jq '.differences[]'
  dougong reconcile --days 31                             what is kept of the last days 最近各日的对账结果

Exit code 退出码: 0 no difference 没有差异, 3 there are some 有差异, 1 could not compare 无法比较, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct ReconcileArguments {
    /// The business day to compare, yyyy-MM-dd; without it the kept results of the last days are listed 要核对的业务日期；
    /// 不写则列出最近各日已保存的结果
    #[arg(long, value_name = "DAY", conflicts_with = "days")]
    pub(crate) day: Option<BusinessDay>,

    /// The scheme, of stockouts or of store bills; the only one for stockouts unless given, and every one in a list
    /// 方案（出库单或门店单据）；不写则为唯一的出库单方案，列表则为全部方案
    #[arg(long, value_name = "ID")]
    pub(crate) scheme: Option<SchemeId>,

    /// Days before today whose results are listed, 1 to 90 列出今天之前多少天的结果
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    pub(crate) days: u32,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Reads a time; a day alone is its last second.
fn last_second(text: &str) -> Result<BeijingTime, String> {
    let time: BeijingTime = text.parse().map_err(|error: dougong_values::InvalidTime| error.to_string())?;
    Ok(if text.len() == 10 { time.plus_seconds(86_399) } else { time })
}

/// Reads a time with its unit: 1 minute to 3 days; messages that wait for longer would end as dead letters.
fn span(text: &str) -> Result<Duration, String> {
    let units = [("m", 60_u64), ("h", 3_600), ("d", 86_400)];
    let seconds = units.into_iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(seconds)
    });
    let seconds = seconds.filter(|seconds| (60..=3 * 86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "write 1m to 3d, such as 90m, 2h or 1d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_unit() {
        assert_eq!(span("90m"), Ok(Duration::from_mins(90)));
        assert_eq!(span("1d"), Ok(Duration::from_hours(24)));
        assert_eq!(last_second("2026-11-07").unwrap().to_string(), "2026-11-07 23:59:59");
        assert_eq!(last_second("2026-11-07 08:00:00").unwrap().to_string(), "2026-11-07 08:00:00");
        for text in ["", "1", "30s", "0m", "4d", "-1h", "1 h"] {
            assert!(span(text).is_err(), "{text:?} was read");
        }
    }
}
