//! Ids in the shapes that AWS gives them.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns 64 bits that no other call of this process returned, as far as chance allows. Not for secrets.
fn unique() -> u64 {
    // Every `RandomState` has keys of its own, drawn from the system once per thread.
    RandomState::new().build_hasher().finish()
}

/// Returns a new request id: a version 4 UUID.
pub(crate) fn request_id() -> String {
    let (high, low) = (unique(), unique());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Returns a new trace id in the form of X-Ray's header, not sampled.
pub(crate) fn trace_id() -> String {
    let (root, parent) = (unique(), unique());
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    format!("Root=1-{seconds:08x}-{root:016x}{:08x};Parent={parent:016x};Sampled=0", parent >> 32)
}
