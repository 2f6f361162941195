//! What is wrong with a configuration, said in Chinese.
//!
//! The parts that find problems say them in English. Here each sentence has its Chinese counterpart, with the places of
//! names and values kept; one without a counterpart stays as it is. A test holds the sentences of the recorded problems
//! of `shared/config` and `shared/mapping` against this list.

/// Sentences in both languages. `{}` is a name or value that is kept, `{*}` a sentence of its own. The first that fits
/// counts.
const SENTENCES: &[(&str, &str)] = &[
    // Any sentence may count rows or hold a hint of another one.
    ("{*} (and {} more rows)", "{0}（另有 {1} 行）"),
    ("`{}`: {*}", "`{0}`：{1}"),
    ("add a row for `{}` to {}; {*}", "请在 {1} 中为 `{0}` 添加一行；{2}"),
    ("did you mean {}? Otherwise {*}", "是否想写 {0}？否则{1}"),
    (
        "did you mean {}? A table of your own is declared by [tables.{}] in dougong.toml",
        "是否想写 {0}？自定义表在 dougong.toml 的 [tables.{1}] 中声明",
    ),
    ("did you mean {}? write one of {}", "是否想写 {0}？可写：{1}"),
    ("did you mean {}?", "是否想写 {0}？"),
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
    ("the table is missing", "缺少这张表"),
    (
        "[tables.{}] in dougong.toml names it: save it below tables/",
        "dougong.toml 的 [tables.{0}] 声明了它：请存到 tables/ 下",
    ),
    ("{} more problems of this table are not listed", "此表另有 {0} 个问题未列出"),
    // Tables of one's own.
    ("there is a table `{}` already", "已有名为 `{0}` 的表"),
    ("write the name of a .csv file below tables/", "请写 tables/ 下的 .csv 文件名"),
    ("name the columns that a row is found by, such as {}", "请写按哪些列查，如 {0}"),
    ("`{}` is named twice", "`{0}` 写了两次"),
    ("`{}` is a key column, too", "`{0}` 同时是键列"),
    ("`from` and `to` are the same column", "`from` 与 `to` 是同一列"),
    ("there is no table `{}`", "没有名为 `{0}` 的表"),
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
    ("`{}` is `{}`, which table `{}` does not have", "`{0}` 是 `{1}`，表 `{2}` 中没有"),
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
    ("add a row for `{}` to {}", "请在 {1} 中为 `{0}` 添加一行"),
    // Rules and tables together.
    ("neither the rule nor the column `{}` of {} gives a value", "规则与 {1} 的列 `{0}` 都没有给出值"),
    ("set `{}` in the rules, or fill the column", "请在规则中设置 `{0}`，或填写该列"),
    ("`{}` has no `{}`", "`{0}` 没有 `{1}`"),
    (
        "fill the cell, or set `{}` in the rules for all rows without one",
        "请填写该格，或在规则中设置 `{0}` 供所有未填的行使用",
    ),
    ("`{}` is managed by batch or expiry, and postage has neither", "`{0}` 按批次或效期管理，而邮费两者皆无"),
    (
        "store bills need tables/stores.csv, which is missing",
        "门店单据需要 tables/stores.csv，而该文件不存在",
    ),
    ("add tables/stores.csv: {}, one row per store", "请添加 tables/stores.csv：{0}，每店一行"),
    ("payments need tables/payments.csv, which is missing", "支付需要 tables/payments.csv，而该文件不存在"),
    (
        "add tables/payments.csv: {}; or set payments to ignore",
        "请添加 tables/payments.csv：{0}；或把 payments 设为 ignore",
    ),
    ("`{}` is not in {}", "{1} 中没有 `{0}`"),
    ("there is no field `{}` here", "此处没有字段 `{0}`"),
    ("the fields are {}", "可用字段：{0}"),
    ("a `{` is not closed by a `}`", "`{` 没有以 `}` 结束"),
    ("a `}` closes no `{`", "`}` 前没有 `{`"),
    (
        "{} is not a Beijing time: write it as `2026-11-22 08:30:00`",
        "{0} 不是北京时间：请写如 `2026-11-22 08:30:00`",
    ),
    (
        "{} cannot be a {}: 1 to {} characters without line breaks",
        "{0} 不合要求：须为 1 到 {2} 个字符，不含换行",
    ),
    // Formulas. What is wrong with the form of an expression is said by its engine.
    ("there is no `{}` here", "此处没有 `{0}`"),
    ("there is no function `{}`", "没有函数 `{0}`"),
    ("the functions are listed in docs/mapping.md", "可用函数见 docs/mapping.zh-CN.md"),
    (
        "a formula is one expression; what takes several steps is a script",
        "公式只是一个表达式；需要多步的请写成脚本",
    ),
    ("`{}` is there for the lines alone; the head has `{}`", "`{0}` 只在表体中可用；表头可用 `{1}`"),
    ("BIP knows no field `{}` in the head", "BIP 表头没有字段 `{0}`"),
    ("BIP knows no field `{}` in the lines", "BIP 表体没有字段 `{0}`"),
    ("the document has no field `{}`", "单据没有字段 `{0}`"),
    ("a line of the document has no field `{}`", "单据的行没有字段 `{0}`"),
    ("a line of the voucher has no field `{}`", "凭单的行没有字段 `{0}`"),
    ("the voucher's head has no field `{}`", "凭单表头没有字段 `{0}`"),
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
    ("table `{}` ({}) has no column `{}`", "表 `{0}`（{1}）没有列 `{2}`"),
    ("its columns are {}", "它的列：{0}"),
    ("the variables are {}", "可用变量：{0}"),
    // Documents that cannot be booked, as preview, diff and test show them.
    ("`{}` is missing or empty in the document", "单据中缺少 `{0}` 或其为空"),
    ("name the shop of the order in WDT", "请在旺店通中填写订单的店铺"),
    ("name the warehouse of the stockout in WDT", "请在旺店通中填写出库单的仓库"),
    (
        "set head.voucher_date to a time that every stockout has",
        "请把 head.voucher_date 设为每张出库单都有的时间",
    ),
    ("set head.code to stockout_id or automatic", "请把 head.code 设为 stockout_id 或 automatic"),
    ("the goods of the line were refunded", "该行货品已退款"),
    (
        "book or skip it by hand, or set lines.refunded to keep or drop",
        "请手工入账或跳过，或把 lines.refunded 设为 keep 或 drop",
    ),
    ("the line ships nothing but has an amount", "该行数量为零却有金额"),
    ("the line ships nothing", "该行数量为零"),
    ("correct the stockout in WDT", "请在旺店通中更正出库单"),
    (
        "set lines.zero_quantity to drop to leave such lines out",
        "把 lines.zero_quantity 设为 drop 即可略去这样的行",
    ),
    ("a count must be above 0 and below a thousand million", "数量须大于 0 且小于十亿"),
    ("returns are documents of their own", "退货是另外的单据"),
    (
        "an amount must not be negative, nor beyond what can be computed exactly",
        "金额不能为负，也不能大到无法精确计算",
    ),
    (
        "correct the stockout in WDT; returns are documents of their own",
        "请在旺店通中更正出库单；退货是另外的单据",
    ),
    ("the gift `{}` has a price", "赠品 `{0}` 有金额"),
    ("set gifts.priced to sale or keep to book such gifts", "把 gifts.priced 设为 sale 或 keep 即可入账"),
    ("`{}` is batch-managed but came without a batch", "`{0}` 按批次管理，却没有批次"),
    (
        "name the batch in WDT, or set lines.missing_batch to omit",
        "请在旺店通中填写批次，或把 lines.missing_batch 设为 omit",
    ),
    ("`{}` is expiry-managed but came without an expiry date", "`{0}` 按效期管理，却没有有效期"),
    (
        "name the expiry in WDT, or set lines.missing_batch to omit",
        "请在旺店通中填写有效期，或把 lines.missing_batch 设为 omit",
    ),
    ("the batches of `{}` add up to {}, the line ships {}", "`{0}` 的批次合计 {1}，该行发货 {2}"),
    ("correct the stockout's places or its count in WDT", "请在旺店通中更正货位或数量"),
    ("{} in units of {} is less than 0.00000001", "{0} 按 {1} 换算后小于 0.00000001"),
    ("the count {} has more decimals than the unit's {}", "数量 {0} 的小数位多于单位允许的 {1} 位"),
    ("raise decimals of the unit in tables/units.csv", "请在 tables/units.csv 中调大该单位的小数位"),
    ("{} is no whole number of units of {}", "{0} 不是 {1} 的整数倍"),
    (
        "set lines.broken_units to main_unit to sell such counts in the main unit",
        "把 lines.broken_units 设为 main_unit 即可按主单位入账",
    ),
    (
        "the lines' share_amount {} and post_amount {} add up to {}, but receivable is {}",
        "各行分摊 {0} 与邮费 {1} 合计 {2}，应收却是 {3}",
    ),
    (
        "look at the order in WDT: a line or the postage was changed after it was shared out",
        "请在旺店通查看订单：分摊之后改过某行或邮费",
    ),
    ("the postage is negative", "邮费为负"),
    ("correct the order in WDT", "请在旺店通中更正订单"),
    (
        "the postage cannot be spread: no sold line is large enough to carry it",
        "邮费无法分摊：没有足够大的销售行",
    ),
    ("set postage.policy to line or drop", "请把 postage.policy 设为 line 或 drop"),
    ("no line is left to be booked", "没有可入账的行"),
    (
        "every line is empty or left out by the rules; exclude such documents by the filter",
        "各行都为空或被规则略去；请用过滤条件排除这样的单据",
    ),
    ("the goods have no amount", "货品没有金额"),
    ("look at the order in WDT", "请在旺店通查看订单"),
    ("`{}` is not in table `{}` ({})", "表 `{1}`（{2}）中没有 `{0}`"),
    ("`{}` is in table `{}` ({}) {}, not at {}", "`{0}` 在表 `{1}`（{2}）中的有效期为 {3}，不含 {4}"),
    (
        "rows of table `{}` hold for a time only, and no time is given",
        "表 `{0}` 的行有有效期，而没有给出时间",
    ),
    ("`{}` of `{}` is empty in table `{}` ({})", "表 `{2}`（{3}）中 `{1}` 的 `{0}` 为空"),
    ("table `{}` has {} key columns, {} were given", "表 `{0}` 有 {1} 个键列，给出了 {2} 个"),
    ("the look-up in table `{}` finds nothing", "在表 `{0}` 中查不到"),
    ("give one value for each of {}", "请为 {0} 各给一个值"),
    ("add a row for `{}` that holds then to {}", "请在 {1} 中为 `{0}` 添加一行在该时间有效的"),
    ("say which time of the document counts", "请写明以单据的哪个时间为准"),
    ("fill `{}` in line {} of {}", "请填写 {2} 第 {1} 行的 `{0}`"),
    ("a missing value cannot be joined to a text", "缺失的值不能与文本相连"),
    ("write what holds then: `… ?? \"\"`", "请写明缺失时的取值：`… ?? \"\"`"),
    ("write what holds then behind `??`", "请在 `??` 后写明此时的取值"),
    ("write what holds where it is missing, behind `??`", "请在 `??` 后写明缺失时的取值"),
    ("write what to look for where it is missing, behind `??`", "请在 `??` 后写明缺失时查什么"),
    ("the field is required, and the result is `()`", "该字段必填，而结果是 `()`"),
    ("the result is an empty text", "结果是空文本"),
    (
        "an empty text is never sent: write `()` for none, or what holds then behind `??`",
        "空文本绝不发送：没有请写 `()`，或在 `??` 后写明此时的取值",
    ),
    ("the result is {*}, not {*}", "结果是{0}，不是{1}"),
    ("write `text(…)` around it", "请套上 `text(…)`"),
    ("write `number(…)` around a text of digits", "请给数字文本套上 `number(…)`"),
    ("write `time(…)` around a text such as {}", "请给如 {0} 的文本套上 `time(…)`"),
    ("write `round_half_up(…, {})` around it", "请套上 `round_half_up(…, {0})`"),
    ("compare it: `… == 1`", "请比较：`… == 1`"),
    ("write one of BIP's codes", "请写 BIP 的编码"),
    ("{} is none of BIP's codes, 0 to 255", "{0} 不是 BIP 的编码（0 到 255）"),
    ("the amount {} has more than 2 decimals", "金额 {0} 超过 2 位小数"),
    ("the amount {} is negative, or too large to be exact", "金额 {0} 为负，或大到无法精确"),
    ("{} has more than {} decimals", "{0} 超过 {1} 位小数"),
    ("{} is not above 0 and below a thousand million", "{0} 不在 0 与十亿之间"),
    ("the text is longer than {} characters", "文本超过 {0} 个字符"),
    ("shorten it with `left(…, 200)`", "请用 `left(…, 200)` 截短"),
    ("the text contains a line break or a tab", "文本含换行或制表符"),
    ("replace it by a blank", "请换成空格"),
    ("`{}` does not take ({})", "`{0}` 不接受（{1}）"),
    ("`{}` is applied to a missing value ({})", "`{0}` 用在了缺失的值上（{1}）"),
    (
        "the functions and what they take are in docs/mapping.md; `number(…)` and `text(…)` change the type",
        "函数及其参数见 docs/mapping.zh-CN.md；`number(…)` 与 `text(…)` 转换类型",
    ),
    ("a number is divided by zero", "除数为零"),
    ("look at the divisor first: `{}`", "请先判断除数：`{0}`"),
    ("a number becomes too large, or is divided by zero", "数过大，或除数为零"),
    ("a field of a missing value is named", "取了缺失值的字段"),
    ("write `?.` for the point, or look first", "请把点写成 `?.`，或先判断"),
    ("the list has {} elements, and number {} is asked for", "列表有 {0} 个元素，取的是第 {1} 个"),
    ("the first is [0]", "第一个是 [0]"),
    ("`{}` of the document is no decimal number", "单据的 `{0}` 不是小数"),
    ("`{}` of the document is no whole number", "单据的 `{0}` 不是整数"),
    ("`{}` of the document is no time", "单据的 `{0}` 不是时间"),
    ("the text is no decimal number", "文本不是小数"),
    ("the text is no whole number", "文本不是整数"),
    ("the text is no time", "文本不是时间"),
    ("the number is not whole", "不是整数"),
    ("`{}` cannot be set", "`{0}` 不能设置"),
    ("the formula takes too many steps", "公式步数过多"),
    ("the formulas of this document take too many steps together", "此单据的公式步数合计过多"),
    ("a text or a list becomes too large", "文本或列表过大"),
    ("a text becomes too large", "文本过大"),
    ("simplify it; a loop may have no end", "请简化；可能有死循环"),
    ("simplify the formulas", "请简化公式"),
    ("the formula itself parks such documents", "公式自己把这样的单据挂起"),
    ("`{}` is none of the goods' units", "`{0}` 不是该货品的单位"),
    (
        "name it in tables/units.csv and give it to the goods, or set lines.unknown_unit to main",
        "请在 tables/units.csv 中登记并写给该货品，或把 lines.unknown_unit 设为 main",
    ),
    (
        "set negative to opposite to book bills whose lines are all negative the other way round",
        "把 negative 设为 opposite，即可把各行全为负的单据按相反方向入账",
    ),
    (
        "the amount's sign is not the quantity's, or it is beyond what can be computed exactly",
        "金额与数量的正负不一致，或大到无法精确计算",
    ),
    (
        "correct the bill in the store system, or set totals to warn",
        "请在门店系统中更正单据，或把 totals 设为 warn",
    ),
    ("correct the bill in the store system", "请在门店系统中更正单据"),
    ("set head.voucher_date to a time that every bill has", "请把 head.voucher_date 设为每张单据都有的时间"),
    ("{}: {}, but the lines' amounts sum up to {}", "{0}：{1}，各行金额合计却是 {2}"),
    ("a key of the look-up is {*}", "查表的键是{0}"),
    ("write a key of tables/taxes.csv, such as {}", "请写 tables/taxes.csv 的键，如 {0}"),
    (
        "write \"SALE\", \"GIFT\", \"MARKUP\" or \"REBATE\"",
        "请写 \"SALE\"、\"GIFT\"、\"MARKUP\" 或 \"REBATE\"",
    ),
    ("missing, `()`", "缺失值 `()`"),
    ("a text", "文本"),
    ("a whole number", "整数"),
    ("a number", "数字"),
    ("an amount", "金额"),
    ("true or false", "true 或 false"),
    ("a list", "列表"),
    ("a time", "时间"),
    ("a tax", "税目"),
    ("a type of goods", "货品类型"),
    ("0 or 1", "0 或 1"),
    ("a part of a document", "单据的一部分"),
    ("{}.toml:{}:{}: {*}", "{0}.toml:{1}:{2}：{3}"),
    // What the engine says most of expressions that are none.
    ("the formula is incomplete", "公式不完整"),
    ("Unexpected '{}'", "此处不应有 `{0}`"),
    ("Unknown operator: '{}'", "没有运算符 `{0}`"),
    ("Open string is not terminated", "文本缺少结束的引号"),
    ("Invalid number: '{}'", "`{0}` 不是数字"),
    ("Invalid escape sequence: '{}'", "无效的转义 `{0}`"),
    ("reserved keyword '{}' is disabled", "不能使用 `{0}`"),
    ("`{}` cannot be used in formulas", "公式中不能使用 `{0}`"),
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
    translated(sentence).unwrap_or_else(|| sentence.to_owned())
}

