//! A plot as shapes with places: everything about it that is not pixels.

use super::{
    heading,
    scale::{self, Range, every, ticks},
    shapes::{Align, Axes, Ink, SIZE, Shape, text},
};
use crate::{
    format,
    report::history::{History, Point},
};

const LEFT: f64 = 84.0;
const RIGHT: f64 = SIZE.0 - 50.0;
const TOP: f64 = 112.0;
const BOTTOM: f64 = SIZE.1 - 58.0;
/// Up to so many points have error bars; more have a band.
const BARS: usize = 24;

/// One place on the x axis.
struct Column {
    x: f64,
    centre: f64,
    interval: Option<(f64, f64)>,
    sessions: Vec<f64>,
    label: (String, String),
}

/// The plot of a history; a history of one run shows its sessions side by side.
pub(crate) fn scene(history: &History) -> Vec<Shape> {
    let columns = columns(&history.points);
    let values: Vec<f64> =
        columns.iter().flat_map(|column| column.sessions.iter().copied().chain([column.centre])).collect();
    let ends: Vec<f64> = history.points.iter().flat_map(|point| [point.low, point.high]).flatten().collect();
    let range = scale::range(&values, &ends);
    let scale = format::scale(range.high.abs().max(range.low.abs()), &history.unit);
    let axes = Axes { range, scale };

    let mut shapes =
        vec![Shape::Area { points: vec![(0.0, 0.0), (SIZE.0, 0.0), SIZE, (0.0, SIZE.1)], ink: Ink::Paper }];
    heading::heading(&mut shapes, history, &axes);
    grid(&mut shapes, &axes);
    x_axis(&mut shapes, &columns, history.points.len() == 1);
    intervals(&mut shapes, &columns, &history.points, &axes);
    marks(&mut shapes, &columns, &axes);
    shapes
}

impl Axes {
    /// The height of `value`, inside the picture.
    fn y(&self, value: f64) -> f64 {
        let share = (value - self.range.low) / (self.range.high - self.range.low);
        BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
    }
}

fn columns(points: &[Point]) -> Vec<Column> {
    if let [point] = points {
        let sessions = point.session_centres.iter().zip(1..);
        return sessions
            .map(|(&mean, n)| Column {
                x: place(n - 1, point.session_centres.len()),
                centre: mean,
                interval: None,
                sessions: Vec::new(),
                label: (format!("{n}"), String::new()),
            })
            .collect();
    }
    let column = |(i, point): (usize, &Point)| Column {
        x: place(i, points.len()),
        centre: point.centre,
        interval: point.low.zip(point.high),
        sessions: point.session_centres.clone(),
        label: point.label(),
    };
    points.iter().enumerate().map(column).collect()
}

/// The middle of slot `i` of `count` between left and right.
fn place(i: usize, count: usize) -> f64 {
    LEFT + slot(count) * ((0..i).map(|_| 1.0).sum::<f64>() + 0.5)
}

fn slot(count: usize) -> f64 {
    (RIGHT - LEFT) / (0..count.max(1)).map(|_| 1.0).sum::<f64>()
}

fn grid(shapes: &mut Vec<Shape>, axes: &Axes) {
    let divisor = axes.scale.divisor;
    let shown = Range { low: axes.range.low / divisor, high: axes.range.high / divisor };
    let (ticks, decimals) = ticks(shown, 5);
    for tick in ticks {
        let y = axes.y(tick * divisor);
        shapes.push(Shape::Path { points: vec![(LEFT, y), (RIGHT, y)], width: 1.0, ink: Ink::Grid });
        shapes.push(text(
            (LEFT - 10.0, y - 5.5),
            format!("{tick:.decimals$}"),
            15.0,
            Align::Right,
            Ink::Muted,
        ));
    }
}

