//! `gpu.launch`: what it costs the host to launch a kernel that does nothing.
#![expect(unsafe_code, reason = "launches kernels")]

use super::{
    device::Device,
    error::GpuError,
    inputs,
    lane::{self, AHEAD, LIMIT},
    nvrtc::{Source, any_type, source},
    parameters::{Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::Parameter;
use benchlake_schemas::Work;
use cudarc::driver::{
    CudaFunction, CudaGraph, CudaSlice, result,
    sys::{self, CUdeviceptr, CUgraphInstantiate_flags, CUresult, CUstreamCaptureMode},
};
use std::{hint, sync::Arc, time::Instant};

pub(crate) const SOURCE: Source = source!("launch.cu");

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.launch",
    summary: "launches an empty kernel, timed on the host",
    parameters: &[Parameter::word(
        "kind",
        "launch: enqueueing it; round_trip: and waiting for its end; graph: enqueueing it as a CUDA graph",
        &["launch", "round_trip", "graph"],
    )],
}];

/// Sets the workload up.
pub(crate) fn open(
    _name: &str,
    device: &Arc<Device>,
    values: &Values,
    _seed: u64,
) -> Result<Opened, GpuError> {
    let problem = GpuError::driver("allocating a counter");
    let counter: CudaSlice<u8> = device.stream.alloc_zeros(size_of::<u64>()).map_err(&problem)?;
    let kernel = |name, arguments| Kernel::new(device, values.word("kind"), name, arguments);
    let launch = Launch {
        empty: kernel("empty", None)?,
        count: kernel("count", Some(inputs::address(device, &counter)))?,
        counter,
        waits: values.word("kind") == "round_trip",
    };
    Ok(Opened {
        body: Box::new(launch),
        work: Work { items: Some(1), work_model: Some("launch-1/1".into()), ..Work::default() },
        reference: "a counter of launches",
        tolerance: 0.0,
    })
}

/// A kernel of one thread, and how it is launched.
struct Kernel {
    function: CudaFunction,
    argument: Option<CUdeviceptr>,
    graph: Option<CudaGraph>,
}

impl Kernel {
    fn new(device: &Device, kind: &str, name: &str, argument: Option<CUdeviceptr>) -> Result<Self, GpuError> {
        let function = device.kernel(SOURCE, &any_type()[0], name)?;
        let mut kernel = Self { function, argument, graph: None };
        if kind == "graph" {
            kernel.graph = Some(kernel.captured(device)?);
        }
        Ok(kernel)
    }

    /// A graph of one launch.
    fn captured(&self, device: &Device) -> Result<CudaGraph, GpuError> {
        let (problem, stream) = (GpuError::driver("capturing a graph"), &device.stream);
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        stream.begin_capture(mode).map_err(&problem)?;
        let launched = self.launch(device);
        // A capture that failed is ended too, or the stream could do nothing else.
        let graph = stream.end_capture(CUgraphInstantiate_flags(0));
        launched?;
        let graph = graph.map_err(&problem)?;
        let graph = graph.ok_or_else(|| GpuError::Library("nothing was captured for a graph".into()))?;
        graph.upload().map_err(&problem)?;
        lane::finish(device, "a graph's upload")?;
        Ok(graph)
    }

    /// Enqueues one launch: the driver's call and nothing else, as that is what is timed.
    fn launch(&self, device: &Device) -> Result<(), GpuError> {
        let stream = device.stream.cu_stream();
        let mut argument = self.argument.unwrap_or_default();
        let mut arguments = [(&raw mut argument).cast()];
        let taken = if self.argument.is_some() { &mut arguments[..] } else { &mut [] };
        // SAFETY: the graph lives as long as this; the kernel takes the argument that there is.
        unsafe {
            match &self.graph {
                Some(graph) => sys::cuGraphLaunch(graph.cu_graph_exec(), stream).result(),
                None => {
                    let one = (1, 1, 1);
                    result::launch_kernel(self.function.cu_function(), one, one, 0, stream, taken)
                }
            }
        }
        .map_err(GpuError::driver("launching a kernel"))
    }
}

struct Launch {
    empty: Kernel,
    count: Kernel,
    counter: CudaSlice<u8>,
    waits: bool,
}

/// Waits for the device's stream by asking it again and again, which sees its end soonest.
fn wait(device: &Device) -> Result<(), GpuError> {
    let begun = Instant::now();
    loop {
        // SAFETY: the stream lives as long as the device.
        match unsafe { sys::cuStreamQuery(device.stream.cu_stream()) } {
            CUresult::CUDA_ERROR_NOT_READY if begun.elapsed() < LIMIT => hint::spin_loop(),
            CUresult::CUDA_ERROR_NOT_READY => lane::late("an empty kernel"),
            other => return other.result().map_err(GpuError::driver("waiting for a kernel")),
        }
    }
}

impl Body for Launch {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        self.empty.launch(device)?;
        if self.waits { wait(device) } else { Ok(()) }
    }

    /// Of launches that count, in the same way: by how many the count is off.
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let problem = GpuError::driver("setting a counter");
        device.stream.memset_zeros(&mut self.counter).map_err(problem)?;
        for _ in 0..AHEAD / 2 {
            self.count.launch(device)?;
            if self.waits {
                wait(device)?;
            }
        }
        lane::finish(device, "launches")?;
        let bytes = inputs::bytes(device, &self.counter, 0..size_of::<u64>())?;
        let counted = bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
        Ok(counted.abs_diff(AHEAD / 2) as f64)
    }

    fn is_of_host(&self) -> bool {
        true
    }

    /// More than a stream takes would wait for the device.
    fn fixed_iterations(&self) -> Option<u64> {
        (!self.waits).then_some(AHEAD / 2)
    }

    fn settle(&mut self, device: &Device) -> Result<(), GpuError> {
        lane::finish(device, "launches")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{
        device::blocks,
        emulated::{self, Argument},
    };

    /// A launch counts one.
    #[test]
    fn launches_are_counted() {
        let counter = Argument::Array(41_u64.to_ne_bytes().to_vec());
        let found = emulated::run(SOURCE, &any_type()[0], "count", blocks(1, 1), &[counter]).remove(0);
        assert_eq!(found, 42_u64.to_ne_bytes());
    }
}
