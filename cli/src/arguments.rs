//! The commands and options, as a person types them; the help speaks English and Chinese.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dougong_values::SchemeId;

use crate::lang::Lang;
use crate::operate::arguments::{
    DOCTOR_EXAMPLES, DlqCommand, DoctorArguments, HISTORY_EXAMPLES, HistoryArguments, OrdersCommand,
    PAUSE_EXAMPLES, PULL_EXAMPLES, PauseArguments, PullArguments, RECONCILE_EXAMPLES, RESUME_EXAMPLES,
    ReconcileArguments, ResumeArguments, STATUS_EXAMPLES, StatusArguments, WatermarkCommand,
};

/// Books what WDT shipped into BIP: every order once, none lost.
/// 斗拱：把旺店通的销售出库单记入用友 BIP，一单不漏，一单不重。
#[derive(Debug, Parser)]
#[command(name = "dougong", version, verbatim_doc_comment, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples 示例:
  dougong demo                             see a day booked 看一天的单据如何入账
  dougong demo --orders 1000 --faults storm
  dougong demo --lang zh --keep /tmp/day   keep configuration, ledger and logs 保留配置、台账和日志
  dougong check config                     everything wrong with a configuration 检查配置
  dougong preview order.json               the voucher it would become 预览凭单
  dougong up --config config --data /var/lib/dougong --secrets secrets.json   for real 正式运行
  dougong status --data /var/lib/dougong   how it goes, and what waits for a person 运行状况与待处理";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Books a realistic day on this machine, with simulators of WDT, BIP and the store system.
    /// 在本机用旺店通、BIP 和门店系统的模拟器，演示一天的单据如何全部入账。
    #[command(verbatim_doc_comment, after_help = DEMO_EXAMPLES)]
    Demo(DemoArguments),

    /// Runs the pipeline for real on this machine: no cloud account, everything in one folder.
    /// 在本机正式运行：无需云账号，全部数据在一个目录中。
    #[command(verbatim_doc_comment, after_help = UP_EXAMPLES)]
    Up(UpArguments),

    /// How it goes: watermarks, what waits where and why, queues, paces.
    /// 运行状况：水位、各状态的单据与原因、队列、调用节奏。
    #[command(verbatim_doc_comment, after_help = STATUS_EXAMPLES)]
    Status(StatusArguments),

    /// Documents: what became of them and why, and putting them right.
    /// 单据：来龙去脉、原因与处理。
    #[command(subcommand, verbatim_doc_comment)]
    Orders(OrdersCommand),

    /// How far schemes were pulled; whether an instant was ever inside a window.
    /// 水位：各方案拉取到何时；某一时刻是否曾在窗口之内。
    #[command(subcommand, verbatim_doc_comment)]
    Watermark(WatermarkCommand),

    /// Stops all calls to BIP, WDT or the store system for some time, for everyone.
    /// 暂停对 BIP、旺店通或门店系统的全部调用。
    #[command(verbatim_doc_comment, after_help = PAUSE_EXAMPLES)]
    Pause(PauseArguments),

    /// Lets calls go on.
    /// 恢复调用。
    #[command(verbatim_doc_comment, after_help = RESUME_EXAMPLES)]
    Resume(ResumeArguments),

    /// Dead letters: messages that could not even be recorded.
    /// 死信：连记录都未能完成的消息。
    #[command(subcommand, verbatim_doc_comment)]
    Dlq(DlqCommand),

    /// Reads old days again (backfill): counted first, at low priority, with a cursor of its own.
    /// 补拉历史单据：先预览数量，低优先级执行，使用独立游标。
    #[command(verbatim_doc_comment, after_help = PULL_EXAMPLES)]
    Pull(PullArguments),

    /// Looks whether everything is in its place: settings, secrets, clock, rights, one harmless call to each system.
    /// 体检：设置、密钥、时钟、权限，并对每个系统做一次无害调用。
    #[command(verbatim_doc_comment, after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArguments),

    /// Compares a business day at its source (WDT or the store system), in the ledger and in BIP: every difference by
    /// document, with what settles it. Without a day: the results that are kept.
    /// 对账：按业务日比对来源（旺店通或门店系统）、台账与 BIP，逐单列出差异及处理命令；不写日期则列出已保存的结果。
    #[command(verbatim_doc_comment, after_help = RECONCILE_EXAMPLES)]
    Reconcile(ReconcileArguments),

    /// Who did what by hand on a day.
    /// 某一天的人工操作记录。
    #[command(verbatim_doc_comment, after_help = HISTORY_EXAMPLES)]
    History(HistoryArguments),

    /// Finds everything that is wrong with a configuration: rules, tables, and whether they fit each other.
    /// 检查配置：规则、代码表以及二者是否相符，一次列出全部问题。
    #[command(verbatim_doc_comment, after_help = CHECK_EXAMPLES)]
    Check(CheckArguments),

    /// Shows the voucher that a document would become, each field with where it came from. Nothing is sent.
    /// 预览：一张单据将变成怎样的凭单，每个字段来自哪里。什么也不发送。
    #[command(verbatim_doc_comment, after_help = PREVIEW_EXAMPLES)]
    Preview(PreviewArguments),

    /// Compares what documents become under two configurations, field by field. Nothing is sent.
    /// 比较：同样的单据在两套配置下有哪些字段不同。什么也不发送。
    #[command(verbatim_doc_comment, after_help = DIFF_EXAMPLES)]
    Diff(DiffArguments),

    /// Runs a tenant's own cases: documents and what is expected of their vouchers (tests/*.toml).
    /// 运行租户自己的用例：单据与期望的凭单（tests/*.toml）。
    #[command(verbatim_doc_comment, after_help = TEST_EXAMPLES)]
    Test(TestArguments),

    /// Runs one function as AWS Lambda would start it; `demo` and `up` start themselves this way.
    #[command(hide = true)]
    Function {
        /// Which function.
        name: FunctionName,
    },
}

