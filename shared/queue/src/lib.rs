#![doc = include_str!("../README.md")]

mod message;
mod queue;

pub use message::{DecodeError, Encoded, Message};
pub use queue::{DelayError, Queue, SendError, Sent, TooLarge, Unsent};
