//! Whether two lists differ, and by how much.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
