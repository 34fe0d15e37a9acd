//! How ids and parameters stand in SQLite: an id below 2^63 as an INTEGER, any other as a BLOB of 16 bytes.

use bytes::Bytes;
use rusqlite::{
    Result, ToSql,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use tidings_engine::act::Value;
use tidings_wire::{Form, GroupId, Id, UserId};

/// An id as a parameter or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SqlId(pub(crate) Id);

impl From<UserId> for SqlId {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}

impl From<GroupId> for SqlId {
    fn from(group: GroupId) -> Self {
        Self(group.0)
    }
}

impl ToSql for SqlId {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(match self.0.form() {
            Form::Integer(value) => value.into(),
            Form::Uuid(bytes) => ToSqlOutput::Owned(rusqlite::types::Value::Blob(bytes.to_vec())),
        })
    }
}

impl FromSql for SqlId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let id = match value {
            ValueRef::Integer(value) => Id::from_integer(value),
            ValueRef::Blob(bytes) => Id::from_uuid(bytes.try_into().map_err(|_| FromSqlError::InvalidType)?),
            _ => return Err(FromSqlError::InvalidType),
        };
        id.map(Self).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// A parameter of a pack's statement.
pub(crate) struct Parameter<'a>(pub(crate) &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        lowered(self.0)
    }
}

/// A value as it stands in Tidings' own tables.
pub(crate) fn lowered(value: &Value) -> Result<ToSqlOutput<'_>> {
    Ok(match value {
        Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
        Value::Int(value) => (*value).into(),
        Value::Real(value) => (*value).into(),
        Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        Value::Id(id) => match id.form() {
            Form::Integer(value) => value.into(),
            Form::Uuid(bytes) => ToSqlOutput::Owned(rusqlite::types::Value::Blob(bytes.to_vec())),
        },
    })
}

/// A message's body as TEXT, without a check of what the engine serialised itself.
pub(crate) struct Body<'a>(pub(crate) &'a [u8]);

impl ToSql for Body<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

/// A column of a pack's row.
pub(crate) fn value(column: ValueRef<'_>) -> FromSqlResult<Value> {
    Ok(match column {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(_) => Value::Text(column.as_str()?.into()),
        ValueRef::Blob(bytes) => Value::Bytes(Bytes::copy_from_slice(bytes)),
    })
}
