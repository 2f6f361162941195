//! What `up` says, in both languages.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use dougong_cloud::StackError;
use dougong_runtime::SecretsError;
use dougong_store::auth::AuthError;

use super::folder::DataFolder;
use super::heard::{Accepted, Compared, Delivered, Pulled, Swept};
use crate::arguments::UpArguments;
use crate::failure::Failure;
use crate::lang::{Lang, Texts};

/// Picks one of two texts that are made up on the spot.
macro_rules! say {
    ($lang:expr, $en:literal, $zh:literal) => {
        match $lang {
            Lang::En => format!($en),
            Lang::Zh => format!($zh),
        }
    };
}

pub(super) fn cannot_start(lang: Lang, error: &io::Error) -> Failure {
    let hint = say!(
        lang,
        "free memory or raise the limits of this user, and try again",
        "请释放内存或放宽该用户的资源限制后重试"
    );
    Failure::caused(lang, error, hint)
}

pub(super) fn cannot_log(lang: Lang, folder: &Path, error: &io::Error) -> Failure {
    let folder = folder.display();
    Failure::new(
        lang,
        say!(lang, "cannot write logs into {folder}: {error}", "无法在 {folder} 写日志：{error}"),
        say!(
            lang,
            "free space on the disk, or let this user write there",
            "请清理磁盘空间，或授予该用户写权限"
        ),
    )
}

pub(super) fn no_stack(lang: Lang, folder: &DataFolder, error: &StackError) -> Failure {
    let ledger = folder.ledger();
    let ledger = ledger.display();
    Failure::caused(
        lang,
        error,
        say!(
            lang,
            "see that the disk has room and {ledger} is the file of this or an older version; restore a backup otherwise (docs/up.md)",
            "请确认磁盘有空间，且 {ledger} 由本版本或更早版本写成；否则请恢复备份（docs/up.zh-CN.md）"
        ),
    )
}

pub(super) fn cannot_listen(lang: Lang, listen: SocketAddr, error: &io::Error) -> Failure {
    Failure::new(
        lang,
        say!(
            lang,
            "cannot listen on {listen} for the store system's pushes: {error}",
            "无法在 {listen} 监听门店系统的推送：{error}"
        ),
        say!(
            lang,
            "name with --listen a free port of an address of this machine",
            "请用 --listen 指定本机地址上的空闲端口"
        ),
    )
}

pub(super) fn cannot_serve_page(lang: Lang, listen: SocketAddr, error: &io::Error) -> Failure {
    Failure::new(
        lang,
        say!(lang, "cannot serve the page on {listen}: {error}", "无法在 {listen} 提供操作页面：{error}"),
        say!(
            lang,
            "name with --console a free port of an address of this machine",
            "请用 --console 指定本机地址上的空闲端口"
        ),
    )
}

pub(super) fn no_console_token(lang: Lang) -> Failure {
    Failure::new(
        lang,
        say!(
            lang,
            "--console names where the page is served, but the secrets have no console.token",
            "--console 指定了操作页面的地址，但密钥文件中没有 console.token"
        ),
        say!(
            lang,
            "make one with `openssl rand -hex 32` and add \"console\":{{\"token\":\"…\"}} to the secrets",
            "用 `openssl rand -hex 32` 生成，并在密钥文件中加入 \"console\":{{\"token\":\"…\"}}"
        ),
    )
}

pub(super) fn page(lang: Lang, url: Option<&str>) -> String {
    match url {
        Some(url) => {
            say!(lang, "page: {url} (sign in with console.token)", "操作页面：{url}（用 console.token 登录）")
        }
        None => say!(
            lang,
            "no page: the secrets have no console.token (docs/console.md)",
            "没有操作页面：密钥文件中没有 console.token（见 docs/console.zh-CN.md）"
        ),
    }
}

pub(super) fn nothing_to_listen_for(lang: Lang) -> Failure {
    Failure::new(
        lang,
        say!(
            lang,
            "--listen and --behind-proxy are for a store system, and the configuration has none",
            "--listen 和 --behind-proxy 用于门店系统，而配置中没有门店系统"
        ),
        say!(
            lang,
            "set the url of [store] (DOUGONG_STORE_URL), or leave the options out",
            "请设置 [store] 的 url（DOUGONG_STORE_URL），或去掉这些选项"
        ),
    )
}

pub(super) fn store_secrets(lang: Lang, error: &AuthError) -> Failure {
    Failure::new(
        lang,
        say!(
            lang,
            "the store system's settings and secrets do not fit: {error}",
            "门店系统的设置与密钥不符：{error}"
        ),
        say!(
            lang,
            "write its secrets into the file of secrets as store.secrets, or change auth of [store.incoming] or [store.outgoing]; docs/settings.md shows both",
            "请在密钥文件中写 store.secrets，或修改 [store.incoming]、[store.outgoing] 的 auth；见 docs/settings.zh-CN.md"
        ),
    )
}

