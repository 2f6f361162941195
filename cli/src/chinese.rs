//! What is wrong with a configuration, said in Chinese.
//!
//! What `dougong-operate` says of documents is said of configurations, too; here is what only they have. A test holds the
//! sentences of the recorded problems of `shared/config` and `shared/mapping` against both lists.

use dougong_operate::{Sentences, in_chinese, translated};

/// Sentences in both languages.
const SENTENCES: Sentences = &[
    // Of a case of one's own (`dougong test`).
    ("unknown key `{}`: a case has {}", "不认识的键 `{0}`：用例可用 {1}"),
    ("the case has no document: a case has {}", "用例没有单据：用例可用 {0}"),
    ("problem: {} expected, but {~}", "problem：应为 {0}，但{1}"),
    ("excluded: {} expected, but {~}", "excluded：应为 {0}，但{1}"),
    ("a voucher was expected, but {~}", "应得到凭单，但{0}"),
    ("{}: {} expected, but it is not sent", "{0}：应为 {1}，但未发送"),
    ("{}: {} expected, but it is {}", "{0}：应为 {1}，但却是 {2}"),
    ("{}: expected not to be sent, but it is {}", "{0}：不应发送，但却是 {1}"),
    ("it is booked", "可入账"),
    ("it is excluded: {}", "按规则不入账：{0}"),
    ("it is parked: {}", "待人工处理：{0}"),
    // Keys and values.
    ("unknown key `{}`", "不认识的键 `{0}`"),
    ("the keys here are {}", "此处可用的键：{0}"),
    (
        "secrets are not written here: they belong in the secret store, or in the file that DOUGONG_SECRETS names",
        "密钥不写在这里：应放在密钥库，或 DOUGONG_SECRETS 所指的文件",
    ),
    ("`{}` is missing", "缺少 `{0}`"),
    ("`{}` is empty: how many main units are one `{}`?", "`{0}` 为空：一个 `{1}` 含多少主单位？"),
    ("`{}` is empty: no order would ever be booked", "`{0}` 为空：永远不会有订单入账"),
    ("`{}` is empty", "`{0}` 为空"),
    ("`{}` is a text", "`{0}` 是文本"),
    ("`{}` is a whole number", "`{0}` 是整数"),
    ("`{}` is a decimal number", "`{0}` 是小数"),
    ("`{}` is true or false", "`{0}` 是 true 或 false"),
    ("`{}` is a time without quotes", "`{0}` 是没有引号的时间"),
    ("`{}` is a list", "`{0}` 是列表"),
    ("`{}` is a table", "`{0}` 是表"),
    ("`{}` is {}, not a table", "`{0}` 应当是表"),
    ("write a table in [ ]", "请写成 [ ] 中的表"),
    ("write a text in quotes, such as \"abc\"", "请写成带引号的文本，如 \"abc\""),
    ("write a list in [ ], such as {}", "请写成 [ ] 中的列表，如 {0}"),
    ("write a list of texts or numbers", "请写成文本或数字的列表"),
    ("write a table of texts, such as {}", "请写成文本的表，如 {0}"),
    ("write true or false, without quotes", "请写 true 或 false，不带引号"),
    ("write a whole number, without quotes", "请写整数，不带引号"),
    ("write a decimal number, such as 0.01, without quotes", "请写小数，如 0.01，不带引号"),
    ("write a whole number from {} to {}", "请写 {0} 到 {1} 的整数"),
    (
        "write a duration such as 90s, 5m, 24h or 30d, from {} to {}",
        "请写带单位的时长，如 90s、5m、24h、30d，范围 {0} 到 {1}",
    ),
    ("write an amount from 0 to 1, such as 0.01", "请写 0 到 1 的金额，如 0.01"),
    ("write the rate to the local currency, such as {}", "请写对本币的汇率，如 {0}"),
    ("write one of {}", "可写：{0}"),
    ("write the numbers that WDT uses, such as {}", "请写旺店通所用的数字，如 {0}"),
    ("write codes in quotes, such as {}", "请写带引号的编码，如 {0}"),
    (
        "write own, franchise or joint, such as {}",
        "请写 own（自营）、franchise（加盟）或 joint（联营），如 {0}",
    ),
    (
        "write own, franchise or joint (自营 / 加盟 / 联营)",
        "请写 own、franchise 或 joint（自营 / 加盟 / 联营）",
    ),
    ("write addresses such as {}, or networks such as {}", "请写地址如 {0}，或网段如 {1}"),
    ("write the platform's codes, such as {}", "请写平台的返回码，如 {0}"),
    (
        "write secret, timestamp, method, path, body, query, query:=:& (between name and value, between pairs) or text:…",
        "可写 secret、timestamp、method、path、body、query、query:=:&（名与值之间、各对之间）或 text:…",
    ),
    ("write times of day, such as {}", "请写一天中的时刻，如 {0}"),
    ("write a time of day, such as {}", "请写一天中的时刻，如 {0}"),
    (
        "write what the orders of a voucher have in common: {}, or other fields of WDT by their names",
        "请写同一凭单的订单共有什么：{0}，或旺店通的其他字段名",
    ),
    ("`{}` does not name the day", "`{0}` 中没有 day"),
    ("add \"day\": the orders of a voucher share its date", "请加上 \"day\"：同一凭单的订单日期相同"),
    ("`{}` names {} twice", "`{0}` 重复写了 {1}"),
    ("`{}` is no field to merge by", "`{0}` 不是可用于汇总的字段"),
    ("`{}` is no time of day, such as 02:00", "`{0}` 不是时刻，应如 02:00"),
    ("write [schemes.<id>.source] with at least `start`", "请写 [schemes.<id>.source]，至少含 `start`"),
    (
        "write at least [schemes.online-sales] with its source and mapping",
        "请至少写 [schemes.online-sales] 及其 source 和 mapping",
    ),
    ("there is no scheme", "没有任何方案"),
    ("`{}` is what a bill without a scheme goes by", "`{0}` 保留给没有方案的单据"),
    (
        "choose another name; file = {} makes it a second view of that table",
        "请换一个名称；写 file = {0} 即可把它作为那张表的另一种查法",
    ),
    ("choose another name", "请换一个名称"),
    ("`{}` is `{}`, neither true nor false", "`{0}` 是 `{1}`，既非 true 也非 false"),
    ("`{}` contains `{}`", "`{0}` 含有 `{1}`"),
    // Variables and addresses.
    ("the environment variable {} is not set", "环境变量 {0} 未设置"),
    ("set it, or write `{}` with what holds without it", "请设置它，或写成 `{0}`，给出未设置时的值"),
    ("set the environment variable {}: {*}", "请设置环境变量 {0}：{1}"),
    ("it comes from the environment variable {}", "它来自环境变量 {0}"),
    ("only variables named {}… in capitals are read from the environment", "只读取以 {0} 开头的大写环境变量"),
    ("`{}` cannot be replaced", "`{0}` 无法替换"),
    ("a `${` is not closed by a `}`", "`${` 没有以 `}` 结束"),
    ("write ${{}}", "请写 ${{0}}"),
    ("write a whole address that begins with https://", "请写以 https:// 开头的完整地址"),
    ("this is not an address", "这不是地址"),
    ("an address here holds no user and no password", "此处的地址不得含用户名和密码"),
    ("write the domain in its ASCII form, which begins with xn--", "请写域名的 ASCII 形式（以 xn-- 开头）"),
    ("leave out everything from the `?` or `#` on", "请去掉 `?` 或 `#` 及其后的内容"),
    ("plain http would show tokens to the network: write https://", "http 会在网络上暴露令牌：请写 https://"),
    ("the whole address of the interface, such as {}", "接口的完整地址，如 {0}"),
    ("the merchant's account at WDT (卖家账号)", "旺店通的卖家账号"),
    ("WDT's own key, told in its authorisation mail", "旺店通自己的 key，见授权邮件"),
    (
        "set tenant_id, and the addresses are looked up; or set both token_url and gateway_url",
        "填 tenant_id 则自动查询地址；或同时填 token_url 和 gateway_url",
    ),
    (
        "neither `bip.tenant_id` nor `bip.token_url` and `bip.gateway_url` are set",
        "`bip.tenant_id` 与 `bip.token_url`、`bip.gateway_url` 均未填写",
    ),
    (
        "`total_timeout` is shorter than `connect_timeout` or `read_timeout`",
        "`total_timeout` 短于 `connect_timeout` 或 `read_timeout`",
    ),
    ("the whole call cannot be shorter than a part of it", "总时限不能短于其中一段"),
    ("a name for the merchant that never changes", "商户名称，启用后不得更改"),
    ("where the first run begins: {}", "首次运行从何时开始：{0}"),
    (
        "choose line (a goods line of its own), spread (over the lines) or drop",
        "请选 line（单独一行）、spread（分摊到各行）或 drop（不入账）",
    ),
    ("the goods of the postage line, a row of tables/goods.csv", "邮费行的货品，tables/goods.csv 中的一行"),
    ("pushes would be taken from anybody", "任何人的推送都会被接受"),
    (
        "set auth to url, header, md5 or hmac-sha256, or list the `networks` they come from",
        "请把 auth 设为 url、header、md5 或 hmac-sha256，或列出来源网段 `networks`",
    ),
    ("nothing is signed", "没有任何签名"),
    ("set auth to md5 or hmac-sha256 beside it", "请同时把 auth 设为 md5 或 hmac-sha256"),
    // Files.
    ("the file is missing", "文件不存在"),
    (
        "DOUGONG_CONFIG names the folder with dougong.toml and tables/",
        "含 dougong.toml 和 tables/ 的目录由 DOUGONG_CONFIG 指定",
    ),
    (
        "there is a .{} of this name: save it as “CSV UTF-8 (逗号分隔)”",
        "有同名的 .{0}：请另存为“CSV UTF-8 (逗号分隔)”",
    ),
    ("the file cannot be read: {}", "无法读取文件：{0}"),
    ("check its permissions", "请检查权限"),
    ("the file is not UTF-8 text", "文件不是 UTF-8 文本"),
    ("save it as UTF-8", "请存为 UTF-8"),
    ("the file is neither UTF-8 nor GBK text", "文件既不是 UTF-8 也不是 GBK 文本"),
    ("in Excel choose “CSV UTF-8 (逗号分隔)” when saving", "在 Excel 中另存为“CSV UTF-8 (逗号分隔)”"),
    ("the file is too large for a table", "文件过大"),
    ("there is no such table", "没有这张表"),
    (
        "a table of your own is declared: [tables.{}] in dougong.toml names its key columns",
        "自定义表须先声明：在 dougong.toml 的 [tables.{0}] 中写明键列",
    ),
    ("{} more problems of this table are not listed", "此表另有 {0} 个问题未列出"),
    // Tables of one's own.
    ("there is a table `{}` already", "已有名为 `{0}` 的表"),
    ("write the name of a .csv file below tables/", "请写 tables/ 下的 .csv 文件名"),
    ("name the columns that a row is found by, such as {}", "请写按哪些列查，如 {0}"),
    ("`{}` is named twice", "`{0}` 写了两次"),
    ("`{}` is a key column, too", "`{0}` 同时是键列"),
    ("`from` and `to` are the same column", "`from` 与 `to` 是同一列"),
    ("the tables are {}", "已有的表：{0}"),
    ("`{}` refers to `{}`, which has several key columns", "`{0}` 引用的 `{1}` 有多个键列"),
    ("only a table of one key column can be referred to", "只能引用单一键列的表"),
    ("`{}` holds {}, and {} in line {}: the ranges overlap", "`{0}` 有效期（{1}）与第 {3} 行（{2}）重叠"),
    ("let one range end before the other begins", "请让一段在另一段开始之前结束"),
    ("the row ends before it begins: {}", "有效期末端早于开端：{0}"),
    ("`{}` is `{}`, which is neither a date nor a time", "`{0}` 是 `{1}`，既不是日期也不是时间"),
    (
        "write 2026-11-01 or 2026-11-01 08:00:00 (Beijing time), or leave it empty",
        "请写 2026-11-01 或 2026-11-01 08:00:00（北京时间），或留空",
    ),
    // Rows and cells.
    (
        "a quotation mark `\"` is not closed: the rest of the file is part of this cell",
        "引号 `\"` 没有闭合：文件其余部分都成了这一格的内容",
    ),
    (
        "put another `\"` at the cell's end; a `\"` within a quoted text is written twice",
        "请在该格末尾补上 `\"`；引号内的 `\"` 要写两个",
    ),
    ("the row has {} cells, the header {}", "该行有 {0} 格，表头只有 {1} 格"),
    ("put a text that contains a comma between double quotes", "含逗号的文本请放在双引号中"),
    ("the table has no header row", "没有表头"),
    ("the first row names the columns: {}", "第一行是列名：{0}"),
    ("the first row names the columns, among them {}", "第一行是列名，其中须有 {0}"),
    ("unknown column `{}`", "不认识的列 `{0}`"),
    ("the column `{}` comes twice", "列 `{0}` 出现两次"),
    ("the column `{}` is missing, which [tables.{}] names", "缺少列 `{0}`，[tables.{1}] 声明了它"),
    ("the column `{}` is missing", "缺少列 `{0}`"),
    ("the columns here are {}", "已有的列：{0}"),
    ("`{}` is in line {} already", "`{0}` 在第 {1} 行已经出现"),
    ("`{}` is `{}`, as in line {} already", "`{0}` 是 `{1}`，与第 {2} 行相同"),
    ("`{}` is `{}`, which {} does not have", "`{0}` 是 `{1}`，{2} 中没有"),
    (
        "`{}` is `{}`: a spreadsheet has turned the code into a number",
        "`{0}` 是 `{1}`：表格软件把编码变成了数字",
    ),
    (
        "format the column as text (文本) before pasting the codes, then save again",
        "请先把该列设为“文本”格式，再粘贴编码并保存",
    ),
    ("`{}` contains a line break or a tab", "`{0}` 含有换行或制表符"),
    ("`{}` is `{}`, which is not a decimal number", "`{0}` 是 `{1}`，不是数字"),
    ("`{}` is `{}`, which is not a whole number", "`{0}` 是 `{1}`，不是整数"),
    ("`{}` must be at least 0 and below 1", "`{0}` 须不小于 0 且小于 1"),
    ("`{}` must be above 0 and at most {}", "`{0}` 须大于 0 且不超过 {1}"),
    ("`{}` must be above 0, or empty", "`{0}` 须大于 0，或留空"),
    ("`{}` is at most {}", "`{0}` 最大为 {1}"),
    ("write the rate as a fraction: 0.13 for 13 %", "税率写成小数：13% 写 0.13"),
    ("write yes or no (是 / 否)", "请写 yes 或 no（是 / 否）"),
    ("write the main units in one of it, such as 6", "请写一个该单位含多少主单位，如 6"),
    ("such as 6 for a box of 6", "如一箱 6 件写 6"),
    ("`{}` is the main unit, so `{}` can only be 1", "`{0}` 就是主单位，`{1}` 只能是 1"),
    (
        "`{}` is `{}`, but there is no sales unit beside the main unit",
        "`{0}` 是 `{1}`，但主单位之外没有销售单位",
    ),
    (
        "write main or sales: the unit that goods_count of WDT counts",
        "请写 main 或 sales：旺店通 goods_count 所数的单位",
    ),
    ("`{}` is {}, but `{}` is empty", "`{0}` 是 {1}，但 `{2}` 为空"),
    // Rules and tables together.
    ("`{}` has no `{}`", "`{0}` 没有 `{1}`"),
    ("add tables/stores.csv: {}, one row per store", "请添加 tables/stores.csv：{0}，每店一行"),
    (
        "add tables/payments.csv: {}; or set payments to ignore",
        "请添加 tables/payments.csv：{0}；或把 payments 设为 ignore",
    ),
    ("there is no field `{}` here", "此处没有字段 `{0}`"),
    ("the fields are {}", "可用字段：{0}"),
    ("a `{` is not closed by a `}`", "`{` 没有以 `}` 结束"),
    ("a `}` closes no `{`", "`}` 前没有 `{`"),
    // Formulas. What is wrong with the form of an expression is said by its engine.
    ("the functions are listed in docs/mapping.md", "可用函数见 docs/mapping.zh-CN.md"),
    ("`{}` is there for the lines alone; the head has `{}`", "`{0}` 只在表体中可用；表头可用 `{1}`"),
    ("BIP knows no field `{}` in the head", "BIP 表头没有字段 `{0}`"),
    ("BIP knows no field `{}` in the lines", "BIP 表体没有字段 `{0}`"),
    ("the document has no field `{}`", "单据没有字段 `{0}`"),
    ("a line of the document has no field `{}`", "单据的行没有字段 `{0}`"),
    ("a line of it has: write `{}`", "它的行有：请写 `{0}`"),
    ("a line has: write `{}`", "行有：请写 `{0}`"),
    ("the document has: write `{}`", "单据有：请写 `{0}`"),
    ("it is a field of the {}: write it in formulas.{}", "它是 {0} 的字段：请写在 formulas.{1} 中"),
    ("`{}` cannot be set by a formula", "`{0}` 不能用公式设置"),
    ("`{}` is set by another formula already", "`{0}` 已由另一个公式设置"),
    ("a sale return has no field `{}`", "销售退货没有字段 `{0}`"),
    (
        "it is the sum of the lines' oriSum: set `oriSum` of the lines",
        "它是各行 oriSum 之和：请设置各行的 `oriSum`",
    ),
    (
        "it is computed from oriSum and the tax rate: set `oriSum`, or `taxId` (a key of tables/taxes.csv)",
        "它由 oriSum 与税率算出：请设置 `oriSum`，或 `taxId`（tables/taxes.csv 的键）",
    ),
    (
        "it is computed with the exchange rate: set `oriSum`, or `exchRate` of the head",
        "它按汇率算出：请设置 `oriSum`，或表头的 `exchRate`",
    ),
    (
        "it is computed as qty ÷ invExchRate: set `qty` or `invExchRate`",
        "它等于 qty ÷ invExchRate：请设置 `qty` 或 `invExchRate`",
    ),
    (
        "it is made of tenant, scheme and document, so that no attempt books twice; a formula cannot set it",
        "它由商户、方案和单据得出，以免重复入账；公式不能设置",
    ),
    ("the formula is empty", "公式为空"),
    ("leave its line out", "请删去这一行"),
    ("the formula is longer than {} bytes", "公式超过 {0} 字节"),
    ("write an expression in quotes, such as {}", "请写带引号的表达式，如 {0}"),
    // What the engine says most of expressions that are none.
    ("the formula is incomplete", "公式不完整"),
    ("Unexpected '{}'", "此处不应有 `{0}`"),
    ("Unknown operator: '{}'", "没有运算符 `{0}`"),
    ("Open string is not terminated", "文本缺少结束的引号"),
    ("Invalid number: '{}'", "`{0}` 不是数字"),
    ("Invalid escape sequence: '{}'", "无效的转义 `{0}`"),
    ("reserved keyword '{}' is disabled", "不能使用 `{0}`"),
    ("Expecting '{}' to start a statement block", "此处应为 `{0}`"),
    ("Expecting '{}' {}", "此处应为 `{0}`"),
    ("Expecting name of a property", "此处应为字段名"),
    ("Expecting name of a variable", "此处应为变量名"),
    ("Expression exceeds maximum complexity", "表达式嵌套过深"),
    // Of any key: what fits nothing above.
    ("`{}` is `{}`", "`{0}` 是 `{1}`"),
];

