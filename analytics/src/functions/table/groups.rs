//! What varies between groups and in them; deciding about many at once; how much must be measured.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[];
