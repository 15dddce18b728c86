//! What goes wrong on the way: records sent twice, late, or damaged.

use super::{Fleet, stream::stream};
use benchlake_schemas::{Envelope, header};
use rand::{Rng, RngExt};

/// How much goes wrong on the way, as shares between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Faults {
    /// Of records that are sent again after those of their session, as a producer that restarted
    /// would.
    pub duplicates: f64,
    /// Of nodes whose records all arrive after those of all other nodes: cut off, then back.
    pub late: f64,
    /// Of records that are followed by a damaged message.
    pub broken: f64,
}

impl Faults {
    /// All sessions of `fleet` in the order of delivery: node, round, whether the node is late. Runs
    /// come after each other; late nodes come last, each node's sessions in their order.
    pub(super) fn order(self, fleet: &Fleet) -> impl Iterator<Item = (u32, u32, bool)> {
        let (nodes, sessions, seed) = (fleet.plan().nodes, fleet.plan().sessions, fleet.plan().seed);
        let is_late = move |node| stream(seed, [node, 0, 0], "late").random::<f64>() < self.late;
        let (late, punctual): (Vec<u32>, Vec<u32>) = (0..nodes).partition(|&node| is_late(node));
        [(punctual, false), (late, true)].into_iter().flat_map(move |(nodes, late)| {
            (0..sessions)
                .flat_map(move |round| nodes.clone().into_iter().map(move |node| (node, round, late)))
        })
    }
}

/// A copy of `envelope` that no lander can open.
pub(super) fn damaged(envelope: &Envelope, random: &mut impl Rng) -> Envelope {
    let mut damaged = envelope.clone();
    let length = damaged.payload.len().max(2);
    match random.random_range(0..3) {
        // Cut short before its checksum was made.
        0 => {
            damaged.payload.truncate(random.random_range(1..length));
            damaged.headers.retain(|(key, _)| key != header::CRC);
        }
        // One bit is not as it was when its checksum was made.
        1 => {
            let place = random.random_range(0..length);
            if let Some(byte) = damaged.payload.get_mut(place) {
                *byte ^= 1 << random.random_range(0..8_u32);
            }
        }
        // Somebody else's.
        _ => {
            damaged.headers.clear();
            damaged.payload = format!("no Arrow at all: {:016x}", random.random::<u64>()).into_bytes();
        }
    }
    damaged
}
