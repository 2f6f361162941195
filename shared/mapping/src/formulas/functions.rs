//! The functions that formulas may call: numbers, texts, times and sums over lists. There are no others.

use std::ops::Deref;

use dougong_values::{BeijingTime, Quantity};
use rhai::{Array, Dynamic, Engine, ImmutableString};
use rust_decimal::{Decimal, RoundingStrategy};

use super::cells::number;
use super::engine::{Fault, MOST_ITEMS, MOST_TEXT, Ran, bounded, charge, charge_text, field_of, kind};

const SECONDS_A_DAY: i64 = 86_400;

pub(crate) fn register(engine: &mut Engine) {
    numbers(engine);
    texts(engine);
    times(engine);
    lists(engine);
    engine.register_fn("park", |why: ImmutableString| -> Ran<Dynamic> {
        Err(Fault::new(why.to_string(), Some("the formula itself parks such documents")).into())
    });
}

/// A function on values that need not be of the types it takes.
pub(crate) type Native = fn(&[Dynamic]) -> Option<Dynamic>;

/// Returns a function for so many values, if it is one of those that are called most. It has no value where the one
/// that is registered under its name fails, or where another of that name takes such values.
pub(crate) fn native(name: &str, values: usize) -> Option<Native> {
    fn text(value: &Dynamic) -> Option<impl Deref<Target = ImmutableString> + '_> {
        value.as_immutable_string_ref().ok()
    }
    fn time(value: &Dynamic) -> Option<BeijingTime> {
        value.read_lock::<BeijingTime>().map(|time| *time)
    }
    fn value(ran: Ran<String>) -> Option<Dynamic> {
        ran.ok().map(Dynamic::from)
    }
    Some(match (name, values) {
        ("trim", 1) => |given| Some(text(&given[0])?.trim().to_owned().into()),
        ("upper", 1) => |given| value(upper(&text(&given[0])?)),
        ("lower", 1) => |given| value(lower(&text(&given[0])?)),
        ("left", 2) => |given| value(part(&text(&given[0])?, 0, given[1].as_int().ok()?)),
        ("sub_text", 3) => {
            |given| value(part(&text(&given[0])?, given[1].as_int().ok()?, given[2].as_int().ok()?))
        }
        ("replace", 3) => |given| value(replaced(&text(&given[0])?, &text(&given[1])?, &text(&given[2])?)),
        ("round_half_up", 2) => |given| {
            let (number, places) = (given[0].as_decimal().ok()?, given[1].as_int().ok()?);
            rounded(number, places, RoundingStrategy::MidpointAwayFromZero).ok().map(Dynamic::from)
        },
        ("add_days", 2) => |given| Some(Dynamic::from(add_days(time(&given[0])?, given[1].as_int().ok()?))),
        ("start_of_day", 1) => |given| Some(Dynamic::from(time(&given[0])?.day().start())),
        _ => return None,
    })
}

fn fault<T>(message: &str, hint: &str) -> Ran<T> {
    Err(Fault::new(message.to_owned(), Some(hint)).into())
}

// ── Numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────

