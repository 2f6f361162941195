//! Simple expressions without the engine: fields, literals, `??`, comparisons, joined texts, sums of decimals, choices
//! between them, and the functions that are called most.
//!
//! They mean what they mean to the engine. Whatever is not plainly a value (a field that cannot be read, a missing value
//! joined to a text, a text that becomes too long) is left to the engine, which says what is wrong with it.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex};

use dougong_bip::{Order, OrderLine};
use rhai::{AST, Dynamic, Expr, FlowControl, FnCallExpr, ImmutableString, Stmt};
use rust_decimal::Decimal;

use super::cells::{self, Access, number};
use super::engine::{MOST_TEXT, Work, locked};
use super::functions::{Native, added, native};
use super::source::{Doc, Places, Wanted};
use super::targets::Side;

/// Larger expressions are the engine's, which counts their steps.
const MOST_NODES: u64 = 100;

/// What the variables of an expression are.
pub(super) struct Here<'h> {
    pub(super) order: &'h Doc,
    /// The place of the voucher's line, and the document's line that it was made of.
    pub(super) line: Option<(usize, &'h Doc)>,
    pub(super) work: &'h Arc<Mutex<Work>>,
}

/// An expression that the engine is not needed for, and its size.
pub(super) struct Direct {
    node: Node,
    pub(super) nodes: u64,
}

enum Node {
    Literal(Dynamic),
    Order(Places),
    Line(Places),
    Voucher(Access<Order>),
    Item(Access<OrderLine>),
    /// `… ?? …`
    First(Vec<Node>),
    /// `… == …`, `… < …`
    Compared(Box<(Node, Node)>, fn(Ordering) -> bool),
    /// `… && …`, which is false where one is; `… || …`, which is true where one is.
    Flags(Vec<Node>, bool),
    /// `… + …` of texts or numbers.
    Added(Box<(Node, Node)>),
    /// `… * …`
    Computed(Box<(Node, Node)>, fn(Decimal, Decimal) -> Option<Decimal>),
    /// `round_half_up(…, 2)`
    Called(Native, Vec<Node>),
    /// A text in back-ticks.
    Written(Vec<Node>),
    /// `if … { … } else { … }`
    Chosen(Box<(Node, Node, Node)>),
}

impl Direct {
    /// Takes an expression, if it is a simple one.
    pub(super) fn of(ast: &AST, wanted: &Wanted) -> Option<Self> {
        let mut reader = Reader { wanted, nodes: 0 };
        let node = reader.only(ast.statements())?;
        Some(Self { node, nodes: reader.nodes })
    }

    /// Returns its value; none where the engine is to be asked.
    pub(super) fn value(&self, here: &Here<'_>) -> Option<Dynamic> {
        self.node.value(here)
    }
}

struct Reader<'w> {
    wanted: &'w Wanted,
    nodes: u64,
}

impl Reader<'_> {
    fn only(&mut self, statements: &[Stmt]) -> Option<Node> {
        match statements {
            [Stmt::Expr(expression)] => self.node(expression),
            [Stmt::FnCall(call, _)] => self.call(call),
            [Stmt::If(choice, _)] => {
                let FlowControl { expr, body, branch } = &**choice;
                let condition = self.node(expr)?;
                let both = (condition, self.only(body.statements())?, self.only(branch.statements())?);
                Some(Node::Chosen(Box::new(both)))
            }
            _ => None,
        }
    }

    fn all(&mut self, expressions: &[Expr]) -> Option<Vec<Node>> {
        expressions.iter().map(|expression| self.node(expression)).collect()
    }

    fn node(&mut self, expression: &Expr) -> Option<Node> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return None;
        }
        match expression {
            Expr::StringConstant(text, _) => Some(Node::Literal(text.clone().into())),
            Expr::IntegerConstant(number, _) => Some(Node::Literal((*number).into())),
            Expr::BoolConstant(flag, _) => Some(Node::Literal((*flag).into())),
            Expr::DynamicConstant(value, _) if value.is_decimal() => Some(Node::Literal((**value).clone())),
            Expr::Unit(_) => Some(Node::Literal(Dynamic::UNIT)),
            Expr::Dot(sides, ..) => match (&sides.lhs, &sides.rhs) {
                (Expr::Variable(variable, ..), Expr::Property(field, _)) => self.field(&variable.1, &field.2),
                _ => None,
            },
            Expr::Coalesce(values, _) => self.all(values).map(Node::First),
            Expr::And(flags, _) => self.all(flags).map(|flags| Node::Flags(flags, false)),
            Expr::Or(flags, _) => self.all(flags).map(|flags| Node::Flags(flags, true)),
            Expr::InterpolatedString(parts, _) => self.all(parts).map(Node::Written),
            Expr::FnCall(call, _) => self.call(call),
            Expr::Stmt(block) => self.only(block.statements()),
            _ => None,
        }
    }

    fn field(&self, variable: &str, name: &str) -> Option<Node> {
        let places = Doc::places(self.wanted, name);
        match variable {
            "order" => Some(Node::Order(places)),
            "line" => Some(Node::Line(places)),
            "voucher" => cells::of_head(Side::Head.find(name)?.name).map(Node::Voucher),
            "item" => cells::of_line(Side::Lines.find(name)?.name).map(Node::Item),
            _ => None,
        }
    }

    fn call(&mut self, call: &FnCallExpr) -> Option<Node> {
        if call.op_token.is_none() {
            let function = native(&call.name, call.args.len())?;
            return self.all(&call.args).map(|values| Node::Called(function, values));
        }
        let [left, right] = &call.args[..] else { return None };
        let sides = Box::new((self.node(left)?, self.node(right)?));
        Some(match call.name.as_str() {
            "+" => Node::Added(sides),
            "-" => Node::Computed(sides, Decimal::checked_sub),
            "*" => Node::Computed(sides, Decimal::checked_mul),
            "==" => Node::Compared(sides, Ordering::is_eq),
            "!=" => Node::Compared(sides, Ordering::is_ne),
            "<" => Node::Compared(sides, Ordering::is_lt),
            "<=" => Node::Compared(sides, Ordering::is_le),
            ">" => Node::Compared(sides, Ordering::is_gt),
            ">=" => Node::Compared(sides, Ordering::is_ge),
            _ => return None,
        })
    }
}

