//! `gpu.attention`: softmax(q · kᵀ / √d) · v, fused, on the tensor cores.
#![expect(unsafe_code, reason = "launches kernels")]

use super::{
    device::{Device, blocks},
    dtype::Dtype,
    elementwise::whole,
    error::GpuError,
    inputs,
    nvrtc::{Defines, Source, defines, source},
    parameters::{MODE, Spec, Values},
    running::{Body, Opened},
};
use crate::cpu::{Parameter, worst};
use benchlake_schemas::Work;
use cudarc::driver::{
    CudaFunction, CudaSlice, LaunchConfig, PushKernelArg, sys::CUfunction_attribute as Attribute,
};
use std::{f64::consts::LOG2_E, sync::Arc};

pub(crate) const SOURCE: Source = source!("attention.cu");

pub(crate) const SPECS: &[Spec] = &[Spec {
    name: "gpu.attention",
    summary: "attention of b · h heads without a mask, fused, accumulated in f32",
    parameters: &[
        Parameter::word("dtype", "element type, bf16 or f16", &["bf16", "f16"]),
        Parameter::number("b", "sequences, such as 4"),
        Parameter::number("h", "heads of each, such as 16"),
        Parameter::number("s", "length of a sequence, a multiple of 128 such as 4096"),
        Parameter::word("d", "elements of a head", &["128", "64"]),
        MODE,
    ],
}];

/// Compute capability that has its instructions.
const SINCE: (i32, i32) = (8, 0);
const THREADS: u32 = 128;
/// Queries of a block, and keys that it takes at once, as in the kernel.
const QUERIES: usize = 128;
const KEYS: usize = 64;

/// Every set of macros that the kernel is compiled with for `capability`.
pub(crate) fn variants(capability: (i32, i32)) -> Vec<Defines> {
    if capability < SINCE {
        return Vec::new();
    }
    let each = [Dtype::Bf16, Dtype::F16].into_iter().flat_map(|dtype| [64, 128].map(|d| macros(dtype, d)));
    each.collect()
}

fn macros(dtype: Dtype, d: usize) -> Defines {
    defines(dtype, &[("THREADS", THREADS as usize), ("HEAD", d)])
}

/// Sets the workload up.
pub(crate) fn open(_: &str, device: &Arc<Device>, values: &Values, seed: u64) -> Result<Opened, GpuError> {
    if device.capability < SINCE {
        let (major, minor) = device.capability;
        return Err(GpuError::Missing(format!(
            "attention needs compute capability 8.0, and this device has {major}.{minor}"
        )));
    }
    let shape = Shape::of(values);
    whole(shape.length, QUERIES, "s")?;
    let (dtype, n) = (shape.dtype, shape.rows().saturating_mul(shape.d));
    let kernel = device.kernel(SOURCE, &macros(dtype, shape.d), "attention")?;
    // More than a kernel may have unless it asks.
    let shared = shape.shared() as i32;
    kernel
        .set_attribute(Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared)
        .map_err(GpuError::driver("reserving shared memory"))?;
    let filled = |k| inputs::filled(device, dtype, n, inputs::beside(seed, k));
    let body = Attention {
        kernel,
        config: LaunchConfig {
            shared_mem_bytes: shared.unsigned_abs(),
            ..blocks(shape.rows() / QUERIES, THREADS)
        },
        inputs: [filled(0)?, filled(1)?, filled(2)?],
        output: inputs::room(device, dtype, n)?,
        shape,
        seed,
    };
    Ok(Opened {
        body: Box::new(body),
        work: shape.work(),
        reference: "the same in f64; relative to the result and the root of the sum of squares of what is added",
        tolerance: shape.tolerance(),
    })
}

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    dtype: Dtype,
    /// Sequences times heads of each.
    heads: usize,
    length: usize,
    d: usize,
}

impl Shape {
    fn of(values: &Values) -> Self {
        Self {
            dtype: Dtype::of(values.word("dtype")),
            heads: values.size("b").saturating_mul(values.size("h")),
            length: values.size("s"),
            d: if values.word("d") == "64" { 64 } else { 128 },
        }
    }

