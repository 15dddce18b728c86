//! The two sides of a copy: memory of the host or of a device, with a pattern in it.
#![expect(unsafe_code, reason = "allocates memory, and copies to and from it")]

use super::super::{error::GpuError, lane, owned::Owned};
use cudarc::driver::{
    CudaContext, CudaStream, PinnedHostSlice, result,
    sys::{CUcontext, CUdeviceptr},
};
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use std::sync::Arc;

/// Bytes that are written and compared at once.
const CHUNK: usize = 16 << 20;

/// `bytes` random bytes, in chunks with their places.
fn pattern(seed: u64, bytes: usize) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes).step_by(CHUNK).map(move |start| {
        let mut chunk = vec![0; CHUNK.min(bytes - start)];
        Xoshiro256PlusPlus::seed_from_u64(seed ^ start as u64).fill_bytes(&mut chunk);
        (start, chunk)
    })
}

/// Memory of a device.
pub(super) struct OnDevice {
    address: Owned<CUdeviceptr>,
    /// What it is filled and read on: a stream of its device.
    stream: Arc<CudaStream>,
}

impl OnDevice {
    /// `bytes` zeros. Not of a pool: other devices could not reach that.
    fn new(stream: &Arc<CudaStream>, bytes: usize) -> Result<Self, GpuError> {
        let problem = GpuError::driver("allocating");
        stream.context().bind_to_thread().map_err(&problem)?;
        // SAFETY: the memory is given back once, and set before anything reads it.
        let address = unsafe { result::malloc_sync(bytes) }.map_err(&problem)?;
        let address = Owned::new(address, |address| {
            // SAFETY: it was allocated, and is given back once.
            let _ = unsafe { result::free_sync(address) };
        });
        // SAFETY: the memory is that long.
        unsafe { result::memset_d8_async(address.get(), 0, bytes, stream.cu_stream()) }.map_err(&problem)?;
        lane::finish_stream(stream, "setting memory")?;
        Ok(Self { address, stream: stream.clone() })
    }

    fn context(&self) -> &Arc<CudaContext> {
        self.stream.context()
    }

    fn write(&self, start: usize, chunk: &[u8]) -> Result<(), GpuError> {
        let problem = GpuError::driver("filling memory");
        self.context().bind_to_thread().map_err(&problem)?;
        let to = self.address.get() + start as u64;
        // SAFETY: the chunk is within the memory, and lives until the stream is finished.
        unsafe { result::memcpy_htod_async(to, chunk, self.stream.cu_stream()) }.map_err(&problem)?;
        lane::finish_stream(&self.stream, "filling memory")
    }

    fn read(&self, start: usize, len: usize) -> Result<Vec<u8>, GpuError> {
        let problem = GpuError::driver("reading memory");
        self.context().bind_to_thread().map_err(&problem)?;
        let (mut chunk, from) = (vec![0; len], self.address.get() + start as u64);
        // SAFETY: the chunk is within the memory, and lives until the stream is finished.
        unsafe { result::memcpy_dtoh_async(&mut chunk, from, self.stream.cu_stream()) }.map_err(&problem)?;
        lane::finish_stream(&self.stream, "reading memory")?;
        Ok(chunk)
    }
}

/// Memory that is copied from or to.
pub(super) enum Side {
    Device(OnDevice),
    Pageable(Vec<u8>),
    Pinned(PinnedHostSlice<u8>),
}

impl Side {
    /// `bytes` on the device of `stream`.
    pub(super) fn device(stream: &Arc<CudaStream>, bytes: usize) -> Result<Self, GpuError> {
        OnDevice::new(stream, bytes).map(Self::Device)
    }

    /// `bytes` of the host, every page touched.
    pub(super) fn pageable(bytes: usize) -> Self {
        Self::Pageable(vec![1; bytes])
    }

