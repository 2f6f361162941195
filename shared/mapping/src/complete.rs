//! What a voucher needs and neither a table's row nor a rule's constant gives.

use std::fmt::Display;

use crate::mapping::RuleProblem;
use crate::rules::{Postage, Rules};
use crate::tables::{Shop, TableProblem, Tables};

/// How many rows with the same gap are listed one by one.
const LISTED: usize = 5;

/// One field that every row must have, unless the rules have a constant for it.
struct Need<'a> {
    file: &'a str,
    column: &'static str,
    /// The rule that would fill the gap.
    rule: &'static str,
}

impl Need<'_> {
    /// Notes the rows that have a gap.
    fn check<K: Display>(
        &self,
        all: usize,
        rows_with_gap: impl Iterator<Item = (K, u32)>,
        problems: &mut Vec<RuleProblem>,
    ) {
        let Self { file, column, rule } = *self;
        let mut gaps: Vec<(u32, String)> = rows_with_gap.map(|(key, line)| (line, key.to_string())).collect();
        gaps.sort_unstable();
        if gaps.len() == all && all > 1 {
            let message = format!("neither the rule nor the column `{column}` of {file} gives a value");
            let hint = format!("set `{rule}` in the rules, or fill the column");
            problems.push(RuleProblem::Rule { path: rule, message, hint: Some(hint) });
            return;
        }
        for (place, (line, key)) in gaps.iter().enumerate().take(LISTED) {
            let more = gaps.len() - LISTED.min(gaps.len());
            let and_more = if place + 1 == LISTED && more > 0 {
                format!(" (and {more} more rows)")
            } else {
                String::new()
            };
            problems.push(RuleProblem::Table(TableProblem {
                file: file.to_owned(),
                line: *line,
                column: 1,
                message: format!("`{key}` has no `{column}`{and_more}"),
                hint: Some(format!("fill the cell, or set `{rule}` in the rules for all rows without one")),
            }));
        }
    }
}

/// Notes every gap that neither tables nor rules fill.
pub(crate) fn check_complete(rules: &Rules, tables: &Tables, problems: &mut Vec<RuleProblem>) {
    check_shops(rules, tables, problems);
    if rules.lines.stock_org.is_none() {
        let need = Need { file: &tables.files.warehouses, column: "stock_org", rule: "lines.stock_org" };
        let gaps = tables.warehouses.iter().filter(|(_, row)| row.stock_org.is_none());
        need.check(tables.warehouses.len(), gaps.map(|(key, row)| (key, row.line)), problems);
    }
    let file = tables.files.goods.as_str();
    if rules.lines.tax.is_none() {
        let gaps = tables.goods.iter().filter(|(_, row)| row.tax.is_none());
        let need = Need { file, column: "tax", rule: "lines.tax" };
        need.check(tables.goods.len(), gaps.map(|(key, row)| (key, row.line)), problems);
    }
    if rules.lines.unit.is_none() {
        let gaps = tables.goods.iter().filter(|(_, row)| row.main_unit.is_none());
        let need = Need { file, column: "main_unit", rule: "lines.unit" };
        need.check(tables.goods.len(), gaps.map(|(key, row)| (key, row.line)), problems);
    }
    if let Postage::Line { goods } = &rules.postage.policy
        && tables.goods.get(goods).is_some_and(|row| row.batch_managed || row.expiry_managed)
    {
        let message = format!("`{goods}` is managed by batch or expiry, and postage has neither");
        problems.push(RuleProblem::Rule { path: "postage.goods", message, hint: None });
    }
}

fn check_shops(rules: &Rules, tables: &Tables, problems: &mut Vec<RuleProblem>) {
    type Cell = fn(&Shop) -> Option<&String>;
    let head = &rules.head;
    let needs: [(&'static str, &'static str, &Option<String>, Cell); 3] = [
        ("customer", "head.customer", &head.customer, |shop| shop.customer.as_ref()),
        ("sales_org", "head.sales_org", &head.sales_org, |shop| shop.sales_org.as_ref()),
        ("transaction_type", "head.transaction_type", &head.transaction_type, |shop| {
            shop.transaction_type.as_ref()
        }),
    ];
    let file = tables.files.shops.as_str();
    for (column, rule, constant, cell) in needs {
        if constant.is_none() {
            let gaps = tables.shops.iter().filter(|(_, shop)| cell(shop).is_none());
            let gaps = gaps.map(|(key, shop)| (key, shop.line));
            Need { file, column, rule }.check(tables.shops.len(), gaps, problems);
        }
    }
    if head.exchange_rate.is_none() {
        let gaps = tables.shops.iter().filter(|(_, shop)| {
            let foreign = shop.currency.as_ref().unwrap_or(&head.currency) != &head.nat_currency;
            foreign && shop.exchange_rate.is_none()
        });
        let gaps = gaps.map(|(key, shop)| (key, shop.line));
        let need = Need { file, column: "exchange_rate", rule: "head.exchange_rate" };
        need.check(tables.shops.len(), gaps, problems);
    }
}