fn numbers(engine: &mut Engine) {
    engine.register_fn("/", |left: i64, right: i64| divided(left.into(), right.into()));
    engine.register_fn("!", |flag: bool| !flag);
    engine.register_fn("-", |number: Decimal| -number);
    engine.register_fn("-", |number: i64| -> Ran<i64> {
        number.checked_neg().map_or_else(|| fault("a number becomes too large", "write a smaller one"), Ok)
    });
    engine.register_fn("round_half_up", |number: Decimal, places: i64| {
        rounded(number, places, RoundingStrategy::MidpointAwayFromZero)
    });
    engine.register_fn("round_half_up", |number: i64, _: i64| number);
    engine.register_fn("round_down", |number: Decimal, places: i64| {
        rounded(number, places, RoundingStrategy::ToZero)
    });
    engine.register_fn("round_down", |number: i64, _: i64| number);
    engine.register_fn("abs", |number: Decimal| number.abs());
    engine.register_fn("abs", |number: i64| number.saturating_abs());
    engine.register_fn("min", |one: Dynamic, other: Dynamic| chosen(one, other, |one, other| one <= other));
    engine.register_fn("max", |one: Dynamic, other: Dynamic| chosen(one, other, |one, other| one >= other));
    engine.register_fn("number", |text: ImmutableString| -> Ran<Decimal> {
        match text.trim().parse::<Quantity>() {
            Ok(number) => Ok(number.decimal()),
            Err(_) => {
                fault("the text is no decimal number", "write digits and at most one point, such as 12.50")
            }
        }
    });
    engine.register_fn("number", |number: i64| Decimal::from(number));
    engine.register_fn("number", |number: Decimal| number);
    engine.register_fn("whole", |number: Decimal| -> Ran<i64> {
        match i64::try_from(number) {
            Ok(whole) if number.is_integer() => Ok(whole),
            _ => fault("the number is not whole", "round it first: `whole(round_half_up(…, 0))`"),
        }
    });
    engine.register_fn("whole", |number: i64| number);
    engine.register_fn("whole", |text: ImmutableString| -> Ran<i64> {
        let read = text.trim().parse();
        read.or_else(|_| fault("the text is no whole number", "write digits alone"))
    });
    engine.register_fn("is_number", |text: ImmutableString| text.trim().parse::<Quantity>().is_ok());
    engine.register_fn("is_number", |_: i64| true);
    engine.register_fn("is_number", |_: Decimal| true);
    engine.register_fn("is_number", |(): ()| false);
}

fn divided(left: Decimal, right: Decimal) -> Ran<Decimal> {
    left.checked_div(right).map_or_else(
        || {
            fault(
                "a number is divided by zero",
                "look at the divisor first: `if x == 0 { 0 } else { y / x }`",
            )
        },
        Ok,
    )
}

fn rounded(number: Decimal, places: i64, strategy: RoundingStrategy) -> Ran<Decimal> {
    match u32::try_from(places) {
        Ok(places) if places <= 10 => Ok(number.round_dp_with_strategy(places, strategy)),
        _ => fault("a number is rounded to 0 to 10 decimals", "write `round_half_up(x, 2)`"),
    }
}

fn chosen(one: Dynamic, other: Dynamic, first: fn(&Decimal, &Decimal) -> bool) -> Ran<Dynamic> {
    match (number(&one), number(&other)) {
        (Some(left), Some(right)) => Ok(if first(&left, &right) { one } else { other }),
        _ => fault("min and max compare two numbers", "write `number(…)` around a text of digits"),
    }
}

