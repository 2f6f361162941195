//! A voucher of either kind, for whoever sends what a mapping made.

use dougong_values::{BeijingTime, Money, VoucherCode};

use crate::order::{Order, OrderLine};
use crate::sale_return::{ReturnSource, SaleReturn, SaleReturnLine};

/// A voucher that is saved in BIP.
#[expect(clippy::large_enum_variant, reason = "one at a time, almost always the larger one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voucher {
    /// A sales order (销售订单).
    Order(Order),
    /// A sales return (销售退货).
    Return(SaleReturn),
}

/// Which list of BIP a voucher is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VoucherKind {
    /// The sales orders.
    Order,
    /// The sales returns.
    Return,
}

impl Voucher {
    /// Returns which list of BIP it goes to.
    pub const fn kind(&self) -> VoucherKind {
        match self {
            Self::Order(_) => VoucherKind::Order,
            Self::Return(_) => VoucherKind::Return,
        }
    }

    /// Returns its code; `None` where BIP numbers by itself.
    pub const fn code(&self) -> Option<&VoucherCode> {
        match self {
            Self::Order(order) => order.code.as_ref(),
            Self::Return(sale_return) => sale_return.code.as_ref(),
        }
    }

    /// Sets its code.
    pub fn set_code(&mut self, code: Option<VoucherCode>) {
        match self {
            Self::Order(order) => order.code = code,
            Self::Return(sale_return) => sale_return.code = code,
        }
    }

    /// Returns the customer.
    pub fn customer(&self) -> &str {
        match self {
            Self::Order(order) => &order.agent_id,
            Self::Return(sale_return) => &sale_return.agent_id,
        }
    }

    /// Returns its date.
    pub const fn date(&self) -> BeijingTime {
        match self {
            Self::Order(order) => order.vouchdate,
            Self::Return(sale_return) => sale_return.vouchdate,
        }
    }

    /// Returns the total with tax.
    pub const fn total(&self) -> Money {
        match self {
            Self::Order(order) => order.pay_money,
            Self::Return(sale_return) => sale_return.pay_money,
        }
    }
}

impl SaleReturn {
    /// Turns an order round: the same goods, counts and amounts, as a return.
    pub fn of(order: Order, source: ReturnSource) -> Self {
        Self {
            row_status: order.row_status,
            resubmit_check_key: order.resubmit_check_key,
            code: order.code,
            sales_org_id: order.sales_org_id,
            settlement_org_id: order.settlement_org_id,
            transaction_type_id: order.transaction_type_id,
            vouchdate: order.vouchdate,
            agent_id: order.agent_id,
            invoice_agent_id: order.invoice_agent_id,
            sale_return_source_type: source,
            currency: order.currency,
            nat_currency: order.nat_currency,
            exch_rate: order.exch_rate,
            exchange_rate_type: order.exchange_rate_type,
            tax_inclusive: order.tax_inclusive,
            pay_money: order.pay_money,
            memo: order.memo,
            sale_return_details: order.order_details.into_iter().map(SaleReturnLine::from).collect(),
        }
    }
}

impl From<OrderLine> for SaleReturnLine {
    fn from(line: OrderLine) -> Self {
        Self {
            row_status: line.row_status,
            order_product_type: line.order_product_type,
            product_id: line.product_id,
            sku_id: line.sku_id,
            master_unit_id: line.master_unit_id,
            product_aux_unit_id: line.product_aux_unit_id,
            product_unit_id: line.product_unit_id,
            qty: line.qty,
            sub_qty: line.sub_qty,
            price_qty: line.price_qty,
            inv_exch_rate: line.inv_exch_rate,
            inv_price_exch_rate: line.inv_price_exch_rate,
            unit_exchange_type: line.unit_exchange_type,
            unit_exchange_type_price: line.unit_exchange_type_price,
            stock_org_id: line.stock_org_id,
            settlement_org_id: line.settlement_org_id,
            stock_id: line.stock_id,
            tax_id: line.tax_id,
            ori_tax_unit_price: line.ori_tax_unit_price,
            ori_sum: line.ori_sum,
            ori_unit_price: line.ori_unit_price,
            ori_money: line.ori_money,
            ori_tax: line.ori_tax,
            nat_tax_unit_price: line.nat_tax_unit_price,
            nat_unit_price: line.nat_unit_price,
            nat_sum: line.nat_sum,
            nat_money: line.nat_money,
            nat_tax: line.nat_tax,
            batch_no: line.batch_no,
            memo: line.memo,
        }
    }
}
