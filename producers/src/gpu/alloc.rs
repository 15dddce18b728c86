//! `gpu.alloc`: what it costs the host to allocate memory of the device and to give it back.
#![expect(unsafe_code, reason = "allocates memory")]

use super::{
    device::Device,
    error::GpuError,
    inputs,
    lane::{self, AHEAD},
    owned::Owned,
    parameters::{Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::Parameter;
use benchlake_schemas::Work;
use cudarc::driver::{
    result,
    sys::{CUdeviceptr, CUmemPool_attribute, CUmemoryPool, CUstream},
};
use std::sync::Arc;

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.alloc",
    summary: "allocates a block of the device's memory and gives it back, timed on the host",
    parameters: &[
        Parameter::word(
            "kind",
            "malloc: by the driver, which waits for the device; pool: from the device's pool, in a stream",
            &["malloc", "pool"],
        ),
        Parameter::number("bytes", "bytes, such as 1048576 or 1MiB"),
    ],
}];

/// What a check writes.
const PATTERN: u8 = 0xa5;

/// Sets the workload up.
pub(crate) fn open(
    _name: &str,
    device: &Arc<Device>,
    values: &Values,
    _seed: u64,
) -> Result<Opened, GpuError> {
    let pool = (values.word("kind") == "pool").then(|| keeping_pool(device)).transpose()?;
    Ok(Opened {
        body: Box::new(Alloc { pool, bytes: values.size("bytes") }),
        work: Work { items: Some(1), work_model: Some("alloc-1/1".into()), ..Work::default() },
        reference: "what was written",
        tolerance: 0.0,
    })
}

/// The device's pool, which keeps what it has as long as this lives: else it gives its memory to the system
/// whenever the device is waited for, and the next allocation is one of the driver's.
fn keeping_pool(device: &Device) -> Result<Owned<CUmemoryPool>, GpuError> {
    if !device.context.has_async_alloc() {
        return Err(GpuError::Missing("this device has no memory pool: choose kind=malloc".into()));
    }
    let problem = GpuError::driver("setting up the device's memory pool");
    // SAFETY: it is a device.
    let pool =
        unsafe { result::device::get_default_mem_pool(device.context.cu_device()) }.map_err(&problem)?;
    keep(pool, u64::MAX).map_err(&problem)?;
    Ok(Owned::new(pool, |pool| {
        let _ = keep(pool, 0);
        // SAFETY: what is in use stays.
        let _ = unsafe { result::mem_pool::trim_to(pool, 0) };
    }))
}

/// Has `pool` keep `bytes` when the device is waited for.
fn keep(pool: CUmemoryPool, mut bytes: u64) -> Result<(), cudarc::driver::DriverError> {
    let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the attribute is of 64 bits.
    unsafe { result::mem_pool::set_attribute(pool, attribute, (&raw mut bytes).cast()) }
}

struct Alloc {
    pool: Option<Owned<CUmemoryPool>>,
    bytes: usize,
}

impl Alloc {
    fn allocate(&self, stream: CUstream) -> Result<CUdeviceptr, GpuError> {
        // SAFETY: what is allocated is given back by `free`.
        unsafe {
            match self.pool {
                Some(_) => result::malloc_async(stream, self.bytes),
                None => result::malloc_sync(self.bytes),
            }
        }
        .map_err(GpuError::driver("allocating"))
    }

    fn free(&self, address: CUdeviceptr, stream: CUstream) -> Result<(), GpuError> {
        // SAFETY: it was allocated by `allocate`, and nothing uses it after what is on the stream.
        unsafe {
            match self.pool {
                Some(_) => result::free_async(address, stream),
                None => result::free_sync(address),
            }
        }
        .map_err(GpuError::driver("giving memory back"))
    }

    /// The share of what is read of the memory at `address` that is not what was written to it.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn differs(&self, address: CUdeviceptr, device: &Device) -> Result<f64, GpuError> {
        let (problem, stream) = (GpuError::driver("using what was allocated"), device.stream.cu_stream());
        // SAFETY: the memory is that long.
        unsafe { result::memset_d8_async(address, PATTERN, self.bytes, stream) }.map_err(&problem)?;
        let (mut read, mut different) = (0, 0);
        for window in inputs::windows(self.bytes) {
            let (from, mut found) = (address + window.start as u64, vec![!PATTERN; window.len()]);
            // SAFETY: the window is within the memory, and `found` lives until the stream is finished.
            unsafe { result::memcpy_dtoh_async(&mut found, from, stream) }.map_err(&problem)?;
            lane::finish(device, "reading what was allocated")?;
            read += found.len();
            different += found.iter().filter(|byte| **byte != PATTERN).count();
        }
        Ok(different as f64 / read as f64)
    }
}

impl Body for Alloc {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let stream = device.stream.cu_stream();
        let address = self.allocate(stream)?;
        self.free(address, stream)
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let stream = device.stream.cu_stream();
        let address = self.allocate(stream)?;
        let differs = self.differs(address, device);
        self.free(address, stream)?;
        differs
    }

    fn is_of_host(&self) -> bool {
        true
    }

    /// Those of a pool are enqueued: more than a stream takes would wait for the device.
    fn fixed_iterations(&self) -> Option<u64> {
        self.pool.is_some().then_some(AHEAD / 2)
    }

    fn settle(&mut self, device: &Device) -> Result<(), GpuError> {
        lane::finish(device, "allocations")
    }
}
