//! Plots: one drawing for SVG and PNG, with a font of our own so that no system font is needed.

pub(crate) mod chart;
mod heading;
pub(crate) mod scale;
pub(crate) mod scene;
pub(crate) mod shapes;

use super::history::History;
use plotters::{
    coord::Shift,
    element::{Circle, PathElement, Polygon, Text},
    prelude::{
        BitMapBackend, DrawingArea, DrawingAreaErrorKind, DrawingBackend, IntoDrawingArea, RGBAColor,
        SVGBackend,
    },
    style::{
        Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};
use scene::scene;
use shapes::{Align, Ink, SIZE, Shape};
use std::sync::Once;

/// The name under which the font is registered, and the one a viewer of the SVG falls back to.
const FONT: &str = "sans-serif";
static REGISTER: Once = Once::new();

/// Pixels of a PNG per unit of the scene.
const DENSITY: f64 = 2.0;

impl Ink {
    pub(crate) const ALL: [Self; 8] = [
        Self::Paper,
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::Line,
        Self::Session,
        Self::Band,
        Self::Alert,
    ];

    /// Red, green, blue and opacity on white paper; each ink differs, so that the page can give the
    /// shapes of an SVG other colours in the dark.
    pub(crate) const fn colour(self) -> (u8, u8, u8, f64) {
        match self {
            Self::Paper => (255, 255, 255, 1.0),
            Self::Text => (31, 35, 40, 1.0),
            Self::Muted => (101, 109, 118, 1.0),
            Self::Grid => (225, 228, 232, 1.0),
            Self::Line => (9, 105, 218, 1.0),
            Self::Session => (120, 130, 145, 0.55),
            Self::Band => (84, 160, 255, 0.28),
            Self::Alert => (207, 34, 46, 1.0),
        }
    }

    /// The colour as the SVG has it.
    pub(crate) fn hex(self) -> String {
        let (red, green, blue, _) = self.colour();
        format!("#{red:02X}{green:02X}{blue:02X}")
    }

    const fn rgba(self) -> RGBAColor {
        let (red, green, blue, opacity) = self.colour();
        RGBAColor(red, green, blue, opacity)
    }
}

/// The plot as SVG.
pub(crate) fn svg(history: &History) -> Result<String, String> {
    svg_of(&scene(history), SIZE)
}

/// Writes the plot as a PNG.
pub(crate) fn png(history: &History, path: &std::path::Path) -> Result<(), String> {
    png_of(&scene(history), SIZE, path)
}

/// `shapes` in a picture of `size`, as SVG.
pub(crate) fn svg_of(shapes: &[Shape], size: (f64, f64)) -> Result<String, String> {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, pixels(size, 1.0)).into_drawing_area();
    draw(&area, shapes, 1.0).map_err(|error| error.to_string())?;
    drop(area);
    Ok(text)
}

/// Writes `shapes` in a picture of `size` as a PNG.
pub(crate) fn png_of(shapes: &[Shape], size: (f64, f64), path: &std::path::Path) -> Result<(), String> {
    let area = BitMapBackend::new(path, pixels(size, DENSITY)).into_drawing_area();
    draw(&area, shapes, DENSITY).map_err(|error| error.to_string())
}

fn pixels(size: (f64, f64), density: f64) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
    let pixels = |length: f64| (length * density).round() as u32;
    (pixels(size.0), pixels(size.1))
}