pub(super) fn data_unusable(lang: Lang, folder: &Path, error: &io::Error) -> Failure {
    let folder = folder.display();
    Failure::new(
        lang,
        say!(lang, "cannot use the data folder {folder}: {error}", "无法使用数据目录 {folder}：{error}"),
        say!(
            lang,
            "name with --data a folder of this user on a disk that has room",
            "请用 --data 指定属于该用户、且磁盘有空间的目录"
        ),
    )
}

pub(super) fn data_of_others(lang: Lang, folder: &Path) -> Failure {
    let folder = folder.display();
    Failure::new(
        lang,
        say!(
            lang,
            "the data folder {folder} holds other files and no ledger",
            "数据目录 {folder} 中有其他文件，且没有台账"
        ),
        say!(
            lang,
            "name with --data a new or empty folder, or the one of an earlier start",
            "请用 --data 指定新的或空的目录，或以前启动时用过的目录"
        ),
    )
}

pub(super) fn in_use(lang: Lang, folder: &Path, holder: &str) -> Failure {
    let folder = folder.display();
    let (pid, since) = holder.split_once(' ').unwrap_or(("?", "?"));
    Failure::new(
        lang,
        say!(
            lang,
            "the data folder {folder} is in use: process {pid} has run there since {since}",
            "数据目录 {folder} 正在使用中：进程 {pid} 自 {since} 起在此运行"
        ),
        say!(
            lang,
            "stop it first (kill {pid}, or systemctl stop dougong), or name another folder with --data; two of them on one ledger would keep the pace of neither",
            "请先停止它（kill {pid}，或 systemctl stop dougong），或用 --data 指定另一个目录"
        ),
    )
}

pub(super) fn no_secrets(lang: Lang) -> Failure {
    Failure::new(
        lang,
        say!(lang, "no file of secrets is named", "没有指定密钥文件"),
        say!(
            lang,
            "name it with --secrets FILE or DOUGONG_SECRETS; docs/settings.md shows what is in it",
            "请用 --secrets FILE 或环境变量 DOUGONG_SECRETS 指定；内容见 docs/settings.zh-CN.md"
        ),
    )
}

pub(super) fn secrets_open(lang: Lang, file: &Path) -> Failure {
    let file = file.display();
    Failure::new(
        lang,
        say!(
            lang,
            "every user of this machine may use the file of secrets {file}",
            "本机任何用户都能访问密钥文件 {file}"
        ),
        say!(
            lang,
            "close it: chmod 600 {file}; if others may have read it, ask for new secrets",
            "请收紧权限：chmod 600 {file}；若可能已被他人读取，请更换密钥"
        ),
    )
}

pub(super) fn secrets_unreadable(lang: Lang, error: &SecretsError) -> Failure {
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        let _ = write!(text, ": {cause}");
    }
    match text.split_once("\nhint: ") {
        Some((error, hint)) => Failure::new(lang, error, hint),
        None => Failure::new(
            lang,
            text,
            say!(
                lang,
                "name a file that this user may read, with --secrets",
                "请用 --secrets 指定该用户可读的文件"
            ),
        ),
    }
}

pub(super) fn made_private(lang: Lang, folder: &Path) -> String {
    let folder = folder.display();
    say!(
        lang,
        "other users could look into {folder}; now only this one can",
        "其他用户此前可以访问 {folder}，现已改为仅本用户可访问"
    )
}

pub(super) fn started(
    lang: Lang,
    tenant: &str,
    schemes: &[&str],
    options: &UpArguments,
    folder: &DataFolder,
) -> String {
    let schemes = schemes.join(", ");
    let every = written(options.every.as_secs());
    let minutes = options.rescan_at.as_secs() / 60;
    let rescan = format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let (data, logs) = (folder.path().display(), folder.logs());
    let logs = logs.display();
    say!(
        lang,
        "running for {tenant}: {schemes}, pulled every {every}, read again at {rescan} every night; ledger in {data}, logs in {logs}",
        "已启动，商户 {tenant}：{schemes}，每 {every} 拉取一次，每晚 {rescan} 重扫；台账在 {data}，日志在 {logs}"
    )
}

/// Writes seconds in the largest unit that says them whole.
fn written(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let whole = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    whole.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", seconds / unit))
}

pub(super) fn put_back(lang: Lang, messages: usize) -> String {
    say!(
        lang,
        "{messages} messages that the last run left are in the queue again",
        "上次运行遗留的 {messages} 条消息已重新入队"
    )
}

pub(super) fn taking_pushes(lang: Lang, url: &str, schemes: &[&str], options: &UpArguments) -> String {
    let schemes = schemes.join(", ");
    let every = written(options.sweep_every.as_secs());
    say!(
        lang,
        "store system: pushes are taken at {url}, bills are downloaded every {every}: {schemes}",
        "门店系统：在 {url} 接收推送，每 {every} 补漏：{schemes}"
    )
}

