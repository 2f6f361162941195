//! The stable names of reasons in words: why a document waits for a person, and what that person does.

/// One text in every language: neither can be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts {
    /// English.
    pub en: &'static str,
    /// 中文
    pub zh: &'static str,
}

/// Why a document waits for a person or is not booked, and what that person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonWords {
    /// What it means.
    pub meaning: Texts,
    /// What to do about it.
    pub what_to_do: Texts,
}

macro_rules! reasons {
    ($($($name:literal)|+ => $en:literal, $zh:literal; $en_do:literal, $zh_do:literal;)*) => {
        /// Explains a stable reason name of the ledger; `None` for one that this version does not know.
        pub fn reason(name: &str) -> Option<ReasonWords> {
            match name {
                $($($name)|+ => Some(ReasonWords {
                    meaning: Texts { en: $en, zh: $zh },
                    what_to_do: Texts { en: $en_do, zh: $zh_do },
                }),)*
                _ => None,
            }
        }

        /// Every reason that has words.
        #[cfg(test)]
        const NAMES: &[&str] = &[$($($name),+),*];
    };
}

reasons! {
    "unknown_shop" => "shop not in the table", "店铺未登记";
        "add the shop to tables/shops.csv", "在 tables/shops.csv 中登记店铺";
    "unknown_warehouse" => "warehouse not in the table", "仓库未登记";
        "add the warehouse to tables/warehouses.csv", "在 tables/warehouses.csv 中登记仓库";
    "unknown_goods" => "goods not in the table", "货品未登记";
        "add the goods code to tables/goods.csv", "在 tables/goods.csv 中登记商家编码";
    "unknown_store" => "store not in the table", "门店未登记";
        "add the store to tables/stores.csv", "在 tables/stores.csv 中登记门店";
    "unknown_payment" => "way of paying not in the table", "支付方式未登记";
        "add the code to tables/payments.csv", "在 tables/payments.csv 中登记支付编码";
    "lookup_missed" => "not in a table of your own", "自定义对照表中未登记";
        "add the row that the problem names", "按问题说明在对照表中补登";
    "unknown_unit" => "a unit is none of the goods'", "单位不属于该货品";
        "add the unit to tables/goods.csv, or count in main units", "在 tables/goods.csv 补充单位，或按主单位入账";
    "total_mismatch" => "totals and lines disagree", "合计与明细不符";
        "correct the bill in the store system", "在门店系统更正单据";
    "free_goods" => "goods without an amount", "货品没有金额";
        "correct the bill in the store system", "在门店系统更正单据";
    "unknown_order" => "its transferring order never came", "调拨单始终未到";
        "correct the number in WDT", "在旺店通更正单号";
    "unknown_command" => "a command that nobody knows", "未知的推送命令";
        "ask the vendor what it is", "向厂商询问该命令";
    "store_refused" => "refused by the store system", "门店系统拒绝";
        "read the store system's words in the ledger", "查看台账中门店系统的答复";
    "store_unreachable" | "store_timeout" | "store_connection_failed" | "store_server_error"
        | "store_http_refused" | "store_unreadable_reply" => "the store system gave no answer that says yes", "门店系统没有明确答复";
        "mend what the problem names, then send it again", "按问题说明排除故障，然后重发";
    "store_invalid_call" => "it cannot be told to the store system", "无法通知门店系统";
        "fill what the problem names, then send it again", "补全问题说明中的字段，然后重发";
    "missing_field" => "a field is empty", "字段为空";
        "fill it in WDT, or set it by a rule", "在旺店通补全，或在规则中设定";
    "postage_mismatch" => "shares and postage are not the receivable", "分摊加邮费不等于应收";
        "correct the amounts in WDT", "在旺店通更正金额";
    "postage_nowhere" => "no line can carry the postage", "邮费无处分摊";
        "book postage on a line of its own (postage = \"line\")", "改为邮费单独成行（postage = \"line\"）";
    "priced_gift" => "a gift has a price", "赠品带价格";
        "correct the gift in WDT", "在旺店通更正赠品";
    "refunded_line" => "a line was refunded", "明细已退款";
        "decide with the shop whether to book it", "与店铺确认是否入账";
    "bad_quantity" => "a quantity cannot be booked", "数量有误";
        "correct the quantity in WDT or the unit in tables/goods.csv", "在旺店通更正数量，或更正 tables/goods.csv 的单位";
    "bad_amount" => "an amount cannot be booked", "金额有误";
        "correct the amount in WDT", "在旺店通更正金额";
    "batch_missing" => "batch number missing", "缺少批次";
        "enter the batch in WDT", "在旺店通补录批次";
    "batch_mismatch" => "batches do not add up to the line", "批次数量与明细不符";
        "correct the batches in WDT", "在旺店通更正批次";
    "expiry_missing" => "expiry date missing", "缺少效期";
        "enter the expiry date in WDT", "在旺店通补录效期";
    "no_lines" => "no line to book", "没有可入账的明细";
        "look at the order in WDT", "在旺店通核对订单";
    "check_failed" => "breaks a rule of BIP", "不符合 BIP 校验";
        "read the problem in the ledger", "查看台账中的问题说明";
    "refused" => "refused by BIP", "BIP 拒绝";
        "read BIP's words in the ledger", "查看台账中 BIP 的答复";
    "busy" => "BIP stayed too busy", "BIP 持续繁忙";
        "send it again later", "稍后重新发送";
    "code_taken" => "BIP holds another voucher of this code", "BIP 已有同号的其他单据";
        "compare both vouchers", "核对两张单据";
    "unknown_outcome" => "nobody knows whether BIP has it", "BIP 是否入账未知";
        "look it up in BIP", "在 BIP 中查询";
    "changed" => "changed after it was booked", "入账后又有变动";
        "correct the voucher in BIP", "在 BIP 中更正单据";
    "unreadable" => "cannot be read", "无法读取";
        "look at the order in WDT", "在旺店通核对订单";
    "too_large" => "too large for the queue", "超出队列容量";
        "split the order in WDT", "在旺店通拆分订单";
    "formula_failed" => "a formula has no value", "公式没有结果";
        "correct the formula or the table that the problem names", "按问题说明更正公式或对照表";
    "members_differ" => "the orders of a merged voucher disagree", "汇总单的订单表头不一致";
        "dissolve the part; correct what makes them differ", "解散该份，更正不一致之处";
    "member_astray" => "an order of a merged voucher is no longer what was listed", "汇总单的成员已变";
        "look the order up, then dissolve the part", "核对该订单，然后解散该份";
    "panicked" => "the program itself fails at it", "程序处理该单时出错";
        "report it; send it again with a version that mends it", "请反馈；升级到修复版本后重发";
    "perhaps_announced" => "perhaps a delivery of our own", "可能是我方已通知的配送";
        "skip it if its goods left with a stockout, else send it again once it was compared", "若货物已随出库单发出则跳过，否则核对后处理";
    "unmappable" => "cannot be mapped", "无法映射";
        "read the problems", "查看问题说明";
    "by_hand" => "skipped by a person", "人工跳过";
        "nothing; it can be sent again", "无需处理；可重新发送";
    "dissolved" => "a part that was given up", "已解散的汇总份";
        "nothing; its orders were put together anew", "无需处理；其订单已重新汇总";
    "no_scheme" => "no scheme books it", "没有处理它的方案";
        "write a scheme for it, then send it again", "为它配置方案，然后重发";
    "kind_not_booked" => "bills of this kind are not booked", "此类单据不入账";
        "set book = true in its scheme, then send it again", "在方案中设 book = true，然后重发";
    "store_type" => "no scheme for stores of this type", "没有处理该类门店的方案";
        "add the store's type to a scheme, then send it again", "在方案中加入该门店类型，然后重发";
    "store_not_booked" => "this store's bills are not booked", "该门店不入账";
        "mend tables/stores.csv, then send it again", "更正 tables/stores.csv，然后重发";
    "announced" => "a mark of what a store was told", "已通知门店的标记";
        "nothing", "无需处理";
    "announced_by_us" => "our own delivery, booked with its stockout", "我方已通知的配送，已随出库单入账";
        "nothing", "无需处理";
}

