//! The head: who buys, who sells, where it was shipped from, when, and under which code.

use dougong_bip::{Order, RowStatus};
use dougong_values::{
    BeijingTime, InvalidId, Money, Quantity, ResubmitKey, ShopNo, VoucherCode, WarehouseNo,
};
use dougong_wdt::Stockout;
use rust_decimal::Decimal;

use crate::core::Core;
use crate::mapping::{Identity, Mapping};
use crate::nearest::did_you_mean;
use crate::problem::{Problem, Reason};
use crate::rules::{CodeSource, TimeSource};
use crate::tables::{Parties, Shop, Warehouse};

impl Mapping {
    /// Looks up the shop; notes a problem if there is none.
    pub(crate) fn shop(&self, stockout: &Stockout, problems: &mut Vec<Problem>) -> Option<&Shop> {
        let Some(shop_no) = &stockout.shop_no else {
            problems.push(missing("shops.csv", "agentId", "shop_no", "name the shop of the order in WDT"));
            return None;
        };
        let shop = self.tables.shops.get(shop_no);
        if shop.is_none() {
            let keys = self.tables.shops.keys().map(ShopNo::as_str);
            let (target, source) = ("agentId, salesOrgId", "shop_no");
            problems.push(unknown(
                Reason::UnknownShop,
                "shops.csv",
                target,
                source.to_owned(),
                shop_no.as_str(),
                keys,
            ));
        }
        shop
    }

    /// Looks up the warehouse; notes a problem if there is none.
    pub(crate) fn warehouse(&self, stockout: &Stockout, problems: &mut Vec<Problem>) -> Option<&Warehouse> {
        let Some(warehouse_no) = &stockout.warehouse_no else {
            problems.push(missing(
                "warehouses.csv",
                "orderDetails[].stockOrgId",
                "warehouse_no",
                "name the warehouse of the stockout in WDT",
            ));
            return None;
        };
        let warehouse = self.tables.warehouses.get(warehouse_no);
        if warehouse.is_none() {
            let keys = self.tables.warehouses.keys().map(WarehouseNo::as_str);
            let (target, source) = ("orderDetails[].stockOrgId", "warehouse_no".to_owned());
            let (reason, value) = (Reason::UnknownWarehouse, warehouse_no.as_str());
            problems.push(unknown(reason, "warehouses.csv", target, source, value, keys));
        }
        warehouse
    }

    /// Reads the voucher's date from the time that the rule names.
    pub(crate) fn voucher_date(
        &self,
        stockout: &Stockout,
        problems: &mut Vec<Problem>,
    ) -> Option<BeijingTime> {
        let (source, time) = match self.rules.head.voucher_date {
            TimeSource::ConsignTime => ("consign_time", stockout.consign_time),
            TimeSource::PayTime => ("pay_time", stockout.pay_time),
            TimeSource::TradeTime => ("trade_time", stockout.trade_time),
        };
        if time.is_none() {
            problems.push(missing(
                "head.voucher_date",
                "vouchdate",
                source,
                "set head.voucher_date to a time that every stockout has",
            ));
        }
        time
    }

    /// Builds the voucher's code, or none where BIP numbers by itself.
    pub(crate) fn code(&self, stockout: &Stockout, problems: &mut Vec<Problem>) -> Option<VoucherCode> {
        let (source, number) = match self.rules.head.code {
            CodeSource::Automatic => return None,
            CodeSource::StockoutNo => ("stockout_no", stockout.stockout_no.as_deref()),
            CodeSource::StockoutId => ("stockout_id", Some(stockout.stockout_id.as_str())),
        };
        let Some(number) = number else {
            problems.push(missing("head.code", "code", source, "set head.code to stockout_id or automatic"));
            return None;
        };
        let code = format!("{}{number}", self.rules.head.code_prefix).parse();
        match code {
            Ok(code) => Some(code),
            Err(error) => {
                problems.push(no_code(source, number, &error));
                None
            }
        }
    }
}

