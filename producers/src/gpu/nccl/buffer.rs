//! Memory that collectives move: allocated as such, not from a pool, so that other devices may map it.
#![expect(unsafe_code, reason = "allocates memory of a device by hand")]

use crate::gpu::{device::Device, error::GpuError};
use cudarc::driver::{result, sys::CUdeviceptr};
use std::sync::Arc;

/// Memory of a device.
#[derive(Debug)]
pub(super) struct Buffer {
    device: Arc<Device>,
    pointer: CUdeviceptr,
}

impl Buffer {
    /// Room for `bytes`; what is in it is not known.
    pub(super) fn new(device: &Arc<Device>, bytes: usize) -> Result<Self, GpuError> {
        let problem = GpuError::driver("allocating");
        device.context.bind_to_thread().map_err(&problem)?;
        // SAFETY: nothing reads it before it was written; it is freed once, by this value.
        let pointer = unsafe { result::malloc_sync(bytes.max(1)) }.map_err(problem)?;
        Ok(Self { device: device.clone(), pointer })
    }

    /// Where byte `offset` of it lies on the device.
    pub(super) const fn at(&self, offset: usize) -> CUdeviceptr {
        self.pointer + offset as u64
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Freeing waits for whatever still uses it. A device that is lost has nothing to free.
        let _ = self.device.context.bind_to_thread();
        // SAFETY: it was allocated by this value.
        let _ = unsafe { result::free_sync(self.pointer) };
    }
}
