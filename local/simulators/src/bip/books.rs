//! The books: vouchers, their codes, and the keys that saved them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use dougong_values::Money;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::Answer;
use super::document::{self, Document, Fields, Given};
use super::door::{Operation, words_of};
use super::rules::{self, Refusal};
use super::{Done, Numbering, SAVE, SAVE_RETURN, Settings, StoredVoucher};

/// The first id; 19 digits, as BIP's.
const FIRST_ID: u64 = 2_517_234_900_202_422_278;
/// So long the first answer comes again, in milliseconds.
const FULL_ANSWER_MS: i64 = 60 * 60 * 1000;
/// So long a key is known at all, in milliseconds.
const KEY_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// A key of idempotency: unique per interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(&'static str, String);

impl Key {
    /// Returns the key of a save; `None` for other operations.
    pub(super) fn of(operation: Operation, resubmit_key: String) -> Option<Self> {
        operation.kind().map(|_| Self(operation.name(), resubmit_key))
    }
}

#[derive(Debug)]
struct Remembered {
    voucher: usize,
    at_ms: i64,
}

#[derive(Debug, Default)]
pub(super) struct Books {
    vouchers: Vec<(&'static str, StoredVoucher)>,
    by_code: HashMap<(&'static str, String), usize>,
    keys: HashMap<Key, Remembered>,
    in_progress: BTreeSet<Key>,
    answers: u64,
}

impl Books {
    pub(super) fn vouchers(&self, operation: &str) -> Vec<StoredVoucher> {
        self.of(operation).cloned().collect()
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        self.of(operation).count()
    }

    fn of(&self, operation: &str) -> impl Iterator<Item = &StoredVoucher> {
        self.vouchers.iter().filter(move |(saved_by, _)| *saved_by == operation).map(|(_, voucher)| voucher)
    }

    /// Marks a key as in progress; `false` if it is already.
    pub(super) fn begin(&mut self, key: Key) -> bool {
        self.in_progress.insert(key)
    }

    pub(super) fn end(&mut self, key: &Key) {
        self.in_progress.remove(key);
    }

    /// Does a business call.
    pub(super) fn work(
        &mut self,
        settings: &Settings,
        operation: Operation,
        query: &BTreeMap<String, String>,
        body: &[u8],
        now_ms: i64,
    ) -> Answer {
        let done = match operation {
            Operation::List => self.list(SAVE, body),
            Operation::ListReturns => self.list(SAVE_RETURN, body),
            Operation::Detail => self.detail(query),
            _ => self.save(settings, operation, body, now_ms),
        };
        done.unwrap_or_else(|refusal| Answer::refusal(200, refusal.code, &refusal.message))
    }

    fn save(
        &mut self,
        settings: &Settings,
        operation: Operation,
        body: &[u8],
        now_ms: i64,
    ) -> Result<Answer, Refusal> {
        let kind = operation.kind().ok_or_else(|| Refusal::new("310404", words_of("310404")))?;
        // The gateway looks at the key before anyone looks at the document: the same key, whatever it carries.
        let key = document::resubmit_key(body).and_then(|key| Key::of(operation, key));
        if let Some(answer) = key.as_ref().and_then(|key| self.repeated(key, now_ms)) {
            return Ok(answer);
        }
        let document = document::read(kind, body)?;
        rules::verify(kind, &document, settings.master.as_ref())?;
        let stored = self.stored(settings, operation, document)?;
        let at = self.vouchers.len();
        self.by_code.insert((operation.name(), stored.code.clone()), at);
        if let Some(key) = key {
            self.keys.insert(key, Remembered { voucher: at, at_ms: now_ms });
        }
        let done = Done::Saved(stored.id.clone());
        self.vouchers.push((operation.name(), stored));
        Ok(self.full_answer(done, at))
    }

    /// Answers a key that is known: in progress, the first answer again, or the id alone.
    fn repeated(&mut self, key: &Key, now_ms: i64) -> Option<Answer> {
        if self.in_progress.contains(key) {
            return Some(Answer::refusal(200, "202", words_of("202")));
        }
        let remembered = self.keys.get(key)?;
        let (at, age_ms) = (remembered.voucher, now_ms - remembered.at_ms);
        if age_ms > KEY_MS {
            self.keys.remove(key);
            return None;
        }
        let voucher = &mut self.vouchers[at].1;
        voucher.repeats += 1;
        let id = voucher.id.clone();
        if age_ms > FULL_ANSWER_MS {
            return Some(Answer::repeated(&id));
        }
        Some(self.full_answer(Done::Repeated(id), at))
    }

    fn stored(
        &self,
        settings: &Settings,
        operation: Operation,
        document: Document,
    ) -> Result<StoredVoucher, Refusal> {
        let Document { head, lines, dropped, nulls } = document;
        let number = self.vouchers.len();
        let code = match (head.text("code"), settings.numbering) {
            (Some(code), _) => code.to_owned(),
            (None, Numbering::Automatic) => format!("XSDD{number:08}"),
            (None, Numbering::Manual) => return Err(Refusal::new("999", "单据编码不能为空")),
        };
        if self.by_code.contains_key(&(operation.name(), code.clone())) {
            return Err(Refusal::new("999", &format!("单据编码{code}已经存在")));
        }
        Ok(StoredVoucher {
            id: (FIRST_ID + 12 * number as u64).to_string(),
            code,
            resubmit_key: head.text("resubmitCheckKey").map(str::to_owned),
            pay_money: head.number("payMoney").unwrap_or_default(),
            head,
            lines,
            dropped,
            nulls,
            repeats: 0,
        })
    }

    /// Answers a save in full; ids and codes come as strings and numbers in turns.
    fn full_answer(&mut self, done: Done, at: usize) -> Answer {
        self.answers += 1;
        let voucher = &self.vouchers[at].1;
        let id =
            if self.answers.is_multiple_of(2) { voucher.id.clone() } else { format!("\"{}\"", voucher.id) };
        let data = format!(
            r#"{{"id":{id},"code":{},"vouchdate":{},"status":0,"verifystate":0,"nextStatus":"CONFIRMORDER","nextStatusName":"开立","payMoney":{},"realMoney":{},"orderPrices":{{"currency_moneyDigit":"2","exchRate":1}},"orderDetails":[]}}"#,
            Value::from(voucher.code.as_str()),
            Value::from(voucher.head.text("vouchdate").unwrap_or_default()),
            voucher.pay_money,
            voucher.pay_money,
        );
        Answer::success(done, &data, self.answers.is_multiple_of(3))
    }

    fn list(&mut self, saved_by: &'static str, body: &[u8]) -> Result<Answer, Refusal> {
        let asked: Asked<'_> =
            serde_json::from_slice(body).map_err(|_| Refusal::new("310002", "请求体不是合法的JSON"))?;
        let number = |raw: Option<&RawValue>, key: &str| {
            let text = raw.map(|raw| raw.get().trim_matches('"'));
            text.and_then(|text| text.parse::<usize>().ok()).filter(|number| *number > 0).ok_or_else(|| {
                Refusal {
                    code: "310008", message: format!("参数校验失败，参数[{key}]是必填的。")
                }
            })
        };
        let (page, size) = (number(asked.page_index, "pageIndex")?, number(asked.page_size, "pageSize")?);
        if size > 500 {
            return Err(Refusal::new("310025", "参数[pageSize]不能大于500"));
        }
        let rows: Vec<String> = self
            .of(saved_by)
            .filter(|voucher| asked.wants(voucher))
            .flat_map(|voucher| if asked.is_sum { vec![summed(voucher)] } else { per_line(voucher) })
            .collect();
        let shown: Vec<&str> = rows.iter().skip((page - 1) * size).take(size).map(String::as_str).collect();
        let data = format!(
            r#"{{"pageIndex":{page},"pageSize":{size},"pageCount":{},"recordCount":{},"recordList":[{}]}}"#,
            rows.len().div_ceil(size),
            rows.len(),
            shown.join(",")
        );
        self.answers += 1;
        Ok(Answer::success(Done::Listed(shown.len()), &data, self.answers.is_multiple_of(3)))
    }

    fn detail(&mut self, query: &BTreeMap<String, String>) -> Result<Answer, Refusal> {
        let id = query.get("id").ok_or_else(|| Refusal::new("310008", "参数校验失败，参数[id]是必填的。"))?;
        let found = self.of(SAVE).find(|voucher| voucher.id == *id);
        let voucher = found.ok_or_else(|| Refusal::new("999", "未获取到当前订单商品信息"))?;
        let data = nested(voucher);
        self.answers += 1;
        Ok(Answer::success(Done::Shown, &data, self.answers.is_multiple_of(3)))
    }
}

/// A question to the list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    #[serde(default, borrow)]
    page_index: Option<&'a RawValue>,
    #[serde(default, borrow)]
    page_size: Option<&'a RawValue>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default, rename = "open_vouchdate_begin")]
    begin: Option<String>,
    #[serde(default, rename = "open_vouchdate_end")]
    end: Option<String>,
    #[serde(default)]
    is_sum: bool,
}

impl Asked<'_> {
    /// The code is matched anywhere in a code, as a search would: callers must compare.
    fn wants(&self, voucher: &StoredVoucher) -> bool {
        let date = voucher.head.text("vouchdate").unwrap_or_default();
        self.code.as_ref().is_none_or(|code| voucher.code.contains(code.as_str()))
            && self.begin.as_ref().is_none_or(|begin| date >= begin.as_str())
            && self.end.as_ref().is_none_or(|end| date <= end.as_str())
    }
}

