//! The promises of `dougong-bip` towards a gateway that says what each test wants to hear.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]

mod check;
mod gateway;
mod order;
mod outcomes;
mod session;
mod wire;
