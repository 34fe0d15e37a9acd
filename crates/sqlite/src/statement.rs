//! Statements of packs and handlers: which are taken, how their parameters are bound, what they return.

use rusqlite::{Connection, types::FromSqlError};
use tidings_engine::act::{Row, Value};

use crate::{
    ids::{Parameter, value},
    open::Limit,
};

/// Rows that one statement may return. More are an error, because a result cut short would be believed.
const ROWS: usize = 1_000;

/// What a statement may begin with. All else (transactions, pragmas, attached files, tables) would reach beyond the act.
const TAKEN: [&str; 7] = ["insert", "update", "delete", "replace", "with", "select", "values"];

/// Why a statement did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StatementError {
    /// SQLite's own.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// It does something that acts and queries may not.
    #[error("a statement must begin with one of {}", TAKEN.join(", "))]
    Kind,
    /// A query writes.
    #[error("a query must not write")]
    Writes,
    /// A parameter has another form, or no value.
    #[error("the parameter {0:?} has no value: parameters are $1, $2 … and {1} were given")]
    Parameter(String, usize),
    /// A value is used nowhere, which other databases refuse.
    #[error("the value of ${0} is used nowhere")]
    Unused(usize),
    /// Too many rows.
    #[error("it returned more than {ROWS} rows")]
    Rows,
    /// The act asks for what this store does not know.
    #[error("the store does not know this kind of operation")]
    Unknown,
    /// A text column is not UTF-8.
    #[error("it returned a text that can't be read")]
    Column(#[from] FromSqlError),
}

/// What a statement did.
pub(crate) struct Ran {
    /// Rows touched, or returned where it returns rows.
    pub(crate) touched: u64,
    /// The rows that it returned.
    pub(crate) rows: Vec<Row>,
}

/// Runs a statement of an act.
pub(crate) fn write(
    connection: &Connection,
    limit: &Limit,
    sql: &str,
    values: &[Value],
) -> Result<Ran, StatementError> {
    let mut statement = prepare(connection, sql, values)?;
    limit.around(|| {
        if statement.column_count() == 0 {
            let touched = statement.raw_execute()? as u64;
            return Ok(Ran { touched, rows: Vec::new() });
        }
        let rows = read(&mut statement)?;
        Ok(Ran { touched: rows.len() as u64, rows })
    })
}

/// Runs a statement that only reads.
pub(crate) fn query(
    connection: &Connection,
    limit: &Limit,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, StatementError> {
    let mut statement = prepare(connection, sql, values)?;
    if !statement.readonly() {
        return Err(StatementError::Writes);
    }
    limit.around(|| read(&mut statement))
}

fn prepare<'a>(
    connection: &'a Connection,
    sql: &str,
    values: &[Value],
) -> Result<rusqlite::CachedStatement<'a>, StatementError> {
    let first: String = sql.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    if !TAKEN.contains(&first.to_ascii_lowercase().as_str()) {
        return Err(StatementError::Kind);
    }
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, values)?;
    Ok(statement)
}

/// Binds by name: SQLite numbers `$2, $1` in the order in which they stand, and would swap them.
fn bind(statement: &mut rusqlite::Statement<'_>, values: &[Value]) -> Result<(), StatementError> {
    let mut used = vec![false; values.len()];
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).unwrap_or("?");
        let number = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok()).unwrap_or(0);
        let Some(value) = number.checked_sub(1).and_then(|at| values.get(at)) else {
            return Err(StatementError::Parameter(name.to_owned(), values.len()));
        };
        used[number - 1] = true;
        statement.raw_bind_parameter(index, Parameter(value))?;
    }
    match used.iter().position(|used| !used) {
        Some(at) => Err(StatementError::Unused(at + 1)),
        None => Ok(()),
    }
}

fn read(statement: &mut rusqlite::Statement<'_>) -> Result<Vec<Row>, StatementError> {
    let columns = statement.column_count();
    let mut returned = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = returned.next()? {
        if rows.len() == ROWS {
            return Err(StatementError::Rows);
        }
        let row = (0..columns).map(|column| Ok(value(row.get_ref(column)?)?));
        rows.push(row.collect::<Result<Row, StatementError>>()?);
    }
    Ok(rows)
}
