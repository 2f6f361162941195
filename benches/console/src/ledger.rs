//! A large ledger: days of booked documents, and what needs a person.

use std::fmt::Display;
use std::path::Path;

use dougong_cloud::{DynamoDb, Storage};
use dougong_ledger::{Source, TableNames, schema};
use dougong_values::{BeijingTime, BusinessDay, Version};
use dynoxide::types::{AttributeValue, Item};
use dynoxide::{Database, ImportOptions};

/// A stockout as WDT sends it, without personal data.
const STOCKOUT: &str = include_str!("../../formulas/src/order.json");
/// Items that are imported together.
const TOGETHER: usize = 20_000;
/// Days over which what needs a person is spread, the last one among them.
const DAYS_IN_NEED: u32 = 20;
/// Windows in the history of the scheme that pulls.
const WINDOWS: u32 = 5_000;
/// Deeds of the last day.
const DEEDS: u32 = 250;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// How large the ledger is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Days of documents, up to [`Size::last`].
    pub(crate) days: u32,
    /// Documents of each day; all but one in a hundred booked.
    pub(crate) per_day: u32,
    /// Documents beside them that need a person.
    pub(crate) needs: u32,
    /// The last day.
    pub(crate) last: BusinessDay,
}

/// The scheme, the kind of its keys, and its share of a day in percent: mostly orders, and what the stores send.
const SCHEMES: [(&str, &str, u32); 6] = [
    ("online-sales", "stockout#bench", 94),
    ("declared", "declare", 2),
    ("store-sales", "sale", 1),
    ("transferred", "outbound", 1),
    ("received", "rec", 1),
    ("returned", "req", 1),
];

/// Why documents need a person, and how many in a hundred do for that.
const REASONS: [(&str, &str, u32); 8] = [
    ("parked", "unknown_goods", 40),
    ("parked", "unknown_shop", 15),
    ("parked", "refused", 15),
    ("parked", "postage_mismatch", 8),
    ("parked", "bad_quantity", 4),
    ("parked", "unreadable", 3),
    ("held", "changed", 10),
    ("unknown", "unknown_outcome", 5),
];

/// Fills the ledger in a file that is not there yet.
pub(crate) async fn fill(file: &Path, names: &TableNames, size: Size) -> Result<(), String> {
    let storage = Storage::File(file.to_owned());
    let tables = DynamoDb::start(storage).await.map_err(|error| error.to_string())?;
    schema::create_missing(&tables.client(), names).await.map_err(|error| error.to_string())?;
    drop(tables);
    let database = Database::new(&file.display().to_string()).map_err(|error| error.to_string())?;
    database.enable_bulk_loading().map_err(|error| error.to_string())?;
    let import = |table: &str, items: Vec<Item>| {
        database.import_items(table, items, ImportOptions::default()).map_err(|error| error.to_string())
    };
    let documents = (0..size.days * size.per_day).map(|number| of_a_day(size, number));
    let needy = (0..size.needs).map(|number| in_need(size, number));
    let mut batch = Vec::with_capacity(TOGETHER);
    for item in documents.chain(needy) {
        batch.push(item);
        if batch.len() == TOGETHER {
            import(&names.documents, std::mem::take(&mut batch))?;
        }
    }
    import(&names.documents, batch)?;
    import(&names.watermarks, beside(size))?;
    database.disable_bulk_loading().map_err(|error| error.to_string())
}

/// Returns the key of the first document of the last day.
pub(crate) fn booked_key(size: Size) -> String {
    format!("stockout#bench#{}", 80_000_000 + (size.days - 1) * size.per_day)
}

/// Returns the key of a document that needs a person for a code that is not in a table.
pub(crate) fn parked_key() -> String {
    "stockout#bench#90000000".to_owned()
}

struct Attributes(Item);

impl Attributes {
    fn text(mut self, name: &str, value: impl Display) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::S(format!("{value}")));
        self
    }

    fn number(mut self, name: &str, value: impl Display) -> Self {
        self.0.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        self
    }
}

/// A document's item as far as every state has it.
fn document(key: &str, scheme: &str, day: BusinessDay, number: u32, at_ms: i64) -> Attributes {
    let amount = format!("{}.{:02}", 20 + number * 7 % 900, number * 13 % 100);
    Attributes(Item::new())
        .text("pk", key)
        .text("scheme", scheme)
        .text("day", day)
        .text("scheme_day", format!("{scheme}#{day}"))
        .text("version", Version::of(key).as_str())
        .text("modified", day.start().plus_seconds(i64::from(number % 80_000)))
        .text("amount", amount)
        .number("attempts", 1)
        .number("fence", 3)
        .number("first_seen", at_ms - 300_000)
        .number("updated_at", at_ms)
}

fn back(last: BusinessDay, days: u32) -> BusinessDay {
    last.start().plus_seconds(-i64::from(days) * DAY).day()
}

/// The instant within a day, milliseconds, that stands at this place of so many; of the last day nothing is in the future.
fn spread(day: BusinessDay, place: u32, of: u32) -> i64 {
    let start = day.start().epoch_seconds();
    let seconds = (BeijingTime::now().epoch_seconds() - start).clamp(3_600, DAY - 600);
    (start + seconds * i64::from(place) / i64::from(of.max(1))) * 1_000
}

