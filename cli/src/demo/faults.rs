//! What goes wrong in a demo, as scripts of the simulators: one for WDT, one for BIP, one for the store system.

use std::time::Duration;

use dougong_simulators::faults::Strikes::{AfterCommit, BeforeCommit};
use dougong_simulators::faults::{Fault, Faults, Rule, When};
use dougong_simulators::{bip, store, wdt};

use crate::arguments::FaultKind;

/// Returns what goes wrong at WDT.
pub(crate) fn of_wdt(kind: FaultKind, seed: u64) -> Faults {
    let on = |when, fault| Rule::on(wdt::OPERATION, when, fault);
    match kind {
        FaultKind::None => Faults::none(),
        FaultKind::Mild => Faults::script(
            seed,
            [
                on(When::Nth(2), Fault::Reset(BeforeCommit)),
                on(When::Nth(6), Fault::Slow(Duration::from_millis(700))),
            ],
        ),
        FaultKind::Storm => Faults::script(
            seed,
            [
                on(When::Nth(2), Fault::Reset(BeforeCommit)),
                on(When::Nth(4), Fault::Timeout(BeforeCommit)),
                on(When::Nth(7), Fault::Html(BeforeCommit)),
                on(When::PerMille(30), Fault::TruncatedJson(BeforeCommit)),
                on(When::PerMille(30), Fault::Slow(Duration::from_millis(900))),
            ],
        ),
    }
}

/// Returns what goes wrong at BIP. What strikes after the commit is what doubles orders elsewhere.
pub(crate) fn of_bip(kind: FaultKind, seed: u64, orders: u32) -> Faults {
    let save = |when, fault| Rule::on(bip::SAVE, when, fault);
    let code = |code: &str| Fault::Code(code.to_owned(), AfterCommit);
    match kind {
        FaultKind::None => Faults::none(),
        FaultKind::Mild => Faults::script(
            seed,
            [
                save(When::Nth(5), Fault::Timeout(AfterCommit)),
                save(When::Nth(9), Fault::Timeout(BeforeCommit)),
                save(When::Nth(13), Fault::Reset(AfterCommit)),
                save(When::Nth(17), Fault::TokenExpired),
                save(When::Nth(21), Fault::Status(502, AfterCommit)),
                save(When::Nth(25), Fault::Html(AfterCommit)),
                save(When::Nth(29), code("310504")),
                save(When::EveryNth(40), Fault::Slow(Duration::from_millis(400))),
            ],
        ),
        FaultKind::Storm => Faults::script(
            seed,
            [
                // A throttle costs everybody a minute, as it does with the real one: once is enough to see it.
                save(When::Nth(u64::from(orders / 2).max(1)), Fault::Throttle),
                save(When::PerMille(10), Fault::Timeout(AfterCommit)),
                save(When::PerMille(10), Fault::Timeout(BeforeCommit)),
                save(When::PerMille(15), Fault::Reset(AfterCommit)),
                save(When::PerMille(10), Fault::Reset(BeforeCommit)),
                save(When::PerMille(15), Fault::Status(503, AfterCommit)),
                save(When::PerMille(15), Fault::Html(AfterCommit)),
                save(When::PerMille(15), Fault::TruncatedJson(AfterCommit)),
                save(When::PerMille(10), code("202")),
                save(When::PerMille(10), code("310504")),
                save(When::EveryNth(150), Fault::TokenExpired),
                save(When::PerMille(40), Fault::Slow(Duration::from_millis(600))),
            ],
        ),
    }
}

/// Returns what goes wrong at the store system. A delivery that was announced when the answer is lost must not be
/// announced again. `AddSTOBill` is not lost before it is done: that it is not there is believed after five minutes only,
/// which is long for a demo. Nor is an answer that opens a batch: this platform shows its rows once only, and would
/// have to release them itself.
pub(crate) fn of_store(kind: FaultKind, seed: u64) -> Faults {
    let busy = || Fault::Status(503, BeforeCommit);
    match kind {
        FaultKind::None => Faults::none(),
        FaultKind::Mild => Faults::script(
            seed,
            [
                Rule::on("DownloadStoreDeclareGoodsByBatch", When::Nth(1), busy()),
                Rule::on("DownloadREQBill", When::Nth(1), Fault::ExtraKeys),
                Rule::on("QueryTransferringOrderInfo", When::Nth(2), Fault::Reset(BeforeCommit)),
                Rule::on("AddSTOBill", When::Nth(3), Fault::Reset(AfterCommit)),
                Rule::on("UpdateTransferringOrderInfo", When::Nth(2), Fault::Reset(AfterCommit)),
            ],
        ),
        FaultKind::Storm => {
            let repeatable = store::COMMANDS.into_iter().filter(|command| *command != "AddSTOBill");
            let everywhere = repeatable.flat_map(|command| {
                let strikes =
                    if command == "QueryTransferringOrderInfo" { BeforeCommit } else { AfterCommit };
                [
                    Rule::on(command, When::PerMille(20), busy()),
                    Rule::on(command, When::PerMille(10), Fault::Timeout(BeforeCommit)),
                    Rule::on(command, When::PerMille(15), Fault::Reset(strikes)),
                    Rule::on(command, When::PerMille(15), Fault::TruncatedJson(strikes)),
                    Rule::on(command, When::PerMille(30), Fault::Slow(Duration::from_millis(600))),
                ]
            });
            let announce = [
                Rule::on("AddSTOBill", When::PerMille(50), Fault::Reset(AfterCommit)),
                Rule::on("AddSTOBill", When::PerMille(50), Fault::TruncatedJson(AfterCommit)),
                Rule::on("AddSTOBill", When::PerMille(100), Fault::Slow(Duration::from_millis(600))),
            ];
            Faults::script(seed, everywhere.chain(announce))
        }
    }
}
