//! The processes that measure together, and what they tell each other on the host.

use super::{RankError, link::Link};
use serde::{Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};

/// The processes that measure together: ranks 0 to n - 1, of which this is one. Rank 0 leads: every message goes
/// to it or comes from it. All ranks call the same operations in the same order.
///
/// Every wait has a limit. When a connection is closed, rank 0 tells all others which, and every rank's next
/// operation fails with [`RankError::Died`].
#[derive(Debug, Clone)]
pub struct Group {
    rank: usize,
    size: usize,
    /// Of rank 0 to all others, in their order; of another rank to rank 0.
    links: Arc<Vec<Link>>,
}

impl Group {
    /// The group of a process that measures alone.
    ///
    /// ```
    /// use benchlake_producers::ranks::Group;
    /// let alone = Group::alone();
    /// alone.barrier()?;
    /// assert_eq!((alone.rank(), alone.size(), alone.gather(&7)?), (0, 1, vec![7]));
    /// # Ok::<(), benchlake_producers::ranks::RankError>(())
    /// ```
    #[must_use]
    pub fn alone() -> Self {
        Self::of(0, 1, Vec::new())
    }

    pub(super) fn of(rank: usize, size: usize, links: Vec<Link>) -> Self {
        Self { rank, size, links: Arc::new(links) }
    }

    /// Which of them this is.
    #[must_use]
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// How many they are.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Whether this is rank 0.
    #[must_use]
    pub const fn leads(&self) -> bool {
        self.rank == 0
    }

    /// The first `size` ranks; `None` where there are fewer, or this is none of them.
    #[must_use]
    pub fn first(&self, size: usize) -> Option<Self> {
        (self.rank < size && size <= self.size).then(|| Self { size, ..self.clone() })
    }

    /// How long each wait may last from now on.
    pub(crate) fn wait_at_most(&self, limit: Duration) -> Result<(), RankError> {
        self.links.iter().try_for_each(|link| link.wait_at_most(limit))
    }

    /// Returns when every rank has called it.
    ///
    /// # Errors
    /// [`RankError`] if one does not.
    pub fn barrier(&self) -> Result<(), RankError> {
        let hear = |link: &Link| link.receive().map(drop);
        self.each(|link| if self.leads() { hear(link) } else { link.send(&[]) })?;
        self.each(|link| if self.leads() { link.send(&[]) } else { hear(link) })
    }

    /// At every rank, what rank 0 says; what the others would say is not asked for.
    ///
    /// # Errors
    /// [`RankError`] if it cannot be told or heard.
    pub fn broadcast<T: Serialize + DeserializeOwned>(
        &self,
        say: impl FnOnce() -> T,
    ) -> Result<T, RankError> {
        if self.leads() {
            let value = say();
            let message = encode(&value)?;
            self.each(|link| link.send(&message))?;
            return Ok(value);
        }
        let mut heard = None;
        self.each(|link| {
            heard = Some(decode(link)?);
            Ok(())
        })?;
        heard.ok_or_else(|| RankError::Here("it has no connection to rank 0".into()))
    }

    /// At rank 0, what every rank says, in their order; nothing elsewhere.
    ///
    /// # Errors
    /// [`RankError`] if it cannot be told or heard.
    pub fn gather<T: Serialize + DeserializeOwned>(&self, mine: &T) -> Result<Vec<T>, RankError> {
        let message = encode(mine)?;
        let again = |message: &[u8]| serde_json::from_slice(message);
        let mut all = Vec::new();
        if self.leads() {
            all.push(again(&message).map_err(|error| RankError::Here(error.to_string()))?);
        }
        self.each(|link| {
            if self.leads() {
                all.push(decode(link)?);
                return Ok(());
            }
            link.send(&message)
        })?;
        Ok(all)
    }