/// One row per order. The customer comes by an id that nobody sent, and by name.
fn summed(voucher: &StoredVoucher) -> String {
    row(voucher, "payMoney", voucher.pay_money)
}

/// One row per line, with the order's id in each.
fn per_line(voucher: &StoredVoucher) -> Vec<String> {
    let sums = voucher.lines.iter().map(|line| line.number("oriSum").unwrap_or_default());
    sums.map(|sum| row(voucher, "oriSum", sum)).collect()
}

fn row(voucher: &StoredVoucher, amount_key: &str, amount: Money) -> String {
    let agent = voucher.head.text("agentId").unwrap_or_default();
    let agent_id =
        FIRST_ID - agent.bytes().fold(7_u64, |sum, byte| sum * 31 % 1_000_000_007 + u64::from(byte));
    format!(
        r#"{{"id":{},"code":{},"vouchdate":{},"nextStatusName":"开立","agentId":{agent_id},"agentId_name":{},"{amount_key}":{amount}}}"#,
        voucher.id,
        Value::from(voucher.code.as_str()),
        Value::from(voucher.head.text("vouchdate").unwrap_or_default()),
        Value::from(agent),
    )
}

/// The order as its detail shows it: prices nested instead of flat.
fn nested(voucher: &StoredVoucher) -> String {
    let lines: Vec<String> =
        voucher.lines.iter().map(|line| unfold(line, "orderDetailPrices", &[])).collect();
    let extra = [
        ("id", format!("\"{}\"", voucher.id)),
        ("code", Value::from(voucher.code.as_str()).to_string()),
        ("status", "0".to_owned()),
        ("nextStatus", json!("CONFIRMORDER").to_string()),
        ("orderDetails", format!("[{}]", lines.join(","))),
    ];
    unfold(&voucher.head, "orderPrices", &extra)
}

fn unfold(fields: &Fields, prices: &str, extra: &[(&str, String)]) -> String {
    let (mut flat, mut below) = (Vec::new(), Vec::new());
    for (key, given) in fields.iter() {
        if extra.iter().any(|(name, _)| *name == key) {
            continue;
        }
        let value = match given {
            Given::Text(text) => Value::from(text.as_str()).to_string(),
            Given::Number(number) => number.to_string(),
            Given::Flag(truth) => truth.to_string(),
            Given::Nested(json) => json.clone(),
        };
        match key.split_once('!') {
            Some((object, name)) if object == prices => below.push(format!("\"{name}\":{value}")),
            _ => flat.push(format!("\"{key}\":{value}")),
        }
    }
    flat.extend(extra.iter().map(|(key, value)| format!("\"{key}\":{value}")));
    flat.push(format!("\"{prices}\":{{{}}}", below.join(",")));
    format!("{{{}}}", flat.join(","))
}
