//! The calls Dougong makes, and how their answers are read (§2, §5.1, §5.2).

use dougong_values::{BeijingTime, Money, VoucherCode, VoucherId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::order::{Order, body};
use crate::outcome::{CallError, FoundVoucher, Lookup, SaveOutcome};
use crate::reply::{Reply, text};
use crate::sale_return::SaleReturn;
use crate::voucher::VoucherKind;

/// One call under the gateway, before it has a token.
#[derive(Debug)]
pub(crate) struct Call {
    /// The operation's name in logs.
    pub(crate) operation: &'static str,
    /// The path below the gateway's address.
    pub(crate) path: &'static str,
    /// What is sent.
    pub(crate) content: Content,
}

/// What a call sends.
#[derive(Debug)]
pub(crate) enum Content {
    /// POST with a JSON body.
    Body(String),
    /// GET with one query parameter.
    Query(&'static str, String),
}

impl Call {
    /// Saves a sales order.
    pub(crate) fn save_order(order: &Order) -> Self {
        Self {
            operation: "order.save",
            path: "/yonbip/sd/voucherorder/singleSave",
            content: Content::Body(order.to_body()),
        }
    }

    /// Saves a return.
    pub(crate) fn save_return(sale_return: &SaleReturn) -> Self {
        Self {
            operation: "return.save",
            path: "/yonbip/sd/vouchersalereturn/singleSave",
            content: Content::Body(body(sale_return)),
        }
    }

    /// Lists sales orders, or returns.
    pub(crate) fn list(kind: VoucherKind, query: &ListQuery) -> Self {
        let (operation, path) = match kind {
            VoucherKind::Order => ("order.list", "/yonbip/sd/voucherorder/list"),
            VoucherKind::Return => ("return.list", "/yonbip/sd/vouchersalereturn/list"),
        };
        Self {
            operation,
            path,
            // The query holds texts and numbers alone, so that writing it cannot fail.
            content: Content::Body(serde_json::to_string(query).unwrap_or_default()),
        }
    }

    /// Shows one sales order.
    pub(crate) fn detail(id: &VoucherId) -> Self {
        Self {
            operation: "order.detail",
            path: "/yonbip/sd/voucherorder/detail",
            content: Content::Query("id", id.to_string()),
        }
    }
}

/// A question to a list of vouchers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    /// Page, from 1.
    pub page_index: u32,
    /// Rows per page, at most 500.
    pub page_size: u32,
    /// The voucher's code. BIP may match more than the exact code: compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<VoucherCode>,
    /// First voucher date.
    #[serde(rename = "open_vouchdate_begin", skip_serializing_if = "Option::is_none")]
    pub vouchdate_begin: Option<BeijingTime>,
    /// Last voucher date.
    #[serde(rename = "open_vouchdate_end", skip_serializing_if = "Option::is_none")]
    pub vouchdate_end: Option<BeijingTime>,
    /// One row per order instead of one per line; then rows have `payMoney`.
    pub is_sum: bool,
}

impl ListQuery {
    /// Asks for the orders of a code, one row each.
    pub fn of_code(code: &VoucherCode) -> Self {
        Self {
            page_index: 1,
            page_size: 500,
            code: Some(code.clone()),
            vouchdate_begin: None,
            vouchdate_end: None,
            is_sum: true,
        }
    }

    /// Asks for the orders of a time, one row each.
    pub fn between(begin: BeijingTime, end: BeijingTime) -> Self {
        Self {
            page_index: 1,
            page_size: 500,
            code: None,
            vouchdate_begin: Some(begin),
            vouchdate_end: Some(end),
            is_sum: true,
        }
    }
}

/// One page of a list of vouchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// Pages there are, if BIP says so.
    pub page_count: Option<u64>,
    /// The vouchers of this page, each once.
    pub rows: Vec<FoundVoucher>,
    /// Rows without an id or a code.
    pub unreadable: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Saved<'a> {
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    code: Option<&'a RawValue>,
    #[serde(default, borrow)]
    infos: Option<&'a RawValue>,
}

