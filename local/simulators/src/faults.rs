//! A script of faults: what goes wrong, on which call, the same way every time a seed is used.
//!
//! A simulator names each call by an *operation* (`order.save`, `token`, `stockout.query`; its own docs
//! list them) and asks [`Faults::strike`] once per call. Rules are tried in order and the first that
//! fires wins. A rule counts the calls of its operation itself, so that "the third save" does not depend on
//! how other calls interleave. Each simulator applies the faults that make sense to it and ignores the rest.

pub mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When a fault strikes, seen from the work the call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strikes {
    /// Nothing has been done and nothing will be.
    BeforeCommit,
    /// The work is done; only the answer is spoilt.
    AfterCommit,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No answer, ever: the connection stays open until the caller gives up.
    Timeout(Strikes),
    /// The connection is reset (TCP RST) without an answer.
    Reset(Strikes),
    /// An HTTP status with a short text that is no JSON.
    Status(u16, Strikes),
    /// An answer of the system's own form with this error code, such as `202` or `310504`.
    Code(String, Strikes),
    /// An HTML page with HTTP 200, as a gateway on the way shows it.
    Html(Strikes),
    /// The right answer, cut off in the middle.
    TruncatedJson(Strikes),
    /// The system's own way to say "too many calls".
    Throttle,
    /// The system's own way to say that the token (BIP) or signature (WDT) is no longer good.
    TokenExpired,
    /// The right answer, this much later.
    Slow(Duration),
    /// The right answer under the number of another request (the store system's `seq`).
    WrongEcho,
    /// The right answer with keys that no page documents (the store system).
    ExtraKeys,
}

impl Fault {
    /// Tells whether the work the call asks for is done although the answer is spoilt or late.
    pub const fn commits(&self) -> bool {
        match self {
            Self::Timeout(strikes)
            | Self::Reset(strikes)
            | Self::Status(_, strikes)
            | Self::Code(_, strikes)
            | Self::Html(strikes)
            | Self::TruncatedJson(strikes) => matches!(strikes, Strikes::AfterCommit),
            Self::Throttle | Self::TokenExpired => false,
            Self::Slow(_) | Self::WrongEcho | Self::ExtraKeys => true,
        }
    }
}

impl Fault {
    /// Tells whether WDT and BIP answer as if nothing were wrong, if late: faults of the store system are none of
    /// theirs.
    pub(crate) const fn is_harmless(&self) -> bool {
        matches!(self, Self::Slow(_) | Self::WrongEcho | Self::ExtraKeys)
    }
}

/// Which calls of its operation a rule strikes; calls are counted from 1 by each rule for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Every call.
    Always,
    /// The nth call alone.
    Nth(u64),
    /// Calls `first..=last`.
    Calls {
        /// First call struck.
        first: u64,
        /// Last call struck.
        last: u64,
    },
    /// Every nth call.
    EveryNth(u64),
    /// So many calls in a thousand, drawn from the seed, the rule's place and the call's number.
    PerMille(u16),
}

/// One line of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    operation: Option<String>,
    when: When,
    fault: Fault,
}

impl Rule {
    /// Strikes calls of one operation, or of all that start with `prefix.` when it ends in `.`.
    pub fn on(operation: &str, when: When, fault: Fault) -> Self {
        Self { operation: Some(operation.to_owned()), when, fault }
    }

    /// Strikes calls of any operation.
    pub const fn on_any(when: When, fault: Fault) -> Self {
        Self { operation: None, when, fault }
    }

    fn names(&self, operation: &str) -> bool {
        self.operation
            .as_deref()
            .is_none_or(|named| named == operation || (named.ends_with('.') && operation.starts_with(named)))
    }
}

/// Names a rule, so that it can be taken out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleId(u64);

/// One fault that was injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// The rule that fired.
    pub rule: RuleId,
    /// The operation that was struck.
    pub operation: String,
    /// The number of the call, as the rule counts.
    pub call: u64,
    /// What went wrong.
    pub fault: Fault,
}

/// The script. Clones are handles of the same one: tests change it while the simulator runs.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    seed: u64,
    next_id: u64,
    rules: Vec<Numbered>,
    log: Vec<Injected>,
}

#[derive(Debug)]
struct Numbered {
    id: RuleId,
    rule: Rule,
    calls: u64,
}

impl Faults {
    /// A script without rules; rules can be added later.
    pub fn none() -> Self {
        Self::default()
    }

