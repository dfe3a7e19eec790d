//! Binding what the configuration names.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
};

use socket2::{Domain, SockAddr, Socket, Type};

use super::{ListenerError, SOCKET_PATH_MAX};
use crate::{Endpoint, Place};

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 1024;
/// Every local user may submit; the kernel tells who it is.
const SOCKET_MODE: u32 = 0o666;

/// A listening socket; `None` if the place is an IPv6 one and the machine has no IPv6.
pub(super) fn bind(endpoint: &Endpoint) -> Result<Option<Socket>, ListenerError> {
    let bound = match &endpoint.place {
        Place::Tcp(address) => tcp(*address),
        Place::Unix(path) => unix(path),
    };
    match bound {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if lacks_ipv6(&endpoint.place, &error) => {
            tracing::warn!(
                listener = endpoint.name, place = %endpoint.place,
                "not listening there: this machine has no IPv6"
            );
            Ok(None)
        }
        Err(error) => Err(explain(endpoint, error)),
    }
}

fn tcp(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // So that the same port can be listed for IPv4 as well.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn unix(path: &Path) -> io::Result<Socket> {
    // What a killed process has left answers nobody; a living one's socket is not taken away.
    match UnixStream::connect(path) {
        Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        Err(_) => {}
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn lacks_ipv6(place: &Place, error: &io::Error) -> bool {
    let no_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    matches!(place, Place::Tcp(address) if address.is_ipv6())
        && (error.raw_os_error() == Some(no_family)
            || error.kind() == io::ErrorKind::AddrNotAvailable)
}

fn is_too_long(place: &Place) -> bool {
    matches!(place, Place::Unix(path) if path.as_os_str().len() > SOCKET_PATH_MAX)
}

fn explain(endpoint: &Endpoint, cause: io::Error) -> ListenerError {
    let (name, place) = (endpoint.name, endpoint.place.to_string());
    match cause.kind() {
        _ if is_too_long(&endpoint.place) => ListenerError::PathTooLong { name, place },
        io::ErrorKind::AddrInUse => ListenerError::InUse { name, place },
        io::ErrorKind::PermissionDenied => ListenerError::NotAllowed { name, place },
        _ => ListenerError::Other { name, place, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(place: Place) -> Endpoint {
        Endpoint { name: "imap", place }
    }

    #[test]
    fn a_taken_port_is_one_clear_line() {
        let first = bind(&endpoint(Place::Tcp(([127, 0, 0, 1], 0).into()))).unwrap().unwrap();
        let address = first.local_addr().unwrap().as_socket().unwrap();
        let error = bind(&endpoint(Place::Tcp(address))).unwrap_err().to_string();
        assert!(error.starts_with(&format!("imap: {address} is in use")), "{error}");
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_one_clear_line() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(SOCKET_PATH_MAX));
        let error = bind(&endpoint(Place::Unix(long))).unwrap_err().to_string();
        assert!(error.contains("too long for a Unix socket, 107 bytes at most"), "{error}");
    }

    #[test]
    fn a_dead_process_socket_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Unix(folder.path().join("run/submission.sock"));
        let first = bind(&endpoint(place.clone())).unwrap().unwrap();
        assert!(matches!(bind(&endpoint(place.clone())), Err(ListenerError::InUse { .. })));
        drop(first);
        assert!(bind(&endpoint(place)).unwrap().is_some());
    }
}
