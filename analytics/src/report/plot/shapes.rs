//! The vocabulary of a plot: shapes with places, and what they are coloured by.

use super::scale::Range;
use crate::format::Scale;

/// Width and height of a scene.
pub(crate) const SIZE: (f64, f64) = (960.0, 420.0);

/// What a shape is coloured by; the page gives each another colour in the dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Paper,
    Text,
    Muted,
    Grid,
    Line,
    Session,
    Band,
    Alert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Path { points: Vec<(f64, f64)>, width: f64, ink: Ink },
    Area { points: Vec<(f64, f64)>, ink: Ink },
    Dot { at: (f64, f64), radius: f64, ink: Ink },
    Text { at: (f64, f64), text: String, size: f64, bold: bool, align: Align, ink: Ink },
}

/// What the y axis shows, in which unit.
pub(super) struct Axes {
    pub(super) range: Range,
    pub(super) scale: Scale,
}

impl Axes {
    /// Whether `value` lies inside the picture.
    pub(super) fn shows(&self, value: f64) -> bool {
        (self.range.low..=self.range.high).contains(&value)
    }
}

pub(super) fn text(at: (f64, f64), text: impl Into<String>, size: f64, align: Align, ink: Ink) -> Shape {
    Shape::Text { at, text: text.into(), size, bold: false, align, ink }
}
