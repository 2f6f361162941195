//! The fields of a voucher as values of the engine: read as they are, written only when type and size fit.

use dougong_bip::{Order, OrderLine, Personal, ProductType, RowStatus, UnitExchange};
use dougong_values::{BeijingTime, Money, Quantity, ResubmitKey, VoucherCode};
use rhai::Dynamic;
use rust_decimal::Decimal;

use super::engine::Fault;
use super::targets::{head_targets, line_targets};
use crate::draft::{MOST_AMOUNT, MOST_COUNT};

/// The most characters that a text has.
const MOST_LETTERS: usize = 200;

/// How a field is read and written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<T> {
    pub(crate) get: fn(&T) -> Dynamic,
    pub(crate) set: fn(&mut T, &Dynamic) -> Result<(), Fault>,
}

macro_rules! access {
    ($($name:literal $short:literal $place:ident $class:expr => $field:ident;)+) => {
        |name| {
            Some(match name {
                $($name => Access { get: |whole| whole.$field.read(), set: |whole, value| whole.$field.write(value) },)+
                _ => return None,
            })
        }
    };
}

/// Returns how a field of the head is reached, by its wire name.
pub(crate) fn of_head(name: &str) -> Option<Access<Order>> {
    let find: fn(&str) -> Option<Access<Order>> = head_targets!(access);
    find(name)
}

/// Returns how a field of a line is reached, by its wire name.
pub(crate) fn of_line(name: &str) -> Option<Access<OrderLine>> {
    let find: fn(&str) -> Option<Access<OrderLine>> = line_targets!(access);
    find(name)
}

/// A field of a voucher.
trait Cell {
    fn read(&self) -> Dynamic;

    /// Takes a value; `()` where the field may be absent.
    fn write(&mut self, value: &Dynamic) -> Result<(), Fault>;
}

/// Returns a number as an exact decimal; none of any other type.
pub(crate) fn number(value: &Dynamic) -> Option<Decimal> {
    value.as_int().map(Decimal::from).or_else(|_| value.as_decimal()).ok()
}

fn no(wanted: &str, value: &Dynamic, hint: &str) -> Fault {
    Fault::new(format!("the result is {}, not {wanted}", super::engine::kind(value)), Some(hint))
}

/// Reads a text; `()` is none, and an empty text is refused: BIP would book it.
fn text(value: &Dynamic) -> Result<Option<String>, Fault> {
    if value.is_unit() {
        return Ok(None);
    }
    let Ok(text) = value.as_immutable_string_ref() else {
        return Err(no("a text", value, "write `text(…)` around it"));
    };
    let trimmed = text.trim();
    if trimmed.is_empty() {
        let hint = "an empty text is never sent: write `()` for none, or what holds then behind `??`";
        return Err(Fault::new("the result is an empty text".to_owned(), Some(hint)));
    }
    if trimmed.chars().any(char::is_control) {
        return Err(Fault::new(
            "the text contains a line break or a tab".to_owned(),
            Some("replace it by a blank"),
        ));
    }
    if trimmed.chars().nth(MOST_LETTERS).is_some() {
        let message = format!("the text is longer than {MOST_LETTERS} characters");
        return Err(Fault::new(message, Some("shorten it with `left(…, 200)`")));
    }
    Ok(Some(trimmed.to_owned()))
}

fn needed<T>(value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(|| {
        let hint = "write what holds then behind `??`";
        Fault::new("the field is required, and the result is `()`".to_owned(), Some(hint))
    })
}

fn bounded(value: &Dynamic, wanted: &str) -> Result<Option<Decimal>, Fault> {
    if value.is_unit() {
        return Ok(None);
    }
    number(value).map(Some).ok_or_else(|| no(wanted, value, "write `number(…)` around a text of digits"))
}

fn amount(value: &Dynamic) -> Result<Option<Money>, Fault> {
    let Some(amount) = bounded(value, "an amount")? else { return Ok(None) };
    if amount < Decimal::ZERO || amount >= MOST_AMOUNT {
        let message = format!("the amount {} is negative, or too large to be exact", amount.normalize());
        return Err(Fault::new(message, None));
    }
    if amount.normalize().scale() > Money::CENTS {
        let message = format!("the amount {} has more than 2 decimals", amount.normalize());
        return Err(Fault::new(message, Some("write `round_half_up(…, 2)` around it")));
    }
    Ok(Some(Money::new(amount)))
}

fn time(value: &Dynamic) -> Result<Option<BeijingTime>, Fault> {
    if value.is_unit() {
        return Ok(None);
    }
    let time = value.clone().try_cast::<BeijingTime>();
    time.map(Some)
        .ok_or_else(|| no("a time", value, "write `time(…)` around a text such as 2026-11-20 18:30:00"))
}

fn flag(value: &Dynamic) -> Result<Option<bool>, Fault> {
    if value.is_unit() {
        return Ok(None);
    }
    value.as_bool().map(Some).map_err(|_| no("true or false", value, "compare it: `… == 1`"))
}

fn optional<T: Clone + Send + Sync + 'static>(value: Option<&T>, read: impl Fn(&T) -> Dynamic) -> Dynamic {
    value.map_or(Dynamic::UNIT, read)
}

