//! What a workload allocates: an allocator that counts while it is asked to, and passes every call on.
#![expect(unsafe_code, reason = "a global allocator is an unsafe trait's implementation")]

use super::{Read, pass::Source};
use benchlake_schemas::Metric;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

/// An allocator that counts blocks and bytes of every thread while benchlake asks it to. While it does
/// not, a call costs one load more than the allocator inside; see `docs/counters.md` for what was measured.
///
/// ```
/// use benchlake_producers::counters::{CountingAllocator, counting};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator::system();
///
/// fn main() {
///     let (text, allocated) = counting(|| String::with_capacity(100));
///     assert!(text.is_empty());
///     assert_eq!((allocated.blocks, allocated.bytes), (1, 100));
/// }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator<A = System> {
    inner: A,
}

impl CountingAllocator {
    /// Counts what goes to the system's allocator.
    #[must_use]
    pub const fn system() -> Self {
        Self::new(System)
    }
}

impl<A> CountingAllocator<A> {
    /// Counts what goes to `inner`.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

// SAFETY: every call is passed on unchanged, and counting neither allocates nor panics.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promised.
        unsafe { self.inner.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promised.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A block that grows may well be a new one with a copy: it counts as that.
        count(size);
        // SAFETY: as the caller promised.
        unsafe { self.inner.realloc(block, layout, size) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { self.inner.dealloc(block, layout) }
    }
}

/// What was allocated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allocated {
    /// Blocks: each allocation and each reallocation is one.
    pub blocks: u64,
    /// Bytes of these blocks, as they were asked for.
    pub bytes: u64,
}

/// Runs `body` and tells what all threads of the process allocated meanwhile: nothing where
/// [`CountingAllocator`] is not this program's allocator. One body at a time is counted.
pub fn counting<T>(body: impl FnOnce() -> T) -> (T, Allocated) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = start();
    let _stop = Stop;
    let result = body();
    COUNTING.store(false, Ordering::SeqCst);
    (result, total().since(before))
}

/// Stops counting when a body panics, too.
struct Stop;

impl Drop for Stop {
    fn drop(&mut self) {
        COUNTING.store(false, Ordering::SeqCst);
    }
}

impl Allocated {
    fn since(self, before: Self) -> Self {
        Self { blocks: self.blocks.wrapping_sub(before.blocks), bytes: self.bytes.wrapping_sub(before.bytes) }
    }
}

/// Threads that count without waiting for each other; more of them share.
const SHARDS: usize = 64;

/// Some threads' counts, on cache lines of their own.
#[repr(align(128))]
struct Shard {
    blocks: AtomicU64,
    bytes: AtomicU64,
}

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNTS: [Shard; SHARDS] =
    [const { Shard { blocks: AtomicU64::new(0), bytes: AtomicU64::new(0) } }; SHARDS];
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The thread's place among the shards. A constant without a destructor: it is never allocated.
    static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
}

#[inline]
fn count(size: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        counted(size);
    }
}

#[cold]
fn counted(size: usize) {
    let place = PLACE.with(|place| {
        if place.get() == usize::MAX {
            place.set(THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        place.get()
    });
    COUNTS[place].blocks.fetch_add(1, Ordering::Relaxed);
    COUNTS[place].bytes.fetch_add(size as u64, Ordering::Relaxed);
}

fn start() -> Allocated {
    let before = total();
    COUNTING.store(true, Ordering::SeqCst);
    before
}

fn total() -> Allocated {
    COUNTS.iter().fold(Allocated::default(), |sum, shard| Allocated {
        blocks: sum.blocks.wrapping_add(shard.blocks.load(Ordering::Relaxed)),
        bytes: sum.bytes.wrapping_add(shard.bytes.load(Ordering::Relaxed)),
    })
}

/// Allocations, sample by sample.
#[derive(Debug, Default)]
pub(super) struct Allocations {
    before: Allocated,
}

impl Allocations {
    /// Whether this program's allocator counts.
    ///
    /// # Errors
    /// How to make it.
    pub(super) fn probe() -> Result<(), String> {
        let (_, allocated) = counting(|| drop(black_box(Box::new(black_box(1_u64)))));
        if allocated.blocks > 0 {
            return Ok(());
        }
        Err("this program's allocator does not count: let its `#[global_allocator]` be benchlake's \
             `CountingAllocator`"
            .into())
    }
}

impl Source for Allocations {
    fn metrics(&self) -> Vec<Metric> {
        vec![Metric::Allocations, Metric::AllocatedBytes]
    }

    fn begin(&mut self) -> Result<(), String> {
        self.before = start();
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a sample are far below 2^53")]
    fn end(&mut self) -> Read {
        COUNTING.store(false, Ordering::SeqCst);
        let allocated = total().since(self.before);
        Ok(vec![allocated.blocks as f64, allocated.bytes as f64])
    }
}