pub(super) fn accepted(lang: Lang, accepted: &Accepted) -> String {
    let Accepted { pushes, queued, known, parked, refused, .. } = accepted;
    say!(
        lang,
        "took {pushes} pushes: {queued} bills queued, {known} known, {parked} parked; {refused} pushes refused",
        "接收推送 {pushes} 次：入队 {queued} 单，已知 {known}，待人工处理 {parked}；拒绝推送 {refused} 次"
    )
}

pub(super) fn swept(lang: Lang, swept: &Swept) -> String {
    let Swept { scheme, rows, queued, known, parked, .. } = swept;
    say!(
        lang,
        "downloaded {scheme}: {rows} bills read, {queued} queued, {known} known, {parked} parked",
        "补漏 {scheme}：读取 {rows} 单，入队 {queued}，已知 {known}，待人工处理 {parked}"
    )
}

pub(super) fn compared(lang: Lang, compared: &Compared) -> String {
    let Compared { scheme, documents, differences } = compared;
    if *differences == 0 {
        return say!(
            lang,
            "reconciled {scheme}: {documents} documents, no difference",
            "对账 {scheme}：{documents} 单，没有差异"
        );
    }
    say!(
        lang,
        "reconciled {scheme}: {documents} documents, {differences} differences; dougong reconcile shows them",
        "对账 {scheme}：{documents} 单，差异 {differences} 处；用 dougong reconcile 查看"
    )
}

pub(super) fn sent_again(lang: Lang, documents: u64) -> String {
    say!(lang, "{documents} stuck documents were sent again", "已重新发送 {documents} 张停滞的单据")
}

pub(super) fn pulled(lang: Lang, pulled: &Pulled) -> String {
    let Pulled { scheme, rows, queued, known, excluded, parked, .. } = pulled;
    say!(
        lang,
        "pulled {scheme}: {rows} orders read, {queued} queued, {known} known, {excluded} left out, {parked} parked",
        "拉取 {scheme}：读取 {rows} 单，入队 {queued}，已知 {known}，按规则不入账 {excluded}，待人工处理 {parked}"
    )
}

pub(super) fn delivered(lang: Lang, delivered: &Delivered, waiting: u64) -> String {
    let Delivered { posted, already_posted, parked, unknown, .. } = delivered;
    let mut words = say!(lang, "booked {posted}", "已入账 {posted} 单");
    let mut more = |count: u64, texts: Texts| {
        if count > 0 {
            let _ = write!(words, "{}{count}", lang.pick(texts));
        }
    };
    more(*already_posted, Texts { en: ", were booked already ", zh: "，此前已入账 " });
    more(*parked, Texts { en: ", parked ", zh: "，待人工处理 " });
    more(*unknown, Texts { en: ", without an answer of BIP yet ", zh: "，BIP 尚无答复 " });
    more(waiting, Texts { en: ", waiting ", zh: "，排队中 " });
    words
}

pub(super) fn parked(lang: Lang, reason: &str, orders: u64) -> String {
    let known = dougong_operate::reason(reason);
    let words = known.map_or(reason, |known| lang.pick(known.meaning));
    let what = known.map_or("", |known| lang.pick(known.what_to_do));
    say!(lang, "parked {orders}: {words} – {what}", "待人工处理 {orders} 单：{words}——{what}")
}

pub(super) fn dead_letters(lang: Lang, messages: u64) -> String {
    say!(
        lang,
        "{messages} messages could not be handled at all; they are kept, and tried again at the next start; the log says why",
        "{messages} 条消息完全无法处理；已保留，下次启动时会再试；原因见日志"
    )
}

pub(super) fn database_trouble(lang: Lang, trouble: &str) -> String {
    say!(lang, "the ledger cannot be written: {trouble}", "台账无法写入：{trouble}")
}

pub(super) fn database_hint(lang: Lang, folder: &DataFolder) -> String {
    let folder = folder.path().display();
    say!(
        lang,
        "free space on the disk of {folder}; nothing is lost, and the work goes on by itself as soon as there is room",
        "请清理 {folder} 所在磁盘；数据没有丢失，有空间后会自动继续"
    )
}

pub(super) fn database_again(lang: Lang) -> String {
    say!(lang, "the ledger can be written again", "台账恢复写入")
}

pub(super) fn problem(lang: Lang, problem: &str) -> String {
    say!(lang, "problem: {problem}", "问题：{problem}")
}

pub(super) fn stopping(lang: Lang, seconds: u64) -> String {
    say!(
        lang,
        "stopping; what is at work may take {seconds} s to finish, a second signal ends it now",
        "正在停止；进行中的工作最多等待 {seconds} 秒，再次发送信号可立即结束"
    )
}

pub(super) fn stopped(lang: Lang) -> String {
    say!(
        lang,
        "stopped; what waits in the queue goes on at the next start",
        "已停止；排队中的单据在下次启动后继续"
    )
}
