//! Kernels: CUDA C++ in `kernels/*.cu`, compiled at run time for the device at hand.
//!
//! They include nothing, so that the compiler alone is enough: `kernels/element.cuh` and `kernels/ptx.cuh` stand before
//! each. A kernel's parameters are macros. None may be called as something in the compiler's own headers is, which
//! come after them.
#![expect(
    unsafe_code,
    reason = "what the compiler says of a program that compiles is not in the safe functions"
)]

use super::{dtype::Dtype, error::GpuError, library::Library};
use cudarc::nvrtc::{
    CompileError, Ptx,
    result::{self, NvrtcError},
    sys,
};
use std::ffi::{CStr, CString, c_char};

/// A file of kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// Its name, in the compiler's messages.
    pub(crate) name: &'static str,
    /// Its text, after that of the headers that it needs: each with its name.
    pub(crate) parts: &'static [(&'static str, &'static str)],
}

/// The text of the file `kernels/NAME`.
macro_rules! text {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/gpu/kernels/", $name))
    };
}
pub(crate) use text;

/// The file `kernels/NAME`, with the element types and other headers before it.
macro_rules! source {
    ($name:literal $(, $header:literal)*) => {
        $crate::gpu::nvrtc::Source {
            name: $name,
            parts: &[
                ("element.cuh", $crate::gpu::nvrtc::text!("element.cuh")),
                ("ptx.cuh", $crate::gpu::nvrtc::text!("ptx.cuh")),
                $(($header, $crate::gpu::nvrtc::text!($header)),)*
                ($name, $crate::gpu::nvrtc::text!($name)),
            ],
        }
    };
}
pub(crate) use source;

/// Macros, as `NAME=VALUE`.
pub(crate) type Defines = Vec<String>;

/// Every set of macros that a file is compiled with for a compute capability.
type Variants = fn((i32, i32)) -> Vec<Defines>;

/// Every file of kernels of this build.
const SOURCES: &[(Source, Variants)] = &[
    (super::attention::SOURCE, super::attention::variants),
    (super::elementwise::SOURCE, super::elementwise::variants),
    (super::fma::SOURCE, super::fma::variants),
    (super::inputs::SOURCE, super::inputs::variants),
    (super::launch::SOURCE, |_| any_type()),
    (super::layer_norm::SOURCE, super::layer_norm::variants),
    (super::nccl::SOURCE, super::nccl::variants),
    (super::quantise::SOURCE, super::quantise::variants),
    (super::reduce::SOURCE, super::reduce::variants),
    (super::softmax::SOURCE, super::softmax::variants),
    (super::spmv::SOURCE, |_| any_type()),
    (super::transpose::SOURCE, super::transpose::variants),
];

/// The macros of `dtype`, and `others`.
pub(crate) fn defines(dtype: Dtype, others: &[(&str, usize)]) -> Defines {
    let element = format!("ELEMENT={}", dtype.name());
    std::iter::once(element).chain(others.iter().map(|(name, value)| format!("{name}={value}"))).collect()
}

/// The macros of kernels that have no element type: any will do.
pub(crate) fn any_type() -> Vec<Defines> {
    vec![defines(Dtype::F32, &[])]
}

/// Compiles every kernel with every set of macros, down to machine code for the compute capability `major.minor`:
/// what was compiled, and what the compiler said of it, which is nothing where all is well. Needs no device and no
/// driver.
///
/// # Errors
/// That the compiler is missing.
#[doc(hidden)]
pub fn compile_all((major, minor): (i32, i32)) -> Result<Vec<(String, String)>, String> {
    Library::Nvrtc.require().map_err(|error| error.to_string())?;
    let arch = format!("sm_{major}{minor}");
    let each = SOURCES.iter().flat_map(|(source, variants)| {
        variants((major, minor)).into_iter().map(|defines| {
            let said = match source.program(&arch, &defines) {
                Ok((_, log)) => log,
                Err(error) => error.to_string(),
            };
            (format!("{} with {} for {arch}", source.name, defines.join(" ")), said)
        })
    });
    Ok(each.collect())
}

impl Source {
    /// What the driver loads on devices of compute capability `major.minor`, with the macros `defines`: machine code, as
    /// drivers refuse PTX of a compiler that is newer than they. A compiler that is older than the device compiles PTX
    /// for the newest that it knows, which the driver then translates.
    ///
    /// # Errors
    /// [`GpuError`] if there is no compiler, or the source does not compile.
    pub(crate) fn compile(self, (major, minor): (i32, i32), defines: &[String]) -> Result<Ptx, GpuError> {
        Library::Nvrtc.require()?;
        let arch = newest(&architectures(), 10 * major + minor);
        if arch / 10 == major {
            return self.machine_code((major, minor), defines).map(Ptx::from_binary);
        }
        self.program(&format!("compute_{arch}"), defines).map(|(ptx, _)| ptx)
    }

    /// All of it, of which the compiler says where a line is from.
    pub(crate) fn text(self) -> String {
        self.parts.iter().map(|(name, text)| format!("#line 1 \"{name}\"\n{text}")).collect()
    }

    /// The same for `arch`, with what the compiler said.
    fn program(self, arch: &str, defines: &[String]) -> Result<(Ptx, String), GpuError> {
        build(self, &options(arch, defines)).map_err(|error| GpuError::compile(self.name, arch, &error))
    }

    /// Machine code for devices of compute capability `major.minor`, with the macros `defines`.
    ///
    /// # Errors
    /// As [`compile`](Self::compile), and where the compiler is older than the devices: machine code is for one
    /// major version.
    pub(crate) fn machine_code(
        self,
        (major, minor): (i32, i32),
        defines: &[String],
    ) -> Result<Vec<u8>, GpuError> {
        self.machine_code_with((major, minor), defines, &[])
    }

