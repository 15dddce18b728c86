//! The chart of a named query's answer: lines and points over numbers or time, bars over names.

use super::{
    scale::{Range, fitted, ticks},
    shapes::{Align, Ink, Shape, text},
};
use crate::{catalog::utc, format};

const LEFT: f64 = 96.0;
const WIDTH: f64 = 960.0;
/// Where the names of the series begin.
const RIGHT: f64 = WIDTH - 170.0;
const TOP: f64 = 64.0;
const HEIGHT: f64 = 420.0;
const BOTTOM: f64 = HEIGHT - 52.0;
/// Height of a bar with its room.
const BAR: f64 = 22.0;
/// Most bars: the rest is told, not drawn.
const BARS: usize = 60;
/// Beyond this ratio of the largest to the smallest an axis is logarithmic.
const DECADES: f64 = 30.0;
/// The colours of series, in turns.
const INKS: [Ink; 4] = [Ink::Line, Ink::Alert, Ink::Muted, Ink::Text];

/// Where a value lies on the x axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Number(f64),
    /// Microseconds UTC.
    Time(f64),
    Name(String),
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    pub(crate) place: Place,
    pub(crate) y: f64,
    pub(crate) interval: Option<(f64, f64)>,
    /// What cannot be exceeded: a line of its own.
    pub(crate) limit: Option<f64>,
    pub(crate) series: String,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    /// The unit of the values.
    pub(crate) unit: String,
    pub(crate) lines: bool,
    pub(crate) values: Vec<Value>,
}

/// An axis from `low` to `high`.
#[derive(Debug, Clone, Copy)]
struct Axis {
    range: Range,
    logarithmic: bool,
}

impl Axis {
    /// One that shows all `values`, and 0 where it is linear and none is negative.
    fn of(values: &[f64], from_zero: bool) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if low > 0.0 && high / low > DECADES {
            let room = (high / low).powf(0.04);
            return Self { range: Range { low: low / room, high: high * room }, logarithmic: true };
        }
        let low = if from_zero && low >= 0.0 { 0.0 } else { low };
        // One value alone gets some room.
        let room = if high > low { (high - low) * 0.05 } else { high.abs().max(f64::MIN_POSITIVE) * 1e-3 };
        let below = if from_zero && low == 0.0 { 0.0 } else { room };
        Self { range: Range { low: low - below, high: high + room }, logarithmic: false }
    }

    /// Where `value` lies, between 0 and 1.
    fn share(&self, value: f64) -> f64 {
        let Range { low, high } = self.range;
        if self.logarithmic { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) }
    }

    fn ticks(&self, wanted: u32) -> Vec<f64> {
        if !self.logarithmic {
            return ticks(self.range, wanted).0;
        }
        let first = self.range.low.log10().ceil();
        let powers = (0..40).map(|i| 10_f64.powf(first + f64::from(i)));
        let powers: Vec<f64> = powers.take_while(|power| *power <= self.range.high).collect();
        let every = powers.len().div_ceil(wanted as usize).max(1);
        powers.into_iter().step_by(every).collect()
    }
}

impl Chart {
    /// Its shapes, and how large the picture is.
    pub(crate) fn scene(&self) -> (Vec<Shape>, (f64, f64)) {
        let names = self.values.iter().any(|value| matches!(value.place, Place::Name(_)));
        if names { self.bars() } else { (self.lines(), (WIDTH, HEIGHT)) }
    }

    fn begin(&self, size: (f64, f64)) -> Vec<Shape> {
        let paper = vec![(0.0, 0.0), (size.0, 0.0), size, (0.0, size.1)];
        let title = fitted(&self.title, 17.0, WIDTH - 48.0);
        let title = Shape::Text {
            at: (24.0, 18.0),
            text: title,
            size: 17.0,
            bold: true,
            align: Align::Left,
            ink: Ink::Text,
        };
        vec![Shape::Area { points: paper, ink: Ink::Paper }, title]
    }

