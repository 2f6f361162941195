//! Lines of many orders, summed.

use std::collections::HashMap;

use dougong_bip::OrderLine;
use dougong_values::{BeijingTime, Money, Quantity};
use rust_decimal::Decimal;

use super::MergedPrice;
use crate::amounts::Figures;
use crate::tables::Tables;

/// The lines of a merged voucher, in the order in which they first came.
#[derive(Debug, Default)]
pub(super) struct Lines {
    sums: Vec<LineSum>,
    /// The sums of each material.
    places: HashMap<String, Vec<usize>>,
}

/// Equal lines of the orders, added up.
#[derive(Debug)]
struct LineSum {
    /// What they have in common: everything but counts, amounts, dispatch and remark, and the price as it counts.
    kind: OrderLine,
    /// The first of them, as it came.
    first: OrderLine,
    count: usize,
    qty: Quantity,
    sub_qty: Quantity,
    price_qty: Quantity,
    ori_sum: Money,
    ori_money: Money,
    /// The latest planned dispatch.
    consign_time: Option<BeijingTime>,
    /// The remark, while all have the same.
    memo: Option<String>,
    /// The splits of amounts into money and tax that were seen: to tell whether a rate explains all of them.
    splits: Vec<(Money, Money)>,
}

impl Lines {
    /// Returns how many lines there are.
    pub(super) const fn len(&self) -> usize {
        self.sums.len()
    }

    /// Counts the lines that would be new.
    pub(super) fn new_among(&self, lines: &[OrderLine], price: MergedPrice) -> usize {
        let mut new: Vec<OrderLine> = Vec::new();
        for line in lines {
            let kind = kind_of(line, price);
            if self.find(&kind).is_none() && !new.contains(&kind) {
                new.push(kind);
            }
        }
        new.len()
    }

    fn find(&self, kind: &OrderLine) -> Option<usize> {
        let places = self.places.get(&kind.product_id)?;
        places.iter().copied().find(|&place| self.sums[place].kind == *kind)
    }

    /// Adds a line to its equals.
    pub(super) fn add(&mut self, line: &OrderLine, price: MergedPrice) {
        let kind = kind_of(line, price);
        if let Some(place) = self.find(&kind) {
            self.sums[place].add(line);
        } else {
            self.places.entry(line.product_id.clone()).or_default().push(self.sums.len());
            self.sums.push(LineSum {
                kind,
                first: line.clone(),
                count: 1,
                qty: line.qty,
                sub_qty: line.sub_qty,
                price_qty: line.price_qty,
                ori_sum: line.ori_sum,
                ori_money: line.ori_money,
                consign_time: line.consign_time,
                memo: line.memo.clone(),
                splits: vec![(line.ori_sum, line.ori_money)],
            });
        }
    }

    /// Makes the voucher's lines, every figure derived from the sums again.
    pub(super) fn into_lines(self, tables: &Tables, exch_rate: Quantity) -> Vec<OrderLine> {
        self.sums.into_iter().map(|sum| sum.into_line(tables, exch_rate)).collect()
    }
}

impl LineSum {
    fn add(&mut self, line: &OrderLine) {
        self.count += 1;
        self.qty += line.qty;
        self.sub_qty += line.sub_qty;
        self.price_qty += line.price_qty;
        self.ori_sum += line.ori_sum;
        self.ori_money += line.ori_money;
        self.consign_time = self.consign_time.max(line.consign_time);
        if self.memo != line.memo {
            self.memo = None;
        }
        let split = (line.ori_sum, line.ori_money);
        if !self.splits.contains(&split) {
            self.splits.push(split);
        }
    }

    fn into_line(self, tables: &Tables, exch_rate: Quantity) -> OrderLine {
        if self.count == 1 {
            return self.first;
        }
        let rate = tables.rate_of(&self.first.tax_id);
        // Where a formula split the amounts otherwise, what the orders say is added up.
        let by_rate = rate.filter(|rate| {
            self.splits.iter().all(|(sum, money)| Figures::without_tax(*sum, *rate) == *money)
        });
        let ori_money = by_rate.map_or(self.ori_money, |rate| Figures::without_tax(self.ori_sum, rate));
        let figures = Figures::of(self.ori_sum, ori_money, self.price_qty, exch_rate);
        OrderLine {
            qty: self.qty,
            sub_qty: self.sub_qty,
            price_qty: self.price_qty,
            consign_time: self.consign_time,
            memo: self.memo,
            ori_tax_unit_price: figures.ori_tax_unit_price,
            ori_sum: figures.ori_sum,
            ori_unit_price: figures.ori_unit_price,
            ori_money: figures.ori_money,
            ori_tax: figures.ori_tax,
            nat_tax_unit_price: figures.nat_tax_unit_price,
            nat_unit_price: figures.nat_unit_price,
            nat_sum: figures.nat_sum,
            nat_money: figures.nat_money,
            nat_tax: figures.nat_tax,
            ..self.first
        }
    }
}

/// What makes a line equal to another.
fn kind_of(line: &OrderLine, price: MergedPrice) -> OrderLine {
    let none = Quantity::new(Decimal::ZERO);
    OrderLine {
        qty: none,
        sub_qty: none,
        price_qty: none,
        consign_time: None,
        memo: None,
        ori_tax_unit_price: match price {
            MergedPrice::Cent => line.ori_tax_unit_price.rounded(Money::CENTS),
            MergedPrice::Exact => line.ori_tax_unit_price,
            MergedPrice::Average => Money::ZERO,
        },
        ori_sum: Money::ZERO,
        ori_unit_price: Money::ZERO,
        ori_money: Money::ZERO,
        ori_tax: Money::ZERO,
        nat_tax_unit_price: Money::ZERO,
        nat_unit_price: Money::ZERO,
        nat_sum: Money::ZERO,
        nat_money: Money::ZERO,
        nat_tax: Money::ZERO,
        ..line.clone()
    }
}