    /// Queries of all heads.
    const fn rows(self) -> usize {
        self.heads.saturating_mul(self.length)
    }

    fn work(self) -> Work {
        let (rows, d) = (self.rows() as i64, self.d as i64);
        Work {
            flops: Some(rows.saturating_mul(4 * d * self.length as i64)),
            // q, k, v and the result, once each.
            bytes: Some(rows.saturating_mul(4 * d * self.dtype.bytes() as i64)),
            items: Some(rows),
            work_model: Some("attention-4bhssd/1".into()),
        }
    }

    /// Each probability is rounded to the element type, and the result once more. The errors are like random numbers, of
    /// which eight standard deviations are allowed; beside them what is accumulated in f32.
    #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
    fn tolerance(self) -> f64 {
        8.0 * self.dtype.roundoff() + 16.0 * (self.length as f64).sqrt() * Dtype::F32.roundoff()
    }

    /// What the kernel multiplies a product of a query and a key with, so that its exponential is a power of two.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the kernel has f32")]
    fn scale(self) -> f32 {
        (LOG2_E / (self.d as f64).sqrt()) as f32
    }

    /// Shared memory of a block, in bytes: its queries, and keys and values.
    const fn shared(self) -> usize {
        (QUERIES + 2 * KEYS) * self.d * self.dtype.bytes()
    }

    /// The query `row` of all against its head's keys and values, as [`reference`] gives it.
    fn expected(self, seed: u64, row: usize) -> Vec<(f64, f64)> {
        let Self { dtype, length, d, .. } = self;
        let of = |k, range| inputs::expected(dtype, inputs::beside(seed, k), range);
        let head = row / length * length * d;
        let (keys, values) = (of(1, head..head + length * d), of(2, head..head + length * d));
        reference(&of(0, row * d..(row + 1) * d), &keys, &values)
    }
}

/// softmax(q · kᵀ / √d) · v for one query, in f64: each element, and the scale of its error, its magnitude and √Σ(p·v)².
#[expect(clippy::cast_precision_loss, reason = "elements of a head")]
fn reference(query: &[f64], keys: &[f64], values: &[f64]) -> Vec<(f64, f64)> {
    let d = query.len();
    let dot = |key: &[f64]| query.iter().zip(key).map(|(q, k)| q * k).sum::<f64>() / (d as f64).sqrt();
    let scores: Vec<f64> = keys.chunks_exact(d).map(dot).collect();
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
    let all: f64 = weights.iter().sum();
    let mut sums = vec![(0.0, 0.0); d];
    for (weight, value) in weights.iter().zip(values.chunks_exact(d)) {
        for ((sum, squares), v) in sums.iter_mut().zip(value) {
            let part: f64 = weight / all * v;
            *sum += part;
            *squares += part * part;
        }
    }
    sums.into_iter().map(|(sum, squares)| (sum, sum.abs() + f64::sqrt(squares))).collect()
}

/// How far `found` is from what was `expected`, with its scale.
fn error_of(expected: &[(f64, f64)], found: &[f64]) -> f64 {
    expected
        .iter()
        .zip(found)
        .fold(0.0, |error, ((expected, scale), found)| worst(error, (found - expected).abs() / scale))
}

struct Attention {
    kernel: CudaFunction,
    config: LaunchConfig,
    /// Queries, keys and values.
    inputs: [CudaSlice<u8>; 3],
    output: CudaSlice<u8>,
    shape: Shape,
    seed: u64,
}

impl Body for Attention {
    fn enqueue(&mut self, device: &Device) -> Result<(), GpuError> {
        let length = u32::try_from(self.shape.length).unwrap_or(u32::MAX);
        let scale = self.shape.scale();
        let [q, k, v] = &self.inputs;
        let mut launch = device.stream.launch_builder(&self.kernel);
        launch.arg(&mut self.output).arg(q).arg(k).arg(v).arg(&length).arg(&scale);
        // SAFETY: the arrays hold `length` rows of `d` elements for each head, and a block has its share of them.
        unsafe { launch.launch(self.config) }.map_err(GpuError::driver("launching a kernel"))?;
        Ok(())
    }