/// The scheme and the kind of keys of the document at this place of its day.
fn scheme_of(place: u32) -> (&'static str, &'static str) {
    let mut rest = place % 100;
    for (scheme, kind, share) in SCHEMES {
        if rest < share {
            return (scheme, kind);
        }
        rest -= share;
    }
    (SCHEMES[0].0, SCHEMES[0].1)
}

fn of_a_day(size: Size, number: u32) -> Item {
    let (nth, place) = (number / size.per_day, number % size.per_day);
    let day = back(size.last, size.days - 1 - nth);
    let at_ms = spread(day, place, size.per_day);
    let (scheme, kind) = scheme_of(place);
    let key = format!("{kind}#{}", 80_000_000 + number);
    let item = document(&key, scheme, day, number, at_ms);
    // One in a hundred is not booked: left out by a rule, or, of the last day, still on its way.
    let item = match place % 100 {
        7 if day == size.last => item.text("state", "queued"),
        7 => item.text("state", "skipped").text("reason", "by_hand"),
        _ => item
            .text("state", "posted")
            .text("posted_version", Version::of(&key).as_str())
            .text("voucher_code", format!("CK{number:010}"))
            .text("voucher_id", format!("18472{:014}", u64::from(number) * 7_919))
            .number("first_posting_at", at_ms - 1_000)
            .number("last_posting_at", at_ms - 1_000)
            .number("posted_at", at_ms)
            .number("expires_at", at_ms / 1_000 + 400 * DAY),
    };
    item.0
}

fn in_need(size: Size, number: u32) -> Item {
    let day = back(size.last, number % DAYS_IN_NEED);
    let since = spread(day, number / DAYS_IN_NEED, size.needs / DAYS_IN_NEED);
    let (kind, reason) = reason_of(number * 37 % 100);
    let key = format!("stockout#bench#{}", 90_000_000 + number);
    let state = if kind == "unknown" { "posting" } else { "parked" };
    let problem = format!(
        r#"[{{"reason":"{reason}","target":"orderDetails[0].productId","source":"details_list[0].spec_no","value":"SKU-{number}","hint":"add it"}}]"#
    );
    let text = STOCKOUT.replace("80012345", &(90_000_000 + number).to_string());
    let item = document(&key, "online-sales", day, number, since)
        .text("state", state)
        .text("reason", reason)
        .text("problems", problem)
        .text("attention", kind)
        .number("attention_at", since)
        .number(if kind == "unknown" { "unknown_since" } else { "parked_at" }, since);
    let mut item = match kind {
        "held" => item
            .text("held_version", Version::of("changed").as_str())
            .text("posted_version", Version::of(&key).as_str())
            .text("voucher_code", format!("CK9{number:09}"))
            .number("first_posting_at", since - 1_000)
            .number("posted_at", since - 500),
        "unknown" => {
            item.number("first_posting_at", since - 1_000).text("voucher_code", format!("CK9{number:09}"))
        }
        _ => item,
    };
    let source = Source::pack(&text).map(|source| source.packed().to_vec()).unwrap_or_default();
    item.0.insert("source".to_owned(), AttributeValue::B(source));
    item.0
}

fn reason_of(place: u32) -> (&'static str, &'static str) {
    let mut rest = place;
    for (kind, reason, share) in REASONS {
        if rest < share {
            return (kind, reason);
        }
        rest -= share;
    }
    (REASONS[0].0, REASONS[0].1)
}

/// The watermark, the windows behind it, and what people did on the last day.
fn beside(size: Size) -> Vec<Item> {
    let scheme = SCHEMES[0].0;
    let end = BeijingTime::now();
    let mut items = vec![
        Attributes(Item::new())
            .text("pk", format!("scheme#{scheme}"))
            .text("sk", "-")
            .text("watermark", end)
            .number("fence", WINDOWS)
            .number("moved_at", end.epoch_seconds() * 1_000)
            .0,
    ];
    items.extend((0..WINDOWS).map(|number| {
        let window_end = end.plus_seconds(-300 * i64::from(number));
        let at_ms = window_end.epoch_seconds() * 1_000 + 5_000;
        Attributes(Item::new())
            .text("pk", format!("history#{scheme}"))
            .text("sk", format!("{at_ms:013}#live#{window_end}"))
            .text("cursor", "live")
            .text("window_start", window_end.plus_seconds(-420))
            .text("window_end", window_end)
            .text("run", format!("run-{number}"))
            .number("at", at_ms)
            .number("pages", 1)
            .number("rows", 40)
            .number("queued", 35)
            .number("skipped", 5)
            .number("excluded", 0)
            .0
    }));
    items.extend((0..DEEDS).map(|number| {
        let at_ms = spread(size.last, number, DEEDS);
        let subject = format!("stockout#bench#{}", 90_000_000 + number);
        Attributes(Item::new())
            .text("pk", format!("actions#day#{}", size.last))
            .text("sk", format!("{at_ms:013}#replay#{subject}"))
            .number("at", at_ms)
            .text("actor", "Li Lei")
            .text("what", "replay")
            .text("subject", subject)
            .text("words", "the table was mended")
            .0
    }));
    items
}
