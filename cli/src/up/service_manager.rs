//! Tells systemd how far the program is (`Type=notify`, sd_notify(3)); nobody, when nobody asked.

/// Sends a state such as `READY=1` to the socket that `NOTIFY_SOCKET` names.
#[cfg(target_os = "linux")]
pub(super) fn tell(state: &str) {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Ok(name) = std::env::var("NOTIFY_SOCKET") else { return };
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let told = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = told {
        tracing::warn!(%error, state, "the service manager could not be told");
    }
}

/// There is no systemd here.
#[cfg(not(target_os = "linux"))]
pub(super) fn tell(_state: &str) {}
