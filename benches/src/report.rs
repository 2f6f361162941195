//! What was measured, as a table for people and as one JSON object for programs.

use std::time::Duration;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{Cell, CellAlignment, Table};
use serde::Serialize;

use crate::Measured;
use crate::orders::Run;
use crate::start::Start;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    orders: u32,
    rows: Vec<Row>,
}

/// One figure: medians, and the median of the ratios of runs that were made in turn.
#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    unit: &'static str,
    dougong: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    python: Option<f64>,
    /// Python's figure over Dougong's.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl Row {
    fn new<T>(
        what: &'static str,
        unit: &'static str,
        own: &[T],
        other: Option<&[T]>,
        figure: impl Fn(&T) -> f64,
    ) -> Self {
        let figures = |of: &[T]| of.iter().map(&figure).collect::<Vec<f64>>();
        let ratios = other.map(|other| {
            let pairs = figures(own).into_iter().zip(figures(other));
            pairs.filter(|(own, _)| *own > 0.0).map(|(own, other)| other / own).collect::<Vec<f64>>()
        });
        Self {
            what,
            unit,
            dougong: median(figures(own)),
            python: other.map(|other| median(figures(other))),
            ratio: ratios.filter(|ratios| !ratios.is_empty()).map(median),
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

impl Report {
    pub(crate) fn new(orders: u32, sizes: [u64; 2], own: &Measured, other: Option<&Measured>) -> Self {
        let per_order = |count: u64| count as f64 / f64::from(orders);
        let of_run = |what, unit, figure: &dyn Fn(&Run) -> f64| {
            Row::new(what, unit, &own.runs, other.map(|other| other.runs.as_slice()), figure)
        };
        let of_start = |what, unit, starts: fn(&Measured) -> &[Start], figure: &dyn Fn(&Start) -> f64| {
            Row::new(what, unit, starts(own), other.map(starts), figure)
        };
        let pull: fn(&Measured) -> &[Start] = |measured| &measured.pull_starts;
        let deliver: fn(&Measured) -> &[Start] = |measured| &measured.deliver_starts;
        let cpu = |time: Duration| milliseconds(time) / f64::from(orders);
        let size =
            |what, bytes: u64| Row { what, unit: "MB", dougong: megabytes(bytes), python: None, ratio: None };
        let rows = vec![
            of_run("CPU per order", "ms", &|run| cpu(run.pull_cpu + run.deliver_cpu)),
            of_run("  of pull", "ms", &|run| cpu(run.pull_cpu)),
            of_run("  of deliver", "ms", &|run| cpu(run.deliver_cpu)),
            of_run("time per order, local cloud included", "ms", &|run| cpu(run.wall)),
            of_run("peak memory of pull", "MB", &|run| megabytes(run.pull_memory)),
            of_run("peak memory of deliver", "MB", &|run| megabytes(run.deliver_memory)),
            of_start("CPU from start to first poll, pull", "ms", pull, &|start| milliseconds(start.cpu)),
            of_start("CPU from start to first poll, deliver", "ms", deliver, &|start| {
                milliseconds(start.cpu)
            }),
            of_start("time from start to first poll, deliver", "ms", deliver, &|start| {
                milliseconds(start.wall)
            }),
            of_start("memory at first poll, deliver", "MB", deliver, &|start| megabytes(start.memory)),
            of_run("DynamoDB writes of the document per order", "", &|run| per_order(run.document_writes)),
            of_run("DynamoDB writes beside it (pace, watermark) per order", "", &|run| {
                per_order(run.other_writes)
            }),
            of_run("DynamoDB reads per order", "", &|run| per_order(run.reads)),
            of_run("SQS requests of the functions per order", "", &|run| per_order(run.sqs_sends)),
            of_run("SQS requests of the event source per order", "", &|run| per_order(run.sqs_of_lambda)),
            of_run("calls to BIP per order", "", &|run| per_order(run.bip_calls)),
            of_run("calls to WDT per order", "", &|run| per_order(run.wdt_calls)),
            size("size of pull", sizes[0]),
            size("size of deliver", sizes[1]),
        ];
        Self { orders, rows }
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_header(["", "Dougong", "Python", "Python ÷ Dougong", ""]);
        for row in &self.rows {
            let number =
                |value: f64| if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
            let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            let optional = |value: Option<f64>| right(value.map(number).unwrap_or_default());
            table.add_row([
                Cell::new(row.what),
                right(number(row.dougong)),
                optional(row.python),
                optional(row.ratio),
                Cell::new(row.unit),
            ]);
        }
        table
    }
}
