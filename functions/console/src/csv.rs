//! Tables as files for a spreadsheet.

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// How Excel knows UTF-8.
const MARK: &str = "\u{feff}";

/// Writes rows as CSV. A text that a spreadsheet would take for a formula gets an apostrophe in front; a number does not.
pub(crate) fn write<const N: usize>(heads: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = writer.write_record(heads);
    for row in rows {
        let _ = writer.write_record(row.map(harmless));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    format!("{MARK}{}", String::from_utf8_lossy(&bytes))
}

fn harmless(cell: String) -> String {
    let is_number = cell.parse::<rust_decimal::Decimal>().is_ok();
    if cell.starts_with(FORMULA) && !is_number { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let cell = |text: &str| harmless(text.to_owned());
        for formula in ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        for harmless in ["-12.50", "+3", "stockout#s#1", "张三", ""] {
            assert_eq!(cell(harmless), harmless);
        }
    }

    #[test]
    fn a_table_opens_in_a_spreadsheet() {
        let text = write(["单据", "why"], [["a,b".to_owned(), "=\"x\"".to_owned()]].into_iter());
        assert_eq!(text, "\u{feff}单据,why\r\n\"a,b\",\"'=\"\"x\"\"\"\r\n");
    }
}
