//! The most memory that a workload holds on a device.
#![expect(unsafe_code, reason = "attributes of the driver's pool of memory")]

use super::device::Device;
use cudarc::driver::{
    result::{device::get_mem_pool, mem_pool},
    sys::{CUdevice_attribute, CUmemPool_attribute, CUmemoryPool},
};
use std::ptr::from_mut;

/// The pool from which a device's memory is allocated.
#[derive(Debug)]
pub(super) struct Pool(CUmemoryPool);

impl Pool {
    /// The pool of `device`; `None` where its driver has none, or memory does not come from it.
    pub(super) fn of(device: &Device) -> Option<Self> {
        let supported = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED;
        if device.context.attribute(supported).ok()? == 0 {
            return None;
        }
        // SAFETY: the device is that of an open context.
        unsafe { get_mem_pool(device.context.cu_device()) }.ok().map(Self)
    }

    /// From now on, what is held now is the most.
    pub(super) fn forget(&self) {
        let mut zero = 0_u64;
        let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
        // SAFETY: the pool lives as long as its device, and the attribute is 64 bits wide. Where it cannot be put
        // back, the most is that of the process: more than the truth, never less.
        let _ = unsafe { mem_pool::set_attribute(self.0, attribute, from_mut(&mut zero).cast()) };
    }

    /// The most bytes that were held at once since it was forgotten.
    pub(super) fn most(&self) -> Option<u64> {
        let mut most = 0_u64;
        let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
        // SAFETY: as above.
        unsafe { mem_pool::get_attribute(self.0, attribute, from_mut(&mut most).cast()) }.ok()?;
        Some(most)
    }
}