impl Node {
    fn value(&self, here: &Here<'_>) -> Option<Dynamic> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Order(places) => here.order.cell(*places).and_then(fitting),
            Self::Line(places) => here.line?.1.cell(*places).and_then(fitting),
            Self::Voucher(field) => fitting((field.get)(&locked(here.work).draw.order)),
            Self::Item(field) => {
                let work = locked(here.work);
                fitting((field.get)(work.draw.order.order_details.get(here.line?.0)?))
            }
            Self::First(values) => {
                let mut first = Dynamic::UNIT;
                for value in values {
                    first = value.value(here)?;
                    if !first.is_unit() {
                        break;
                    }
                }
                Some(first)
            }
            Self::Compared(sides, is) => {
                let (left, right) = (sides.0.value(here)?, sides.1.value(here)?);
                compared(&left, &right).map(|order| is(order).into())
            }
            Self::Flags(flags, ends) => {
                for flag in flags {
                    if flag.value(here)?.as_bool().ok()? == *ends {
                        return Some((*ends).into());
                    }
                }
                Some((!ends).into())
            }
            Self::Added(sides) => {
                let (left, right) = (sides.0.value(here)?, sides.1.value(here)?);
                if let (Ok(left), Ok(right)) =
                    (left.as_immutable_string_ref(), right.as_immutable_string_ref())
                {
                    return added(&left, &right).ok().map(Dynamic::from);
                }
                computed(&left, &right, Decimal::checked_add)
            }
            Self::Computed(sides, compute) => {
                computed(&sides.0.value(here)?, &sides.1.value(here)?, *compute)
            }
            Self::Called(function, values) => {
                let result = match &values[..] {
                    [value] => function(&[value.value(here)?]),
                    [one, other] => function(&[one.value(here)?, other.value(here)?]),
                    values => {
                        let values: Option<Vec<_>> = values.iter().map(|value| value.value(here)).collect();
                        function(&values?)
                    }
                };
                result.and_then(fitting)
            }
            Self::Written(parts) => {
                let mut written = String::new();
                for part in parts {
                    written.push_str(&part.value(here)?.as_immutable_string_ref().ok()?);
                }
                fitting(ImmutableString::from(written).into())
            }
            Self::Chosen(choice) => {
                let (condition, one, other) = &**choice;
                if condition.value(here)?.as_bool().ok()? { one.value(here) } else { other.value(here) }
            }
        }
    }
}

/// Returns a value that is no list and no longer text than there may be.
fn fitting(value: Dynamic) -> Option<Dynamic> {
    let is_fit = match value.as_immutable_string_ref() {
        Ok(text) => text.len() <= MOST_TEXT,
        Err(_) => !value.is_array(),
    };
    is_fit.then_some(value)
}

/// Computes with two numbers, of which one is a decimal: whole numbers have bounds of their own.
fn computed(
    left: &Dynamic,
    right: &Dynamic,
    compute: fn(Decimal, Decimal) -> Option<Decimal>,
) -> Option<Dynamic> {
    if left.is_int() && right.is_int() {
        return None;
    }
    compute(number(left)?, number(right)?).map(Dynamic::from)
}

/// Compares two numbers or two texts.
fn compared(left: &Dynamic, right: &Dynamic) -> Option<Ordering> {
    if let (Ok(left), Ok(right)) = (left.as_int(), right.as_int()) {
        return Some(left.cmp(&right));
    }
    if let (Ok(left), Ok(right)) = (left.as_immutable_string_ref(), right.as_immutable_string_ref()) {
        return Some(left.as_str().cmp(right.as_str()));
    }
    Some(number(left)?.cmp(&number(right)?))
}