impl Core<'_> {
    /// Returns the currency of a buyer's vouchers and its rate to the local currency.
    pub(crate) fn currency<'p>(&'p self, parties: &'p Parties) -> (&'p str, Quantity) {
        let head = self.head;
        let currency = parties.currency.as_deref().unwrap_or(&head.currency);
        let local = currency == head.nat_currency;
        let rate = if local { None } else { parties.exchange_rate.or(head.exchange_rate) };
        (currency, rate.unwrap_or(Quantity::new(Decimal::ONE)))
    }

    /// Builds the head without lines. That no field stays empty was made sure when the mapping was loaded.
    pub(crate) fn order_head(&self, identity: &Identity<'_>, facts: HeadFacts<'_>) -> Order {
        let HeadFacts { parties, vouchdate, code, memo } = facts;
        let rules = self.head;
        let Identity { tenant, scheme, key } = identity;
        let customer = cell_or(parties.customer.as_ref(), rules.customer.as_ref());
        let sales_org = cell_or(parties.sales_org.as_ref(), rules.sales_org.as_ref());
        let invoice_customer = parties.invoice_customer.as_ref().or(rules.invoice_customer.as_ref());
        let settlement_org = parties.settlement_org.as_ref().or(rules.settlement_org.as_ref());
        let (currency, exch_rate) = self.currency(parties);
        Order {
            row_status: RowStatus::Insert,
            resubmit_check_key: ResubmitKey::derive(tenant, scheme, key),
            code,
            settlement_org_id: settlement_org.cloned().unwrap_or_else(|| sales_org.clone()),
            sales_org_id: sales_org,
            transaction_type_id: cell_or(parties.transaction_type.as_ref(), rules.transaction_type.as_ref()),
            vouchdate,
            invoice_agent_id: invoice_customer.cloned().unwrap_or_else(|| customer.clone()),
            agent_id: customer,
            currency: currency.to_owned(),
            nat_currency: rules.nat_currency.clone(),
            exch_rate,
            exchange_rate_type: rules.exchange_rate_type.clone(),
            tax_inclusive: rules.tax_inclusive,
            pay_money: Money::ZERO,
            source: rules.source,
            invoice_upc_type: rules.invoice_type,
            bd_invoice_type_id: rules.bd_invoice_type.clone(),
            biz_flow: rules.biz_flow.clone(),
            biz_flow_version: rules.biz_flow_version.clone(),
            is_flow_core_bill: rules.flow_core_bill,
            real_money: None,
            memo,
            corp_contact: rules.salesman.clone(),
            sale_department_id: rules.department.clone(),
            hope_receive_date: None,
            send_date: None,
            receiver: None,
            receive_mobile: None,
            receive_address: None,
            shipping_choice_id: rules.shipping.clone(),
            reight: None,
            order_details: Vec::new(),
        }
    }
}

/// What the head needs and may have failed to find.
pub(crate) struct HeadFacts<'a> {
    pub(crate) parties: &'a Parties,
    pub(crate) vouchdate: BeijingTime,
    pub(crate) code: Option<VoucherCode>,
    pub(crate) memo: Option<String>,
}

/// A number that cannot be the voucher's code.
pub(crate) fn no_code(source: &str, number: &str, error: &InvalidId) -> Problem {
    Problem {
        reason: Reason::CheckFailed,
        rule: "head.code".to_owned(),
        target: "code".to_owned(),
        source: source.to_owned(),
        value: number.to_owned(),
        message: error.to_string(),
        hint: None,
    }
}

/// Takes a table's cell, else the rule's constant.
pub(crate) fn cell_or(cell: Option<&String>, constant: Option<&String>) -> String {
    cell.or(constant).cloned().unwrap_or_default()
}

/// A field of the document that the voucher needs and that is not there.
pub(crate) fn missing(rule: &str, target: &str, source: &str, hint: &str) -> Problem {
    Problem {
        reason: Reason::MissingField,
        rule: rule.to_owned(),
        target: target.to_owned(),
        source: source.to_owned(),
        value: String::new(),
        message: format!("`{source}` is missing or empty in the document"),
        hint: Some(hint.to_owned()),
    }
}

/// A look-up that found nothing.
pub(crate) fn unknown<'a>(
    reason: Reason,
    table: &str,
    target: &str,
    source: String,
    value: &str,
    keys: impl Iterator<Item = &'a str>,
) -> Problem {
    let add = format!("add a row for `{value}` to tables/{table}");
    let hint = did_you_mean(value, keys).map_or_else(|| add.clone(), |close| format!("{add}; {close}"));
    Problem {
        reason,
        rule: table.to_owned(),
        target: target.to_owned(),
        source,
        value: value.to_owned(),
        message: format!("`{value}` is not in tables/{table}"),
        hint: Some(hint),
    }
}
