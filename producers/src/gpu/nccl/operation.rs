//! What each collective moves, as nccl-tests defines it: lengths, places, results.

/// A collective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    AllReduce,
    AllGather,
    ReduceScatter,
    Broadcast,
    Reduce,
    AllToAll,
    SendRecv,
}

/// The rank that broadcasts, and to which is reduced.
pub(super) const ROOT: usize = 0;
/// Parts of a rank are whole vectors of so many bytes where they are not shorter than one.
const VECTOR: usize = 16;

/// Lengths of one benchmark, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    /// What NCCL is told.
    pub(super) count: usize,
    /// What a rank sends and receives.
    pub(super) send: usize,
    pub(super) receive: usize,
    /// What nccl-tests calls the size.
    pub(super) size: usize,
}

/// A part of what a rank has received: elements `start` to `start + length`, which are the sums over `ranks` of
/// what they had at `from` and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) ranks: Vec<usize>,
    pub(super) from: usize,
}

impl Operation {
    /// The collective of the workload `name`.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "nccl.all_reduce" => Self::AllReduce,
            "nccl.all_gather" => Self::AllGather,
            "nccl.reduce_scatter" => Self::ReduceScatter,
            "nccl.broadcast" => Self::Broadcast,
            "nccl.reduce" => Self::Reduce,
            "nccl.all_to_all" => Self::AllToAll,
            "nccl.send_recv" => Self::SendRecv,
            _ => return None,
        })
    }

    /// The lengths for `bytes` of elements of `element` bytes at `ranks` ranks; at least one element of each.
    pub(super) fn lengths(self, bytes: usize, element: usize, ranks: usize) -> Lengths {
        let whole = (bytes / element).max(1);
        let part = (whole / ranks).max(1);
        let vector = VECTOR / element;
        let part = if part < vector { part } else { part / vector * vector };
        let all = part * ranks;
        let (count, send, receive, size) = match self {
            Self::AllReduce | Self::Broadcast | Self::Reduce | Self::SendRecv => (whole, whole, whole, whole),
            Self::AllGather => (part, part, all, all),
            Self::ReduceScatter => (part, all, part, all),
            Self::AllToAll => (part, all, all, all),
        };
        Lengths { count, send, receive, size }
    }

    /// Where, in place, `rank` sends from and receives to, in elements of the one array.
    pub(super) const fn in_place(self, lengths: Lengths, rank: usize) -> (usize, usize) {
        match self {
            Self::AllGather => (rank * lengths.count, 0),
            Self::ReduceScatter => (0, rank * lengths.count),
            _ => (0, 0),
        }
    }

    /// What `rank` of `ranks` must have received. A rank to which nothing is reduced receives nothing.
    pub(super) fn expected(self, lengths: Lengths, rank: usize, ranks: usize) -> Vec<Expected> {
        let part = lengths.count;
        let all: Vec<usize> = (0..ranks).collect();
        let whole = |ranks: Vec<usize>| vec![Expected { start: 0, length: part, ranks, from: 0 }];
        let of_each = |from: usize| -> Vec<Expected> {
            let of = |sender| Expected { start: sender * part, length: part, ranks: vec![sender], from };
            (0..ranks).map(of).collect()
        };
        match self {
            Self::AllReduce => whole(all),
            Self::Broadcast => whole(vec![ROOT]),
            Self::Reduce if rank == ROOT => whole(all),
            Self::Reduce => Vec::new(),
            Self::SendRecv => whole(vec![(rank + ranks - 1) % ranks]),
            Self::AllGather => of_each(0),
            Self::AllToAll => of_each(rank * part),
            Self::ReduceScatter => vec![Expected { start: 0, length: part, ranks: all, from: rank * part }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Operation; 7] = [
        Operation::AllReduce,
        Operation::AllGather,
        Operation::ReduceScatter,
        Operation::Broadcast,
        Operation::Reduce,
        Operation::AllToAll,
        Operation::SendRecv,
    ];

    /// Element `i` of what `rank` has, told apart by rank and place.
    fn input(rank: usize, i: usize) -> u64 {
        1_000_000 * (rank as u64 + 1) + i as u64
    }

    /// What the collective's definition leaves at `rank`, from what all ranks have (NCCL's user guide,
    /// "Collective Operations").
    fn by_definition(operation: Operation, lengths: Lengths, rank: usize, ranks: usize) -> Vec<u64> {
        let sum = |i| (0..ranks).map(|q| input(q, i)).sum();
        let n = lengths.count;
        match operation {
            Operation::AllReduce => (0..n).map(sum).collect(),
            Operation::Broadcast => (0..n).map(|i| input(ROOT, i)).collect(),
            Operation::Reduce if rank == ROOT => (0..n).map(sum).collect(),
            Operation::Reduce => Vec::new(),
            Operation::SendRecv => (0..n).map(|i| input((rank + ranks - 1) % ranks, i)).collect(),
            Operation::AllGather => (0..n * ranks).map(|i| input(i / n, i % n)).collect(),
            Operation::AllToAll => (0..n * ranks).map(|i| input(i / n, rank * n + i % n)).collect(),
            Operation::ReduceScatter => (0..n).map(|i| sum(rank * n + i)).collect(),
        }
    }

    /// What is expected is what the definition of each collective says, at every rank, and covers all of it.
    #[test]
    fn results_are_those_of_the_definitions() {
        for operation in ALL {
            for ranks in [1, 2, 3, 8] {
                let lengths = operation.lengths(4 * 96, 4, ranks);
                for rank in 0..ranks {
                    let expected = operation.expected(lengths, rank, ranks);
                    let sum = |part: &Expected, i: usize| -> u64 {
                        part.ranks.iter().map(|q| input(*q, part.from + i)).sum()
                    };
                    let found: Vec<u64> =
                        expected.iter().flat_map(|part| (0..part.length).map(|i| sum(part, i))).collect();
                    let starts: Vec<usize> = expected.iter().map(|part| part.start).collect();
                    assert!(starts.iter().enumerate().all(|(i, start)| *start == i * lengths.count));
                    assert_eq!(found, by_definition(operation, lengths, rank, ranks), "{operation:?} {rank}");
                    assert!(found.len() == lengths.receive || operation == Operation::Reduce);
                }
            }
        }
    }

    /// Sizes are those of nccl-tests: of one rank, or of all; parts are whole vectors of 16 bytes.
    #[test]
    fn sizes_are_those_of_nccl_tests() {
        let of = |operation: Operation, bytes, element, ranks| operation.lengths(bytes, element, ranks);
        assert_eq!(
            of(Operation::AllReduce, 1 << 20, 4, 8),
            Lengths { count: 1 << 18, send: 1 << 18, receive: 1 << 18, size: 1 << 18 }
        );
        assert_eq!(
            of(Operation::AllGather, 1 << 20, 2, 8),
            Lengths { count: 1 << 16, send: 1 << 16, receive: 1 << 19, size: 1 << 19 }
        );
        let scattered = of(Operation::ReduceScatter, 1000, 4, 3);
        assert_eq!(scattered, Lengths { count: 80, send: 240, receive: 80, size: 240 });
        // Eight bytes are less than an element of each of four ranks: one each.
        let tiny = of(Operation::AllToAll, 8, 4, 4);
        assert_eq!(tiny, Lengths { count: 1, send: 4, receive: 4, size: 4 });
        let huge = of(Operation::AllReduce, 4 << 30, 8, 2);
        assert_eq!(huge.size * 8, 4 << 30);
    }

    /// In place, what is sent lies where the results of the others do not go.
    #[test]
    fn places() {
        let lengths = Operation::AllGather.lengths(1 << 10, 4, 4);
        assert_eq!(Operation::AllGather.in_place(lengths, 2), (128, 0));
        assert_eq!(Operation::ReduceScatter.in_place(lengths, 2), (0, 128));
        assert_eq!(Operation::AllReduce.in_place(lengths, 2), (0, 0));
    }
}
