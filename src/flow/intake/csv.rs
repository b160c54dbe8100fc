//! CSV: a header row, then one change per row.

use super::IntakeError;
use super::row::{Builder, Given, Said, meaning, structural};
use super::table::{Record, Records, TableError, delimiter};
use crate::recipient::ObjectType;
use crate::recipient::column::{self, Column};
use crate::report::{Form, Format};

/// Checks the whole shape first, then hands the rows over.
pub(super) fn read(file: &str, text: &str, builder: &mut Builder) -> Result<(), IntakeError> {
    let delimiter = delimiter(text);
    let mut records = Records::new(text, delimiter);
    let header = match records.next() {
        Some(header) => header.map_err(|error| malformed(file, error))?,
        None => return Err(IntakeError::new(file, 0, 0, "the flow is empty").hint("it needs a header row")),
    };
    check_header(file, &header)?;
    let rows = records.collect::<Result<Vec<_>, _>>().map_err(|error| malformed(file, error))?;
    for row in &rows {
        check_width(file, &header, row)?;
    }
    let secret: Vec<bool> =
        header.iter().map(|cell| column::reserved(&cell.text) == Some(Column::Password)).collect();
    builder.form(Form {
        format: Format::Csv,
        head: format!("{}{}", written(&header, delimiter, &[]), line_end(text)),
        newline: line_end(text).to_owned(),
    });
    for row in rows {
        let as_written = written(&row, delimiter, &secret);
        let line = row.first().map_or(0, |cell| cell.line);
        let cells = header.iter().zip(row).filter(|(_, cell)| !cell.text.trim().is_empty());
        let given = cells.map(|(column, cell)| Given {
            name: column.text.trim().to_owned(),
            line: cell.line,
            column: cell.column,
            value: Said::Cell(cell.text.into_owned()),
        });
        builder.row(line, as_written, given.collect());
    }
    Ok(())
}

/// A row as it is written, the cells of these columns left empty.
fn written(row: &Record<'_>, delimiter: char, empty: &[bool]) -> String {
    let cells = row.iter().enumerate().map(|(at, cell)| match empty.get(at) {
        Some(true) => "",
        _ => cell.written,
    });
    cells.collect::<Vec<_>>().join(delimiter.to_string().as_str())
}

/// What ends the first line, which is the header's unless a name in it holds a line end.
fn line_end(text: &str) -> &'static str {
    match text.trim_start().find(['\r', '\n']).and_then(|at| text.trim_start().get(at..)) {
        Some(rest) if rest.starts_with("\r\n") => "\r\n",
        Some(rest) if rest.starts_with('\r') => "\r",
        _ => "\n",
    }
}

fn malformed(file: &str, error: TableError) -> IntakeError {
    let hint = "put quotes around the whole cell and double the quotes within it";
    IntakeError::new(file, error.line, error.column, error.reason.to_string()).hint(hint)
}

fn check_header(file: &str, header: &Record<'_>) -> Result<(), IntakeError> {
    let has = |wanted| header.iter().any(|cell| column::reserved(&cell.text) == Some(wanted));
    let types: &[ObjectType] = if has(Column::ObjectType) {
        &[ObjectType::Mailbox, ObjectType::MailboxDatabase]
    } else {
        &[ObjectType::Mailbox]
    };
    let mut seen: Vec<(Column, &str)> = Vec::new();
    for (index, cell) in header.iter().enumerate() {
        let fault = |message: String| IntakeError::new(file, cell.line, cell.column, message);
        let name = cell.text.trim();
        if name.is_empty() {
            return Err(fault(format!("column {} has no name", index + 1)));
        }
        let column =
            meaning(types, name).map_err(|error| structural(file, cell.line, cell.column, &error))?;
        if let Some((_, earlier)) = seen.iter().find(|(known, _)| *known == column) {
            return Err(
                fault(format!("column `{name}` is the same as column `{earlier}`")).hint("keep one of them")
            );
        }
        seen.push((column, name));
    }
    if !has(Column::Identity) {
        let error = IntakeError::new(
            file,
            header.first().map_or(1, |cell| cell.line),
            0,
            "there is no column `Identity`",
        );
        return Err(error.hint("the first row must hold the names of the columns"));
    }
    Ok(())
}

fn check_width(file: &str, header: &Record<'_>, row: &Record<'_>) -> Result<(), IntakeError> {
    let Some(last) = row.last() else { return Ok(()) };
    if row.len() == header.len() {
        return Ok(());
    }
    let line = row.first().map_or(last.line, |cell| cell.line);
    // The first cell too many, or the place where cells end.
    let place = row.get(header.len()).unwrap_or(last);
    let message = format!(
        "the row that begins in line {line} has {} cells, the header has {}",
        row.len(),
        header.len()
    );
    Err(IntakeError::new(file, place.line, place.column, message)
        .hint("quote cells that hold the delimiter; multi-valued cells are separated by `;`"))
}
