//! Arrays on a device: filled there, by a function that the host computes too, so that a check needs no copy of
//! the inputs.
#![expect(unsafe_code, reason = "launches kernels, and allocates what they fill")]

use super::{
    device::Device,
    dtype::Dtype,
    error::GpuError,
    nvrtc::{Defines, Source, defines, source},
};
use cudarc::driver::{CudaSlice, DevicePtr, PushKernelArg, sys::CUdeviceptr};
use std::ops::Range;

pub(crate) const SOURCE: Source = source!("inputs.cu");
/// Threads of a block.
const THREADS: u32 = 256;
/// Places that a check looks at, and how many elements at each.
const WINDOWS: usize = 64;
const WINDOW: usize = 4_096;

/// Every set of macros that the kernels are compiled with.
pub(crate) fn variants(_: (i32, i32)) -> Vec<Defines> {
    Dtype::ALL.iter().map(|dtype| defines(*dtype, &[])).collect()
}

/// Room for `n` elements of `dtype`; what is in it is not known.
pub(crate) fn room(device: &Device, dtype: Dtype, n: usize) -> Result<CudaSlice<u8>, GpuError> {
    let bytes = n
        .checked_mul(dtype.bytes())
        .ok_or_else(|| GpuError::Missing(format!("{n} elements are too many")))?;
    // SAFETY: bytes have no invalid values, and a workload writes them before it reads them.
    unsafe { device.stream.alloc(bytes) }.map_err(GpuError::driver("allocating"))
}

/// `n` elements of `dtype` in [-1, 1]: [`rounded`] of `seed`.
pub(crate) fn filled(device: &Device, dtype: Dtype, n: usize, seed: u64) -> Result<CudaSlice<u8>, GpuError> {
    let mut out = room(device, dtype, n)?;
    fill(device, dtype, "fill", &mut out, n, seed)?;
    Ok(out)
}

/// `n` elements of one byte, by the kernel `name` for a type that is none of [`Dtype`].
pub(crate) fn filled_bytes(
    device: &Device,
    name: &str,
    n: usize,
    seed: u64,
) -> Result<CudaSlice<u8>, GpuError> {
    // SAFETY: bytes have no invalid values, and all are written before anything reads them.
    let mut out = unsafe { device.stream.alloc(n) }.map_err(GpuError::driver("allocating"))?;
    fill(device, Dtype::F32, name, &mut out, n, seed)?;
    Ok(out)
}

/// Has the kernel `name`, compiled for `dtype`, write the `n` elements of `out`.
fn fill(
    device: &Device,
    dtype: Dtype,
    name: &str,
    out: &mut CudaSlice<u8>,
    n: usize,
    seed: u64,
) -> Result<(), GpuError> {
    let kernel = device.kernel(SOURCE, &defines(dtype, &[]), name)?;
    let (config, elements) = (device.grid(n, THREADS), n as u64);
    let mut launch = device.stream.launch_builder(&kernel);
    launch.arg(out).arg(&elements).arg(&seed);
    // SAFETY: the kernel writes `n` elements of its type, as many as `out` has room for.
    unsafe { launch.launch(config) }.map_err(GpuError::driver("filling inputs"))?;
    Ok(())
}

/// Where `slice` is on the device, for a library that works on the same stream.
pub(crate) fn address(device: &Device, slice: &CudaSlice<u8>) -> CUdeviceptr {
    // Nothing is tracked between streams: dropping the guard records nothing.
    slice.device_ptr(&device.stream).0
}

/// Element `i` of the array with seed `seed`, as the kernels compute it.
#[expect(clippy::cast_precision_loss, reason = "24 bits")]
pub(crate) fn element(seed: u64, i: u64) -> f64 {
    let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 40) as f64 / 8_388_608.0 - 1.0
}

/// The seed of the `k`-th array beside the one with seed `seed`.
pub(crate) fn beside(seed: u64, k: u64) -> u64 {
    seed ^ k.wrapping_mul(0xD1B5_4A32_D192_ED03)
}

/// Element `i` as an array of `dtype` holds it.
pub(crate) fn rounded(dtype: Dtype, seed: u64, i: usize) -> f64 {
    dtype.round(element(seed, i as u64))
}

