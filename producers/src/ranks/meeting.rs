//! How the ranks of a session find each other: rank 0 listens, the others connect.

use super::{Group, RankError, link::Link};
use std::{
    io,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

/// How long ranks wait for each other: their processes start at the same time.
const MEETING: Duration = Duration::from_secs(60);
/// How long who connects may take to say who it is.
const GREETING: Duration = Duration::from_secs(1);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// An address of this machine at which nothing listens.
///
/// # Errors
/// What the system reports.
pub(crate) fn free_address() -> io::Result<String> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string())
}

impl Group {
    /// The group of the `size` ranks that come to `address` with the same `word`, which nobody else knows, as
    /// its rank `rank`.
    ///
    /// # Errors
    /// [`RankError`] if they do not meet within a minute.
    pub(crate) fn meet(rank: usize, size: usize, address: &str, word: &str) -> Result<Self, RankError> {
        let links = if rank == 0 { listen(size, address, word) } else { join(rank, address, word) };
        let group = Self::of(rank, size, links?);
        group.wait_at_most(MEETING)?;
        group.barrier()?;
        Ok(group)
    }
}

fn meeting(address: &str, problem: impl ToString) -> RankError {
    RankError::Meeting { address: address.to_owned(), problem: problem.to_string() }
}

/// Rank 0's links to all others, in their order.
fn listen(size: usize, address: &str, word: &str) -> Result<Vec<Link>, RankError> {
    let failed = |error: io::Error| meeting(address, error);
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let begun = Instant::now();
    let mut links: Vec<Option<Link>> = (1..size).map(|_| None).collect();
    while let Some(missing) = links.iter().position(Option::is_none) {
        if begun.elapsed() > MEETING {
            return Err(meeting(address, format!("rank {} did not come", missing + 1)));
        }
        match listener.accept() {
            Ok((stream, _)) => {
                // A stranger is not let in, and keeps nobody out.
                if let Some(link) = greet(stream, word)
                    && let Some(place @ None) = links.get_mut(link.to.wrapping_sub(1))
                {
                    *place = Some(link);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(links.into_iter().flatten().collect())
}

/// The link to whoever has connected, if it knows the word.
fn greet(stream: TcpStream, word: &str) -> Option<Link> {
    stream.set_nonblocking(false).ok()?;
    let mut link = Link::new(0, stream).ok()?;
    link.wait_at_most(GREETING).ok()?;
    let message = String::from_utf8(link.receive().ok()?).ok()?;
    link.to = message.strip_prefix(word)?.trim().parse().ok()?;
    Some(link)
}

/// The link of `rank` to rank 0.
fn join(rank: usize, address: &str, word: &str) -> Result<Vec<Link>, RankError> {
    let begun = Instant::now();
    let stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) if begun.elapsed() > MEETING => return Err(meeting(address, error)),
            Err(_) => std::thread::sleep(PAUSE),
        }
    };
    let link = Link::new(0, stream).map_err(|error| meeting(address, error))?;
    link.wait_at_most(MEETING)?;
    link.send(format!("{word} {rank}").as_bytes())?;
    Ok(vec![link])
}