const DEMO_EXAMPLES: &str = "\
Examples 示例:
  dougong demo                       300 orders and 60 store bills, nothing goes wrong 300 单和 60 张门店单据，一切顺利
  dougong demo --faults mild         time-outs, broken replies, an expired token 超时、坏报文、令牌过期
  dougong demo --faults storm        more, throttled, functions killed; takes minutes 更多故障，需几分钟
  dougong demo --orders 50 --pace real   at the pace of the real systems 按真实系统的调用频率
  dougong demo --bills 0             without a store system 不含门店系统
  dougong demo --json | jq .parked   for programs 供程序使用

Exit code 退出码: 0 every document is accounted for once 每单都有着落且只记一次, 1 not so 否则, 2 wrong options 参数有误";

const UP_EXAMPLES: &str = "\
Examples 示例:
  dougong up --config config --data /var/lib/dougong --secrets /etc/dougong/secrets.json
  dougong up --config config --data data --every 2m --json | jq -c .     events for programs 供程序使用
  dougong up --config config --data data --listen 127.0.0.1:8480 --behind-proxy   with a store system 含门店系统

Variables of the configuration come from the environment (docs/settings.md) 配置中的变量取自环境变量
Ends on SIGTERM or Ctrl-C 收到 SIGTERM 或 Ctrl-C 时停止
Exit code 退出码: 0 stopped by a signal 由信号停止, 1 could not start 无法启动, 2 wrong options 参数有误";

const CHECK_EXAMPLES: &str = "\
Examples 示例:
  dougong check                            the folder that DOUGONG_CONFIG names, else config 默认目录
  dougong check /opt/config --json | jq -r '.problems[].message'
  dougong check --schema > config/dougong.schema.json   for editors 供编辑器使用

Variables of the configuration come from the environment (docs/settings.md) 配置中的变量取自环境变量
Exit code 退出码: 0 nothing is wrong 没有问题, 1 something is 有问题, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The folder with dougong.toml and tables/; DOUGONG_CONFIG unless given, else config 配置目录
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,

    /// Print the JSON Schema of dougong.toml instead 改为输出 dougong.toml 的 JSON Schema
    #[arg(long, conflicts_with_all = ["folder", "json"])]
    pub(crate) schema: bool,

    /// Language of the output; the locale's unless given 输出语言，默认取系统语言
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Option<Lang>,

    /// Print the result as JSON 以 JSON 输出结果
    #[arg(long)]
    pub(crate) json: bool,
}

const PREVIEW_EXAMPLES: &str = "\
Examples 示例:
  dougong preview order.json --config config
  dougong preview --stockout CK2026112000001 --secrets secrets.json     ask WDT for it 向旺店通查询
  dougong preview bill.json --scheme received --json

Exit code 退出码: 0 it would be booked 可入账, 1 it would not 不可入账, 2 wrong options 参数有误";

