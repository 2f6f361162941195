//! Tables, amounts and reasons as people read them.

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};
use dougong_values::Money;

use crate::lang::Lang;

/// Makes an empty table without frames.
pub(crate) fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('-')));
    table
}

/// Makes a cell that is aligned like a number.
pub(crate) fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Explains a reason, or shows its stable name when this version has no words for it.
pub(crate) fn explained(lang: Lang, reason: &str) -> (String, String) {
    let unknown = || {
        let words = dougong_operate::exclusion(reason).map(|texts| lang.pick(texts).to_owned());
        (words.unwrap_or_else(|| reason.to_owned()), String::new())
    };
    dougong_operate::reason(reason).map_or_else(unknown, |known| {
        (lang.pick(known.meaning).to_owned(), lang.pick(known.what_to_do).to_owned())
    })
}

/// Writes an amount with two places and groups of three digits.
pub(crate) fn money(amount: Money) -> String {
    let plain = format!("{amount:.2}");
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let (whole, cents) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{cents}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_exactly() {
        assert_eq!(money("-1234567.8".parse().unwrap()), "-1,234,567.80");
        assert_eq!(money("0".parse().unwrap()), "0.00");
        assert_eq!(money("999.99".parse().unwrap()), "999.99");
    }
}
