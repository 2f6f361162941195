//! A formula's words, read without the engine: which fields it names, and where.
//!
//! This is what a program that maps nothing needs of a formula: `pull` keeps the personal fields that formulas name and
//! cuts all others, and a name that no field has is refused when the configuration is loaded.

/// A field that a formula names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    /// The variable before the point, where there is one alone: `order` of `order.paid`.
    pub(crate) base: Option<String>,
    /// The name behind it.
    pub(crate) name: String,
    /// Where the name stands, in bytes.
    pub(crate) at: usize,
}

/// A column of a table that a formula looks up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) table: String,
    pub(crate) name: String,
    /// Where the name stands, in bytes.
    pub(crate) at: usize,
}

/// What a formula's words say.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// Every field that is named: `order.paid`, `order["paid"]`, `sum(lines, "oriSum")`.
    pub(crate) uses: Vec<Use>,
    /// Every function that is called, and where.
    pub(crate) calls: Vec<(String, usize)>,
    /// Every table that is looked up by its name in full, and where.
    pub(crate) tables: Vec<(String, usize)>,
    /// Every column of a table that is looked up, both by their names in full, and where the column stands.
    pub(crate) columns: Vec<Column>,
    /// Texts that could be a field's name, wherever they stand.
    pub(crate) texts: Vec<String>,
    /// Whether a name may be computed: `order["prop" + 1]`.
    pub(crate) computed: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number,
    /// A point that names a field: `.` or `?.`, not the two of a range.
    Point,
    Mark(char),
}

/// What may stand before a bracket without being a function.
const KEYWORDS: [&str; 12] =
    ["if", "else", "switch", "while", "until", "for", "in", "return", "let", "const", "loop", "do"];

/// The functions whose first value is a table's name, and the place of the value that is a column's; of a row that is
/// found, the column is named behind the call.
const LOOK_UPS: [(&str, Option<usize>); 6] = [
    ("lookup", Some(2)),
    ("lookup_at", Some(3)),
    ("lookup_at_or", Some(3)),
    ("lookup_or", Some(2)),
    ("row", None),
    ("row_at", None),
];

/// The functions that formulas may call.
pub(crate) const FUNCTIONS: &[&str] = &[
    "abs",
    "add_days",
    "add_seconds",
    "contains",
    "day",
    "days_between",
    "distinct",
    "end_of_month",
    "ends_with",
    "format_time",
    "hour",
    "index_of",
    "is_empty",
    "is_number",
    "join",
    "left",
    "len",
    "lookup",
    "lookup_at",
    "lookup_at_or",
    "lookup_or",
    "lower",
    "max",
    "min",
    "month",
    "number",
    "pad_left",
    "pad_right",
    "park",
    "push",
    "replace",
    "right",
    "round_down",
    "round_half_up",
    "row",
    "row_at",
    "split",
    "start_of_day",
    "start_of_month",
    "starts_with",
    "sub_text",
    "sum",
    "text",
    "time",
    "trim",
    "upper",
    "where",
    "whole",
    "year",
];

/// Reads a formula's words.
pub(crate) fn words(text: &str) -> Words {
    let mut words = Words::default();
    read(text, 0, &mut words);
    words
}

fn read(text: &str, offset: usize, words: &mut Words) {
    let tokens = tokens(text, offset, words);
    for (index, (token, at)) in tokens.iter().enumerate() {
        let before =
            |back: usize| index.checked_sub(back).and_then(|at| tokens.get(at)).map(|(token, _)| token);
        let behind = |on: usize| tokens.get(index + on).map(|(token, _)| token);
        match token {
            Token::Name(name) if KEYWORDS.contains(&name.as_str()) => {}
            Token::Name(name) if behind(1) == Some(&Token::Mark('(')) => {
                let look_up = LOOK_UPS.iter().find(|(known, _)| known == name);
                if let (Some((_, column)), Some(Token::Text(table))) = (look_up, behind(2)) {
                    let at = tokens.get(index + 2).map_or(*at, |&(_, at)| at);
                    words.tables.push((table.clone(), at));
                    let named = looked_up(&tokens[index + 2..], *column);
                    let column = named.map(|(name, at)| Column { table: table.clone(), name, at });
                    words.columns.extend(column);
                }
                words.calls.push((name.clone(), *at));
            }
            Token::Name(name) if before(1) == Some(&Token::Point) => {
                let base = variable(before(2), before(3));
                words.uses.push(Use { base, name: name.clone(), at: *at });
            }
            Token::Text(name) => {
                if before(1) == Some(&Token::Mark('[')) && behind(1) == Some(&Token::Mark(']')) {
                    let base = variable(before(2), before(3));
                    words.uses.push(Use { base, name: name.clone(), at: *at });
                }
                words.texts.push(name.clone());
            }
            Token::Mark('[') => {
                let indexes = matches!(before(1), Some(Token::Name(_) | Token::Mark(')' | ']')));
                let known = matches!(
                    (behind(1), behind(2)),
                    (Some(Token::Text(_) | Token::Number), Some(Token::Mark(']')))
                );
                words.computed |= indexes && !known;
            }
            _ => {}
        }
    }
}

