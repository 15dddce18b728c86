//! Whether every producer's rows are there, each once: holes and doubles in `seq`.

use crate::{Answer, Lake, SqlError, ask};
use benchlake_schemas::{DeadLetter, Envelope, Header, ProducerId, Table, from_batch};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::HashSet;

/// Rows `first..=last` of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Rows {
    /// The producer.
    pub producer_id: ProducerId,
    /// Number of the first row.
    pub first: i64,
    /// Number of the last one.
    pub last: i64,
}

/// The sequences of a table's producers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Continuity {
    /// The rows that each producer's sequence spans in the lake.
    pub producers: Vec<Rows>,
    /// Rows that are in no file, in no dead letter, and lie before a row that is there.
    pub missing: Vec<Rows>,
    /// Rows that are in the dead letters and not in the table.
    pub dead: Vec<Rows>,
    /// Rows that are there more than once; runs of them.
    pub doubled: Vec<Rows>,
}

#[derive(Deserialize)]
struct Claim {
    headers: Vec<Header>,
}

/// Looks at every row number of `table`, one of [`Table::PRODUCED`].
///
/// # Errors
/// [`SqlError`] if the table cannot be read.
pub async fn continuity(lake: &Lake, table: Table) -> Result<Continuity, SqlError> {
    let context = lake.context();
    let rows = |sql: String| {
        let context = context.clone();
        async move { decode::<Rows>(&ask(&context, &sql).await?) }
    };
    let producers = format!(
        "SELECT producer_id, min(seq) AS first, max(seq) AS last FROM {table} GROUP BY producer_id ORDER BY producer_id"
    );
    let gaps = format!(
        "SELECT producer_id, before + 1 AS first, seq - 1 AS last FROM (
           SELECT producer_id, seq, coalesce(lag(seq) OVER (PARTITION BY producer_id ORDER BY seq), 0) AS before FROM {table}
         ) WHERE seq > before + 1 ORDER BY producer_id, first"
    );
    let doubled = format!(
        "SELECT producer_id, min(seq) AS first, max(seq) AS last FROM (
           SELECT producer_id, seq, seq - row_number() OVER (PARTITION BY producer_id ORDER BY seq) AS run FROM (
             SELECT producer_id, seq FROM {table} GROUP BY producer_id, seq HAVING count(*) > 1)
         ) GROUP BY producer_id, run ORDER BY producer_id, first"
    );
    let (producers, gaps, doubled) = (rows(producers).await?, rows(gaps).await?, rows(doubled).await?);
    let claims = format!("SELECT headers FROM dead_letters WHERE \"table\" = '{table}'");
    let claims: Vec<Claim> = decode(&ask(&context, &claims).await?)?;
    let (missing, dead) = explain(&gaps, &claims);
    Ok(Continuity { producers, missing, dead, doubled })
}

/// Splits holes into what dead letters claim to hold and what nothing explains.
fn explain(gaps: &[Rows], claims: &[Claim]) -> (Vec<Rows>, Vec<Rows>) {
    let ranges = claims.iter().filter_map(|claim| {
        let headers = claim.headers.iter().map(|header| (header.key.clone(), header.value.clone()));
        Envelope { headers: headers.collect(), payload: Vec::new() }.claimed_range()
    });
    let claimed: Vec<_> = ranges.collect();
    let (mut missing, mut dead) = (Vec::new(), Vec::new());
    for gap in gaps {
        let mut cuts: Vec<_> = claimed
            .iter()
            .filter(|range| range.producer == gap.producer_id)
            .map(|range| (range.first.max(gap.first), range.last.min(gap.last)))
            .filter(|(first, last)| first <= last)
            .collect();
        cuts.sort_unstable();
        let rows = |first, last| Rows { producer_id: gap.producer_id, first, last };
        let mut next = gap.first;
        for (first, last) in cuts {
            if first > next {
                missing.push(rows(next, first - 1));
            }
            if last >= next {
                dead.push(rows(first.max(next), last));
                next = last + 1;
            }
        }
        if next <= gap.last {
            missing.push(rows(next, gap.last));
        }
    }
    (missing, dead)
}

/// Which rows of `range` the table has.
///
/// # Errors
/// [`SqlError`] if the table cannot be read.
pub async fn present(lake: &Lake, table: Table, range: Rows) -> Result<HashSet<i64>, SqlError> {
    #[derive(Deserialize, PartialEq, Eq, Hash)]
    struct Seq {
        seq: i64,
    }
    let Rows { producer_id, first, last } = range;
    let query = format!(
        "SELECT seq FROM {table} WHERE producer_id = '{producer_id}' AND seq BETWEEN {first} AND {last}"
    );
    let rows: Vec<Seq> = decode(&ask(&lake.context(), &query).await?)?;
    Ok(rows.into_iter().map(|row| row.seq).collect())
}

/// The dead letters, newest first; `only` is one that stands at `(topic, partition, offset)`.
/// Without `only` their payloads are left out.
///
/// # Errors
/// [`SqlError`] if the table cannot be read.
pub async fn dead_letters(lake: &Lake, only: Option<(&str, i64, i64)>) -> Result<Vec<DeadLetter>, SqlError> {
    let (payload, place) = match only {
        Some((topic, partition, offset)) => {
            let topic = topic.replace('\'', "''");
            let place =
                format!("WHERE topic = '{topic}' AND \"partition\" = {partition} AND \"offset\" = {offset}");
            ("payload", place)
        }
        None => ("X'' AS payload", String::new()),
    };
    let query = format!(
        "SELECT received_at, \"table\", topic, \"partition\", \"offset\", headers, {payload}, reason, error
         FROM dead_letters {place} ORDER BY received_at DESC, topic, \"partition\", \"offset\""
    );
    decode(&ask(&lake.context(), &query).await?)
}

fn decode<R: DeserializeOwned>(answer: &Answer) -> Result<Vec<R>, SqlError> {
    let batches = answer.batches.iter().map(from_batch::<R>);
    let rows: Result<Vec<_>, _> = batches.collect();
    Ok(rows.map_err(|error| SqlError::new(error.to_string()))?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use benchlake_schemas::{Benchmark, Record, sample_series};

    /// A hole is explained by dead letters where they claim its rows, and missing elsewhere.
    #[test]
    fn dead_letters_explain_holes() {
        let producer_id = ProducerId::new();
        let claim = |first: i64, rows: usize| {
            let rows = vec![sample_series(Benchmark::new("w"), &[1.0]); rows];
            let record = Record::encode(Table::Series, producer_id, first, &rows).expect("rows encode");
            let headers = Envelope::seal(&record).headers.into_iter();
            Claim { headers: headers.map(|(key, value)| Header { key, value }).collect() }
        };
        let rows = |first, last| Rows { producer_id, first, last };
        let claims = [claim(3, 2), claim(4, 2), claim(20, 9)];
        let (missing, dead) = explain(&[rows(2, 8), rows(15, 15)], &claims);
        assert_eq!(missing, [rows(2, 2), rows(6, 8), rows(15, 15)]);
        assert_eq!(dead, [rows(3, 4), rows(5, 5)]);
    }
}
