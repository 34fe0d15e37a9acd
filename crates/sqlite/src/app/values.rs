//! How ids stand in the app's tables, and columns as JSON.

use rusqlite::{Row, types::ToSqlOutput};
use serde_json::{Map, Value as Json};
use tidings_engine::act::Value;
use tidings_wire::{Form, Id};

use super::query::QueryError;
use crate::ids::{lowered, value};

/// How UUIDs stand in the app's tables. Integers are integers either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UuidForm {
    /// As text: 36 characters in lower case.
    #[default]
    Text,
    /// As a BLOB of 16 bytes.
    Bytes,
}

/// A parameter, with ids as the app's tables have them.
pub(super) struct Lowered<'a>(pub(super) &'a Value, pub(super) UuidForm);

impl rusqlite::ToSql for Lowered<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self.0 {
            Value::Id(id) if self.1 == UuidForm::Text && matches!(id.form(), Form::Uuid(_)) => {
                return Ok(ToSqlOutput::Owned(rusqlite::types::Value::Text(id.to_string())));
            }
            value => value,
        };
        lowered(value)
    }
}

/// The id in a column: an integer, text of an integer or a UUID, or 16 bytes, whatever `app.uuid` says.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<Id, QueryError> {
    let found = value(row.get_ref(column)?)?;
    let problem = match &found {
        Value::Int(number) => {
            return Id::from_integer(*number).map_err(|error| QueryError::id(name(row, column), error));
        }
        Value::Text(text) => match text.parse() {
            Ok(id) => return Ok(id),
            Err(error) => return Err(QueryError::id(name(row, column), error)),
        },
        Value::Bytes(bytes) => match <[u8; 16]>::try_from(bytes.as_ref()) {
            Ok(bytes) => return Id::from_uuid(bytes).map_err(|error| QueryError::id(name(row, column), error)),
            Err(_) => "bytes are a UUID where they are 16",
        },
        Value::Null => "it is NULL",
        _ => "it is a number with a fraction",
    };
    Err(QueryError::Id { column: name(row, column).to_owned(), problem: problem.to_owned() })
}

/// The most bytes of text in a row's free columns. A larger row is refused: it would travel with every notice.
const ROW_BYTES: usize = 64 * 1024;

/// The columns from `first` on as a JSON object. An integer, number, text or NULL is the same in JSON; 16 bytes are a UUID.
pub(super) fn object(row: &Row<'_>, first: usize) -> Result<Map<String, Json>, QueryError> {
    let mut object = Map::new();
    let mut bytes = 0;
    for column in first..row.as_ref().column_count() {
        let field = name(row, column);
        let json = match value(row.get_ref(column)?)? {
            Value::Null => Json::Null,
            Value::Int(number) => number.into(),
            Value::Real(number) => number.into(),
            Value::Text(text) => {
                bytes += text.len();
                Json::String(text.into())
            }
            Value::Bytes(_) => serde_json::to_value(id(row, column)?).unwrap_or_default(),
            Value::Id(_) => Json::Null,
        };
        if bytes > ROW_BYTES {
            return Err(QueryError::Large(ROW_BYTES));
        }
        object.insert(field.to_owned(), json);
    }
    Ok(object)
}

/// What a column is called in the statement.
pub(super) fn name<'a>(row: &'a Row<'_>, column: usize) -> &'a str {
    row.as_ref().column_name(column).unwrap_or("?")
}

/// The only row, if there is one.
pub(super) fn one<T>(
    rows: &mut rusqlite::Rows<'_>,
    read: impl FnOnce(&Row<'_>) -> Result<T, QueryError>,
) -> Result<Option<T>, QueryError> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let found = read(row)?;
    // Which of two rows is meant nobody could say.
    if rows.next()?.is_some() { Err(QueryError::Rows(1)) } else { Ok(Some(found)) }
}