/// The elements `range` of that array.
pub(crate) fn expected(dtype: Dtype, seed: u64, range: Range<usize>) -> Vec<f64> {
    range.map(|i| rounded(dtype, seed, i)).collect()
}

/// The elements `range` of `slice`, copied to the host.
pub(crate) fn read(
    device: &Device,
    dtype: Dtype,
    slice: &CudaSlice<u8>,
    range: Range<usize>,
) -> Result<Vec<f64>, GpuError> {
    Ok(dtype.read(&bytes(device, slice, range.start * dtype.bytes()..range.end * dtype.bytes())?))
}

/// The bytes `range` of `slice`, copied to the host.
pub(crate) fn bytes(
    device: &Device,
    slice: &CudaSlice<u8>,
    range: Range<usize>,
) -> Result<Vec<u8>, GpuError> {
    let problem = GpuError::driver("reading a result");
    let bytes = device.stream.clone_dtoh(&slice.slice(range)).map_err(&problem)?;
    device.stream.synchronize().map_err(&problem)?;
    Ok(bytes)
}

/// Where a check looks at `n` elements: everywhere, or at evenly spaced places, the first and the last included.
pub(crate) fn windows(n: usize) -> Vec<Range<usize>> {
    if n <= WINDOWS * WINDOW {
        return std::iter::once(0..n).collect();
    }
    let last = n - WINDOW;
    (0..WINDOWS).map(|i| last / (WINDOWS - 1) * i).chain([last]).map(|start| start..start + WINDOW).collect()
}

/// The same for `rows` of `columns` elements, which a check looks at whole: at least the first and the last.
pub(crate) fn rows(rows: usize, columns: usize) -> Vec<usize> {
    let most = (WINDOWS * WINDOW / columns.max(1)).max(8);
    if rows <= most {
        return (0..rows).collect();
    }
    (0..most).map(|i| (rows - 1) / (most - 1) * i).chain([rows - 1]).collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these are exact")]
mod tests {
    use super::{
        super::{
            device::blocks,
            emulated::{self, Argument},
        },
        *,
    };

    /// The kernel computes what the host does, to the last bit, in every type.
    #[test]
    fn kernels_fill_as_the_host_does() {
        for dtype in Dtype::ALL {
            let arguments =
                [Argument::room(dtype, 1_000), Argument::Number(1_000), Argument::Number(u64::MAX - 5)];
            let found = emulated::run(SOURCE, &defines(dtype, &[]), "fill", blocks(2, 64), &arguments);
            assert!(dtype.read(&found[0]) == expected(dtype, u64::MAX - 5, 0..1_000), "{dtype:?}");
        }
    }

    /// Elements are spread over [-1, 1), differ by seed, and have 24 bits.
    #[test]
    fn elements_are_spread() {
        let values: Vec<f64> = (0..10_000).map(|i| element(42, i)).collect();
        let mean = values.iter().sum::<f64>() / 1e4;
        assert!(values.iter().all(|value| (-1.0..1.0).contains(value) && f64::from(*value as f32) == *value));
        assert!(mean.abs() < 0.03, "{mean}");
        assert!(element(42, 0) != element(43, 0));
    }

    /// Small arrays are looked at whole, large ones at both ends and between.
    #[test]
    fn windows_are_within() {
        assert_eq!(windows(10), vec![Range { start: 0, end: 10 }]);
        let n = 1 << 30;
        let windows = windows(n);
        assert_eq!((windows[0].start, windows.last().map(|window| window.end)), (0, Some(n)));
        assert!(windows.iter().all(|window| window.end <= n && window.len() == WINDOW));
    }

    /// Rows are all looked at, or the first, the last and some between.
    #[test]
    fn rows_are_within() {
        assert_eq!(rows(3, 1 << 20), [0, 1, 2]);
        let some = rows(1_000_001, 1_000);
        assert!(some.len() > 200 && some[0] == 0 && some.last() == Some(&1_000_000));
        assert!(some.is_sorted() && some.iter().all(|row| *row <= 1_000_000));
        assert_eq!(rows(1 << 20, 1 << 20).len(), 9);
    }
}
