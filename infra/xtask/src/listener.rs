//! Who listens on a port, and is it a Kafka that answers?

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

/// Whether a broker at this address answers a Metadata request with at least one usable broker.
///
/// An open port is not enough: the broker opens it before it serves, and ApiVersions is answered
/// before the broker may lead a partition.
pub(crate) fn answers_metadata(address: SocketAddr) -> bool {
    ask_brokers(address).is_ok_and(|brokers| brokers > 0)
}

/// The number of brokers in a Metadata answer (version 1: no topics asked for, none returned).
fn ask_brokers(address: SocketAddr) -> std::io::Result<i32> {
    const PATIENCE: Duration = Duration::from_secs(1);
    #[rustfmt::skip]
    const REQUEST: [u8; 23] = [
        0, 0, 0, 19,                        // bytes that follow
        0, 3, 0, 1,                         // Metadata, version 1
        0, 0, 0, 7,                         // correlation id
        0, 5, b'x', b't', b'a', b's', b'k', // client id
        0, 0, 0, 0,                         // topics: none
    ];
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&REQUEST)?;
    let mut answer = [0; 12]; // length, correlation id, number of brokers
    stream.read_exact(&mut answer)?;
    let [.., a, b, c, d] = answer;
    let correlation = &answer[4..8];
    Ok(if correlation == &REQUEST[8..12] { i32::from_be_bytes([a, b, c, d]) } else { 0 })
}

/// Whether nothing listens on this address.
pub(crate) fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

/// The process that listens on a port, as `pid 123 (command line)`, where /proc tells.
pub(crate) fn holder(port: u16) -> Option<String> {
    let socket = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_socket(&table, port))?;
    let holds_it = |pid: &String| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == &*socket))
    };
    let names = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.file_name().display().to_string());
    let pid = names.filter(|name| name.parse::<u32>().is_ok()).find(holds_it)?;
    let words = command_line(&pid).join(" ");
    let shown: String = words.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(format!("pid {pid} ({shown})"))
}

/// The words of a process's command line; none where there is no such process, or a dead one.
pub(crate) fn command_line(pid: &str) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// `socket:[inode]` of the listener on `port` in the text of /proc/net/tcp.
fn listening_socket(table: &str, port: u16) -> Option<String> {
    let port = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&port) && *fields.get(3)? == "0A";
        is_it.then_some(format!("socket:[{}]", fields.get(9)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only a listener counts, not a connection on the same port.
    #[test]
    fn finds_the_listening_socket() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:4A94 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 11 1\n\
             1: 0100007F:4A94 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1\n";
        assert_eq!(listening_socket(table, 19_092).as_deref(), Some("socket:[22]"));
        assert_eq!(listening_socket(table, 19_093), None);
    }

    /// A port that someone holds is not free, and its holder is named.
    #[test]
    fn names_the_holder() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        assert!(!is_free(address));
        let holder = holder(address.port()).unwrap_or_default();
        assert!(holder.starts_with(&format!("pid {} (", std::process::id())), "{holder}");
        Ok(())
    }
}
