//! One collective: its arrays, how they are filled and what must come out.
#![expect(unsafe_code, reason = "launches kernels and collectives on addresses of the device")]

use super::{
    SOURCE, THREADS,
    buffer::Buffer,
    communicator::Communicator,
    element::Element,
    operation::{Lengths, Operation},
    pattern::Pattern,
    workload::{Part, hooks},
};
use crate::gpu::{
    device::Device,
    error::GpuError,
    lane,
    parameters::Values,
    running::{Body, Hook, Opened},
};
use benchlake_schemas::Work;
use cudarc::driver::{CudaFunction, CudaSlice, PushKernelArg, result::memset_d8_async, sys::CUdeviceptr};
use std::sync::Arc;

/// Launches that one collective may enqueue at most, with what NCCL keeps for each until it runs.
const LAUNCHES: u64 = 8;

/// A collective, its arrays allocated; which rank this is shows later.
pub(super) struct Collective {
    device: Arc<Device>,
    operation: Operation,
    element: Element,
    lengths: Lengths,
    pattern: Pattern,
    fill: CudaFunction,
    differing: CudaFunction,
    send: Buffer,
    /// `None` in place.
    receive: Option<Buffer>,
}

impl Collective {
    pub(super) fn new(device: Arc<Device>, name: &str, values: &Values, seed: u64) -> Result<Self, GpuError> {
        let operation =
            Operation::of(name).ok_or_else(|| GpuError::Missing(format!("no collective {name}")))?;
        let (element, ranks) = (Element::of(values.word("dtype")), values.size("ranks"));
        let pattern = Pattern::new(ranks, seed);
        let pattern =
            pattern.ok_or_else(|| GpuError::Missing(format!("{ranks} ranks: at most 128 can be checked")))?;
        let lengths = operation.lengths(values.size("bytes"), element.bytes(), ranks);
        let defines = [format!("BYTES={}", element.bytes())];
        let kernel = |name| device.kernel(SOURCE, &defines, name);
        let (fill, differing) = (kernel("fill")?, kernel("differing")?);
        let room = |elements: usize| Buffer::new(&device, elements * element.bytes());
        let (send, receive) = if values.word("place") == "in" {
            (room(lengths.send.max(lengths.receive))?, None)
        } else {
            (room(lengths.send)?, Some(room(lengths.receive)?))
        };
        Ok(Self { operation, element, lengths, pattern, fill, differing, send, receive, device })
    }
}

impl Part for Collective {
    fn connected(self: Box<Self>, communicator: Arc<Communicator>) -> Result<Opened, GpuError> {
        let bytes = (self.lengths.size * self.element.bytes()) as i64;
        let body = Connected { part: *self, communicator };
        body.refill()?;
        Ok(Opened {
            body: Box::new(body),
            work: Work {
                bytes: Some(bytes),
                work_model: Some("nccl-tests-size/1".into()),
                ..Work::default()
            },
            reference: "sums of whole numbers, bit by bit",
            tolerance: 0.0,
        })
    }
}

/// A collective of ranks that are connected.
struct Connected {
    /// Given back before the buffers, which other ranks may have mapped.
    communicator: Arc<Communicator>,
    part: Collective,
}

impl Connected {
    /// Where this rank sends from and receives to.
    fn places(&self) -> (CUdeviceptr, CUdeviceptr) {
        let Collective { send, receive, operation, lengths, element, .. } = &self.part;
        match receive {
            Some(receive) => (send.at(0), receive.at(0)),
            None => {
                let (from, to) = operation.in_place(*lengths, self.communicator.rank());
                (send.at(from * element.bytes()), send.at(to * element.bytes()))
            }
        }
    }

    /// The bits of the sums over `ranks`, on the device.
    fn table(&self, ranks: &[usize]) -> Result<CudaSlice<u64>, GpuError> {
        let Collective { device, element, pattern, .. } = &self.part;
        let bits: Vec<u64> = pattern.sums(ranks).into_iter().map(|sum| element.bits(sum)).collect();
        device.stream.clone_htod(&bits).map_err(GpuError::driver("copying a pattern"))
    }

    /// Puts in place what this rank sends, and elsewhere what nobody sends: what an earlier iteration left would
    /// look right.
    fn refill(&self) -> Result<(), GpuError> {
        let Collective { device, element, lengths, send, receive, .. } = &self.part;
        let problem = GpuError::driver("filling inputs");
        let (to, elements) = match receive {
            Some(receive) => (receive.at(0), lengths.receive),
            None => (send.at(0), lengths.send.max(lengths.receive)),
        };
        // SAFETY: it is as long, and lives until the stream was waited for.
        unsafe { memset_d8_async(to, 0xa5, elements * element.bytes(), device.stream.cu_stream()) }
            .map_err(&problem)?;
        let table = self.table(&[self.communicator.rank()])?;
        let (place, n, period, first) =
            (self.places().0, lengths.send as u64, self.part.pattern.period as u64, 0_u64);
        let mut launch = device.stream.launch_builder(&self.part.fill);
        launch.arg(&place).arg(&n).arg(&table).arg(&period).arg(&first);
        // SAFETY: `n` elements are there to be written, and `period` to be read.
        unsafe { launch.launch(device.grid(lengths.send, THREADS)) }.map_err(&problem)?;
        lane::finish(device, "filling inputs")
    }

