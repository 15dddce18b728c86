//! One connection between two ranks: short messages, each with its kind and length before it.

use super::RankError;
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A message: what it is, its length (little endian), its bytes.
const HEADER: usize = 5;
const DATA: u8 = 0;
/// Instead of what comes next: the rank that died.
const DIED: u8 = 1;
/// Longer than any message; what a stranger sends is not allocated.
const LONGEST: u32 = 1 << 30;

/// A connection to the rank `to`.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) to: usize,
    stream: TcpStream,
    /// Seconds that a wait may last.
    limit: AtomicU64,
}

impl Link {
    pub(super) fn new(to: usize, stream: TcpStream) -> std::io::Result<Self> {
        // Messages are short and waited for.
        stream.set_nodelay(true)?;
        Ok(Self { to, stream, limit: AtomicU64::new(0) })
    }

    /// How long a message may be waited for, in whole seconds, at least one.
    pub(super) fn wait_at_most(&self, limit: Duration) -> Result<(), RankError> {
        let seconds = limit.as_secs().max(1);
        self.limit.store(seconds, Ordering::Relaxed);
        let limit = Some(Duration::from_secs(seconds));
        let set = self.stream.set_read_timeout(limit).and_then(|()| self.stream.set_write_timeout(limit));
        set.map_err(|error| self.failed(&error))
    }

    pub(super) fn send(&self, message: &[u8]) -> Result<(), RankError> {
        self.write(DATA, message)
    }

    /// Tells that `rank` died. Who cannot be told sees it by itself.
    pub(super) fn send_died(&self, rank: usize) {
        let _ = self.write(DIED, &(rank as u64).to_le_bytes());
    }

    fn write(&self, kind: u8, message: &[u8]) -> Result<(), RankError> {
        let length = u32::try_from(message.len()).ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| self.out_of_step("a message is too long"))?;
        let mut packet = Vec::with_capacity(HEADER + message.len());
        packet.push(kind);
        packet.extend_from_slice(&length.to_le_bytes());
        packet.extend_from_slice(message);
        (&self.stream).write_all(&packet).map_err(|error| self.failed(&error))
    }

    /// The next message.
    ///
    /// # Errors
    /// [`RankError`] if none comes.
    pub(super) fn receive(&self) -> Result<Vec<u8>, RankError> {
        let mut header = [0; HEADER];
        self.read(&mut header)?;
        let [kind, length @ ..] = header;
        let length = u32::from_le_bytes(length);
        if length > LONGEST {
            return Err(self.out_of_step("a message is too long"));
        }
        let mut message = vec![0; length as usize];
        self.read(&mut message)?;
        match (kind, <[u8; 8]>::try_from(message.as_slice())) {
            (DATA, _) => Ok(message),
            (DIED, Ok(rank)) => {
                Err(RankError::Died { rank: usize::try_from(u64::from_le_bytes(rank)).unwrap_or(usize::MAX) })
            }
            _ => Err(self.out_of_step(&format!("a message of the unknown kind {kind}"))),
        }
    }

    fn read(&self, buffer: &mut [u8]) -> Result<(), RankError> {
        (&self.stream).read_exact(buffer).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> RankError {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                RankError::Silent { rank: self.to, seconds: self.limit.load(Ordering::Relaxed) }
            }
            _ => RankError::Died { rank: self.to },
        }
    }

    pub(super) fn out_of_step(&self, problem: &str) -> RankError {
        RankError::OutOfStep { rank: self.to, problem: problem.to_owned() }
    }
}
