//! Whether something listens at an address: a TCP connection is opened and closed again.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};

/// How long one attempt may take, and the time between the starts of two.
const ATTEMPT: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_secs(2);

/// Whether the port accepts a connection now.
pub(crate) async fn is_open(ip: IpAddr, port: u16) -> bool {
    accepts(ip, port, ATTEMPT).await
}

async fn accepts(ip: IpAddr, port: u16, within: Duration) -> bool {
    let connect = TcpStream::connect(SocketAddr::new(ip, port));
    matches!(timeout(within, connect).await, Ok(Ok(_)))
}

/// Waits until the port accepts a connection; at least one attempt is made.
pub(crate) async fn until_open(ip: IpAddr, port: u16, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    loop {
        let started = Instant::now();
        // Never so short that a host on the other side of the world could not answer.
        let left = deadline.duration_since(started).clamp(Duration::from_secs(1), ATTEMPT);
        if accepts(ip, port, left).await {
            return true;
        }
        if Instant::now() + INTERVAL > deadline {
            return false;
        }
        sleep_until(started + INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[tokio::test]
    async fn a_port_is_open_while_somebody_listens() {
        let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(is_open(ip, port).await);
        assert!(until_open(ip, port, Duration::ZERO).await);
        drop(listener);
        assert!(!is_open(ip, port).await);
        assert!(!until_open(ip, port, Duration::ZERO).await);
    }
}
