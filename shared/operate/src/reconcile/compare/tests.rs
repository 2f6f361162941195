use dougong_bip::FoundVoucher;
use dougong_values::Version;

use super::DifferenceKind as Kind;
use super::*;

fn key(id: u32) -> DocumentKey {
    format!("stockout#demo2#{id}").parse().unwrap()
}

fn bill(id: u32) -> DocumentKey {
    format!("declare#BH{id}").parse().unwrap()
}

fn reported(key: DocumentKey, code: &str, amount: &str) -> Reported {
    Reported {
        key,
        shop: "TM001".to_owned(),
        expected: amount.parse().unwrap(),
        code: Some((VoucherKind::Order, code.parse().unwrap())),
        voucher_day: None,
        version: Version::of("1"),
        modified: None,
        day: None,
    }
}

fn shipped(id: u32, amount: &str) -> Reported {
    reported(key(id), &format!("CK{id}"), amount)
}

fn row_of(key: DocumentKey, state: State, voucher: Option<&str>, amount: &str) -> DayRow {
    DayRow {
        key,
        state,
        amount: Some(amount.parse().unwrap()),
        reason: (state == State::Parked).then(|| "unknown_goods".to_owned()),
        voucher_code: voucher.map(|id| format!("CK{id}").parse().unwrap()),
        voucher_id: voucher.map(|id| id.parse().unwrap()),
        updated_at: 0,
    }
}

fn row(id: u32, state: State, voucher: Option<&str>, amount: &str) -> DayRow {
    row_of(key(id), state, voucher, amount)
}

fn voucher(id: &str, code: &str, amount: &str) -> InBip {
    let voucher = FoundVoucher {
        id: id.parse().unwrap(),
        code: code.parse().unwrap(),
        pay_money: Some(amount.parse().unwrap()),
        agent_id: None,
        agent_code: None,
    };
    InBip { kind: VoucherKind::Order, of_day: true, voucher }
}

fn compared(source: SourceSide, documents: &[Reported], ledger: &[DayRow], vouchers: &[InBip]) -> Compared {
    let version = |row: &DayRow| {
        // The ledger's version of the fifth bill is older than the source's.
        let version = Version::of(if row.key == bill(5) { "0" } else { "1" });
        let known =
            Known { state: row.state, version, modified: None, posted_version: None, held_version: None };
        (row.key.clone(), known)
    };
    let known = ledger.iter().map(version).collect();
    // Refunded since.
    let left_out = HashMap::from([(key(8), "refund_status")]);
    let (elsewhere, known) = (&[], &known);
    compare(&Sides { source, documents, ledger, elsewhere, known, left_out: &left_out, vouchers })
}

fn told(compared: &Compared) -> Vec<(Kind, DocumentKey)> {
    let told =
        compared.differences.iter().map(|difference| (difference.kind, difference.key.clone().unwrap()));
    told.collect()
}

fn sum(count: u64, amount: &str) -> Sum {
    Sum { count, amount: amount.parse().unwrap() }
}

#[test]
fn every_difference_is_told_by_document_and_what_agrees_is_not() {
    let shipped = [
        shipped(1, "10.00"), // booked, and agrees
        shipped(2, "20.00"), // parked
        shipped(3, "30.00"), // never read
        shipped(4, "40.00"), // deleted in BIP
        shipped(5, "50.00"), // corrected in BIP
        shipped(6, "60.00"), // parked, and somebody entered it by hand
    ];
    let ledger = [
        row(1, State::Posted, Some("901"), "10.00"),
        row(2, State::Parked, None, "20.00"),
        row(4, State::Posted, Some("904"), "40.00"),
        row(5, State::Posted, Some("905"), "50.00"),
        row(6, State::Parked, None, "60.00"),
        row(7, State::Posted, Some("907"), "70.00"), // cancelled in WDT since
        row(8, State::Posted, Some("908"), "80.00"), // refunded, which the scheme leaves out
    ];
    let vouchers = [
        voucher("901", "CK1", "10.00"),
        voucher("905", "CK5", "55.00"),
        voucher("777", "CK6", "60.00"),
        voucher("907", "CK7", "70.00"),
        voucher("908", "CK8", "80.00"),
        voucher("888", "MANUAL-1", "5.00"),
    ];
    let found = compared(SourceSide::Wdt, &shipped, &ledger, &vouchers);
    assert_eq!(
        told(&found),
        [
            (Kind::NotInLedger, key(3)),
            (Kind::NotBooked, key(2)),
            (Kind::NotBooked, key(6)),
            (Kind::NotInBip, key(4)),
            (Kind::OtherAmount, key(5)),
            (Kind::UnknownVoucher, key(6)),
            (Kind::LeftOut, key(8)),
            (Kind::NotInSource, key(7)),
        ]
    );
    assert_eq!((found.shops[0].source, found.shops[0].booked), (sum(6, "210.00"), sum(3, "100.00")));
    assert_eq!((found.bip, found.others), (sum(4, "215.00"), sum(1, "5.00")));
    let left_out = found.differences.iter().find(|difference| difference.kind == Kind::LeftOut).unwrap();
    assert_eq!(left_out.reason.as_deref(), Some("refund_status"));
    assert_eq!(left_out.reason_words().unwrap().zh, "已退款");
}

