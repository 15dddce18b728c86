//! `gpu.fft`: complex transforms through cuFFT.
#![expect(unsafe_code, reason = "calls cuFFT")]

mod reference;

use super::{
    device::Device,
    dtype::Dtype,
    error::GpuError,
    inputs, lane,
    library::Library,
    owned::Owned,
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::{self, Parameter};
use benchlake_schemas::Work;
use cudarc::{
    cufft::{
        result,
        sys::{cufftHandle, cufftType},
    },
    driver::CudaSlice,
};
use reference::Shape;
use std::{ptr, sync::Arc};

const RANK: Parameter = Parameter::word("rank", "dimensions, each of n points: 1, 2 or 3", &["1", "2", "3"]);
const BATCH: Parameter = Parameter {
    name: "batch",
    meaning: "transforms of one call, such as 64",
    default: Some("1"),
    words: &[],
    silent: false,
};

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.fft",
    summary: "complex Fourier transforms, forward, from one array to another, through cuFFT",
    parameters: &[
        Parameter::word("dtype", "of the real and imaginary parts, f32 or f64", &["f32", "f64"]),
        Parameter::number("n", "points of each dimension, such as 4096"),
        RANK,
        BATCH,
        MODE,
    ],
}];

/// As cuFFT names them.
const FORWARD: i32 = -1;
const INVERSE: i32 = 1;
/// Kernels that cuFFT launches for one call, at most: some for each dimension, more for points with large prime
/// factors.
const LAUNCHES: u64 = 32;
/// Terms that the check may sum, and the fewest and the most bins that it looks at.
const TERMS: usize = 1 << 25;
const BINS: [usize; 2] = [2, 16];

/// Sets the workload up.
pub(crate) fn open(
    _name: &str,
    device: &Arc<Device>,
    values: &Values,
    seed: u64,
) -> Result<Opened, GpuError> {
    let dtype = Dtype::of(values.word("dtype"));
    let rank = values.word("rank").parse().unwrap_or(1);
    let shape = Shape { points: values.size("n"), rank, batch: values.size("batch") };
    let total = possible(shape)?;
    let plan = plan(device, dtype, shape)?;
    let from = inputs::filled(device, dtype, 2 * total, seed)?;
    let to = inputs::room(device, dtype, 2 * total)?;
    Ok(Opened {
        body: Box::new(Fft { plan, from, to, dtype, shape, seed }),
        work: work(shape, dtype),
        reference: "sums of the definition in f64, and the inverse",
        tolerance: tolerance(shape, dtype),
    })
}

/// The points of all transforms.
///
/// # Errors
/// [`GpuError::Missing`] where they are more than cuFFT counts in 32 bits.
fn possible(shape: Shape) -> Result<usize, GpuError> {
    let total = shape.total().filter(|total| i32::try_from(*total).is_ok());
    total.ok_or_else(|| {
        GpuError::Missing(format!("{shape:?}: 2^31 points and more are beyond cuFFT: choose a smaller n"))
    })
}

/// 5·N·log₂ N operations a transform of N points, as FFTW's authors count them (Frigo, Johnson, Proc. IEEE 93,
/// 2005); each point read and written once.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "at most 2^31 points: far below 2^53"
)]
fn work(shape: Shape, dtype: Dtype) -> Work {
    let points = shape.len() as f64;
    let (total, element) = ((shape.len() * shape.batch) as i64, dtype.bytes() as i64);
    Work {
        flops: Some((5.0 * points * points.log2() * shape.batch as f64).round() as i64),
        bytes: Some(2 * total * 2 * element),
        items: Some(total),
        work_model: Some("fft-5nlog2n/1".into()),
    }
}

/// How far a bin may be off as a share of the root of the sum of its squared inputs, and a point of the inverse as
/// a share of 1: rounding grows with the number of stages at most, here with a margin of eight.
#[expect(clippy::cast_precision_loss, reason = "at most 2^31 points")]
fn tolerance(shape: Shape, dtype: Dtype) -> f64 {
    8.0 * dtype.roundoff() * (1.0 + (shape.len() as f64).log2())
}

fn plan(device: &Device, dtype: Dtype, shape: Shape) -> Result<Owned<cufftHandle>, GpuError> {
    Library::Cufft.require()?;
    device.context.bind_to_thread().map_err(GpuError::driver("using cuFFT"))?;
    let problem = GpuError::library("planning a transform");
    let int = |size: usize| i32::try_from(size).unwrap_or(i32::MAX);
    let (mut sides, rank) = ([int(shape.points); 3], shape.rank.cast_signed());
    let (distance, kind) = (int(shape.len()), kind(dtype));
    let (none, none_too) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: there are as many sides as dimensions; without layouts, transforms lie one after another.
    let plan = unsafe {
        result::plan_many(
            rank,
            sides.as_mut_ptr(),
            none,
            1,
            distance,
            none_too,
            1,
            distance,
            kind,
            int(shape.batch),
        )
    }
    .map_err(&problem)?;
    let plan = Owned::new(plan, |plan| {
        // SAFETY: it was made, and is given back once.
        let _ = unsafe { result::destroy(plan) };
    });
    // SAFETY: the stream outlives the plan, as the device does.
    unsafe { result::set_stream(plan.get(), device.stream.cu_stream().cast()) }.map_err(&problem)?;
    Ok(plan)
}