    /// The same, compiled for certain: since 12.9 the compiler keeps what it made where there is a driver.
    pub(crate) fn machine_code_anew(
        self,
        capability: (i32, i32),
        defines: &[String],
    ) -> Result<Vec<u8>, GpuError> {
        Library::Nvrtc.require()?;
        let more: &[&str] = if version() >= (12, 9) { &["--no-cache"] } else { &[] };
        self.machine_code_with(capability, defines, more)
    }

    fn machine_code_with(
        self,
        (major, minor): (i32, i32),
        defines: &[String],
        more: &[&str],
    ) -> Result<Vec<u8>, GpuError> {
        Library::Nvrtc.require()?;
        let newest = newest(&architectures(), 10 * major + minor);
        if newest / 10 != major {
            return Err(GpuError::Missing(format!(
                "this NVRTC makes no machine code for compute capability {major}.{minor}: install a newer one"
            )));
        }
        let arch = format!("sm_{newest}");
        let mut options = options(&arch, defines);
        options.extend(more.iter().map(ToString::to_string));
        let program = compiled(self, &options).map_err(|error| GpuError::compile(self.name, &arch, &error));
        let (program, _) = program?;
        let problem = GpuError::library("reading machine code");
        let mut size = 0;
        // SAFETY: the program lives to the end of this function, and there is as much room as it asks for.
        unsafe {
            sys::nvrtcGetCUBINSize(program.0, &raw mut size).result().map_err(&problem)?;
            let mut code = vec![0_u8; size];
            sys::nvrtcGetCUBIN(program.0, code.as_mut_ptr().cast()).result().map_err(&problem)?;
            Ok(code)
        }
    }
}

fn options(arch: &str, defines: &[String]) -> Vec<String> {
    let first = [format!("--gpu-architecture={arch}"), "--std=c++17".into()];
    first.into_iter().chain(defines.iter().map(|define| format!("--define-macro={define}"))).collect()
}

/// What the compiler can compile for: 90 is compute capability 9.0.
fn architectures() -> Vec<i32> {
    let mut count = 0;
    // SAFETY: the compiler is there, and writes as many numbers as it said.
    unsafe {
        if sys::nvrtcGetNumSupportedArchs(&raw mut count).result().is_err() {
            return Vec::new();
        }
        let mut known = vec![0; usize::try_from(count).unwrap_or_default()];
        let outcome = sys::nvrtcGetSupportedArchs(known.as_mut_ptr()).result();
        if outcome.is_ok() { known } else { Vec::new() }
    }
}

/// The compiler's version; the least where it does not say.
fn version() -> (i32, i32) {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the compiler is there, and writes two numbers.
    let said = unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) };
    if said.result().is_ok() { (major, minor) } else { (0, 0) }
}

/// The newest of the `known` that a device of `arch` can run; `arch` itself where none is.
fn newest(known: &[i32], arch: i32) -> i32 {
    known.iter().copied().filter(|known| *known <= arch).max().unwrap_or(arch)
}

/// A program, until it goes out of scope.
struct Program(sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: it was created, and is used no more. That it cannot be destroyed harms nobody.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// PTX, and what the compiler said.
fn build(source: Source, options: &[String]) -> Result<(Ptx, String), CompileError> {
    let (program, log) = compiled(source, options)?;
    // SAFETY: the program lives to the end of this function.
    let ptx = unsafe { result::get_ptx(program.0) }.map_err(CompileError::GetPtxError)?;
    Ok((Ptx::from_src(text_of(&ptx).to_string_lossy()), log))
}

/// The program that was compiled, and what the compiler said.
fn compiled(source: Source, options: &[String]) -> Result<(Program, String), CompileError> {
    let invalid = |_| CompileError::CreationError(NvrtcError(sys::nvrtcResult::NVRTC_ERROR_INVALID_INPUT));
    let (text, name) =
        (CString::new(source.text()).map_err(invalid)?, CString::new(source.name).map_err(invalid)?);
    let program = Program(result::create_program(&text, Some(&name)).map_err(CompileError::CreationError)?);
    // SAFETY: the program lives to the end of this function, and so do its texts.
    let (outcome, log) =
        unsafe { (result::compile_program(program.0, options), result::get_program_log(program.0)) };
    let log = text_of(&log.map_err(CompileError::GetLogError)?);
    outcome.map_err(|nvrtc| CompileError::CompileError {
        nvrtc,
        options: options.to_vec(),
        log: log.clone(),
    })?;
    Ok((program, log.to_string_lossy().trim().to_owned()))
}

/// What stands before the first zero of `text`.
fn text_of(text: &[c_char]) -> CString {
    let bytes: Vec<u8> = text.iter().map(|c| c.to_ne_bytes()[0]).chain([0]).collect();
    CStr::from_bytes_until_nul(&bytes).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device newer than the compiler gets what the compiler knows best, and one that it no longer knows its own.
    #[test]
    fn compilers_may_be_older_than_devices() {
        let known = [75, 80, 86, 89, 90];
        assert_eq!([70, 75, 87, 90, 100].map(|arch| newest(&known, arch)), [70, 75, 86, 90, 90]);
        assert_eq!(newest(&[], 90), 90);
    }

    /// Macros are those of the element type and others.
    #[test]
    fn macros() {
        assert_eq!(defines(Dtype::F16, &[("THREADS", 64)]), ["ELEMENT=Half", "THREADS=64"]);
    }
}