const DIFF_EXAMPLES: &str = "\
Examples 示例:
  dougong diff config config.new orders/*.json

Exit code 退出码: 0 nothing changes 无变化, 1 something does 有变化, 2 wrong options 参数有误";

const TEST_EXAMPLES: &str = "\
Examples 示例:
  dougong test config

Exit code 退出码: 0 every case passes 全部通过, 1 one does not 有失败, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct PreviewArguments {
    /// The document as JSON 单据的 JSON 文件
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// A stockout's number to ask WDT for instead 改为按出库单号向旺店通查询
    #[arg(long, value_name = "NO", conflicts_with = "file")]
    pub(crate) stockout: Option<String>,

    /// The scheme; needed for store bills 方案，门店单据必填
    #[arg(long, value_name = "ID")]
    pub(crate) scheme: Option<SchemeId>,

    /// The folder with dougong.toml and tables/; DOUGONG_CONFIG unless given, else config 配置目录
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,

    /// The file with the secrets, for --stockout; DOUGONG_SECRETS unless given 密钥文件
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,

    /// Language of the output; the locale's unless given 输出语言，默认取系统语言
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Option<Lang>,

    /// Print the result as JSON 以 JSON 输出结果
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The configuration before 原配置目录
    #[arg(value_name = "CONFIG_A")]
    pub(crate) before: PathBuf,

    /// The configuration after 新配置目录
    #[arg(value_name = "CONFIG_B")]
    pub(crate) after: PathBuf,

    /// Documents as JSON 单据的 JSON 文件
    #[arg(value_name = "FILE", required = true)]
    pub(crate) documents: Vec<PathBuf>,

    /// The scheme; needed for store bills 方案，门店单据必填
    #[arg(long, value_name = "ID")]
    pub(crate) scheme: Option<SchemeId>,

    /// Language of the output; the locale's unless given 输出语言，默认取系统语言
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Option<Lang>,

    /// Print the result as JSON 以 JSON 输出结果
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// The folder with dougong.toml, tables/ and tests/; DOUGONG_CONFIG unless given, else config 配置目录
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,

    /// Language of the output; the locale's unless given 输出语言，默认取系统语言
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Option<Lang>,

    /// Print the result as JSON 以 JSON 输出结果
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    /// The folder with dougong.toml and tables/ 配置目录
    #[arg(long, value_name = "DIR")]
    pub(crate) config: PathBuf,

    /// The folder for ledger, queue and logs; made if it is missing 数据目录，不存在则新建
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// The file with the secrets; DOUGONG_SECRETS unless given 密钥文件，默认取 DOUGONG_SECRETS
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,

    /// How often every scheme is pulled, such as 90s or 5m 拉取间隔
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = interval)]
    pub(crate) every: Duration,

    /// When the last days are read again every night, Beijing time 每晚重扫的北京时间
    #[arg(long, value_name = "HH:MM", default_value = "02:30", value_parser = time_of_day)]
    pub(crate) rescan_at: Duration,

    /// When yesterday is compared at its source, in the ledger and in BIP, Beijing time 每晚对账的北京时间
    #[arg(long, value_name = "HH:MM", default_value = "06:00", value_parser = time_of_day)]
    pub(crate) reconcile_at: Duration,

    /// Where the store system's pushes are taken, http://ADDR:PORT/store; 127.0.0.1:8480 unless given 门店系统推送的监听地址
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,

    /// Where the page is served, http://ADDR:PORT/console; 127.0.0.1:8481 unless given 操作页面的监听地址
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) console: Option<SocketAddr>,

    /// Pushes come through a reverse proxy: believe its X-Forwarded-For 推送经反向代理转来，以其 X-Forwarded-For 为准
    #[arg(long)]
    pub(crate) behind_proxy: bool,

    /// How often bills are downloaded that a push may have lost 门店单据补漏间隔
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = interval)]
    pub(crate) sweep_every: Duration,

    /// How large a log file may become, such as 500K or 10M 单个日志文件的上限
    #[arg(long, value_name = "SIZE", default_value = "10M", value_parser = size)]
    pub(crate) log_size: u64,

    /// How many log files are kept 保留的日志文件数
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) log_files: u32,

    /// Language of the output; the locale's unless given 输出语言，默认取系统语言
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Option<Lang>,

    /// Print events as JSON lines on standard output 以 JSON 行输出事件
    #[arg(long)]
    pub(crate) json: bool,

    /// Say only problems and what waits for a person 只报告问题和待人工处理的单据
    #[arg(long, conflicts_with = "json")]
    pub(crate) quiet: bool,
}

impl UpArguments {
    /// Returns where pushes are taken.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8_480)))
    }

    /// Returns where the page is served.
    pub(crate) fn console(&self) -> SocketAddr {
        self.console.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8_481)))
    }
}

/// Reads an interval with its unit: 1 second to 1 day.
fn interval(text: &str) -> Result<Duration, String> {
    let seconds = [("s", 1), ("m", 60), ("h", 3_600)].into_iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(seconds)
    });
    let seconds = seconds.filter(|seconds| (1..=86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "write 1s to 24h, such as 90s, 5m or 1h".to_owned())
}

/// Reads a time of day as the time after midnight.
fn time_of_day(text: &str) -> Result<Duration, String> {
    let two_digits = |text: &str| text.parse::<u64>().ok().filter(|_| text.len() == 2);
    let read = text.split_once(':').and_then(|(hour, minute)| {
        let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
        (hour < 24 && minute < 60).then(|| Duration::from_secs(hour * 3_600 + minute * 60))
    });
    read.ok_or_else(|| "write hour and minute, such as 02:30".to_owned())
}

/// Reads a size in bytes, 1K to 1G.
fn size(text: &str) -> Result<u64, String> {
    let bytes = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)].into_iter().find_map(|(unit, bytes)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(bytes)
    });
    let bytes = bytes.filter(|bytes| (1 << 10..=1 << 30).contains(bytes));
    bytes.ok_or_else(|| "write 1K to 1G, such as 500K or 10M".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// How many orders the day has, 1 to 20000 一天的订单数
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) orders: u32,

    /// How many bills the stores have that day, 0 to 5000; 0 leaves the store system out 门店单据数，0 即不含门店系统
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    pub(crate) bills: u32,

    /// What goes wrong on the way 途中出现的故障
    #[arg(long, value_name = "KIND", default_value = "none")]
    pub(crate) faults: FaultKind,

    /// How often the outside systems may be called 调用频率
    #[arg(long, value_name = "PACE", default_value = "fast")]
    pub(crate) pace: Pace,

    /// Serve the page, too, and stay until Ctrl-C 同时提供操作页面，按 Ctrl-C 结束
    #[arg(long)]
    pub(crate) page: bool,

    /// The same seed makes the same day and the same faults 相同种子生成相同的单据和故障
    #[arg(long, value_name = "S", default_value_t = 1111)]
    pub(crate) seed: u64,

    /// Keep configuration, ledger and logs in a new or empty folder 把配置、台账和日志保留到新的或空的目录
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,

    /// Language of the output; the locale's unless given 输出语言，默认取系统语言
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Option<Lang>,

    /// Print the result as JSON 以 JSON 输出结果
    #[arg(long)]
    pub(crate) json: bool,
}

/// What goes wrong in a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FaultKind {
    /// nothing 一切顺利
    None,
    /// now and then a time-out, a broken reply, an expired token 偶有超时、坏报文、令牌过期
    Mild,
    /// often, a throttle too, and functions are killed at work 频繁故障、限流，并强制结束函数进程
    Storm,
}

impl FaultKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mild => "mild",
            Self::Storm => "storm",
        }
    }
}

/// How often the outside systems may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    /// as the shipped configuration says: about one call a second 按随附配置，约每秒一次
    Real,
    /// a hundred times that, so that the day takes seconds 约百倍，几秒看完一天
    Fast,
}

impl Pace {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Fast => "fast",
        }
    }
}

/// A function that the binary carries inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FunctionName {
    /// WDT, page by page, to the order queue.
    Pull,
    /// The order queue to BIP.
    Deliver,
    /// The store system's pushes to the order queue.
    Accept,
    /// What a push lost, and what is stuck.
    Sweep,
    /// Source, ledger and BIP compared.
    Reconcile,
    /// The page.
    Console,
}

/// Says what is wrong with the command line and ends; help and version go to standard output as always.
pub(crate) fn refuse(error: &clap::Error) -> ! {
    if error.use_stderr() {
        eprint!("{}", error.render().to_string().replace("\n  tip: ", "\nhint: "));
        std::process::exit(error.exit_code());
    }
    error.exit()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_commands_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn intervals_times_and_sizes_need_their_form() {
        assert_eq!(interval("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(time_of_day("02:30"), Ok(Duration::from_mins(150)));
        assert_eq!(size("10M"), Ok(10 << 20));
        for text in ["", "5", "m", "0s", "25h", "-5m", "1.5h", "5 m"] {
            assert!(interval(text).is_err(), "{text:?} was read");
        }
        for text in ["", "2:30", "24:00", "02:60", "02-30", "0230", "02:3"] {
            assert!(time_of_day(text).is_err(), "{text:?} was read");
        }
        for text in ["", "10", "10m", "1", "2G", "K"] {
            assert!(size(text).is_err(), "{text:?} was read");
        }
    }
}