const fn kind(dtype: Dtype) -> cufftType {
    match dtype {
        Dtype::F64 => cufftType::CUFFT_Z2Z,
        _ => cufftType::CUFFT_C2C,
    }
}

struct Fft {
    plan: Owned<cufftHandle>,
    from: CudaSlice<u8>,
    to: CudaSlice<u8>,
    dtype: Dtype,
    shape: Shape,
    seed: u64,
}

impl Fft {
    fn transform(
        &self,
        device: &Device,
        from: &CudaSlice<u8>,
        to: &CudaSlice<u8>,
        direction: i32,
    ) -> Result<(), GpuError> {
        let [from, to] = [from, to].map(|slice| inputs::address(device, slice));
        // SAFETY: both hold the plan's transforms, and may be the same.
        unsafe {
            match self.dtype {
                Dtype::F64 => result::exec_z2z(self.plan.get(), from as *mut _, to as *mut _, direction),
                _ => result::exec_c2c(self.plan.get(), from as *mut _, to as *mut _, direction),
            }
        }
        .map_err(GpuError::library("transforming"))
    }

    /// The largest error of single bins, of the first transform and the last.
    fn bins(&self, device: &Device) -> Result<f64, GpuError> {
        let len = self.shape.len();
        let mut worst = 0.0;
        for bin in checked(len) {
            // Every other bin is of the last transform.
            let index = if bin % 2 == 0 { 0 } else { self.shape.batch - 1 };
            let place = 2 * (index * len + bin);
            let found = inputs::read(device, self.dtype, &self.to, place..place + 2)?;
            let (wanted, scale) = self.shape.bin(self.seed, index, bin);
            let error = (found[0] - wanted[0]).hypot(found[1] - wanted[1]);
            worst = cpu::worst(worst, error / scale.max(f64::MIN_POSITIVE));
        }
        Ok(worst)
    }

    /// The largest error of what the inverse makes of the result, in its place.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^31 points")]
    fn inverse(&self, device: &Device) -> Result<f64, GpuError> {
        self.transform(device, &self.to, &self.to, INVERSE)?;
        lane::finish(device, "the inverse transform")?;
        let points = self.shape.len() as f64;
        let mut worst = 0.0;
        for window in inputs::windows(2 * self.shape.len() * self.shape.batch) {
            let start = window.start;
            let found = inputs::read(device, self.dtype, &self.to, window)?;
            for (i, found) in found.into_iter().enumerate() {
                let wanted = inputs::element(self.seed, (start + i) as u64);
                worst = cpu::worst(worst, (found / points - wanted).abs());
            }
        }
        Ok(worst)
    }
}

/// Bins of a transform of `len` points that are checked: spread over it, the first and the last included.
fn checked(len: usize) -> Vec<usize> {
    let count = (TERMS / len).clamp(BINS[0], BINS[1]).min(len);
    (0..count).map(|i| i * (len - 1) / (count - 1).max(1)).collect()
}

impl Body for Fft {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        self.transform(device, &self.from, &self.to, FORWARD)
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let bins = self.bins(device)?;
        Ok(cpu::worst(bins, self.inverse(device)?))
    }

    fn launches(&self) -> u64 {
        LAUNCHES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 5·N·log₂ N of each transform of N = n^rank points, each point in and out once.
    #[test]
    fn work_is_counted() {
        let work = work(Shape { points: 64, rank: 2, batch: 3 }, Dtype::F64);
        assert_eq!(work.flops, Some(5 * 4_096 * 12 * 3));
        assert_eq!((work.bytes, work.items), (Some(2 * 4_096 * 3 * 16), Some(4_096 * 3)));
    }

    /// Sizes that cuFFT cannot count are refused.
    #[test]
    fn large_transforms_are_refused() {
        let shape = |points, rank, batch| Shape { points, rank, batch };
        assert_eq!(possible(shape(1 << 10, 3, 1)), Ok(1 << 30));
        assert!(possible(shape(1 << 11, 3, 1)).is_err());
        assert!(possible(shape(1 << 20, 3, 64)).is_err() && possible(shape(usize::MAX, 2, 1)).is_err());
    }

    /// Checked bins reach both ends; large transforms have few, as each is summed by hand.
    #[test]
    fn bins_reach_both_ends() {
        assert_eq!(checked(1), [0]);
        assert_eq!(checked(4), [0, 1, 2, 3]);
        assert_eq!(checked(1 << 27), [0, (1 << 27) - 1]);
        assert_eq!((checked(1_000).len(), checked(1_000)[15]), (16, 999));
    }

    /// The tolerance of f64 refuses a transform that was computed in f32.
    #[test]
    fn types_are_kept_apart() {
        let shape = Shape { points: 1 << 26, rank: 1, batch: 1 };
        assert!(tolerance(shape, Dtype::F64) < f64::from(f32::EPSILON) / 1e3);
        assert!(tolerance(shape, Dtype::F32) < 2e-5);
    }
}
