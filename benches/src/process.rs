//! What the kernel says about a process: processor time, peak memory, parent, command.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// The kernel's tick of `/proc/<pid>/stat`, the same on every Linux that Rust knows.
const TICK: Duration = Duration::from_millis(10);

/// A process of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// Names a process by its id.
    pub const fn of(id: u32) -> Self {
        Self(id)
    }

    /// Returns this process.
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// Returns the living children of this process that run a command.
    pub fn children(command: &[OsString]) -> Vec<Self> {
        let wanted = command.iter().flat_map(|word| [word.as_bytes(), b"\0"]).collect::<Vec<_>>().concat();
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let own = std::process::id();
        ids.map(Self)
            .filter(|process| process.stat(3) == Some(u64::from(own)))
            .filter(|process| process.command().is_some_and(|command| command == OsStr::from_bytes(&wanted)))
            .collect()
    }

    /// Returns the processor time since the start, in user and in kernel mode, all threads; to 10 ms.
    pub fn cpu(self) -> Duration {
        let ticks = self.stat(13).unwrap_or_default() + self.stat(14).unwrap_or_default();
        TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    /// Returns the processor time of its living threads, exactly: where ticks are too coarse, and no thread ends meanwhile.
    pub fn exact_cpu(self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).into_iter().flatten().flatten();
        let nanoseconds = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Returns the most memory it had at once (resident set), in bytes.
    pub fn peak_memory(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kilobytes.unwrap_or_default() * 1024
    }

    /// Returns a number of `/proc/<pid>/stat` by its place, from 0.
    fn stat(self, place: usize) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // The name, in brackets, may hold anything.
        let (_, rest) = text.rsplit_once(") ")?;
        rest.split(' ').nth(place.checked_sub(2)?)?.parse().ok()
    }

    fn command(self) -> Option<OsString> {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.0)).ok()?;
        Some(OsStr::from_bytes(&bytes).to_owned())
    }
}