impl Cell for String {
    fn read(&self) -> Dynamic {
        self.clone().into()
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = needed(text(value)?)?;
        Ok(())
    }
}

impl Cell for Option<String> {
    fn read(&self) -> Dynamic {
        optional(self.as_ref(), |text| text.clone().into())
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = text(value)?;
        Ok(())
    }
}

impl Cell for Option<Personal> {
    fn read(&self) -> Dynamic {
        optional(self.as_ref(), |personal| personal.expose().to_owned().into())
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = text(value)?.map(Personal::new);
        Ok(())
    }
}

impl Cell for Option<VoucherCode> {
    fn read(&self) -> Dynamic {
        optional(self.as_ref(), |code| code.as_str().to_owned().into())
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        let code = text(value)?.map(|text| text.parse()).transpose();
        *self = code.map_err(|error: dougong_values::InvalidId| Fault::new(error.to_string(), None))?;
        Ok(())
    }
}

impl Cell for BeijingTime {
    fn read(&self) -> Dynamic {
        Dynamic::from(*self)
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = needed(time(value)?)?;
        Ok(())
    }
}

impl Cell for Option<BeijingTime> {
    fn read(&self) -> Dynamic {
        optional(self.as_ref(), |time| Dynamic::from(*time))
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = time(value)?;
        Ok(())
    }
}

impl Cell for bool {
    fn read(&self) -> Dynamic {
        (*self).into()
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = needed(flag(value)?)?;
        Ok(())
    }
}

impl Cell for Option<bool> {
    fn read(&self) -> Dynamic {
        optional(self.as_ref(), |flag| (*flag).into())
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = flag(value)?;
        Ok(())
    }
}

impl Cell for Option<u8> {
    fn read(&self) -> Dynamic {
        optional(self.as_ref(), |code| i64::from(*code).into())
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        if value.is_unit() {
            *self = None;
            return Ok(());
        }
        let code = value.as_int().map_err(|_| no("a whole number", value, "write one of BIP's codes"))?;
        let fits = u8::try_from(code);
        *self = Some(fits.map_err(|_| Fault::new(format!("{code} is none of BIP's codes, 0 to 255"), None))?);
        Ok(())
    }
}

impl Cell for Quantity {
    fn read(&self) -> Dynamic {
        self.decimal().into()
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        let count = needed(bounded(value, "a number")?)?.normalize();
        if count <= Decimal::ZERO || count >= MOST_COUNT {
            let message = format!("{count} is not above 0 and below a thousand million");
            return Err(Fault::new(message, None));
        }
        if count.scale() > Money::PRICE {
            let message = format!("{count} has more than {} decimals", Money::PRICE);
            return Err(Fault::new(message, Some("write `round_half_up(…, 8)` around it")));
        }
        *self = Self::new(count);
        Ok(())
    }
}

impl Cell for Money {
    fn read(&self) -> Dynamic {
        self.decimal().into()
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = needed(amount(value)?)?;
        Ok(())
    }
}

impl Cell for Option<Money> {
    fn read(&self) -> Dynamic {
        optional(self.as_ref(), |money| money.decimal().into())
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = amount(value)?;
        Ok(())
    }
}

impl Cell for ProductType {
    fn read(&self) -> Dynamic {
        match self {
            Self::Sale => "SALE",
            Self::Gift => "GIFT",
            Self::Markup => "MARKUP",
            Self::Rebate => "REBATE",
        }
        .into()
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = match needed(text(value)?)?.as_str() {
            "SALE" => Self::Sale,
            "GIFT" => Self::Gift,
            "MARKUP" => Self::Markup,
            "REBATE" => Self::Rebate,
            _ => return Err(no("a type of goods", value, r#"write "SALE", "GIFT", "MARKUP" or "REBATE""#)),
        };
        Ok(())
    }
}

impl Cell for UnitExchange {
    fn read(&self) -> Dynamic {
        i64::from(*self == Self::Floating).into()
    }

    fn write(&mut self, value: &Dynamic) -> Result<(), Fault> {
        *self = match value.as_int() {
            Ok(0) => Self::Fixed,
            Ok(1) => Self::Floating,
            _ => return Err(no("0 or 1", value, "write 0 for a fixed rate, 1 for a floating one")),
        };
        Ok(())
    }
}

/// What is never set: the catalogue says what to set instead.
fn computed() -> Result<(), Fault> {
    Err(Fault::new("the field is computed".to_owned(), None))
}

impl Cell for RowStatus {
    fn read(&self) -> Dynamic {
        match self {
            Self::Insert => "Insert",
            Self::Update => "Update",
        }
        .into()
    }

    fn write(&mut self, _: &Dynamic) -> Result<(), Fault> {
        computed()
    }
}

impl Cell for Option<RowStatus> {
    fn read(&self) -> Dynamic {
        optional(self.as_ref(), RowStatus::read)
    }

    fn write(&mut self, _: &Dynamic) -> Result<(), Fault> {
        computed()
    }
}

impl Cell for ResubmitKey {
    fn read(&self) -> Dynamic {
        self.to_string().into()
    }

    fn write(&mut self, _: &Dynamic) -> Result<(), Fault> {
        computed()
    }
}
