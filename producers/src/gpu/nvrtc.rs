//! Kernels: CUDA C++ in `kernels/*.cu`, compiled at run time for the device at hand.
//!
//! They include nothing, so that the compiler alone is enough: `kernels/element.cuh` stands before each, and has
//! the element types. A kernel's parameters are macros. None may be called as something in the compiler's own
//! headers is, which come after them.
#![expect(
    unsafe_code,
    reason = "what the compiler says of a program that compiles is not in the safe functions"
)]

use super::{dtype::Dtype, error::GpuError, library::Library};
use cudarc::nvrtc::{
    CompileError, Ptx,
    result::{self, NvrtcError},
    sys::{self, nvrtcProgram},
};
use std::ffi::{CStr, CString, c_char};

/// A file of kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// Its name, in the compiler's messages.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
}

/// The file `kernels/NAME`, with the element types before it.
macro_rules! source {
    ($name:literal) => {
        $crate::gpu::nvrtc::Source {
            name: $name,
            text: concat!(
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/gpu/kernels/element.cuh")),
                "#line 1 \"",
                $name,
                "\"\n",
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/gpu/kernels/", $name))
            ),
        }
    };
}
pub(crate) use source;

/// Macros, as `NAME=VALUE`.
pub(crate) type Defines = Vec<String>;

/// Every file of kernels of this build, and the macros that its workloads compile it with.
const SOURCES: &[(Source, fn() -> Vec<Defines>)] = &[
    (super::elementwise::SOURCE, super::elementwise::variants),
    (super::inputs::SOURCE, super::inputs::variants),
    (super::launch::SOURCE, any_type),
    (super::spmv::SOURCE, any_type),
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

/// Compiles every kernel with every set of macros down to machine code for `arch`, such as `sm_90`, and says for each what was
/// compiled and what the compiler said, which is nothing where all is well. Needs no device and no driver.
///
/// # Errors
/// That the compiler itself is missing.
#[doc(hidden)]
pub fn compile_all(arch: &str) -> Result<Vec<(String, String)>, String> {
    Library::Nvrtc.require().map_err(|error| error.to_string())?;
    let each = SOURCES.iter().flat_map(|(source, variants)| {
        variants().into_iter().map(move |defines| {
            let name = format!("{} with {} for {arch}", source.name, defines.join(" "));
            let said = match source.program(arch, &defines) {
                Ok((_, log)) => log,
                Err(error) => error.to_string(),
            };
            (name, said)
        })
    });
    Ok(each.collect())
}

impl Source {
    /// PTX for devices of compute capability `major.minor` and later, with the macros `defines`.
    ///
    /// # Errors
    /// [`GpuError`] if there is no compiler, or the source does not compile.
    pub(crate) fn compile(self, (major, minor): (i32, i32), defines: &[String]) -> Result<Ptx, GpuError> {
        Library::Nvrtc.require()?;
        self.program(&format!("compute_{major}{minor}"), defines).map(|(ptx, _)| ptx)
    }

    /// The same for `arch`, with what the compiler said.
    fn program(self, arch: &str, defines: &[String]) -> Result<(Ptx, String), GpuError> {
        build(self, &options(arch, defines)).map_err(|error| GpuError::compile(self.name, arch, &error))
    }

    /// Machine code for devices of compute capability `major.minor`, with the macros `defines`.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub(crate) fn machine_code(
        self,
        (major, minor): (i32, i32),
        defines: &[String],
    ) -> Result<Vec<u8>, GpuError> {
        Library::Nvrtc.require()?;
        let arch = format!("sm_{major}{minor}");
        let options = options(&arch, defines);
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

/// A program, until it goes out of scope.
struct Program(nvrtcProgram);

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
        (CString::new(source.text).map_err(invalid)?, CString::new(source.name).map_err(invalid)?);
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
    let bytes: Vec<u8> = text.iter().map(|c| c.cast_unsigned()).chain([0]).collect();
    CStr::from_bytes_until_nul(&bytes).unwrap_or_default().to_owned()
}