// ── Texts ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn texts(engine: &mut Engine) {
    let missing = || {
        Fault::new(
            "a missing value cannot be joined to a text".to_owned(),
            Some("write what holds then: `… ?? \"\"`"),
        )
    };
    engine.register_fn("+", move |_: ImmutableString, (): ()| -> Ran<Dynamic> { Err(missing().into()) });
    engine.register_fn("+", move |(): (), _: ImmutableString| -> Ran<Dynamic> { Err(missing().into()) });
    engine.register_fn("+", |left: ImmutableString, right: ImmutableString| added(&left, &right));
    engine.register_fn("+", |left: ImmutableString, right: i64| added(&left, &right.to_string()));
    engine.register_fn("+", |left: i64, right: ImmutableString| added(&left.to_string(), &right));
    engine.register_fn("+", |left: ImmutableString, right: Decimal| {
        added(&left, &right.normalize().to_string())
    });
    engine.register_fn("+", |left: Decimal, right: ImmutableString| {
        added(&left.normalize().to_string(), &right)
    });
    engine.register_fn("+", |left: ImmutableString, right: BeijingTime| added(&left, &right.to_string()));
    engine.register_fn("+", |left: BeijingTime, right: ImmutableString| added(&left.to_string(), &right));
    // `to_string` is what a text in back-ticks asks of the values within.
    for name in ["text", "to_string"] {
        engine.register_fn(name, |text: ImmutableString| text);
        engine.register_fn(name, |number: i64| number.to_string());
        engine.register_fn(name, |number: Decimal| number.normalize().to_string());
        engine.register_fn(name, |flag: bool| flag.to_string());
        engine.register_fn(name, |time: BeijingTime| time.to_string());
        engine.register_fn(name, move |(): ()| -> Ran<ImmutableString> { Err(missing().into()) });
    }
    engine.register_get("len", |text: &mut ImmutableString| -> Ran<i64> {
        charge_text(text.len())?;
        Ok(length(text))
    });
    engine.register_fn("len", |text: ImmutableString| -> Ran<i64> {
        charge_text(text.len())?;
        Ok(length(&text))
    });
    engine.register_fn("is_empty", |text: ImmutableString| text.trim().is_empty());
    engine.register_fn("is_empty", |(): ()| true);
    engine.register_fn("trim", |text: ImmutableString| text.trim().to_owned());
    engine.register_fn("upper", |text: ImmutableString| upper(&text));
    engine.register_fn("lower", |text: ImmutableString| lower(&text));
    engine.register_fn("contains", |text: ImmutableString, part: ImmutableString| -> Ran<bool> {
        charge_text(text.len())?;
        Ok(text.contains(part.as_str()))
    });
    engine.register_fn("starts_with", |text: ImmutableString, part: ImmutableString| {
        text.starts_with(part.as_str())
    });
    engine.register_fn("ends_with", |text: ImmutableString, part: ImmutableString| {
        text.ends_with(part.as_str())
    });
    engine.register_fn("left", |text: ImmutableString, count: i64| part(&text, 0, count));
    engine.register_fn("right", |text: ImmutableString, count: i64| {
        part(&text, length(&text) - count.max(0), count)
    });
    engine.register_fn("sub_text", |text: ImmutableString, start: i64, count: i64| part(&text, start, count));
    engine.register_fn("index_of", |text: ImmutableString, part: ImmutableString| -> Ran<i64> {
        charge_text(2 * text.len())?;
        Ok(text.find(part.as_str()).map_or(-1, |at| length(&text[..at])))
    });
    engine.register_fn("replace", |text: ImmutableString, part: ImmutableString, with: ImmutableString| {
        replaced(&text, &part, &with)
    });
    engine.register_fn("split", |text: ImmutableString, at: ImmutableString| -> Ran<Array> {
        if at.is_empty() {
            return fault("a text is split at another", "write `split(text, \",\")`");
        }
        charge_text(8 * text.len())?;
        let parts = text.split(at.as_str()).map(|part| Dynamic::from(ImmutableString::from(part.trim())));
        Ok(bounded(parts.take(MOST_ITEMS + 1).collect())?)
    });
    engine.register_fn("pad_left", |text: ImmutableString, width: i64, with: ImmutableString| {
        padded(&text, width, &with).map(|padding| format!("{padding}{text}"))
    });
    engine.register_fn("pad_right", |text: ImmutableString, width: i64, with: ImmutableString| {
        padded(&text, width, &with).map(|padding| format!("{text}{padding}"))
    });
}

/// Joins two texts.
pub(crate) fn added(left: &str, right: &str) -> Ran<String> {
    charge_text(left.len() + right.len())?;
    if left.len() + right.len() > MOST_TEXT {
        return too_long();
    }
    Ok([left, right].concat())
}