    /// Does `what` with the link to each rank of the group. Where one fails, all ranks of the session hear why.
    fn each(&self, mut what: impl FnMut(&Link) -> Result<(), RankError>) -> Result<(), RankError> {
        for link in &self.links[..self.links.len().min(self.size - 1)] {
            if let Err(error) = what(link) {
                if self.leads() {
                    let others = self.links.iter().filter(|other| other.to != link.to);
                    others.for_each(|other| other.send_died(link.to));
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, RankError> {
    serde_json::to_vec(value).map_err(|error| RankError::Here(error.to_string()))
}

fn decode<T: DeserializeOwned>(link: &Link) -> Result<T, RankError> {
    let message = link.receive()?;
    serde_json::from_slice(&message).map_err(|error| link.out_of_step(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::free_address;
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Instant,
    };

    /// What each of `size` ranks makes of its group.
    fn ranks<T: Send>(size: usize, what: impl Fn(Group) -> T + Sync) -> Vec<T> {
        let address = free_address().expect("an address");
        thread::scope(|scope| {
            let started: Vec<_> = (0..size)
                .map(|rank| {
                    let (address, what) = (&address, &what);
                    scope.spawn(move || what(Group::meet(rank, size, address, "word").expect("a group")))
                })
                .collect();
            started.into_iter().map(|rank| rank.join().expect("it ends")).collect()
        })
    }

    /// Every rank hears rank 0, rank 0 hears every rank, and part of them can do so alone.
    #[test]
    fn messages_arrive() {
        let heard = ranks(3, |group| {
            let told: u64 = group.broadcast(|| 7).expect("told");
            let gathered = group.gather(&(10 * group.rank() + 1)).expect("gathered");
            let part = group.first(2).map(|part| part.gather(&group.rank()).expect("gathered"));
            (told, gathered, part)
        });
        assert_eq!(heard[0], (7, vec![1, 11, 21], Some(vec![0, 1])));
        assert_eq!(heard[1], (7, vec![], Some(vec![])));
        assert_eq!(heard[2], (7, vec![], None));
        assert!(Group::alone().first(2).is_none());
    }

    /// No rank leaves a barrier before all have entered it.
    #[test]
    fn barriers_hold() {
        let entered = AtomicUsize::new(0);
        let seen = ranks(3, |group| {
            thread::sleep(Duration::from_millis(20 * group.rank() as u64));
            entered.fetch_add(1, Ordering::SeqCst);
            group.barrier().expect("a barrier");
            entered.load(Ordering::SeqCst)
        });
        assert_eq!(seen, [3, 3, 3]);
    }

    /// When a rank is gone, all others hear which within seconds.
    #[test]
    fn a_death_is_told_by_name() {
        let begun = Instant::now();
        let ends = ranks(3, |group| if group.rank() == 2 { None } else { Some(group.barrier()) });
        assert_eq!(
            ends[..2],
            [Some(Err(RankError::Died { rank: 2 })), Some(Err(RankError::Died { rank: 2 }))]
        );
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    /// A rank that says nothing is waited for as long as allowed, and named.
    #[test]
    fn silence_has_a_limit() {
        let ends = ranks(2, |group| {
            group.wait_at_most(Duration::from_secs(1)).expect("a limit");
            if group.leads() {
                return Some(group.barrier());
            }
            thread::sleep(Duration::from_secs(2));
            None
        });
        assert_eq!(ends[0], Some(Err(RankError::Silent { rank: 1, seconds: 1 })));
    }

    /// Who does not know the word, or says nothing, is not let in and keeps nobody out.
    #[test]
    fn strangers_stay_outside() {
        let address = free_address().expect("an address");
        thread::scope(|scope| {
            let leader = scope.spawn(|| Group::meet(0, 2, &address, "word"));
            let stranger = scope.spawn(|| Group::meet(1, 2, &address, "other"));
            assert_eq!(stranger.join().expect("it ends").err(), Some(RankError::Died { rank: 0 }));
            let friend = Group::meet(1, 2, &address, "word").expect("let in");
            assert_eq!((friend.rank(), leader.join().expect("it ends").expect("a group").size()), (1, 2));
        });
    }
}
