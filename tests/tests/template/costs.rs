//! What a million orders cost: the table of `docs/deploy.md`, from what `docs/performance.md` counts.

use crate::{Template, text_of};

/// A row of the table: what is paid for, how much of it a million orders take, and in millions of what it is sold.
struct Row {
    what: &'static str,
    units: f64,
}

/// Returns what `docs/performance.md` says is measured: the first number of the row's third cell.
fn measured(row: &str) -> f64 {
    let text = text_of("docs/performance.md");
    let line =
        text.lines().find(|line| line.starts_with(&format!("| {row}"))).unwrap_or_else(|| panic!("{row}"));
    let cell = line.split('|').nth(3).unwrap().trim();
    let number: String = cell.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    number.parse().unwrap_or_else(|_| panic!("{row}: {cell:?}"))
}

/// How much of everything a million orders take.
#[allow(clippy::float_arithmetic, reason = "prices of a cloud, not the money of an order")]
fn rows(template: &Template) -> Vec<Row> {
    let parameter = |name: &str| template.0["Parameters"][name]["Default"].as_f64().unwrap();
    let memory_gb = template.0["Globals"]["Function"]["MemorySize"].as_f64().unwrap() / 1_024.0;
    let writes = measured("DynamoDB writes of an order");
    let beside = measured("… beside it");
    // An order's item is between one and two KB while it holds its text: two units a write. Every write changes one
    // index entry of less than one KB (by_day).
    let write_units = writes * 2.0 + writes + beside;
    // At most as many environments as the mapping allows wait for BIP's pace all the time.
    let deliver_seconds = parameter("DeliverConcurrency") * 60.0 / parameter("BipCallsPerMinute");
    // A page of a hundred orders is a call of two seconds, and every window's first page is read twice.
    let pull_seconds = 0.024 * 2.0;
    // Lines of level INFO and metrics, measured on the emulated AWS: 90 366 bytes of 281 orders.
    let log_bytes = 322.0;
    vec![
        Row { what: "DynamoDB write units, million", units: write_units },
        Row { what: "DynamoDB read units, million", units: measured("DynamoDB reads per order") },
        Row { what: "SQS requests, million", units: measured("SQS requests per order") },
        Row { what: "Lambda starts, million", units: 0.11 },
        Row { what: "Lambda, million GB-seconds", units: (deliver_seconds + pull_seconds) * memory_gb },
        Row { what: "Logs, GB", units: log_bytes / 1_000.0 },
    ]
}

#[test]
#[allow(clippy::float_arithmetic, reason = "prices of a cloud, not the money of an order")]
fn the_costs_follow_from_what_is_counted() {
    let template = Template::read();
    for document in ["docs/deploy.md", "docs/deploy.zh-CN.md"] {
        let text = text_of(document);
        let mut total = 0.0;
        for Row { what, units } in rows(&template) {
            let line = text.lines().find(|line| line.starts_with(&format!("| {what} |")));
            let line = line.unwrap_or_else(|| panic!("{document} has no row {what:?}"));
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let price: f64 = cells[3].parse().unwrap();
            let expected = format!("| {what} | {units:.2} | {} | {:.2} |", cells[3], units * price);
            assert_eq!(line, expected, "{document}");
            total += units * price;
        }
        let sum = text.lines().find(|line| line.starts_with("| **") && line.contains("| | |"));
        assert!(
            sum.is_some_and(|line| line.ends_with(&format!(" | **{total:.2}** |"))),
            "{document}: {total:.2}, not {sum:?}"
        );
    }
}
