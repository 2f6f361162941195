//! The store system's ways of paying, compared with `payments.csv`: a new one is seen before its first bill is parked.

use std::collections::BTreeSet;

use dougong_runtime::{Metrics, Parts, Unit};
use serde::Serialize;
use tracing::{info, warn};

use crate::calls::Calls;
use crate::error::{Stop, SweepError};

/// What comparing the ways of paying came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PaymentsSummary {
    /// How many the store system has.
    pub methods: usize,
    /// Codes that `payments.csv` lacks.
    pub missing: Vec<String>,
    /// Codes of `payments.csv` that the store system does not have.
    pub unused: Vec<String>,
}

/// Asks for the ways of paying and names the differences. They are no failure: only a bill that uses one is parked.
pub(crate) async fn compare(parts: &Parts, mut calls: Calls<'_>) -> Result<PaymentsSummary, SweepError> {
    let methods = match calls.make(async |client| client.payment_methods().await).await {
        Ok(methods) => methods,
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::OutOfTime) => return Err(SweepError::OutOfTime),
    };
    let theirs: BTreeSet<&str> = methods.iter().map(|method| method.code.as_str()).collect();
    let ours: BTreeSet<&str> = parts.config.tables.payment_codes().collect();
    let without = |all: &BTreeSet<&str>, known: &BTreeSet<&str>| -> Vec<String> {
        all.difference(known).map(|&code| code.to_owned()).collect()
    };
    let summary = PaymentsSummary {
        methods: methods.len(),
        missing: without(&theirs, &ours),
        unused: without(&ours, &theirs),
    };
    for method in methods.iter().filter(|method| summary.missing.contains(&method.code)) {
        warn!(
            pay_code = method.code,
            name = method.name.as_deref().unwrap_or_default(),
            reason = "unknown_payment",
            "payments.csv lacks a way of paying"
        );
    }
    info!(
        methods = summary.methods,
        missing = summary.missing.len(),
        unused = summary.unused.join(","),
        "ways of paying compared"
    );
    let mut metrics = Metrics::new("sweep", "all");
    let missing = i64::try_from(summary.missing.len()).unwrap_or(i64::MAX);
    metrics.add("payments_missing", Unit::Count, missing);
    metrics.emit();
    Ok(summary)
}