    /// `bytes` of the host that are page-locked, and cached as usual.
    pub(super) fn pinned(context: &Arc<CudaContext>, bytes: usize) -> Result<Self, GpuError> {
        let problem = GpuError::driver("allocating page-locked memory");
        // SAFETY: it is written before anything reads it.
        let mut slice = unsafe { context.alloc_pinned_with_flags(bytes, 0) }.map_err(&problem)?;
        slice.as_mut_slice().map_err(&problem)?.fill(1);
        Ok(Self::Pinned(slice))
    }

    /// Where its memory is, on the device or the host, as long as it lives.
    pub(super) fn address(&mut self) -> Result<u64, GpuError> {
        if let Self::Device(memory) = self {
            return Ok(memory.address.get());
        }
        Ok(self.host_mut()?.map_or(0, |host| host.as_mut_ptr() as u64))
    }

    /// The context of its device, where it is not the host's.
    pub(super) fn context(&self) -> Option<CUcontext> {
        match self {
            Self::Device(memory) => Some(memory.context().cu_ctx()),
            _ => None,
        }
    }

    /// Its memory, where it is the host's.
    fn host(&self) -> Result<Option<&[u8]>, GpuError> {
        match self {
            Self::Device(_) => Ok(None),
            Self::Pageable(bytes) => Ok(Some(bytes)),
            Self::Pinned(slice) => slice.as_slice().map(Some).map_err(GpuError::driver("reading memory")),
        }
    }

    fn host_mut(&mut self) -> Result<Option<&mut [u8]>, GpuError> {
        match self {
            Self::Device(_) => Ok(None),
            Self::Pageable(bytes) => Ok(Some(bytes)),
            Self::Pinned(slice) => slice.as_mut_slice().map(Some).map_err(GpuError::driver("writing memory")),
        }
    }

    /// Writes the pattern of `seed` into its first `bytes`.
    pub(super) fn fill(&mut self, seed: u64, bytes: usize) -> Result<(), GpuError> {
        for (start, chunk) in pattern(seed, bytes) {
            if let Self::Device(memory) = self {
                memory.write(start, &chunk)?;
            } else if let Some(host) = self.host_mut()? {
                host[start..start + chunk.len()].copy_from_slice(&chunk);
            }
        }
        Ok(())
    }

    /// The share of its first `bytes` that differ from the pattern of `seed`.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn differs(&self, seed: u64, bytes: usize) -> Result<f64, GpuError> {
        let mut different = 0;
        for (start, chunk) in pattern(seed, bytes) {
            let read;
            let found = match self {
                Self::Device(memory) => {
                    read = memory.read(start, chunk.len())?;
                    &read
                }
                _ => self.host()?.and_then(|host| host.get(start..start + chunk.len())).unwrap_or_default(),
            };
            // What is missing differs too.
            different += chunk.len() - chunk.iter().zip(found).filter(|(byte, found)| byte == found).count();
        }
        Ok(different as f64 / bytes as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory with the pattern differs in nothing, with one wrong byte in one, without it in nearly all.
    #[test]
    fn wrong_bytes_are_seen() {
        let bytes = CHUNK + 1_000;
        let mut side = Side::pageable(bytes);
        assert!(side.differs(7, bytes).expect("of the host") > 0.99);
        side.fill(7, bytes).expect("of the host");
        assert_eq!(side.differs(7, bytes), Ok(0.0));
        let Side::Pageable(memory) = &mut side else { panic!("pageable") };
        memory[CHUNK + 5] ^= 1;
        assert_eq!(side.differs(7, bytes), Ok(1.0 / bytes as f64));
        assert!(side.differs(8, bytes).expect("of the host") > 0.99);
    }

    /// Each chunk has bytes of its own, so that one in another's place is seen.
    #[test]
    fn chunks_differ() {
        let chunks: Vec<_> = pattern(7, 3 * CHUNK).collect();
        assert_eq!(chunks.iter().map(|(start, _)| *start).collect::<Vec<_>>(), [0, CHUNK, 2 * CHUNK]);
        assert!(chunks[0].1 != chunks[1].1 && chunks[1].1 != chunks[2].1);
    }
}