/// Draws `shapes` on any backend, `density` pixels per unit.
fn draw<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    shapes: &[Shape],
    density: f64,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    REGISTER.call_once(|| {
        // The embedded files are fonts: the tests draw with them.
        _ = register_font(FONT, FontStyle::Normal, include_bytes!("../../../assets/DejaVuSans.ttf"));
        _ = register_font(FONT, FontStyle::Bold, include_bytes!("../../../assets/DejaVuSans-Bold.ttf"));
    });
    #[expect(clippy::cast_possible_truncation, reason = "a few thousand pixels")]
    let pixel = |length: f64| (length * density).round() as i32;
    let place = |&(x, y): &(f64, f64)| (pixel(x), pixel(y));
    for shape in shapes {
        match shape {
            Shape::Path { points, width, ink } => {
                let style = ShapeStyle {
                    color: ink.rgba(),
                    filled: false,
                    stroke_width: pixel(*width).unsigned_abs(),
                };
                area.draw(&PathElement::new(points.iter().map(place).collect::<Vec<_>>(), style))?;
            }
            Shape::Area { points, ink } => {
                area.draw(&Polygon::new(points.iter().map(place).collect::<Vec<_>>(), ink.rgba().filled()))?;
            }
            Shape::Dot { at, radius, ink } => {
                area.draw(&Circle::new(place(at), pixel(*radius), ink.rgba().filled()))?;
            }
            Shape::Text { at, text, size, bold, align, ink } => {
                let weight = if *bold { FontStyle::Bold } else { FontStyle::Normal };
                // Not `.style(…)`: that keeps the glyphs of the style the font was made with.
                let font = (FONT, size * density, weight).into_font();
                let side = match align {
                    Align::Left => HPos::Left,
                    Align::Centre => HPos::Center,
                    Align::Right => HPos::Right,
                };
                let (red, green, blue, _) = ink.colour();
                let colour = RGBColor(red, green, blue);
                let style = TextStyle::from(font).color(&colour).pos(Pos::new(side, VPos::Top));
                area.draw(&Text::new(text.as_str(), place(at), style))?;
            }
        }
    }
    area.present()
}

#[cfg(test)]
mod tests {
    use super::{super::history::tests::example, *};

    /// The drawing of two runs, shape for shape.
    #[test]
    fn svg_of_two_runs() {
        insta::assert_snapshot!(
            svg(&example("cpu.gemm{dtype=f32,n=512}", &[1.02e-3, 0.98e-3])).expect("it is drawn")
        );
    }

    /// One run, many runs, an outlier, a constant and a long name are drawn, and as PNG too. With
    /// PLOTS set to a folder the pictures stay there, to be looked at.
    #[test]
    fn every_kind_is_drawn() {
        let wave =
            |n: u32| (0..n).map(|i| 1.5e-6 * (1.0 + 0.02 * (f64::from(i) * 1.7).sin())).collect::<Vec<_>>();
        let mut outlier = wave(50);
        outlier[20] = 9e-6;
        let step: Vec<_> = wave(50).iter().zip(0..).map(|(x, i)| if i > 30 { x * 1.2 } else { *x }).collect();
        let long = "gpu.attention.forward{batch=16,causal=true,dtype=bf16,head_dim=128,heads=32,kv_heads=8,layout=bshd,sequence=16384,variant=flash-v3,window=4096}";
        let mut constant = example("cpu.constant{n=1}", &[2e-3; 6]);
        for point in &mut constant.points {
            (point.low, point.high, point.session_centres) = (Some(2e-3), Some(2e-3), vec![2e-3; 3]);
        }
        let mut single = example("cpu.single{n=1}", &[3.2e-3]);
        single.points[0].session_centres = (0..10).map(|i| 3.2e-3 + 1e-5 * f64::from(i * 7 % 10)).collect();
        let mut lone = example("cpu.lone{n=1}", &[3.2e-3]);
        (lone.points[0].low, lone.points[0].high, lone.points[0].session_centres) =
            (None, None, vec![3.2e-3]);
        let cases = [
            ("two", example("cpu.gemm{dtype=f32,n=512}", &[1.02e-3, 0.98e-3])),
            ("fifty", example(long, &step)),
            ("outlier", example("cpu.triad{n=1048576}", &outlier)),
            ("twelve", example("cpu.reduce", &wave(12))),
            ("constant", constant),
            ("single", single),
            ("lone", lone),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let folder = std::env::var_os("PLOTS").map_or(folder.path().to_owned(), Into::into);
        for (name, history) in cases {
            assert!(svg(&history).expect("it is drawn").contains("<svg"), "{name}");
            let path = folder.join(format!("{name}.png"));
            png(&history, &path).expect("it is drawn");
            assert!(path.metadata().expect("it is there").len() > 10_000, "{name}");
        }
    }
}
