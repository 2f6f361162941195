#![doc = include_str!("../README.md")]

mod dead_letter;
mod message;
mod queue;
mod tending;

pub use dead_letter::DeadLetterError;
pub use message::{DecodeError, Encoded, Message};
pub use queue::{DelayError, Queue, SendError, Sent, TooLarge, Unsent};
pub use tending::{DeadLetter, Depth, Redriven, TendError};