/// Says a sentence in Chinese; as it is where it has no counterpart.
pub(crate) fn said(sentence: &str) -> String {
    translated(sentence, SENTENCES).unwrap_or_else(|| in_chinese(sentence))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn names_and_values_keep_their_places() {
        assert_eq!(said("unknown key `pag{0}e`"), "不认识的键 `pag{0}e`");
        assert_eq!(said("did you mean `a` or `b`?"), "是否想写 `a` 或 `b`？");
        assert_eq!(
            said("`store_no` is `X`, which tables/shops.csv does not have (and 7 more rows)"),
            "`store_no` 是 `X`，tables/shops.csv 中没有（另有 7 行）"
        );
        assert_eq!(
            said("add a row for `A1` to tables/goods.csv"),
            "请在 tables/goods.csv 中为 `A1` 添加一行"
        );
        assert_eq!(said("`wdt.url`: this is not an address"), "`wdt.url`：这不是地址");
        assert_eq!(said("`postage.goods`: `A` is not in t.csv"), "`postage.goods`：t.csv 中没有 `A`");
        assert_eq!(said("something new"), "something new");
    }

    /// The sentences that a recorded problem is made of.
    fn sentences(line: &str) -> Vec<&str> {
        if let Some((_, hint)) = line.split_once("= hint: ") {
            return vec![hint];
        }
        let Some((place, told)) = line.strip_prefix("error: ").unwrap_or(line).split_once(": ") else {
            return Vec::new();
        };
        let is_place = place.contains(".csv") || place.contains(".toml");
        if is_place && !place.contains(' ') { told.split("; hint: ").collect() } else { Vec::new() }
    }

    #[test]
    fn every_recorded_problem_of_a_document_is_said_in_chinese() {
        let folder =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/mapping/tests/mapping/snapshots");
        let (mut checked, mut untold) = (0, Vec::new());
        for name in [
            "mapping__formulas__every_problem_of_every_formula_is_told_at_once",
            "mapping__formulas__a_look_up_in_a_formula_that_finds_nothing_parks_with_table_key_and_the_closest_keys",
            "mapping__parked__every_problem_of_a_document_is_told_at_once",
            "mapping__bills__everything_wrong_with_a_bill_is_told_at_once",
        ] {
            let text = fs::read_to_string(folder.join(name).with_extension("snap")).unwrap();
            // What a formula itself parks for is said in its own words.
            let problems = text.lines().filter(|line| line.contains(" → ") && !line.contains("no salesman"));
            for line in problems {
                let (told, hint) =
                    line.split_once("; hint: ").map_or((line, None), |(told, hint)| (told, Some(hint)));
                let told = told.rsplit_once(" → ").unwrap().0.rsplit_once(" = ").unwrap().0;
                let message = told.rsplit_once(" (").unwrap().0.split_once(": ").unwrap().1;
                for sentence in [Some(message), hint].into_iter().flatten() {
                    checked += 1;
                    if translated(sentence, SENTENCES).is_none() {
                        untold.push(sentence.to_owned());
                    }
                }
            }
        }
        assert!(checked > 80, "{checked} sentences were found");
        assert!(untold.is_empty(), "give these a Chinese counterpart: {untold:#?}");
    }

    #[test]
    fn every_recorded_problem_of_a_configuration_is_said_in_chinese() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut checked = 0;
        let mut untold = Vec::new();
        for snapshots in [
            "../shared/config/tests/snapshots",
            "../shared/mapping/tests/mapping/snapshots",
            "tests/snapshots",
        ] {
            for entry in fs::read_dir(folder.join(snapshots)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.to_string_lossy();
                // What TOML and expressions say of their syntax comes from their parsers.
                let of_others = ["syntax", "does_not_compile", "mapping__formulas", "_zh"];
                if of_others.iter().any(|part| name.contains(part)) {
                    continue;
                }
                for line in fs::read_to_string(&path).unwrap().lines() {
                    for sentence in sentences(line) {
                        checked += 1;
                        if translated(sentence, SENTENCES).is_none() {
                            untold.push(sentence.to_owned());
                        }
                    }
                }
            }
        }
        assert!(checked > 100, "{checked} sentences were found");
        assert!(untold.is_empty(), "give these a Chinese counterpart: {untold:#?}");
    }
}