fn x_axis(shapes: &mut Vec<Shape>, columns: &[Column], sessions: bool) {
    shapes.push(Shape::Path { points: vec![(LEFT, BOTTOM), (RIGHT, BOTTOM)], width: 1.0, ink: Ink::Muted });
    let widest = columns
        .iter()
        .flat_map(|column| [&column.label.0, &column.label.1])
        .map(|text| scale::width(text, 14.0));
    let step = every(columns.len(), widest.fold(0.0, f64::max) + 18.0, RIGHT - LEFT);
    // The latest is always labelled: count from the right.
    for column in columns.iter().rev().step_by(step) {
        shapes.push(Shape::Path {
            points: vec![(column.x, BOTTOM), (column.x, BOTTOM + 5.0)],
            width: 1.0,
            ink: Ink::Muted,
        });
        shapes.push(text((column.x, BOTTOM + 9.0), &*column.label.0, 14.0, Align::Centre, Ink::Text));
        shapes.push(text((column.x, BOTTOM + 26.0), &*column.label.1, 14.0, Align::Centre, Ink::Muted));
    }
    if sessions {
        let middle = f64::midpoint(LEFT, RIGHT);
        shapes.push(text((middle, BOTTOM + 30.0), "session", 15.0, Align::Centre, Ink::Text));
    }
}

fn intervals(shapes: &mut Vec<Shape>, columns: &[Column], points: &[Point], axes: &Axes) {
    if let [point] = points {
        if let Some((low, high)) = point.low.zip(point.high) {
            let (low, high) = (axes.y(low), axes.y(high));
            let points = vec![(LEFT, low), (RIGHT, low), (RIGHT, high), (LEFT, high)];
            shapes.push(Shape::Area { points, ink: Ink::Band });
        }
        let y = axes.y(point.centre);
        shapes.push(Shape::Path { points: vec![(LEFT, y), (RIGHT, y)], width: 2.0, ink: Ink::Line });
        return;
    }
    let ends = |column: &Column| column.interval.map(|(low, high)| (column.x, axes.y(low), axes.y(high)));
    if columns.len() <= BARS {
        let half = (slot(columns.len()) * 0.3).min(16.0);
        for (x, low, high) in columns.iter().filter_map(ends) {
            let points = vec![(x - half, low), (x + half, low), (x + half, high), (x - half, high)];
            shapes.push(Shape::Area { points, ink: Ink::Band });
        }
        return;
    }
    // A band over each stretch of runs that have intervals.
    for stretch in columns.chunk_by(|a, b| a.interval.is_some() == b.interval.is_some()) {
        let ends: Vec<_> = stretch.iter().filter_map(ends).collect();
        let lower = ends.iter().map(|&(x, low, _)| (x, low));
        let points: Vec<_> = lower.chain(ends.iter().rev().map(|&(x, _, high)| (x, high))).collect();
        if points.len() > 2 {
            shapes.push(Shape::Area { points, ink: Ink::Band });
        }
    }
}

fn marks(shapes: &mut Vec<Shape>, columns: &[Column], axes: &Axes) {
    let spread = (slot(columns.len()) * 0.4).min(20.0);
    for column in columns {
        let step = spread / column.sessions.iter().map(|_| 1.0).sum::<f64>().max(1.0);
        let mut x = column.x - spread / 2.0 + step / 2.0;
        for &value in &column.sessions {
            mark(shapes, axes, (x, value), 2.6, Ink::Session);
            x += step;
        }
    }
    if columns.iter().all(|column| column.sessions.is_empty()) {
        columns.iter().for_each(|column| mark(shapes, axes, (column.x, column.centre), 4.5, Ink::Line));
        return;
    }
    let points: Vec<_> = columns.iter().map(|column| (column.x, axes.y(column.centre))).collect();
    shapes.push(Shape::Path { points, width: 2.0, ink: Ink::Line });
    let radius = if columns.len() <= BARS { 4.5 } else { 3.0 };
    columns.iter().for_each(|column| mark(shapes, axes, (column.x, column.centre), radius, Ink::Line));
}

/// A dot, or a triangle at the edge for a value outside the picture.
fn mark(shapes: &mut Vec<Shape>, axes: &Axes, (x, value): (f64, f64), radius: f64, ink: Ink) {
    let y = axes.y(value);
    if axes.shows(value) {
        shapes.push(Shape::Dot { at: (x, y), radius, ink });
        return;
    }
    let tip = if value > axes.range.high { -10.0 } else { 10.0 };
    let points = vec![(x, y + tip * 0.2), (x - 5.0, y - tip * 0.8), (x + 5.0, y - tip * 0.8)];
    shapes.push(Shape::Area { points, ink: Ink::Alert });
}
