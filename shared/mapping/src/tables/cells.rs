//! The text of a CSV file cut into cells, without a copy of what is not quoted.
//!
//! The rules of RFC 4180, and what people's files have beside them: blanks around cells, full-width ones too, and
//! around quotation marks; any line end; Excel's guard of leading zeros, `="0012"`; text behind a closing quotation mark.
//! A quotation mark that is never closed is an error here, because it would swallow the rest of the file in silence.

use std::borrow::Cow;

/// A quoted cell that never ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed {
    /// The line where it begins, from 1.
    pub(super) line: u32,
    /// The cell in its row, from 1.
    pub(super) cell: u32,
}

/// Cuts a text into rows of cells, one row at a time.
pub(super) struct Cells<'t> {
    rest: &'t str,
    line: u32,
    row: Vec<Cow<'t, str>>,
}

impl<'t> Cells<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { rest: text, line: 1, row: Vec::new() }
    }

    /// Returns the cells of the row that was read last, trimmed.
    pub(super) fn row(&self) -> &[Cow<'t, str>] {
        &self.row
    }

    /// Reads the next row; returns the line where it begins, `None` behind the last one.
    pub(super) fn next_row(&mut self) -> Result<Option<u32>, Unclosed> {
        self.row.clear();
        let line = self.line;
        if self.rest.is_empty() {
            return Ok(None);
        }
        loop {
            let start = match self.rest.as_bytes().first() {
                // Most cells begin with a letter or are empty.
                Some(byte) if byte.is_ascii_graphic() => self.rest,
                _ => self.rest.trim_start_matches(is_blank),
            };
            let cell = match start.as_bytes().first() {
                Some(b'"') => self.quoted(&start[1..])?,
                Some(b'=') if start[1..].starts_with('"') => self.quoted(&start[2..])?,
                _ => Cow::Borrowed(without_blanks(self.plain(start))),
            };
            self.row.push(cell);
            let line_end = match self.rest.as_bytes() {
                [b',', ..] => {
                    self.rest = &self.rest[1..];
                    continue;
                }
                [b'\r', b'\n', ..] => 2,
                [b'\r' | b'\n', ..] => 1,
                _ => 0,
            };
            self.rest = &self.rest[line_end..];
            self.line += u32::from(line_end > 0);
            return Ok(Some(line));
        }
    }

    /// Cuts off what stands before the next comma or line end.
    fn plain(&mut self, text: &'t str) -> &'t str {
        let end = text.bytes().position(|byte| matches!(byte, b',' | b'\n' | b'\r')).unwrap_or(text.len());
        let (cell, rest) = text.split_at(end);
        self.rest = rest;
        cell
    }

    /// Reads a quoted cell from behind its opening mark.
    fn quoted(&mut self, inside: &'t str) -> Result<Cow<'t, str>, Unclosed> {
        let began = self.line;
        let mut text = Cow::Borrowed("");
        let mut rest = inside;
        loop {
            let Some((part, behind)) = rest.split_once('"') else {
                let cell = u32::try_from(self.row.len() + 1).unwrap_or(u32::MAX);
                return Err(Unclosed { line: began, cell });
            };
            let breaks = part.bytes().filter(|&byte| byte == b'\n').count();
            self.line += u32::try_from(breaks).unwrap_or(u32::MAX);
            append(&mut text, part);
            rest = behind;
            let Some(behind) = rest.strip_prefix('"') else { break };
            append(&mut text, "\"");
            rest = behind;
        }
        let behind = without_blanks(self.plain(rest));
        append(&mut text, behind);
        Ok(unguarded(trimmed(text)))
    }
}

/// A blank within a line.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() && !matches!(letter, '\n' | '\r')
}

/// Cuts blanks off both ends; a cell rarely has any.
fn without_blanks(text: &str) -> &str {
    match text.as_bytes() {
        [] => text,
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

fn append<'t>(text: &mut Cow<'t, str>, part: &'t str) {
    if text.is_empty() {
        *text = Cow::Borrowed(part);
    } else if !part.is_empty() {
        text.to_mut().push_str(part);
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(without_blanks(text)),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// Takes Excel's guard of leading zeros off: `="0012"` becomes `0012`.
fn unguarded(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.strip_prefix("=\"").and_then(|inside| inside.strip_suffix('"')) {
        Some(inside) => Cow::Owned(inside.trim().to_owned()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Result<Vec<(u32, Vec<String>)>, Unclosed> {
        let mut cells = Cells::new(text);
        let mut rows = Vec::new();
        while let Some(line) = cells.next_row()? {
            rows.push((line, cells.row().iter().map(ToString::to_string).collect()));
        }
        Ok(rows)
    }

    fn one(text: &str) -> Vec<String> {
        let mut rows = all(text).unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0).1
    }

    #[test]
    fn cells_are_trimmed_and_unquoted() {
        assert_eq!(one("a, b ,\u{3000}c\u{3000},\t d"), ["a", "b", "c", "d"]);
        assert_eq!(
            one("\"a, b\" , \"say \"\"hi\"\"\",\"\",5\" pipe,"),
            ["a, b", "say \"hi\"", "", "5\" pipe", ""]
        );
        assert_eq!(one("\" 007 \",\"a\"b"), ["007", "ab"]);
    }

    #[test]
    fn excels_guard_of_leading_zeros_is_taken_off() {
        assert_eq!(one("=\"0012\",\"=\"\"0012\"\"\",=\"a,b\",=1+1"), ["0012", "0012", "a,b", "=1+1"]);
    }

    #[test]
    fn rows_are_told_by_the_line_where_they_begin() {
        let rows = all("a\r\n\"b\r\n\r\nb\",c\n\n\rd").unwrap();
        let lines: Vec<u32> = rows.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 5, 6, 7]);
        assert_eq!(rows[1].1, ["b\r\n\r\nb", "c"]);
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_told_where_it_opens() {
        assert_eq!(all("a,b\n1,\"2\n3,4\n").unwrap_err(), Unclosed { line: 2, cell: 2 });
    }

    proptest! {
        #[test]
        fn what_is_written_as_csv_is_read_back(
            rows in prop::collection::vec(prop::collection::vec("[a-z0-9 ,\"\n#\u{4e2d}\u{3000}]{0,6}", 1..5), 1..5)
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read = all(&text).unwrap();
            let expected: Vec<Vec<String>> =
                rows.iter().map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect()).collect();
            let read: Vec<Vec<String>> = read.into_iter().map(|(_, row)| row).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
