//! A communicator: the connection between the devices of several ranks.
#![expect(unsafe_code, reason = "calls NCCL with addresses of the device")]

use super::{
    element::Element,
    operation::{Lengths, Operation, ROOT},
};
use crate::{
    gpu::{
        device::Device,
        error::GpuError,
        lane::{self, LIMIT},
        library::Library,
    },
    ranks::{Group, RankError},
};
use cudarc::{
    driver::sys::CUdeviceptr,
    nccl::{
        result::{self, NcclError},
        sys::{self, ncclComm_t, ncclRedOp_t, ncclResult_t, ncclUniqueId},
    },
};
use std::{ffi::c_void, mem::MaybeUninit, sync::mpsc, thread};

/// The first version with everything that is used here: sending, receiving, averages.
const OLDEST: i32 = 21_000;

/// That NCCL is there and new enough.
///
/// # Errors
/// [`GpuError::Missing`], with what to do.
pub(super) fn require() -> Result<(), GpuError> {
    Library::Nccl.require()?;
    let version = result::get_nccl_version().map_err(refused("asking NCCL for its version"))?;
    // Before 2.9 the code was major * 1000 + minor * 100 + patch.
    if version < OLDEST {
        return Err(GpuError::Missing(format!(
            "NCCL is too old (version code {version}): install 2.10 or later"
        )));
    }
    Ok(())
}

/// What NCCL means by `error` while it tried `what`.
fn refused(what: &'static str) -> impl Fn(NcclError) -> GpuError {
    move |NcclError(code)| GpuError::Library(format!("{what}: {code:?}{}", hint(code)))
}

/// What to do about `code` (NCCL's user guide, "Types").
const fn hint(code: ncclResult_t) -> &'static str {
    match code {
        ncclResult_t::ncclUnhandledCudaError => ": a call of CUDA failed: NCCL_DEBUG=INFO says which",
        ncclResult_t::ncclSystemError => {
            ": a call of the system failed: is /dev/shm large enough? NCCL_DEBUG=INFO says which"
        }
        ncclResult_t::ncclRemoteError => ": another rank is lost, or the network",
        ncclResult_t::ncclInvalidUsage => ": do several ranks have one device? See --devices",
        ncclResult_t::ncclInvalidArgument | ncclResult_t::ncclInternalError => ": NCCL_DEBUG=INFO says more",
        _ => "",
    }
}

/// The connection between the devices of several ranks.
#[derive(Debug)]
pub(super) struct Communicator {
    raw: ncclComm_t,
    rank: usize,
    ranks: usize,
}

/// What a thread hands over once.
struct Raw(ncclComm_t);

// SAFETY: NCCL's communicators belong to no thread; one thread at a time uses this one.
unsafe impl Send for Raw {}

impl Communicator {
    /// Connects the devices of all ranks of `group`, within [`LIMIT`]; collective.
    ///
    /// # Errors
    /// [`GpuError`] if NCCL refuses or takes too long. A rank that is lost unwinds with [`RankError`].
    pub(super) fn connect(device: &Device, group: &Group) -> Result<Self, GpuError> {
        let id = || {
            result::get_uniqueid().map(|id| id.internal.to_vec()).map_err(refused("asking NCCL for an id"))
        };
        let id =
            group.broadcast(|| id().map_err(|error| error.to_string())).unwrap_or_else(|error| lost(error));
        let id = id.map_err(GpuError::Library)?;
        let internal =
            id.try_into().map_err(|_| GpuError::Library("rank 0's id is none of NCCL's".into()))?;
        let id = ncclUniqueId { internal };
        let (rank, ranks) = (group.rank(), group.size());
        let (context, (sender, made)) = (device.context.clone(), mpsc::channel());
        // It waits for all ranks without any limit of its own.
        thread::spawn(move || {
            let bound = context.bind_to_thread().map_err(GpuError::driver("connecting to the other devices"));
            let made = bound.and_then(|()| connect(id, rank, ranks)).map(Raw);
            let _ = sender.send(made);
        });
        let what = "connecting to the other devices";
        let made = made.recv_timeout(LIMIT).unwrap_or_else(|error| match error {
            mpsc::RecvTimeoutError::Timeout => lane::late(what),
            // The thread panicked, as it does where a library lacks a function.
            mpsc::RecvTimeoutError::Disconnected => {
                Err(GpuError::Missing(format!("{what}: this NCCL is too old: install a newer one")))
            }
        });
        Ok(Self { raw: made?.0, rank, ranks })
    }

    /// Which of the ranks this is.
    pub(super) const fn rank(&self) -> usize {
        self.rank
    }

    /// How many there are.
    pub(super) const fn ranks(&self) -> usize {
        self.ranks
    }

    /// Whether NCCL has noticed that something went wrong since it was asked.
    pub(super) fn look(&self) -> Result<(), GpuError> {
        let mut state = ncclResult_t::ncclSuccess;
        // SAFETY: the communicator lives, and `state` outlives the call.
        let asked = unsafe { sys::ncclCommGetAsyncError(self.raw, &raw mut state) };
        asked.result().and(state.result()).map(drop).map_err(refused("a collective"))
    }

