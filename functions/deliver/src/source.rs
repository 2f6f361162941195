//! What a document is, by the kind in its key, and what it becomes in BIP.

use dougong_bip::{Voucher, VoucherKind};
use dougong_config::{BillScheme, Config};
use dougong_mapping::{Identity, Problem};
use dougong_store::{Bill, BillKind};
use dougong_values::{BeijingTime, DocumentKey, DocumentKind, SchemeId};
use dougong_wdt::Stockout;
use tracing::warn;

/// A document as it was read.
pub(crate) enum Source {
    Stockout(Box<Stockout>),
    Bill(Box<Bill>),
}

/// Why a document makes no voucher.
pub(crate) enum Unmapped {
    /// The configuration does not have its scheme.
    NoScheme,
    /// It is deliberately not booked, for this reason.
    Excluded(&'static str),
    /// Everything that is wrong with it.
    Problems(Vec<Problem>),
}

impl Source {
    /// Reads the text of a document; says what is wrong with one that cannot be read.
    pub(crate) fn read(kind: DocumentKind, json: &str) -> Result<Self, String> {
        if let Some(kind) = BillKind::of_document(kind) {
            let bill = Bill::from_json(kind, json).map_err(|error| error.to_string())?;
            Ok(Self::Bill(Box::new(bill)))
        } else {
            let stockout = Stockout::from_json(json).map_err(|error| error.to_string())?;
            Ok(Self::Stockout(Box::new(stockout)))
        }
    }

    /// Makes the voucher of a document that its scheme books.
    pub(crate) fn map(
        &self,
        config: &Config,
        scheme: &SchemeId,
        key: &DocumentKey,
    ) -> Result<Voucher, Unmapped> {
        match self {
            Self::Bill(bill) => match config.bill_schemes.get(scheme).and_then(|own| excluded(own, bill)) {
                Some(reason) => Err(Unmapped::Excluded(reason)),
                None => self.map_all(config, scheme, key),
            },
            Self::Stockout(_) => self.map_all(config, scheme, key),
        }
    }

    /// Makes the voucher of a document, whether its scheme books such documents today or not.
    pub(crate) fn map_all(
        &self,
        config: &Config,
        scheme: &SchemeId,
        key: &DocumentKey,
    ) -> Result<Voucher, Unmapped> {
        let identity = Identity { tenant: &config.tenant, scheme, key };
        match self {
            Self::Stockout(stockout) => {
                let own = config.schemes.get(scheme).ok_or(Unmapped::NoScheme)?;
                own.mapping.map(stockout, &identity).map(Voucher::Order).map_err(Unmapped::Problems)
            }
            Self::Bill(bill) => {
                let own = config.bill_schemes.get(scheme).ok_or(Unmapped::NoScheme)?;
                let mapped = own.mapping.map(bill, &identity).map_err(Unmapped::Problems)?;
                for warning in &mapped.warnings {
                    warn!(document = %key, %warning, "does not add up");
                }
                Ok(mapped.voucher)
            }
        }
    }

    /// Tells which group a document waits in where its scheme merges vouchers, and when it is due; `None` where it is
    /// booked alone.
    pub(crate) fn group(
        &self,
        config: &Config,
        scheme: &SchemeId,
        voucher: &Voucher,
    ) -> Result<Option<(DocumentKey, BeijingTime)>, Vec<Problem>> {
        let (Self::Stockout(stockout), Voucher::Order(order)) = (self, voucher) else { return Ok(None) };
        let Some(own) = config.schemes.get(scheme) else { return Ok(None) };
        let Some(rules) = own.mapping.merging() else { return Ok(None) };
        let group = own.mapping.group(stockout, order, scheme)?;
        Ok(group.map(|group| (group, rules.due(BeijingTime::now()))))
    }

    /// Tells which list of BIP the document's voucher goes to; `None` if the configuration does not have its scheme.
    pub(crate) fn voucher_kind(&self, config: &Config, scheme: &SchemeId) -> Option<VoucherKind> {
        match self {
            Self::Stockout(_) => config.schemes.get(scheme).map(|_| VoucherKind::Order),
            Self::Bill(bill) => {
                config.bill_schemes.get(scheme).map(|scheme| scheme.mapping.voucher_kind(bill))
            }
        }
    }
}

/// Tells whether a scheme leaves a bill alone, and why.
fn excluded(scheme: &BillScheme, bill: &Bill) -> Option<&'static str> {
    if !scheme.source.book {
        return Some("kind_not_booked");
    }
    scheme.mapping.excluded(bill).map(|exclusion| exclusion.reason)
}