/// Finds the column that a look-up names in full, among its values or behind it, and where it stands. The tokens begin
/// behind the opening bracket.
fn looked_up(tokens: &[(Token, usize)], column: Option<usize>) -> Option<(String, usize)> {
    let (mut depth, mut value) = (0_usize, 0);
    for (index, (token, at)) in tokens.iter().enumerate() {
        let behind = |on: usize| tokens.get(index + on).map(|(token, _)| token);
        let begins = index.checked_sub(1).is_some_and(|before| tokens[before].0 == Token::Mark(','));
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')') if depth == 0 => {
                let name = if behind(1) == Some(&Token::Point) || behind(1) == Some(&Token::Mark('[')) {
                    tokens.get(index + 2).filter(|_| column.is_none())
                } else {
                    None
                };
                return match name? {
                    (Token::Name(name), at) if behind(3) != Some(&Token::Mark('(')) => {
                        Some((name.clone(), *at))
                    }
                    (Token::Text(name), at) if behind(3) == Some(&Token::Mark(']')) => {
                        Some((name.clone(), *at))
                    }
                    _ => None,
                };
            }
            Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Mark(',') if depth == 0 => value += 1,
            Token::Text(name)
                if depth == 0
                    && begins
                    && column == Some(value)
                    && matches!(behind(1), Some(Token::Mark(',' | ')'))) =>
            {
                return Some((name.clone(), *at));
            }
            _ => {}
        }
    }
    None
}

/// Returns the variable whose field is named; none behind a call, an index or another field.
fn variable(before: Option<&Token>, further: Option<&Token>) -> Option<String> {
    match (before, further) {
        (Some(Token::Name(_)), Some(Token::Point)) => None,
        (Some(Token::Name(name)), _) => Some(name.clone()),
        _ => None,
    }
}

fn tokens(text: &str, offset: usize, words: &mut Words) -> Vec<(Token, usize)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let start = at;
        if letter.is_whitespace() {
            at += letter.len_utf8();
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            at += comment_end(rest);
        } else if letter == '"' {
            let (value, end) = quoted(rest);
            tokens.push((Token::Text(value), offset + start + 1));
            at += end;
        } else if letter == '\'' {
            at += quoted_by(rest, '\'');
            tokens.push((Token::Number, offset + start));
        } else if letter == '`' {
            at += interpolated(rest, offset + start, words);
            tokens.push((Token::Number, offset + start));
        } else if letter.is_ascii_digit() {
            at += number_end(rest);
            tokens.push((Token::Number, offset + start));
        } else if letter.is_alphanumeric() || letter == '_' || letter == '$' {
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '$'));
            at += end.unwrap_or(rest.len());
            tokens.push((Token::Name(text[start..at].to_owned()), offset + start));
        } else if rest.starts_with("..") {
            at += if rest.starts_with("..=") { 3 } else { 2 };
            tokens.push((Token::Mark('…'), offset + start));
        } else if rest.starts_with("?.") {
            at += 2;
            tokens.push((Token::Point, offset + start));
        } else if rest.starts_with("?[") {
            at += 2;
            tokens.push((Token::Mark('['), offset + start));
        } else if letter == '.' {
            at += 1;
            tokens.push((Token::Point, offset + start));
        } else {
            at += letter.len_utf8();
            tokens.push((Token::Mark(letter), offset + start));
        }
    }
    tokens
}

