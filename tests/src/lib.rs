#![doc = include_str!("../README.md")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    reason = "a harness reports by panicking"
)]

mod archives;
mod binaries;
mod books;
mod latency;
mod recorded;
mod secrets;
mod time;
mod world;

pub use archives::shipped as shipped_archives;
pub use books::{Books, Parked, books_of, is_sold};
pub use latency::with_latency;
pub use recorded::{Operation, Recorded};
pub use secrets::{CONSOLE_READ_ONLY_TOKEN, CONSOLE_TOKEN, Canaries};
pub use world::{Pulled, SCHEME, TENANT, World, WorldSettings, edit};
