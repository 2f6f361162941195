//! What Dougong promises a chain of stores, each promise a test of its name, on the real binaries.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accepting;
mod chain;
mod events;
mod reconciling;
mod sweeping;
mod telling;