    fn error(&mut self, device: &Device) -> Result<f64, GpuError> {
        let Shape { dtype, length, d, .. } = self.shape;
        let mut error = 0.0;
        // A row costs the host as much as its head has keys.
        for row in inputs::rows(self.shape.rows(), length) {
            let found = inputs::read(device, dtype, &self.output, row * d..(row + 1) * d)?;
            error = worst(error, error_of(&self.shape.expected(self.seed, row), &found));
        }
        Ok(error)
    }

    fn kernel(&self) -> Option<(&CudaFunction, LaunchConfig)> {
        Some((&self.kernel, self.config))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::emulated::{self, Argument},
        *,
    };

    /// The kernel is right for both sizes of a head and both types, over several tiles of keys and several heads.
    #[test]
    fn kernels_are_right() {
        for (dtype, d) in [(Dtype::F16, 64), (Dtype::Bf16, 128)] {
            let shape = Shape { dtype, heads: 2, length: 256, d };
            let n = shape.rows() * d;
            let arguments = [
                Argument::room(dtype, n),
                Argument::filled(dtype, n, 3),
                Argument::filled(dtype, n, inputs::beside(3, 1)),
                Argument::filled(dtype, n, inputs::beside(3, 2)),
                Argument::Number(shape.length as u64),
                Argument::Single(shape.scale()),
            ];
            let config = blocks(shape.rows() / QUERIES, THREADS);
            let found = emulated::run(SOURCE, &macros(dtype, d), "attention", config, &arguments);
            let found = dtype.read(&found[0]);
            // A query of each tile of rows, of each warp and block.
            for row in (0..shape.rows()).step_by(9) {
                let error = error_of(&shape.expected(3, row), &found[row * d..(row + 1) * d]);
                assert!(error <= shape.tolerance() / 2.0, "{dtype:?}, row {row}: {error}");
            }
        }
    }

    /// Two keys whose scores differ by ln 3 are weighed 3 to 1.
    #[test]
    fn references_weigh_values() {
        let score = 3.0_f64.ln() * 2.0_f64.sqrt();
        let found = reference(&[score, 0.0], &[1.0, 5.0, 0.0, -5.0], &[4.0, 0.0, 0.0, 8.0]);
        let expected = [(3.0, 3.0 + 3.0), (2.0, 2.0 + 2.0)];
        for ((x, scale), (y, bound)) in found.into_iter().zip(expected) {
            assert!((x - y).abs() < 1e-14 && (scale - bound).abs() < 1e-14, "{x} {scale}");
        }
    }

    /// A query is weighed against the keys of its own head, and equal keys give the mean of the values.
    #[test]
    fn heads_are_apart() {
        let shape = Shape { dtype: Dtype::F16, heads: 2, length: 4, d: 64 };
        let second = shape.expected(1, 5);
        let of = |k, range| inputs::expected(Dtype::F16, inputs::beside(1, k), range);
        assert_eq!(second, reference(&of(0, 320..384), &of(1, 256..512), &of(2, 256..512)));
        let mean = reference(&[0.0; 2], &[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 6.0]);
        assert!((mean[0].0 - 2.0).abs() < 1e-15 && (mean[1].0 - 4.0).abs() < 1e-15);
    }

    /// Values of 64 keys of 4,096 that are left out are seen in both types.
    #[test]
    fn tolerances_are_below_mistakes() {
        let work = Shape { dtype: Dtype::Bf16, heads: 8, length: 4_096, d: 128 };
        assert_eq!(work.work().flops, Some(4 * 8 * 4_096 * 4_096 * 128));
        assert!(work.tolerance() < (64.0_f64 / 4_096.0).sqrt() / 2.0);
    }
}