#[test]
fn a_lost_a_voided_and_a_corrected_bill_are_told() {
    let declared = [
        reported(bill(1), "BH1", "10.00"), // booked, and agrees
        reported(bill(2), "BH2", "20.00"), // lost: neither pushed nor downloaded
        reported(bill(5), "BH5", "50.00"), // corrected in the store since it was booked
        reported(bill(6), "BH6", "60.00"), // corrected, and the change waits for a person
    ];
    let mut held = row_of(bill(6), State::Parked, Some("906"), "66.00");
    held.reason = Some(dougong_ledger::CHANGED.to_owned());
    let ledger = [
        row_of(bill(1), State::Posted, Some("901"), "10.00"),
        row_of(bill(3), State::Posted, Some("903"), "30.00"), // voided in the store since
        row_of(bill(4), State::Parked, None, "40.00"),        // voided before it was booked
        row_of(bill(5), State::Posted, Some("905"), "55.00"),
        held,
        row_of(bill(7), State::Posted, Some("907"), "70.00"), // voided, and its voucher deleted
        row_of(bill(8), State::Skipped, None, "80.00"),       // a person has decided about it
    ];
    let vouchers = [
        voucher("901", "BH1", "10.00"),
        voucher("903", "BH3", "30.00"),
        voucher("905", "BH5", "55.00"),
        voucher("906", "BH6", "66.00"),
    ];
    let found = compared(SourceSide::Store, &declared, &ledger, &vouchers);
    assert_eq!(
        told(&found),
        [
            (Kind::NotInLedger, bill(2)),
            (Kind::Changed, bill(5)),
            (Kind::Changed, bill(6)),
            (Kind::NotInSource, bill(3)),
            (Kind::NotInSource, bill(4)),
        ]
    );
    assert_eq!(found.bip, sum(4, "161.00"));
}

#[test]
fn bills_that_are_handed_out_once_are_compared_as_they_came() {
    let ledger = [
        row_of(bill(1), State::Posted, Some("901"), "10.00"),
        row_of(bill(2), State::Parked, None, "20.00"),
        row_of(bill(3), State::Posted, Some("903"), "30.00"),
        row_of(bill(4), State::Posted, Some("904"), "-40.00"), // became the opposite voucher
        row_of(bill(6), State::Posted, Some("906"), "60.00"),
        row_of(bill(8), State::Skipped, None, "80.00"),
    ];
    let vouchers = [voucher("901", "1", "10.00"), voucher("904", "4", "40.00"), voucher("906", "6", "61.00")];
    let found = compared(SourceSide::Ledger, &[], &ledger, &vouchers);
    assert_eq!(
        told(&found),
        [(Kind::NotBooked, bill(2)), (Kind::NotInBip, bill(3)), (Kind::OtherAmount, bill(6))]
    );
}

#[test]
fn a_merged_voucher_is_compared_with_the_sum_of_its_orders() {
    let shipped = [shipped(1, "10.00"), shipped(2, "20.00")];
    let both = [row(1, State::Posted, Some("900"), "10.00"), row(2, State::Posted, Some("900"), "20.00")];
    let wdt = SourceSide::Wdt;
    assert_eq!(compared(wdt, &shipped, &both, &[voucher("900", "M1", "30.00")]).differences, []);
    let wrong = compared(wdt, &shipped, &both, &[voucher("900", "M1", "30.01")]);
    assert_eq!(wrong.differences.len(), 1);
    assert_eq!(wrong.differences[0].kind, DifferenceKind::OtherAmount);
}
