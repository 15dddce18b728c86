//! The head of a plot: its title and its legend.

use super::{
    scale::{self, fitted},
    shapes::{Align, Axes, Ink, SIZE, Shape, text},
};
use crate::{
    format::{Scale, digits, quantity, scale},
    report::history::History,
};

/// Title, parameters, latest value, what the y axis shows and what the marks mean.
pub(super) fn heading(shapes: &mut Vec<Shape>, history: &History, axes: &Axes) {
    let room = SIZE.0 - 48.0;
    let (name, parameters) = history.label.split_once('{').unwrap_or((&history.label, ""));
    let parameters = parameters.trim_end_matches('}').replace(',', "  ");
    shapes.push(Shape::Text {
        at: (24.0, 18.0),
        text: fitted(name, 23.0, room - 420.0),
        size: 23.0,
        bold: true,
        align: Align::Left,
        ink: Ink::Text,
    });
    shapes.push(text((24.0, 46.0), fitted(&parameters, 16.0, room), 16.0, Align::Left, Ink::Muted));
    if let Some(latest) = history.points.last() {
        let value = quantity(latest.centre, &history.unit);
        let value = match latest.low.zip(latest.high) {
            Some((low, high)) => {
                let Scale { divisor, .. } = scale(latest.centre, &history.unit);
                let [low, high] = [low, high].map(|end| digits(end / divisor));
                format!("latest {value}  [{low}, {high}]")
            }
            None => format!("latest {value}"),
        };
        shapes.push(text((SIZE.0 - 24.0, 20.0), value, 17.0, Align::Right, Ink::Text));
    }
    let unit = if axes.scale.unit.is_empty() { String::new() } else { format!(" [{}]", axes.scale.unit) };
    let quantity = if history.metric == "time" { "time per iteration" } else { &history.metric };
    shapes.push(text((24.0, 73.0), format!("{quantity}{unit}"), 16.0, Align::Left, Ink::Text));
    legend(shapes, history, axes_hidden(history, axes));
}

/// What the marks mean, from the right edge to the left.
fn legend(shapes: &mut Vec<Shape>, history: &History, hidden: usize) {
    const SIZE_OF_TEXT: f64 = 14.0;
    const MIDDLE: f64 = 78.0;
    let one_run = history.points.len() == 1;
    let beyond = format!("{hidden} beyond the axis");
    let items = [
        (history.points.iter().any(|point| point.low.is_some()), "95 % interval", Ink::Band),
        (true, if one_run { "median of a session" } else { "session median" }, Ink::Session),
        (true, "their mean", Ink::Line),
        (hidden > 0, &beyond, Ink::Alert),
    ];
    let mut x = SIZE.0 - 24.0;
    for (_, label, ink) in items.into_iter().filter(|(shown, ..)| *shown) {
        shapes.push(text((x, MIDDLE - 5.0), label, SIZE_OF_TEXT, Align::Right, Ink::Muted));
        x -= scale::width(label, SIZE_OF_TEXT) + 14.0;
        let around = |dx: f64, dy: f64| (x + dx, MIDDLE + dy);
        shapes.push(match ink {
            Ink::Band => Shape::Area {
                points: vec![around(-7.0, -6.0), around(7.0, -6.0), around(7.0, 6.0), around(-7.0, 6.0)],
                ink,
            },
            Ink::Line => Shape::Path { points: vec![around(-9.0, 0.0), around(9.0, 0.0)], width: 2.0, ink },
            Ink::Session if one_run => Shape::Dot { at: (x, MIDDLE), radius: 4.5, ink: Ink::Line },
            Ink::Session => Shape::Dot { at: (x, MIDDLE), radius: 2.6, ink },
            _ => Shape::Area { points: vec![around(0.0, -5.0), around(-5.0, 5.0), around(5.0, 5.0)], ink },
        });
        x -= 24.0;
    }
}

/// How many centres of runs and sessions lie outside the picture.
fn axes_hidden(history: &History, axes: &Axes) -> usize {
    let centres = history.points.iter().map(|point| point.centre).filter(|_| history.points.len() > 1);
    let sessions = history.points.iter().flat_map(|point| point.session_centres.iter().copied());
    centres.chain(sessions).filter(|value| !axes.shows(*value)).count()
}