    /// Enqueues `operation` from `send` to `receive`, addresses of as many elements as `lengths` says.
    ///
    /// # Safety
    /// Both lie on `device`, as long as `lengths` says, until the stream has come past it.
    pub(super) unsafe fn enqueue(
        &self,
        device: &Device,
        operation: Operation,
        (lengths, element): (Lengths, Element),
        (send, receive): (CUdeviceptr, CUdeviceptr),
    ) -> Result<(), GpuError> {
        let (from, to) = (send as *const c_void, receive as *mut c_void);
        let stream = device.stream.cu_stream().cast();
        let (count, kind, root) = (lengths.count, element.nccl(), signed(ROOT));
        let (sum, raw) = (ncclRedOp_t::ncclSum, self.raw);
        // SAFETY: as this function demands.
        let enqueued = unsafe {
            match operation {
                Operation::AllReduce => result::all_reduce(from, to, count, kind, sum, raw, stream),
                Operation::AllGather => result::all_gather(from, to, count, kind, raw, stream),
                Operation::ReduceScatter => result::reduce_scatter(from, to, count, kind, sum, raw, stream),
                Operation::Broadcast => result::broadcast(from, to, count, kind, root, raw, stream),
                Operation::Reduce => result::reduce(from, to, count, kind, sum, root, raw, stream),
                Operation::AllToAll => {
                    let part = (count * element.bytes()) as u64;
                    let peers = (0..self.ranks)
                        .map(|peer| (peer, send + peer as u64 * part, peer, receive + peer as u64 * part));
                    return self.exchange(device, (count, element), peers);
                }
                Operation::SendRecv => {
                    let (next, before) =
                        ((self.rank + 1) % self.ranks, (self.rank + self.ranks - 1) % self.ranks);
                    return self.exchange(
                        device,
                        (count, element),
                        std::iter::once((next, send, before, receive)),
                    );
                }
            }
        };
        enqueued.map(drop).map_err(refused("enqueueing a collective"))
    }

    /// Enqueues the sending of `count` elements to one rank and the receiving of as many from another for each
    /// of `pairs` (to whom, from where, from whom, to where), all at once.
    ///
    /// # Safety
    /// As for [`enqueue`](Self::enqueue).
    unsafe fn exchange(
        &self,
        device: &Device,
        (count, element): (usize, Element),
        pairs: impl Iterator<Item = (usize, CUdeviceptr, usize, CUdeviceptr)>,
    ) -> Result<(), GpuError> {
        let problem = refused("enqueueing sends and receives");
        let stream = device.stream.cu_stream().cast();
        let kind = element.nccl();
        result::group_start().map_err(&problem)?;
        let mut enqueued = Ok(());
        for (next, from, before, to) in pairs {
            let (from, to) = (from as *const c_void, to as *mut c_void);
            // SAFETY: as this function demands.
            let pair = unsafe {
                result::send(from, count, kind, signed(next), self.raw, stream)
                    .and_then(|_| result::recv(to, count, kind, signed(before), self.raw, stream))
            };
            enqueued = enqueued.and(pair.map(drop));
        }
        // A group that was begun is ended whatever happened in it.
        let ended = result::group_end().map(drop);
        enqueued.and(ended).map_err(problem)
    }

    /// Enqueues the mean over all ranks of `count` numbers of type f32 at `place`, in place.
    ///
    /// # Safety
    /// They lie on `device` until the stream has come past it.
    pub(super) unsafe fn mean(
        &self,
        device: &Device,
        place: CUdeviceptr,
        count: usize,
    ) -> Result<(), GpuError> {
        let (kind, stream) = (Element::F32.nccl(), device.stream.cu_stream().cast());
        let (from, to) = (place as *const c_void, place as *mut c_void);
        // SAFETY: as this function demands.
        unsafe { result::all_reduce(from, to, count, kind, ncclRedOp_t::ncclAvg, self.raw, stream) }
            .map(drop)
            .map_err(refused("enqueueing an all-reduce"))
    }
}

impl Drop for Communicator {
    fn drop(&mut self) {
        // Where something failed, other ranks may never answer: nothing is waited for.
        // SAFETY: it was made by this value, and is used no more.
        let _ = unsafe {
            if thread::panicking() { sys::ncclCommAbort(self.raw) } else { sys::ncclCommDestroy(self.raw) }
        };
    }
}

/// The communicator of `ranks` ranks that know `id`; waits for all of them.
fn connect(id: ncclUniqueId, rank: usize, ranks: usize) -> Result<ncclComm_t, GpuError> {
    let mut raw = MaybeUninit::uninit();
    // SAFETY: `raw` is written where the call succeeds, and read nowhere else.
    unsafe {
        result::comm_init_rank(raw.as_mut_ptr(), signed(ranks), id, signed(rank))
            .map_err(refused("connecting to the other devices"))?;
        Ok(raw.assume_init())
    }
}

/// Ranks are few.
fn signed(rank: usize) -> i32 {
    i32::try_from(rank).unwrap_or(i32::MAX)
}

/// A rank that is lost ends the session, not the benchmark.
fn lost(error: RankError) -> ! {
    std::panic::resume_unwind(Box::new(error))
}
