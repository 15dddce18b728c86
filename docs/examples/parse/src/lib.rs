//! A small parser of CSV (RFC 4180): what the benchmarks of `benches/speed.rs` measure.

/// Why a text is no CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseError {
    /// A field began with a quotation mark that nothing closes; where it began.
    Unclosed(usize),
    /// Something other than a comma or a line's end follows a closing quotation mark; where.
    Trailing(usize),
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unclosed(at) => write!(f, "byte {at}: the quotation mark is never closed"),
            Self::Trailing(at) => write!(f, "byte {at}: a comma or the end of the line has to follow"),
        }
    }
}

impl std::error::Error for ParseError {}

/// The records of `text`, each with its fields.
pub fn parse(text: &str) -> Result<Vec<Vec<String>>, ParseError> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted).ok_or(ParseError::Unclosed(at))?,
            None => plain_field(rest),
        };
        record.push(field);
        rest = match after.strip_prefix(',') {
            // A comma at the very end is followed by one more field, which is empty.
            Some("") => {
                record.push(String::new());
                ""
            }
            Some(next) => next,
            None => {
                let line_end = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n'));
                let next = if after.is_empty() { Some("") } else { line_end };
                records.push(std::mem::take(&mut record));
                next.ok_or(ParseError::Trailing(text.len() - after.len()))?
            }
        };
    }
    if !record.is_empty() {
        records.push(record);
    }
    Ok(records)
}

/// The field at the start of `text`, and what follows it.
fn plain_field(text: &str) -> (String, &str) {
    let end = text.find([',', '\n']).unwrap_or(text.len());
    let end = if text[..end].ends_with('\r') && text[end..].starts_with('\n') { end - 1 } else { end };
    (text[..end].to_owned(), &text[end..])
}

/// The field whose opening quotation mark is before `text`, and what follows its closing one.
fn quoted_field(mut text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    loop {
        let end = text.find('"')?;
        field.push_str(&text[..end]);
        text = &text[end + 1..];
        match text.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                text = next;
            }
            None => return Some((field, text)),
        }
    }
}

/// Sorts `records` by the number in their field `column`; what is no number comes first.
pub fn sort_by_number(records: &mut [Vec<String>], column: usize) {
    let number = |record: &Vec<String>| record.get(column).and_then(|field| field.parse::<u64>().ok());
    records.sort_by_key(number);
}

/// The records of the CSV that `source` gives, piece by piece, as from a socket.
pub async fn parse_from<F: Future<Output = Option<String>>>(
    mut source: impl FnMut() -> F,
) -> Result<Vec<Vec<String>>, ParseError> {
    let mut text = String::new();
    while let Some(piece) = source().await {
        text.push_str(&piece);
    }
    parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_line_ends() {
        let records = parse("a,\"b \"\"c\"\", d\"\r\n1,\n\"x\ny\",2").unwrap();
        assert_eq!(records, [vec!["a", "b \"c\", d"], vec!["1", ""], vec!["x\ny", "2"]]);
        assert_eq!(parse("a,").unwrap(), [vec!["a", ""]]);
        assert_eq!(parse("a,\"b"), Err(ParseError::Unclosed(2)));
        assert_eq!(parse("\"a\"b"), Err(ParseError::Trailing(3)));
    }
}