/// Reads the answer to a save.
pub(crate) fn saved(reply: Result<Reply, CallError>) -> SaveOutcome {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return error.into(),
    };
    let Some((id, code)) = saved_voucher(&reply.data) else {
        // Something was saved; only a look-up by code can say under which id.
        return SaveOutcome::Unknown { reason: "BIP confirms the voucher but names no id".to_owned() };
    };
    if reply.replayed { SaveOutcome::AlreadySaved { id } } else { SaveOutcome::Saved { id, code } }
}

/// Finds id and code in `data`, or in its first `infos`.
fn saved_voucher(data: &str) -> Option<(VoucherId, Option<VoucherCode>)> {
    let saved: Saved<'_> = serde_json::from_str(data).ok()?;
    let named = |saved: &Saved<'_>| {
        let id: VoucherId = saved.id.and_then(text)?.parse().ok()?;
        let code = saved.code.and_then(text).and_then(|code| code.parse().ok());
        Some((id, code))
    };
    named(&saved).or_else(|| {
        let infos: Vec<Saved<'_>> = serde_json::from_str(saved.infos?.get()).ok()?;
        infos.first().and_then(named)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    #[serde(default, borrow)]
    page_count: Option<&'a RawValue>,
    #[serde(borrow)]
    record_list: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    code: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pay_money: Option<&'a RawValue>,
    #[serde(default, borrow)]
    agent_id: Option<&'a RawValue>,
    #[serde(rename = "agentId_code", default, borrow)]
    agent_id_code: Option<&'a RawValue>,
    #[serde(default, borrow)]
    agent_code: Option<&'a RawValue>,
}

fn voucher(json: &str) -> Option<FoundVoucher> {
    let row: Row<'_> = serde_json::from_str(json).ok()?;
    Some(FoundVoucher {
        id: row.id.and_then(text)?.parse().ok()?,
        code: row.code.and_then(text)?.parse().ok()?,
        pay_money: row.pay_money.and_then(text).and_then(|amount| amount.trim().parse::<Money>().ok()),
        agent_id: row.agent_id.and_then(text),
        agent_code: row.agent_id_code.or(row.agent_code).and_then(text),
    })
}

/// Reads a page of the list.
pub(crate) fn page(reply: &Reply) -> Result<ListPage, CallError> {
    let page: Page<'_> = serde_json::from_str(&reply.data)
        .map_err(|error| CallError::Unknown { reason: format!("the list cannot be read: {error}") })?;
    let mut rows: Vec<FoundVoucher> = Vec::with_capacity(page.record_list.len());
    let mut unreadable = 0;
    for raw in &page.record_list {
        match voucher(raw.get()) {
            // Without isSum every line is a row of its own.
            Some(found) if rows.iter().any(|row| row.id == found.id) => {}
            Some(found) => rows.push(found),
            None => unreadable += 1,
        }
    }
    let page_count = page.page_count.and_then(text).and_then(|count| count.parse().ok());
    Ok(ListPage { page_count, rows, unreadable })
}

/// Decides which voucher of a page has exactly this code.
pub(crate) fn exactly(code: &VoucherCode, page: ListPage) -> Lookup {
    let ambiguous = |reason: String| Lookup::Failed(CallError::Unknown { reason });
    let mut matching = page.rows.into_iter().filter(|row| row.code == *code);
    match (matching.next(), matching.next()) {
        (Some(found), None) => Lookup::Found(found),
        (Some(first), Some(second)) => {
            ambiguous(format!("BIP holds {} and {} under the code {code}", first.id, second.id))
        }
        (None, _) if page.unreadable > 0 => {
            ambiguous(format!("{} rows of the list cannot be read", page.unreadable))
        }
        (None, _) if page.page_count.is_some_and(|pages| pages > 1) => {
            ambiguous(format!("the list for the code {code} is longer than a page"))
        }
        (None, _) => Lookup::Absent,
    }
}

/// Reads the answer to a detail. BIP says 未获取到当前订单商品信息 when there is no such order.
pub(crate) fn detail(reply: Result<Reply, CallError>) -> Lookup {
    match reply {
        Ok(reply) => voucher(&reply.data).map_or_else(
            || Lookup::Failed(CallError::Unknown { reason: "the order's detail cannot be read".to_owned() }),
            Lookup::Found,
        ),
        Err(CallError::Refused { message, .. }) if message.contains("未获取到当前订单") => {
            Lookup::Absent
        }
        Err(error) => Lookup::Failed(error),
    }
}
