//! Tables as files for a spreadsheet.

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// How Excel knows UTF-8.
const MARK: &str = "\u{feff}";

/// Writes rows as CSV (RFC 4180). A text that a spreadsheet would take for a formula gets an apostrophe in front; a number
/// does not.
pub(crate) fn write<const N: usize>(heads: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut text = MARK.to_owned();
    write_row(&mut text, &heads);
    for row in rows {
        write_row(&mut text, &row.map(harmless));
    }
    text
}

fn write_row(text: &mut String, cells: &[impl AsRef<str>]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let cell = cell.as_ref();
        if cell.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}

fn harmless(cell: String) -> String {
    let is_formula = cell.starts_with(FORMULA) && cell.parse::<rust_decimal::Decimal>().is_err();
    if is_formula { format!("'{cell}") } else { cell }
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

    #[test]
    fn what_is_written_is_read_back() {
        let rows = [["a\"b", "c\r\nd"], ["", "1,2"], ["张三", "e"]];
        let text = write(["x", "y"], rows.into_iter().map(|row| row.map(str::to_owned)));
        let mut reader = csv::Reader::from_reader(text.trim_start_matches(MARK).as_bytes());
        let read: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        assert_eq!(read, rows);
    }
}
