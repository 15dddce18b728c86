//! An answer drawn as its query's chart.

use super::Query;
use crate::{
    Answer,
    format::Style,
    report::plot::{
        self,
        chart::{self, Place, Value},
    },
};
use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::{cast, concat},
    datatypes::{DataType, Float64Type, TimeUnit},
};
use std::path::{Path, PathBuf};

/// Why an answer is not drawn.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The query says nothing of a chart.
    #[error("query `{0}` has no chart: it is a table alone")]
    NoChart(String),
    /// The file's name does not say what it is to be.
    #[error("{}: name a file that ends in .svg or .png", .0.display())]
    Ending(PathBuf),
    /// There is nothing to draw.
    #[error("query `{0}` has no values to draw here")]
    Nothing(String),
    /// It cannot be drawn or written.
    #[error("{path} cannot be written: {problem}", path = path.display())]
    Draw {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl Query {
    /// Draws `answer` into the file `path`, as SVG or PNG by its ending. Rows whose x or y is null are left out.
    ///
    /// # Errors
    /// [`PlotError`], why there is no picture.
    pub fn plot(&self, answer: &Answer, path: &Path) -> Result<(), PlotError> {
        let chart = self.chart_of(answer)?;
        let (shapes, size) = chart.scene();
        let problem = |problem: String| PlotError::Draw { path: path.to_owned(), problem };
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => {
                let text = plot::svg_of(&shapes, size).map_err(problem)?;
                std::fs::write(path, text).map_err(|error| problem(error.to_string()))
            }
            Some("png") => plot::png_of(&shapes, size, path).map_err(problem),
            _ => Err(PlotError::Ending(path.to_owned())),
        }
    }

    fn chart_of(&self, answer: &Answer) -> Result<chart::Chart, PlotError> {
        let chart = self.chart.as_ref().ok_or_else(|| PlotError::NoChart(self.name.clone()))?;
        let column = |role: &str| chart.roles.get(role).and_then(|name| whole(answer, name));
        let nothing = || PlotError::Nothing(self.name.clone());
        let (x, y) = (column("x").ok_or_else(nothing)?, numbers(column("y")).ok_or_else(nothing)?);
        let (low, high, series) =
            (numbers(column("low")), numbers(column("high")), column("series").map(texts));
        let limit = numbers(column("limit"));
        let places = places(&x);
        let (unit, factor) = self.unit(answer, &chart.roles["y"]);
        let at =
            |column: &Option<Vec<Option<f64>>>, row: usize| column.as_ref()?[row].map(|value| value * factor);
        let values: Vec<Value> = places
            .into_iter()
            .enumerate()
            .filter_map(|(row, place)| {
                let y = y[row].filter(|y| y.is_finite())? * factor;
                let series = series.as_ref().map(|names| names[row].clone()).unwrap_or_default();
                let interval = at(&low, row).zip(at(&high, row));
                Some(Value { place: place?, y, interval, limit: at(&limit, row), series })
            })
            .collect();
        if values.is_empty() {
            return Err(nothing());
        }
        Ok(chart::Chart {
            title: self.what.clone(),
            x: chart.roles["x"].clone(),
            y: chart.roles["y"].clone(),
            unit,
            lines: chart.kind == "line",
            values,
        })
    }

    /// The unit of the column `name`, and what its values are multiplied by to be in it.
    fn unit(&self, answer: &Answer, name: &str) -> (String, f64) {
        let style = self.show.iter().find(|shown| shown.column == name).map(|shown| shown.style);
        let named = || whole(answer, "unit").map(texts).and_then(|units| units.into_iter().next());
        match style {
            Some(Style::Percent) => ("%".into(), 100.0),
            Some(Style::In(unit)) => (unit.to_string(), 1.0),
            Some(Style::Unit) => (named().unwrap_or_else(|| "1".into()), 1.0),
            _ => ("1".into(), 1.0),
        }
    }
}

/// The column `name` of all batches.
fn whole(answer: &Answer, name: &str) -> Option<ArrayRef> {
    let columns: Vec<&ArrayRef> =
        answer.batches.iter().filter_map(|batch| batch.column_by_name(name)).collect();
    let columns: Vec<&dyn Array> = columns.into_iter().map(|column| column.as_ref() as &dyn Array).collect();
    concat(&columns).ok()
}

fn numbers(column: Option<ArrayRef>) -> Option<Vec<Option<f64>>> {
    let numbers = cast(&column?, &DataType::Float64).ok()?;
    Some(numbers.as_primitive::<Float64Type>().iter().collect())
}

fn texts(column: ArrayRef) -> Vec<String> {
    let texts = cast(&column, &DataType::Utf8).ok();
    let texts = texts.as_ref().and_then(|texts| texts.as_string_opt::<i32>());
    texts
        .map_or_else(Vec::new, |texts| texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
}

/// Where each row lies; `None` for null.
fn places(column: &ArrayRef) -> Vec<Option<Place>> {
    match column.data_type() {
        DataType::Timestamp(_, zone) => {
            let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()));
            let micros = micros.and_then(|micros| cast(&micros, &DataType::Int64)).ok();
            let all = numbers(micros).unwrap_or_default();
            all.into_iter().map(|time| time.map(Place::Time)).collect()
        }
        kind if kind.is_numeric() => {
            let all = numbers(Some(column.clone())).unwrap_or_default();
            all.into_iter().map(|number| number.map(Place::Number)).collect()
        }
        _ => {
            let nulls: Vec<bool> = (0..column.len()).map(|row| column.is_null(row)).collect();
            let named = texts(column.clone()).into_iter().zip(nulls);
            named.map(|(name, is_null)| (!is_null).then_some(Place::Name(name))).collect()
        }
    }
}