    /// The names of the series, in order.
    fn series(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.values.iter().map(|value| value.series.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Bars from the left, one below the other, each with its value.
    fn bars(&self) -> (Vec<Shape>, (f64, f64)) {
        let shown = &self.values[..self.values.len().min(BARS)];
        let several = self.series().len() > 1;
        let height = TOP + BAR * shown.len() as f64 + 40.0;
        let mut shapes = self.begin((WIDTH, height));
        let (from, to) = (400.0, WIDTH - 110.0);
        let largest = shown.iter().map(|value| value.y.abs()).fold(f64::MIN_POSITIVE, f64::max);
        for (value, i) in shown.iter().zip(0..) {
            let top = TOP + BAR * f64::from(i);
            let name = match &value.place {
                Place::Name(name) if several => format!("{name} {}", value.series),
                Place::Name(name) => name.clone(),
                Place::Number(x) | Place::Time(x) => format::digits(*x),
            };
            let label = fitted(&name, 12.0, from - 36.0);
            shapes.push(text((from - 12.0, top + 3.0), label, 12.0, Align::Right, Ink::Text));
            let end = from + (to - from) * value.y.max(0.0) / largest;
            let (a, b) = (top + 3.0, top + BAR - 4.0);
            shapes
                .push(Shape::Area { points: vec![(from, a), (end, a), (end, b), (from, b)], ink: Ink::Band });
            let told = format::quantity(value.y, &self.unit);
            shapes.push(text((end + 8.0, top + 3.0), told, 12.0, Align::Left, Ink::Muted));
        }
        let left_out = self.values.len() - shown.len();
        let more = if left_out > 0 { format!("; {left_out} more are not drawn") } else { String::new() };
        let foot = format!("{} by {}{more}", self.y, self.x);
        shapes.push(text((24.0, height - 26.0), foot, 12.0, Align::Left, Ink::Muted));
        (shapes, (WIDTH, height))
    }

    /// Points, joined within a series where that is wished.
    fn lines(&self) -> Vec<Shape> {
        let mut shapes = self.begin((WIDTH, HEIGHT));
        let number = |value: &Value| match value.place {
            Place::Number(x) | Place::Time(x) => x,
            Place::Name(_) => f64::NAN,
        };
        let xs: Vec<f64> = self.values.iter().map(number).collect();
        let ends = self.values.iter().filter_map(|value| value.interval).flat_map(|(low, high)| [low, high]);
        let limits = self.values.iter().filter_map(|value| value.limit);
        let ys: Vec<f64> = self.values.iter().map(|value| value.y).chain(ends).chain(limits).collect();
        let (x, y) = (Axis::of(&xs, false), Axis::of(&ys, true));
        let across = |value: f64| LEFT + (RIGHT - LEFT) * x.share(value);
        let down = |value: f64| BOTTOM - (BOTTOM - TOP) * y.share(value);
        self.grid(&mut shapes, &xs, (&x, &y), &across, &down);
        let mut ends = Vec::new();
        for (name, ink) in self.series().into_iter().zip(INKS.into_iter().cycle()) {
            let mut own: Vec<&Value> = self.values.iter().filter(|value| value.series == name).collect();
            own.sort_by(|a, b| number(a).total_cmp(&number(b)));
            let points: Vec<(f64, f64)> =
                own.iter().map(|value| (across(number(value)), down(value.y))).collect();
            for (value, at) in own.iter().zip(&points) {
                if let Some((low, high)) = value.interval {
                    let bar = vec![(at.0, down(low)), (at.0, down(high))];
                    shapes.push(Shape::Path { points: bar, width: 1.5, ink });
                }
                shapes.push(Shape::Dot { at: *at, radius: 3.5, ink });
            }
            if let Some(limit) = own.iter().filter_map(|value| value.limit).reduce(f64::max) {
                dashes(&mut shapes, down(limit), ink);
            }
            ends.extend(points.last().map(|&(_, y)| (y, name, ink)));
            if self.lines {
                shapes.push(Shape::Path { points, width: 2.0, ink });
            }
        }
        names_of_series(&mut shapes, ends);
        shapes
    }

    /// Lines at round values, with their labels.
    fn grid(
        &self,
        shapes: &mut Vec<Shape>,
        xs: &[f64],
        (x, y): (&Axis, &Axis),
        across: &dyn Fn(f64) -> f64,
        down: &dyn Fn(f64) -> f64,
    ) {
        for tick in y.ticks(6) {
            let at = down(tick);
            shapes.push(Shape::Path { points: vec![(LEFT, at), (RIGHT, at)], width: 1.0, ink: Ink::Grid });
            let told = format::quantity(tick, &self.unit);
            shapes.push(text((LEFT - 8.0, at - 7.0), told, 12.0, Align::Right, Ink::Muted));
        }
        let mut places = xs.to_vec();
        places.sort_unstable_by(f64::total_cmp);
        places.dedup();
        let is_time = self.values.iter().any(|value| matches!(value.place, Place::Time(_)));
        // The values themselves, where they are few.
        let places = if places.len() <= 8 { places } else { x.ticks(if is_time { 4 } else { 7 }) };
        let mut free = f64::NEG_INFINITY;
        for place in places {
            let told = if is_time {
                #[expect(clippy::cast_possible_truncation, reason = "microseconds of this age")]
                let told = utc(place as i64);
                told.get(..16).unwrap_or(&told).replace('T', " ")
            } else {
                format::quantity(place, if self.x == "bytes" { "B" } else { "1" })
            };
            let half = super::scale::width(&told, 12.0) / 2.0 + 6.0;
            let at = across(place);
            if at - half > free {
                shapes.push(text((at, BOTTOM + 8.0), told, 12.0, Align::Centre, Ink::Muted));
                free = at + half;
            }
        }
        shapes.push(text((LEFT, HEIGHT - 26.0), format!("x: {}", self.x), 12.0, Align::Left, Ink::Muted));
        shapes.push(text((24.0, TOP - 22.0), self.y.clone(), 12.0, Align::Left, Ink::Muted));
    }
}

/// A broken line across the picture.
fn dashes(shapes: &mut Vec<Shape>, y: f64, ink: Ink) {
    let mut x = LEFT;
    while x < RIGHT {
        let end = (x + 8.0).min(RIGHT);
        shapes.push(Shape::Path { points: vec![(x, y), (end, y)], width: 1.0, ink });
        x += 14.0;
    }
}

/// Each series' name beside its last point, as far as they leave room for each other.
fn names_of_series(shapes: &mut Vec<Shape>, mut ends: Vec<(f64, &str, Ink)>) {
    ends.retain(|(_, name, _)| !name.is_empty());
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = TOP - 8.0;
    for (y, name, ink) in ends {
        let at = (y - 7.0).max(free);
        free = at + 15.0;
        let name = fitted(name, 12.0, WIDTH - RIGHT - 24.0);
        shapes.push(text((RIGHT + 12.0, at), name, 12.0, Align::Left, ink));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(place: Place, y: f64, series: &str) -> Value {
        Value { place, y, interval: None, limit: Some(1.1 * y), series: series.into() }
    }

    /// Sizes over decades are on a logarithmic axis, and everything drawn lies in the picture.
    #[test]
    fn everything_is_in_the_picture() {
        let sizes = (0..8).map(|i| value(Place::Number(8.0 * 16_f64.powi(i)), 1e6 * 8_f64.powi(i), "f32"));
        let names = (0..70).map(|i| value(Place::Name(format!("w{i}")), f64::from(i), ""));
        let times = (0..9).map(|i| value(Place::Time(1.79e15 + 1e9 * f64::from(i)), 1.98e9, "GPU-1"));
        for values in [sizes.collect::<Vec<_>>(), names.collect(), times.collect()] {
            let chart = Chart {
                title: "t".into(),
                x: "bytes".into(),
                y: "rate".into(),
                unit: "B/s".into(),
                lines: true,
                values,
            };
            let (shapes, (width, height)) = chart.scene();
            let inside = |(x, y): &(f64, f64)| (0.0..=width).contains(x) && (0.0..=height).contains(y);
            for shape in &shapes {
                let all = match shape {
                    Shape::Path { points, .. } | Shape::Area { points, .. } => points.iter().all(inside),
                    Shape::Dot { at, .. } | Shape::Text { at, .. } => inside(at),
                };
                assert!(all, "{shape:?}");
            }
        }
        assert!(Axis::of(&[8.0, 1e9], false).logarithmic && !Axis::of(&[1.0, 20.0], true).logarithmic);
    }
}
