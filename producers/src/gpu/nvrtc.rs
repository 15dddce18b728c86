//! Kernels: CUDA C++ in `kernels/*.cu`, compiled at run time for the device at hand.

use super::{error::GpuError, library::Library};
use cudarc::nvrtc::{CompileOptions, Ptx, compile_ptx_with_opts};

/// A file of kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// Its name, in the compiler's messages.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
}

/// Every file of kernels of this build.
pub(crate) const SOURCES: &[Source] =
    &[super::elementwise::SOURCE, super::inputs::SOURCE, super::launch::SOURCE, super::spmv::SOURCE];

impl Source {
    /// PTX for devices of compute capability `major.minor` and later, with the macros `defines` (`NAME=VALUE`).
    ///
    /// # Errors
    /// [`GpuError`] if there is no compiler, or the source does not compile.
    pub(crate) fn compile(self, (major, minor): (i32, i32), defines: &[String]) -> Result<Ptx, GpuError> {
        Library::Nvrtc.require()?;
        let arch = format!("compute_{major}{minor}");
        let mut options = vec![format!("--gpu-architecture={arch}"), "--std=c++17".into()];
        options.extend(defines.iter().map(|define| format!("--define-macro={define}")));
        let options = CompileOptions { options, name: Some(self.name.into()), ..CompileOptions::default() };
        compile_ptx_with_opts(self.text, options).map_err(|error| GpuError::compile(self.name, &arch, &error))
    }
}