/// Returns the length of a comment, which may hold others.
fn comment_end(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn number_end(text: &str) -> usize {
    let mut end =
        text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    let fraction =
        text[end..].strip_prefix('.').filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()));
    if let Some(rest) = fraction {
        end += 1 + rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(rest.len());
    }
    end
}

/// Returns the length of a text between two marks, escapes included.
fn quoted_by(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == mark => return at + letter.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Returns the text in quotes as it is written, and its length with the quotes. A name has no escapes.
fn quoted(text: &str) -> (String, usize) {
    let end = quoted_by(text, '"');
    let inside = text.get(1..end.saturating_sub(1)).unwrap_or_default();
    (inside.to_owned(), end)
}

/// Reads the words inside the `${…}` of a text in back-ticks; returns its length.
fn interpolated(text: &str, offset: usize, words: &mut Words) -> usize {
    let mut at = 1;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with('`') {
            return at + 1;
        }
        if let Some(inside) = rest.strip_prefix("${") {
            let end = brace_end(inside);
            read(&inside[..end], offset + at + 2, words);
            at += 2 + end + 1;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns where the brace that opened before `text` is closed.
fn brace_end(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return at,
            '}' => depth -= 1,
            '"' => {
                at += quoted_by(&text[at..], '"');
                continue;
            }
            _ => {}
        }
        at += letter.len_utf8();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<String> {
        let name = |field: &Use| match &field.base {
            Some(base) => format!("{base}.{}", field.name),
            None => format!("?.{}", field.name),
        };
        words(text).uses.iter().map(name).collect()
    }

    #[test]
    fn fields_are_found_however_they_are_named() {
        for (text, expected) in [
            ("order.paid + order.post_amount", vec!["order.paid", "order.post_amount"]),
            (r#"order["paid"] ?? 0"#, vec!["order.paid"]),
            ("order?.paid", vec!["order.paid"]),
            ("lines[0].qty + lines.len()", vec!["?.qty"]),
            ("order.details_list[0].num", vec!["order.details_list", "?.num"]),
            ("for i in 0..lines.len() { x += 1.5 }", vec![]),
            ("`a ${order.trade_no + \"}\"} b ${line.num}`", vec!["order.trade_no", "line.num"]),
            ("// order.no\n/* order.no /* order.no */ */ order.paid", vec!["order.paid"]),
            (r#""order.no \" order.no" + 'x'"#, vec![]),
            ("round_half_up(item.oriSum / item.qty, 2)", vec!["item.oriSum", "item.qty"]),
        ] {
            assert_eq!(fields(text), expected, "in {text}");
        }
    }

    #[test]
    fn columns_of_tables_are_found_where_they_are_named_in_full() {
        for (text, expected) in [
            (r#"lookup("t", [order.a, f(1, "x")], "c")"#, vec!["t.c"]),
            (
                r#"lookup_or("t", order.a, "c", "d") + lookup_at_or("u", "k", order.b, "e", ())"#,
                vec!["t.c", "u.e"],
            ),
            (r#"`${lookup_at("t", "k", order.b, "c")}`"#, vec!["t.c"]),
            (r#"row("t", "k").c + row_at("t", "k", order.b)["d"]"#, vec!["t.c", "t.d"]),
            (r#"lookup("t", "k", "c" + x)"#, vec![]),
            (r#"row("t", "k").len()"#, vec![]),
            (r#"lookup(order.a, "k", "c")"#, vec![]),
            (r#"lookup("t", "k""#, vec![]),
        ] {
            let found: Vec<String> = words(text)
                .columns
                .iter()
                .map(|Column { table, name, .. }| format!("{table}.{name}"))
                .collect();
            assert_eq!(found, expected, "in {text}");
        }
    }

    #[test]
    fn a_computed_name_is_told() {
        assert!(words(r#"line["prop" + 1]"#).computed);
        assert!(words("lines[i]").computed);
        for text in [r#"line["prop1"]"#, "lines[0]", "[1, 2]", r#"#{"a": 1}"#] {
            assert!(!words(text).computed, "{text}");
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic() {
        for text in
            ["\"", "'", "`", "`${", "`${\"", "/*", "//", "\\", "\"\\", "1.", "a.", "?.", "`é${é.é}`", "..="]
        {
            words(text);
        }
    }
}