fn length(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn part(text: &str, start: i64, count: i64) -> Ran<String> {
    charge_text(2 * text.len())?;
    let count_of = |number: i64| usize::try_from(number.max(0)).unwrap_or(usize::MAX);
    Ok(text.chars().skip(count_of(start)).take(count_of(count)).collect())
}

fn too_long<T>() -> Ran<T> {
    Err(Fault::limit("a text becomes too large").into())
}

fn upper(text: &str) -> Ran<String> {
    charge_text(4 * text.len())?;
    Ok(text.to_uppercase())
}

fn lower(text: &str) -> Ran<String> {
    charge_text(4 * text.len())?;
    Ok(text.to_lowercase())
}

fn replaced(text: &str, part: &str, with: &str) -> Ran<String> {
    if part.is_empty() {
        return fault("an empty text cannot be replaced", "write what is to be replaced");
    }
    charge_text(2 * text.len() + with.len())?;
    let times = text.matches(part).count();
    if text.len() + times * with.len() > MOST_TEXT + times * part.len() {
        return too_long();
    }
    Ok(text.replace(part, with))
}

fn padded(text: &str, width: i64, letter: &str) -> Ran<String> {
    let missing = usize::try_from(width - length(text)).unwrap_or_default();
    if missing > MOST_TEXT || letter.chars().count() != 1 {
        return fault(
            "a text is padded with one character, to at most 4096",
            "write `pad_left(text, 8, \"0\")`",
        );
    }
    charge_text(missing)?;
    Ok(letter.repeat(missing))
}

// ── Times ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn times(engine: &mut Engine) {
    engine.register_fn("time", |text: ImmutableString| -> Ran<BeijingTime> {
        text.trim().parse().or_else(|error: dougong_values::InvalidTime| {
            let _ = error;
            fault("the text is no time", "write 2026-11-20 18:30:00 or 2026-11-20")
        })
    });
    engine.register_fn("time", |time: BeijingTime| time);
    engine
        .register_fn("format_time", |time: BeijingTime, pattern: ImmutableString| formatted(time, &pattern));
    engine.register_fn("add_days", add_days);
    engine.register_fn("add_seconds", |time: BeijingTime, seconds: i64| time.plus_seconds(seconds));
    engine.register_fn("days_between", |from: BeijingTime, to: BeijingTime| {
        to.day().start().seconds_since(from.day().start()) / SECONDS_A_DAY
    });
    engine.register_fn("start_of_day", |time: BeijingTime| time.day().start());
    engine.register_fn("start_of_month", start_of_month);
    engine.register_fn("end_of_month", |time: BeijingTime| {
        // Every month has 28 days, and none more than 31: four days behind the 28th the next one has begun.
        let next = start_of_month(start_of_month(time).plus_seconds(32 * SECONDS_A_DAY));
        next.plus_seconds(-SECONDS_A_DAY)
    });
    engine.register_fn("year", |time: BeijingTime| digits(time, 0, 4));
    engine.register_fn("month", |time: BeijingTime| digits(time, 5, 7));
    engine.register_fn("day", |time: BeijingTime| digits(time, 8, 10));
    engine.register_fn("hour", |time: BeijingTime| digits(time, 11, 13));
    engine.register_fn("==", |one: BeijingTime, other: BeijingTime| one == other);
    engine.register_fn("!=", |one: BeijingTime, other: BeijingTime| one != other);
    engine.register_fn("<", |one: BeijingTime, other: BeijingTime| one < other);
    engine.register_fn("<=", |one: BeijingTime, other: BeijingTime| one <= other);
    engine.register_fn(">", |one: BeijingTime, other: BeijingTime| one > other);
    engine.register_fn(">=", |one: BeijingTime, other: BeijingTime| one >= other);
}

fn add_days(time: BeijingTime, days: i64) -> BeijingTime {
    time.plus_seconds(days.saturating_mul(SECONDS_A_DAY))
}

