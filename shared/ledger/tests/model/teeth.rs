//! Each protective rule left out once: the model must notice.

use crate::large::run;
use crate::world::Broken;

/// Worlds to look for a failure in.
const WORLDS: u64 = 5_000;

fn is_noticed(broken: Broken, words: &[&str]) {
    let wrong = (1..WORLDS).find_map(|seed| run(seed, Some(broken), false).1);
    let wrong = wrong.unwrap_or_else(|| panic!("{broken:?} goes unnoticed"));
    assert!(
        words.iter().any(|words| wrong.contains(words)),
        "{broken:?} is noticed by something else: {wrong}"
    );
}

macro_rules! teeth {
    ($($name:ident: $broken:ident, $words:expr;)*) => {$(
        #[test]
        fn $name() {
            is_noticed(Broken::$broken, &$words);
        }
    )*};
}

const DOUBLE: &str = "two vouchers";
const OVER: &str = "though the document is booked";
const CANNOT: &str = "of which the ledger says that it cannot";
const OTHER: &str = "booked in another version";
const LOST: &str = "is lost";
const HIDDEN: &str = "hides its newest version";
const FORGOTTEN: &str = "is forgotten";
const ASTRAY: &str = "is astray";
const NO_LONGER: &str = "waits no longer";

teeth! {
    without_the_look_up_of_late_replays_orders_are_booked_twice: NoLookUp, [DOUBLE];
    without_freezing_what_was_sent_another_version_is_booked: NotFrozen, [OTHER, CANNOT];
    without_fences_records_go_over_newer_ones: NoFence, [OVER, CANNOT, OTHER, FORGOTTEN, LOST];
    a_message_that_ends_while_another_worker_holds_its_order_loses_it: DoneWhenBusy, [FORGOTTEN, LOST];
    an_unknown_outcome_taken_for_nothing_books_over: UnknownIsNothing, [OVER, CANNOT, OTHER];
    being_busy_taken_for_nothing_books_over: BusyIsNothing, [OVER, CANNOT, OTHER];
    a_look_up_believed_too_soon_books_over: AbsentAtOnce, [OVER, CANNOT, OTHER];
    a_change_begun_over_a_booked_order_is_noticed: BookedOver, [OVER];
    a_key_per_attempt_books_twice: KeyPerAttempt, [DOUBLE];
    noting_before_sending_loses_orders: NotedFirst, [FORGOTTEN, LOST];
    moving_the_watermark_first_loses_orders: WatermarkFirst, [LOST, HIDDEN];
    putting_together_what_a_part_lists_books_twice: ListedAgain, [DOUBLE, ASTRAY, NO_LONGER];
    a_closing_that_has_lost_its_lease_takes_members_out: ClosedUnleased, [DOUBLE, ASTRAY, NO_LONGER, FORGOTTEN];
    members_that_are_never_told_their_voucher_are_noticed: NeverToldLate, [FORGOTTEN];
}