fn translated(sentence: &str) -> Option<String> {
    SENTENCES.iter().find_map(|(english, chinese)| {
        let values = places(english, sentence)?;
        let mut text = (*chinese).to_owned();
        // From the last place on: a value may itself look like a place.
        let mut marks: Vec<(usize, usize)> = (0..values.len())
            .filter_map(|index| Some((chinese.find(&format!("{{{index}}}"))?, index)))
            .collect();
        marks.sort_unstable();
        for (at, index) in marks.into_iter().rev() {
            text.replace_range(at..at + 3, &values[index]);
        }
        Some(text)
    })
}

/// Returns what stands at the places of a sentence; `None` if it is another sentence.
fn places(english: &str, sentence: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let (mut pattern, mut rest) = (english, sentence);
    loop {
        let plain = pattern.find("{}").map(|at| (at, 2));
        let nested = pattern.find("{*}").map(|at| (at, 3));
        let Some((at, length)) = plain.into_iter().chain(nested).min() else {
            return (pattern == rest).then_some(values);
        };
        rest = rest.strip_prefix(&pattern[..at])?;
        let is_quoted = pattern[..at].ends_with('`') && pattern[at + length..].starts_with('`');
        pattern = &pattern[at + length..];
        let behind = [pattern.find("{}"), pattern.find("{*}")].into_iter().flatten().min();
        let end = match behind {
            Some(next) => rest.find(&pattern[..next])?,
            None => rest.strip_suffix(pattern)?.len(),
        };
        let value = &rest[..end];
        if is_quoted && value.contains('`') {
            return None;
        }
        values.push(match length {
            3 => translated(value)?,
            _ => value.replace("` or `", "` 或 `"),
        });
        rest = &rest[end..];
    }
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
                    if translated(sentence).is_none() {
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
                        if translated(sentence).is_none() {
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
