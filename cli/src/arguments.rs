//! The commands and options, as a person types them; the help speaks English and Chinese.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::lang::Lang;

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
  dougong demo                             see a day of orders booked 看一天的订单如何入账
  dougong demo --orders 1000 --faults storm
  dougong demo --lang zh --keep /tmp/day   keep configuration, ledger and logs 保留配置、台账和日志";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Books a realistic day of orders on this machine, with simulators of WDT and BIP.
    /// 在本机用旺店通和 BIP 的模拟器，演示一天的订单如何全部入账。
    #[command(verbatim_doc_comment, after_help = DEMO_EXAMPLES)]
    Demo(DemoArguments),

    /// Runs one function as AWS Lambda would start it; `demo` starts itself this way.
    #[command(hide = true)]
    Function {
        /// Which function.
        name: FunctionName,
    },
}

const DEMO_EXAMPLES: &str = "\
Examples 示例:
  dougong demo                       300 orders, nothing goes wrong 300 单，一切顺利
  dougong demo --faults mild         time-outs, broken replies, an expired token 超时、坏报文、令牌过期
  dougong demo --faults storm        more, throttled, functions killed; takes minutes 更多故障，需几分钟
  dougong demo --orders 50 --pace real   at the pace of the real systems 按真实系统的调用频率
  dougong demo --json | jq .parked   for programs 供程序使用

Exit code 退出码: 0 every order is accounted for once 每单都有着落且只记一次, 1 not so 否则, 2 wrong options 参数有误";

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// How many orders the day has, 1 to 20000 一天的订单数
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) orders: u32,

    /// What goes wrong on the way 途中出现的故障
    #[arg(long, value_name = "KIND", default_value = "none")]
    pub(crate) faults: FaultKind,

    /// How often WDT and BIP may be called 调用频率
    #[arg(long, value_name = "PACE", default_value = "fast")]
    pub(crate) pace: Pace,

    /// The same seed makes the same day and the same faults 相同种子生成相同的订单和故障
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
}
