//! `gpu.memcpy`: copies between the host, the device and another device.
#![expect(unsafe_code, reason = "calls the driver")]

mod side;

use super::{
    device::Device,
    error::GpuError,
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::Parameter;
use benchlake_schemas::Work;
use cudarc::driver::{
    CudaContext,
    sys::{self, CUcontext},
};
use side::Side;
use std::sync::Arc;

const KIND: Parameter = Parameter::word(
    "kind",
    "h2d: from the host to the device; d2h: back; d2d: within the device; p2p: to the second visible device",
    &["h2d", "d2h", "d2d", "p2p"],
);
const MEMORY: Parameter = Parameter {
    name: "memory",
    meaning: "of the host: pinned (page-locked), or pageable",
    default: Some("pinned"),
    words: &["pinned", "pageable"],
    // It says nothing of copies between devices.
    silent: true,
};

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.memcpy",
    summary: "copies a block of bytes to, from, within or between devices",
    parameters: &[KIND, MEMORY, Parameter::number("bytes", "bytes, such as 268435456 or 256MiB"), MODE],
}];

/// Sets the workload up.
pub(crate) fn open(
    _name: &str,
    device: &Arc<Device>,
    values: &Values,
    seed: u64,
) -> Result<Opened, GpuError> {
    let (kind, bytes) = (values.word("kind"), values.size("bytes"));
    let is_pageable = values.word("memory") == "pageable";
    possible(kind, is_pageable, values.word("mode"))?;
    let host = || {
        if is_pageable { Ok(Side::pageable(bytes)) } else { Side::pinned(&device.context, bytes) }
    };
    let here = || Side::device(&device.stream, bytes);
    let (mut from, mut to) = match kind {
        "h2d" => (host()?, here()?),
        "d2h" => (here()?, host()?),
        "d2d" => (here()?, here()?),
        _ => (
            here()?,
            Side::device(
                &peer(device)?.new_stream().map_err(GpuError::driver("using the second visible device"))?,
                bytes,
            )?,
        ),
    };
    from.fill(seed, bytes)?;
    let way = way(kind, &from, &to)?;
    let addresses = [from.address()?, to.address()?];
    Ok(Opened {
        body: Box::new(Memcpy { way, addresses, _from: from, to, bytes, seed, is_pageable }),
        work: work(kind, bytes as i64),
        reference: "each byte",
        tolerance: 0.0,
    })
}

/// # Errors
/// [`GpuError::Missing`] for what there is no such copy of.
fn possible(kind: &str, is_pageable: bool, mode: &str) -> Result<(), GpuError> {
    let refuse = |text: String| Err(GpuError::Missing(text));
    match (kind, is_pageable, mode) {
        ("d2d" | "p2p", true, _) => {
            refuse(format!("kind={kind} copies no memory of the host: leave out `memory`"))
        }
        (_, true, "graph") => {
            refuse("a copy of pageable memory waits for the host: no CUDA graph can hold it".into())
        }
        _ => Ok(()),
    }
}

/// Work of one iteration: within a device each byte is read and written in its memory; else each crosses what is
/// between once.
fn work(kind: &str, bytes: i64) -> Work {
    let (moved, model) = if kind == "d2d" { (2 * bytes, "copy-2n/1") } else { (bytes, "copy-n/1") };
    Work { flops: None, bytes: Some(moved), items: Some(bytes), work_model: Some(model.into()) }
}

/// The second device that this process sees, which the first can write to.
fn peer(device: &Device) -> Result<Arc<CudaContext>, GpuError> {
    let problem = GpuError::driver("opening the second visible device");
    let visible = CudaContext::device_count().map_err(&problem)?;
    if visible < 2 {
        return Err(GpuError::Missing(format!(
            "kind=p2p needs two devices: {visible} is visible, see CUDA_VISIBLE_DEVICES"
        )));
    }
    let peer = CudaContext::new(1).map_err(&problem)?;
    // SAFETY: one stream of it is used, and only to fill and to read.
    unsafe { peer.disable_event_tracking() };
    let mut can = 0;
    // SAFETY: both are devices, and the answer is written to `can`.
    unsafe { sys::cuDeviceCanAccessPeer(&raw mut can, device.context.cu_device(), peer.cu_device()) }
        .result()
        .map_err(&problem)?;
    if can == 0 {
        return Err(GpuError::Missing(
            "the first visible device cannot write to the second: no NVLink, and PCIe peer access is off"
                .into(),
        ));
    }
    device.context.bind_to_thread().map_err(&problem)?;
    // SAFETY: both contexts live as long as the process's device and the copy.
    let enabled = unsafe { sys::cuCtxEnablePeerAccess(peer.cu_ctx(), 0) };
    match enabled {
        sys::CUresult::CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED => Ok(peer),
        other => other.result().map(|()| peer).map_err(&problem),
    }
}

