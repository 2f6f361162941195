//! What the platform is asked, as strictly as its tables have it: integers are numbers, days are days.

use dougong_values::{BeijingTime, BusinessDay, Money, Quantity};
use serde::Deserialize;
use serde_json::Value;

use super::code;

/// A refusal in the platform's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Reads the parameters of a command.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new(code::PARAMETER, format!("参数错误: {error}")))
}

/// A day, as text.
pub(super) fn day(text: &str) -> Result<BusinessDay, Refusal> {
    let refused = || Refusal::new(code::PARAMETER, format!("日期格式错误: {text}"));
    if text.len() == 10 { text.parse().map_err(|_| refused()) } else { Err(refused()) }
}

/// A span of days.
pub(super) fn days(start: &str, end: &str) -> Result<(BusinessDay, BusinessDay), Refusal> {
    let (start, end) = (day(start)?, day(end)?);
    if end < start {
        return Err(Refusal::new(code::PARAMETER, "结束日期早于起始日期"));
    }
    Ok((start, end))
}

/// A text that must say something.
pub(super) fn said(name: &str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        Err(Refusal::new(code::PARAMETER, format!("{name} 不能为空")))
    } else {
        Ok(())
    }
}

/// `DownloadStoreDeclareGoodsByBatch`, `DownloadRECBill`, `DownloadREQBill`.
#[derive(Deserialize)]
pub(super) struct Download {
    pub(super) storetype: u8,
    pub(super) startday: String,
    pub(super) endday: String,
    pub(super) storeuid: Option<u64>,
    pub(super) businessid: Option<u8>,
}

/// `GetTransferringStores`.
#[derive(Deserialize)]
pub(super) struct Stores {
    pub(super) startday: String,
    pub(super) endday: String,
    pub(super) stock: u64,
}

/// `QueryTransferringOrderInfo`.
#[derive(Deserialize)]
pub(super) struct Transferring {
    pub(super) startday: String,
    pub(super) endday: String,
    pub(super) stock: u64,
    #[serde(default)]
    pub(super) sumbatch: Option<String>,
    #[serde(default)]
    pub(super) dluiditems: Option<Vec<u64>>,
    #[serde(default)]
    pub(super) storeuiditems: Option<Vec<u64>>,
    #[serde(default)]
    pub(super) areauiditems: Option<Vec<u64>>,
}

/// `AchieveQueryTransferringOrderInfo`.
#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) sumbatch: String,
}

/// `AchieveRetQueryTransferringOrderInfo`.
#[derive(Deserialize)]
pub(super) struct Cancel {
    #[serde(default)]
    pub(super) buid: Option<Vec<u64>>,
}

/// `QuerySaleOrderInfo`, by either pair of keys.
#[derive(Deserialize)]
pub(super) struct Sales {
    pub(super) date: String,
    pub(super) starttime: Option<String>,
    pub(super) endtime: Option<String>,
    pub(super) startday: Option<String>,
    pub(super) endday: Option<String>,
    pub(super) storeuid: u64,
    #[serde(default)]
    pub(super) sumbatch: Option<String>,
}

/// `AddSTOBill`.
#[derive(Deserialize)]
pub(super) struct Add {
    pub(super) items: AddedBill,
}

#[derive(Deserialize)]
pub(super) struct AddedBill {
    pub(super) tbillno: String,
    #[serde(default)]
    pub(super) parebillno: Option<String>,
    pub(super) rdate: String,
    pub(super) billingdate: BeijingTime,
    pub(super) refertime: BeijingTime,
    pub(super) outstorecode: String,
    pub(super) instorecode: String,
    pub(super) amounttotal: Quantity,
    pub(super) dealtotal: Money,
    #[serde(default)]
    pub(super) remarks: Option<String>,
    pub(super) billitems: Vec<AddedLine>,
}

#[derive(Deserialize)]
pub(super) struct AddedLine {
    pub(super) prodcode: String,
    pub(super) prodname: String,
    pub(super) unit: String,
    pub(super) dealpri: Money,
    pub(super) amount: Quantity,
    pub(super) trademoney: Money,
    #[serde(default)]
    pub(super) additionalunit: Option<String>,
    pub(super) additionalunit_amount: Quantity,
    #[serde(default)]
    pub(super) remark: Option<String>,
}

/// `UpdateTransferringOrderInfo`.
#[derive(Deserialize)]
pub(super) struct Update {
    pub(super) buid: u64,
    pub(super) cbill: String,
    pub(super) billnoitems: Vec<UpdatedLine>,
}

#[derive(Deserialize)]
pub(super) struct UpdatedLine {
    pub(super) ibiuid: u64,
    pub(super) produid: u64,
    pub(super) prodname: String,
    pub(super) unit: String,
    pub(super) amount: Quantity,
    pub(super) tamount: Quantity,
    pub(super) additional_unit: Value,
    #[serde(rename = "additionalunit_amount")]
    pub(super) _additional_amount: Quantity,
    #[serde(rename = "additionalunit_tamount")]
    pub(super) _additional_tamount: Quantity,
}