    /// A script of these rules, in this order; `seed` decides what [`When::PerMille`] strikes.
    pub fn script(seed: u64, rules: impl IntoIterator<Item = Rule>) -> Self {
        let faults = Self(Arc::new(Mutex::new(Script { seed, ..Script::default() })));
        for rule in rules {
            faults.add(rule);
        }
        faults
    }

    /// Adds a rule after all others.
    pub fn add(&self, rule: Rule) -> RuleId {
        let mut script = self.lock();
        let id = RuleId(script.next_id);
        script.next_id += 1;
        script.rules.push(Numbered { id, rule, calls: 0 });
        id
    }

    /// Takes a rule out; `false` if it was not there.
    pub fn remove(&self, id: RuleId) -> bool {
        let mut script = self.lock();
        let before = script.rules.len();
        script.rules.retain(|numbered| numbered.id != id);
        script.rules.len() < before
    }

    /// Takes all rules out. What was injected stays in the log.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// Counts a call and says what goes wrong with it, if anything.
    pub fn strike(&self, operation: &str) -> Option<Fault> {
        let mut script = self.lock();
        let seed = script.seed;
        let mut struck = None;
        // Every rule counts the call, also those after the one that fires.
        for numbered in script.rules.iter_mut().filter(|numbered| numbered.rule.names(operation)) {
            numbered.calls += 1;
            if struck.is_none() && fires(numbered.rule.when, numbered.calls, seed, numbered.id) {
                struck = Some(Injected {
                    rule: numbered.id,
                    operation: operation.to_owned(),
                    call: numbered.calls,
                    fault: numbered.rule.fault.clone(),
                });
            }
        }
        let injected = struck?;
        let fault = injected.fault.clone();
        script.log.push(injected);
        Some(fault)
    }

    /// Everything that was injected so far, in order.
    pub fn log(&self) -> Vec<Injected> {
        self.lock().log.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fires(when: When, call: u64, seed: u64, rule: RuleId) -> bool {
    match when {
        When::Always => true,
        When::Nth(nth) => call == nth,
        When::Calls { first, last } => (first..=last).contains(&call),
        When::EveryNth(nth) => nth > 0 && call.is_multiple_of(nth),
        When::PerMille(share) => draw(seed, rule.0, call) % 1000 < u64::from(share),
    }
}

/// Draws a number from seed, rule and call alone (SplitMix64), so that no interleaving changes it.
const fn draw(seed: u64, rule: u64, call: u64) -> u64 {
    let mut z = seed
        .wrapping_add(rule.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .wrapping_add(call.wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(faults: &Faults, operation: &str, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| faults.strike(operation).is_some()).collect()
    }

    #[test]
    fn the_same_seed_strikes_the_same_calls_however_others_interleave() {
        let rules = || [Rule::on("order.save", When::PerMille(300), Fault::Throttle)];
        let alone = struck(&Faults::script(7, rules()), "order.save", 200);
        let faults = Faults::script(7, rules());
        let interleaved: Vec<bool> = (0..200)
            .map(|_| {
                faults.strike("token");
                faults.strike("order.save").is_some()
            })
            .collect();
        assert_eq!(alone, interleaved);
        assert_ne!(alone, struck(&Faults::script(8, rules()), "order.save", 200));
        let share = alone.iter().filter(|hit| **hit).count();
        assert!((40..80).contains(&share), "{share} of 200 at 300 per mille");
    }

    #[test]
    fn the_first_rule_that_fires_wins_and_every_rule_counts_every_call() {
        let faults = Faults::script(
            0,
            [
                Rule::on("order.", When::Nth(2), Fault::Throttle),
                Rule::on_any(When::Calls { first: 2, last: 3 }, Fault::TokenExpired),
            ],
        );
        assert_eq!(faults.strike("order.save"), None);
        assert_eq!(faults.strike("order.list"), Some(Fault::Throttle));
        assert_eq!(faults.strike("token"), Some(Fault::TokenExpired));
        assert_eq!(faults.strike("order.save"), None);
        assert_eq!(faults.log().len(), 2);
        assert_eq!(faults.log()[1].operation, "token");
    }

    #[test]
    fn rules_come_and_go_while_the_simulator_runs() {
        let faults = Faults::none();
        let handle = faults.clone();
        assert_eq!(faults.strike("token"), None);
        let rule = handle.add(Rule::on("token", When::Always, Fault::Throttle));
        assert_eq!(faults.strike("token"), Some(Fault::Throttle));
        assert!(handle.remove(rule));
        assert!(!handle.remove(rule));
        assert_eq!(faults.strike("token"), None);
    }
}
