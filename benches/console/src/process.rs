//! What the kernel says about a process: that of the page's function, and this one.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// A living process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

impl Process {
    /// Returns this process: of a page it does the work of the emulated services and of the host.
    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// Finds the child that runs a program.
    pub(crate) fn of(program: &Path) -> Option<Self> {
        let program = program.canonicalize().ok()?;
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let own = format!("PPid:\t{}", std::process::id());
        let is_child = |id: &u32| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            status.lines().any(|line| line == own)
        };
        let mut of_program =
            ids.filter(|id| fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == program));
        of_program.find(is_child).map(Self)
    }

    /// Returns the processor time of its living threads so far.
    pub(crate) fn cpu(self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).into_iter().flatten().flatten();
        let nanoseconds = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Returns the most memory it had at once (resident set), in bytes.
    pub(crate) fn peak_memory(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kilobytes.unwrap_or_default() * 1024
    }
}