/// Names the rule that leaves an order out; `None` for one that this version does not know.
pub fn exclusion(reason: &str) -> Option<Texts> {
    match reason {
        "status" => Some(Texts { en: "status", zh: "单据状态" }),
        "trade_type" => Some(Texts { en: "order type", zh: "订单类型" }),
        "refund_status" => Some(Texts { en: "refunded", zh: "已退款" }),
        "shop" => Some(Texts { en: "shop", zh: "店铺" }),
        "warehouse" => Some(Texts { en: "warehouse", zh: "仓库" }),
        "announced_by_us" => Some(Texts { en: "our own deliveries", zh: "我方已通知的配送" }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_mapping_and_of_the_ledger_has_words_in_both_languages() {
        use dougong_ledger::{BY_HAND, CHANGED, DISSOLVED};
        for name in
            [CHANGED, DISSOLVED, BY_HAND, "refused", "busy", "unknown_outcome", "code_taken", "panicked"]
        {
            assert!(reason(name).is_some(), "{name}");
        }
        for name in NAMES {
            let words = reason(name).unwrap();
            assert!(!words.meaning.en.is_empty() && !words.meaning.zh.is_ascii(), "{name}");
            assert!(!words.what_to_do.en.is_empty() && !words.what_to_do.zh.is_ascii(), "{name}");
        }
        let of_mapping = include_str!("../../mapping/src/problem.rs");
        for line in of_mapping.lines().filter(|line| line.contains("Self::") && line.contains("=> \"")) {
            let name = line.split('"').nth(1).unwrap();
            assert!(reason(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_parked_reason_has_its_chapter_in_both_runbooks() {
        // These are reasons of what is skipped: nobody has to settle it.
        let skipped = [
            "by_hand",
            "dissolved",
            "no_scheme",
            "kind_not_booked",
            "store_type",
            "store_not_booked",
            "announced",
            "announced_by_us",
        ];
        let runbooks =
            [include_str!("../../../docs/runbook.md"), include_str!("../../../docs/runbook.zh-CN.md")];
        for name in NAMES.iter().filter(|name| !skipped.contains(*name)) {
            for runbook in runbooks {
                assert!(runbook.contains(&format!("<a id=\"reason-{name}\"></a>")), "{name}");
            }
        }
    }
}