    /// How many elements that this rank has received are wrong.
    fn wrong(&self) -> Result<u64, GpuError> {
        let Collective { device, element, lengths, operation, pattern, .. } = &self.part;
        let problem = GpuError::driver("checking a collective");
        let mut count = device.stream.alloc_zeros::<u64>(1).map_err(&problem)?;
        let received = self.places().1;
        for expected in operation.expected(*lengths, self.communicator.rank(), self.communicator.ranks()) {
            let table = self.table(&expected.ranks)?;
            let place = received + (expected.start * element.bytes()) as u64;
            let (n, period, first) = (expected.length as u64, pattern.period as u64, expected.from as u64);
            let mut launch = device.stream.launch_builder(&self.part.differing);
            launch.arg(&place).arg(&n).arg(&table).arg(&period).arg(&first).arg(&mut count);
            // SAFETY: `n` elements are there to be read, and one count to be written.
            unsafe { launch.launch(device.grid(expected.length, THREADS)) }.map_err(&problem)?;
        }
        lane::finish(device, "checking a collective")?;
        let counted = device.stream.clone_dtoh(&count).map_err(&problem)?;
        Ok(counted.first().copied().unwrap_or(u64::MAX))
    }
}

impl Body for Connected {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let Collective { operation, lengths, element, .. } = self.part;
        // SAFETY: the arrays are as long as the lengths say, and live as long as this value, which outlives
        // whatever its lane enqueues.
        unsafe { self.communicator.enqueue(device, operation, (lengths, element), self.places()) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        self.refill()?;
        self.enqueue(device)?;
        lane::finish(device, "a collective that is checked")?;
        Ok(self.wrong()? as f64 / self.part.lengths.receive as f64)
    }

    fn launches(&self) -> u64 {
        LAUNCHES
    }

    fn hooks(&self) -> Result<(Option<Hook>, Option<Hook>), GpuError> {
        hooks(&self.part.device, &self.communicator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::emulated::{Argument, run};
    use cudarc::driver::LaunchConfig;

    const CONFIG: LaunchConfig =
        LaunchConfig { grid_dim: (3, 1, 1), block_dim: (64, 1, 1), shared_mem_bytes: 0 };
    const N: usize = 1_000;
    const FIRST: usize = 5;

    /// The first bytes of each number of bits, as an array of `element`s has them.
    fn bytes(element: Element, bits: impl Iterator<Item = u64>) -> Vec<u8> {
        bits.flat_map(|bits| bits.to_le_bytes()[..element.bytes()].to_vec()).collect()
    }

    /// What the kernels put into an array is the pattern, from any place of it on, and what differs from it is
    /// counted, element by element.
    #[test]
    fn patterns_are_written_and_compared() {
        for element in [Element::F16, Element::Bf16, Element::F32, Element::I32, Element::F64] {
            let pattern = Pattern::new(4, 42).expect("a pattern");
            let bits: Vec<u64> = pattern.sums(&[0, 3]).into_iter().map(|sum| element.bits(sum)).collect();
            let table = || Argument::Array(bits.iter().flat_map(|bits| bits.to_le_bytes()).collect());
            let numbers = [N, pattern.period, FIRST].map(|number| number as u64);
            let [n, period, first] = numbers;
            let defines = vec![format!("BYTES={}", element.bytes())];
            let launch = |kernel: &str, array: Vec<u8>, count: Option<u64>| {
                let mut arguments = vec![Argument::Array(array), Argument::Number(n), table()];
                arguments.extend([Argument::Number(period), Argument::Number(first)]);
                arguments.extend(count.map(|count| Argument::Array(count.to_le_bytes().to_vec())));
                run(SOURCE, &defines, kernel, CONFIG, &arguments)
            };
            let filled = launch("fill", vec![0xff; N * element.bytes()], None).swap_remove(0);
            let expected = (0..N).map(|i| bits[(FIRST + i) % bits.len()]);
            assert_eq!(filled, bytes(element, expected), "{element:?}");
            let count = |array: Vec<u8>| launch("differing", array, Some(0)).pop().expect("a count");
            assert_eq!(count(filled.clone()), 0_u64.to_le_bytes(), "{element:?}");
            let mut wrong = filled;
            for i in [0, 7, N - 1] {
                wrong[i * element.bytes()] ^= 1;
            }
            assert_eq!(count(wrong), 3_u64.to_le_bytes(), "{element:?}");
        }
    }
}
