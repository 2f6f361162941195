//! What a voucher needs and neither a table's row nor a rule's constant gives.

use std::fmt::Display;

use crate::mapping::RuleProblem;
use crate::rules::{HeadConstants, LineConstants, Postage, Rules};
use crate::tables::{Parties, TableProblem, Tables};

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
    let shops: Vec<_> =
        tables.shops.iter().map(|(key, shop)| (key.to_string(), &shop.parties, shop.line)).collect();
    check_parties(&rules.head.constants, &tables.files.shops, &shops, problems);
    if rules.lines.constants.stock_org.is_none() {
        let need = Need { file: &tables.files.warehouses, column: "stock_org", rule: "lines.stock_org" };
        let gaps = tables.warehouses.iter().filter(|(_, row)| row.stock_org.is_none());
        need.check(tables.warehouses.len(), gaps.map(|(key, row)| (key, row.line)), problems);
    }
    check_goods(&rules.lines.constants, tables, problems);
    if let Postage::Line { goods } = &rules.postage.policy
        && tables.goods.get(goods).is_some_and(|row| row.batch_managed || row.expiry_managed)
    {
        let message = format!("`{goods}` is managed by batch or expiry, and postage has neither");
        problems.push(RuleProblem::Rule { path: "postage.goods", message, hint: None });
    }
}

/// Notes goods without a tax or a unit.
pub(crate) fn check_goods(lines: &LineConstants, tables: &Tables, problems: &mut Vec<RuleProblem>) {
    let file = tables.files.goods.as_str();
    if lines.tax.is_none() {
        let gaps = tables.goods.iter().filter(|(_, row)| row.tax.is_none());
        let need = Need { file, column: "tax", rule: "lines.tax" };
        need.check(tables.goods.len(), gaps.map(|(key, row)| (key, row.line)), problems);
    }
    if lines.unit.is_none() {
        let gaps = tables.goods.iter().filter(|(_, row)| row.main_unit.is_none());
        let need = Need { file, column: "main_unit", rule: "lines.unit" };
        need.check(tables.goods.len(), gaps.map(|(key, row)| (key, row.line)), problems);
    }
}

/// Notes shops or stores without a customer, an organisation, a type or a rate.
pub(crate) fn check_parties(
    head: &HeadConstants,
    file: &str,
    rows: &[(String, &Parties, u32)],
    problems: &mut Vec<RuleProblem>,
) {
    type Cell = fn(&Parties) -> Option<&String>;
    let needs: [(&'static str, &'static str, &Option<String>, Cell); 3] = [
        ("customer", "head.customer", &head.customer, |row| row.customer.as_ref()),
        ("sales_org", "head.sales_org", &head.sales_org, |row| row.sales_org.as_ref()),
        ("transaction_type", "head.transaction_type", &head.transaction_type, |row| {
            row.transaction_type.as_ref()
        }),
    ];
    for (column, rule, constant, cell) in needs {
        if constant.is_none() {
            let gaps = rows.iter().filter(|(_, parties, _)| cell(parties).is_none());
            let gaps = gaps.map(|(key, _, line)| (key, *line));
            Need { file, column, rule }.check(rows.len(), gaps, problems);
        }
    }
    if head.exchange_rate.is_none() {
        let gaps = rows.iter().filter(|(_, parties, _)| {
            let foreign = parties.currency.as_ref().unwrap_or(&head.currency) != &head.nat_currency;
            foreign && parties.exchange_rate.is_none()
        });
        let gaps = gaps.map(|(key, _, line)| (key, *line));
        let need = Need { file, column: "exchange_rate", rule: "head.exchange_rate" };
        need.check(rows.len(), gaps, problems);
    }
}