/// From where to where.
#[derive(Debug, Clone, Copy)]
enum Way {
    ToDevice,
    ToHost,
    Within,
    /// Between the devices of two contexts.
    Between([CUcontext; 2]),
}

fn way(kind: &str, from: &Side, to: &Side) -> Result<Way, GpuError> {
    match (from.context(), to.context()) {
        (Some(_), Some(_)) if kind == "d2d" => Ok(Way::Within),
        (Some(here), Some(there)) => Ok(Way::Between([here, there])),
        (Some(_), None) => Ok(Way::ToHost),
        (None, Some(_)) => Ok(Way::ToDevice),
        (None, None) => Err(GpuError::Library("a copy needs a device".into())),
    }
}

struct Memcpy {
    way: Way,
    /// Of what is copied from and to.
    addresses: [u64; 2],
    _from: Side,
    to: Side,
    bytes: usize,
    seed: u64,
    is_pageable: bool,
}

impl Body for Memcpy {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let problem = GpuError::driver("copying");
        device.context.bind_to_thread().map_err(&problem)?;
        let ([from, to], bytes, stream) = (self.addresses, self.bytes, device.stream.cu_stream());
        // SAFETY: both sides are `bytes` long, and live until the stream is finished with them.
        let result = unsafe {
            match self.way {
                Way::ToDevice => sys::cuMemcpyHtoDAsync_v2(to, from as *const _, bytes, stream),
                Way::ToHost => sys::cuMemcpyDtoHAsync_v2(to as *mut _, from, bytes, stream),
                Way::Within => sys::cuMemcpyDtoDAsync_v2(to, from, bytes, stream),
                Way::Between([here, there]) => sys::cuMemcpyPeerAsync(to, there, from, here, bytes, stream),
            }
        };
        result.result().map_err(problem)
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let differs = self.to.differs(self.seed, self.bytes);
        // Reading the memory of another device has left its context bound.
        device.context.bind_to_thread().map_err(GpuError::driver("copying"))?;
        differs
    }

    fn waits(&self) -> bool {
        self.is_pageable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies that there are none of are refused with the way out.
    #[test]
    fn impossible_copies_are_refused() {
        assert_eq!(possible("h2d", true, "batch"), Ok(()));
        assert_eq!(possible("d2d", false, "graph"), Ok(()));
        let text = |kind, mode| possible(kind, true, mode).expect_err("impossible").to_string();
        assert!(text("p2p", "batch").contains("leave out `memory`"));
        assert!(text("d2h", "graph").contains("graph"));
    }

    /// Within a device each byte moves twice, else once.
    #[test]
    fn work_is_counted() {
        assert_eq!(work("d2d", 8).bytes, Some(16));
        assert_eq!(work("h2d", 8).bytes, Some(8));
        assert_eq!(work("p2p", 8).work_model.as_deref(), Some("copy-n/1"));
    }

    /// Pinned memory goes without saying, so that copies between devices have nothing to say of it.
    #[test]
    fn pinned_is_silent() {
        let given = |pairs: &[(&str, &str)]| {
            let given = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            SPECS[0].plan(&given).expect("a plan").0.to_string()
        };
        assert_eq!(given(&[("bytes", "1MiB")]), "gpu.memcpy{bytes=1048576,kind=h2d,mode=batch}");
        assert_eq!(
            given(&[("bytes", "8"), ("memory", "pageable")]),
            "gpu.memcpy{bytes=8,kind=h2d,memory=pageable,mode=batch}"
        );
    }
}