fn digits(time: BeijingTime, from: usize, to: usize) -> i64 {
    time.to_string().get(from..to).and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn start_of_month(time: BeijingTime) -> BeijingTime {
    time.day().start().plus_seconds(-(digits(time, 8, 10) - 1) * SECONDS_A_DAY)
}

/// Writes a time by a pattern of `yyyy MM dd HH mm ss`; everything else stays as it is.
fn formatted(time: BeijingTime, pattern: &str) -> Ran<String> {
    charge_text(8 * pattern.len())?;
    let written = time.to_string();
    let mut text = pattern.to_owned();
    for (letters, from, to) in
        [("yyyy", 0, 4), ("MM", 5, 7), ("dd", 8, 10), ("HH", 11, 13), ("mm", 14, 16), ("ss", 17, 19)]
    {
        text = text.replace(letters, written.get(from..to).unwrap_or_default());
    }
    if text.len() > MOST_TEXT { too_long() } else { Ok(text) }
}

// ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────────────

fn lists(engine: &mut Engine) {
    engine.register_iterator::<Array>();
    engine.register_iterator::<std::ops::Range<i64>>();
    engine.register_iterator::<std::ops::RangeInclusive<i64>>();
    engine.register_get("len", |list: &mut Array| list_length(list));
    engine.register_fn("len", |list: &mut Array| list_length(list));
    engine.register_fn("is_empty", |list: &mut Array| list.is_empty());
    engine.register_fn("push", |list: &mut Array, element: Dynamic| -> Ran<()> {
        if list.len() >= MOST_ITEMS {
            return fault("the list becomes too long", "lists have at most 1000 elements");
        }
        list.push(element);
        Ok(())
    });
    engine.register_fn("contains", |list: &mut Array, element: Dynamic| -> Ran<bool> {
        charge(list.len())?;
        Ok(list.iter().any(|one| equal(one, &element)))
    });
    engine.register_fn("sum", |list: &mut Array| sum(list.iter().map(|element| Ok(element.clone()))));
    engine.register_fn("sum", |list: &mut Array, field: ImmutableString| {
        sum(list.iter().map(|element| field_of(element, &field)))
    });
    engine.register_fn("where", |list: &mut Array, field: ImmutableString, value: Dynamic| -> Ran<Array> {
        let mut found = Array::new();
        for element in list.iter() {
            charge(1)?;
            if equal(&field_of(element, &field)?, &value) {
                found.push(element.clone());
            }
        }
        Ok(found)
    });
    engine.register_fn("join", |list: &mut Array, between: ImmutableString| {
        joined(list.iter().map(|element| Ok(element.clone())), &between)
    });
    engine.register_fn("join", |list: &mut Array, field: ImmutableString, between: ImmutableString| {
        joined(list.iter().map(|element| field_of(element, &field)), &between)
    });
    engine.register_fn("distinct", |list: &mut Array, field: ImmutableString| -> Ran<Array> {
        let mut found = Array::new();
        for element in list.iter() {
            let value = field_of(element, &field)?;
            charge(1 + found.len())?;
            if !value.is_unit() && !found.iter().any(|known| equal(known, &value)) {
                found.push(value);
            }
        }
        Ok(found)
    });
}

fn list_length(list: &Array) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

/// Tells whether two texts, numbers, flags or times are equal; nothing else ever is.
fn equal(one: &Dynamic, other: &Dynamic) -> bool {
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return one == other;
    }
    if let (Ok(one), Ok(other)) = (one.as_immutable_string_ref(), other.as_immutable_string_ref()) {
        return *one == *other;
    }
    if let (Some(one), Some(other)) = (one.read_lock::<BeijingTime>(), other.read_lock::<BeijingTime>()) {
        return *one == *other;
    }
    match (one.as_bool(), other.as_bool()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.is_unit() && other.is_unit(),
    }
}

/// Adds numbers up; what is missing counts nothing.
fn sum(values: impl Iterator<Item = Result<Dynamic, Fault>>) -> Ran<Decimal> {
    let mut sum = Decimal::ZERO;
    for value in values {
        let value = value?;
        charge(1)?;
        if value.is_unit() {
            continue;
        }
        let Some(number) = number(&value) else {
            let message = format!("an element of the sum is {}, not a number", kind(&value));
            return Err(Fault::new(message, None).into());
        };
        sum = match sum.checked_add(number) {
            Some(sum) => sum,
            None => return fault("the sum is too large", "sum up fewer elements"),
        };
    }
    Ok(sum)
}

/// Joins values as texts; what is missing is left out.
fn joined(values: impl Iterator<Item = Result<Dynamic, Fault>>, between: &str) -> Ran<String> {
    let mut text = String::new();
    for value in values {
        let value = value?;
        let written = if value.is_unit() {
            continue;
        } else if let Ok(text) = value.as_immutable_string_ref() {
            text.to_string()
        } else if let Some(number) = number(&value) {
            number.normalize().to_string()
        } else if let Some(time) = value.read_lock::<BeijingTime>() {
            time.to_string()
        } else {
            let message = format!("an element of the list is {}: it is no text", kind(&value));
            return Err(Fault::new(message, Some("name the field: `join(list, \"field\", \",\")`")).into());
        };
        if !text.is_empty() {
            text.push_str(between);
        }
        text.push_str(&written);
        charge(2 + written.len() / 8)?;
        if text.len() > MOST_TEXT {
            return too_long();
        }
    }
    Ok(text)
}
