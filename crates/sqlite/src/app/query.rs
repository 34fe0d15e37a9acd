//! A statement of the configuration: checked once at the start, run for every question.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, types::FromSqlError};
use tidings_engine::act::Value;
use tidings_wire::IdError;

use super::values::{Lowered, UuidForm};

/// A statement, and the setting that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Sql<'a> {
    /// The setting's key, such as `app.followers.query`: errors name it.
    pub setting: &'a str,
    /// The statement.
    pub text: &'a str,
}

/// What a port gives to its statement and takes from it.
pub(super) struct Shape {
    /// The parameters in order: the first is `:user` or `$1`.
    pub(super) parameters: &'static [&'static str],
    /// Of each of these sets the statement must use one: a statement that leaves out for whom it is asked answers for everybody.
    pub(super) needed: &'static [&'static [&'static str]],
    /// The fewest and the most columns.
    pub(super) columns: (usize, usize),
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// SQLite's own.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// It ran too long.
    #[error("it took longer than {0:?} and was ended: is there an index for it?")]
    TimedOut(Duration),
    /// It waited too long for a connection.
    #[error("it waited {0:?} for a connection: raise `app.pool`, or look for a slow statement")]
    Waited(Duration),
    /// More rows than its port takes.
    #[error("it returned more than {0} rows")]
    Rows(usize),
    /// More rows than are read of a statement that is not paged.
    #[error("it returned more than {0} rows: page it, with `WHERE id > :after ORDER BY id LIMIT :limit`")]
    Unpaged(usize),
    /// A page that is none.
    #[error("its ids are not in ascending order above `:after`: add `WHERE id > :after ORDER BY id`")]
    Order,
    /// A column that should hold an id.
    #[error("its column `{column}` holds no id: {problem}")]
    Id {
        /// Which.
        column: String,
        /// What it holds.
        problem: String,
    },
    /// A column that should hold something else.
    #[error("its column `{column}` holds {found}, expected {expected}")]
    Column {
        /// Which.
        column: String,
        /// What it holds.
        found: &'static str,
        /// What it should.
        expected: &'static str,
    },
    /// A row that is larger than what is passed on.
    #[error("its row has more than {0} bytes: name the columns that are needed")]
    Large(usize),
    /// Nothing is configured to be asked.
    #[error("it is not set")]
    NotSet,
}

impl QueryError {
    /// SQLite says only that it was interrupted.
    pub(super) fn within(self, timeout: Duration) -> Self {
        match self {
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Self::TimedOut(timeout)
            }
            other => other,
        }
    }

    pub(super) fn id(column: &str, error: IdError) -> Self {
        Self::Id { column: column.to_owned(), problem: error.to_string() }
    }
}

impl From<FromSqlError> for QueryError {
    fn from(error: FromSqlError) -> Self {
        Self::Sqlite(error.into())
    }
}

/// A statement that was checked.
#[derive(Debug)]
pub(super) struct Query {
    setting: Box<str>,
    sql: Box<str>,
    /// Which value each of the statement's parameters gets.
    bindings: Vec<usize>,
}

/// What a statement may begin with. All else would do more than read.
const TAKEN: [&str; 3] = ["select", "with", "values"];

impl Query {
    /// Prepares the statement and checks it.
    ///
    /// # Errors
    /// What is wrong with it, to be read behind the setting's name.
    pub(super) fn check(connection: &Connection, sql: Sql<'_>, shape: &Shape) -> Result<Self, String> {
        let statement = connection.prepare(sql.text).map_err(|error| match error {
            rusqlite::Error::MultipleStatement => "holds several statements: keep one".to_owned(),
            error => format!("can't be prepared: {error}"),
        })?;
        let first: String = sql.text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
        if !statement.readonly() || !TAKEN.contains(&first.to_ascii_lowercase().as_str()) {
            return Err("must only read: begin it with SELECT, WITH or VALUES".to_owned());
        }
        let (least, most) = shape.columns;
        let columns = statement.column_count();
        if !(least..=most).contains(&columns) {
            let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return Err(format!("returns {columns} columns, expected {expected}"));
        }
        let count = statement.parameter_count();
        let bindings = (1..=count)
            .map(|index| shape.value_of(statement.parameter_name(index), count))
            .collect::<Result<Vec<_>, String>>()?;
        let query = Self { setting: sql.setting.into(), sql: sql.text.into(), bindings };
        match shape.needed.iter().find(|any| !any.iter().any(|name| query.uses(shape, name))) {
            Some(any) => Err(format!("does not use the parameter `:{}`", any.join("` or `:"))),
            None => Ok(query),
        }
    }

    /// Whether the statement has the parameter.
    pub(super) fn uses(&self, shape: &Shape, name: &str) -> bool {
        self.bindings.iter().any(|&value| shape.parameters[value] == name)
    }

    pub(super) fn setting(&self) -> &str {
        &self.setting
    }

    pub(super) fn run<T>(
        &self,
        connection: &Connection,
        values: &[Value],
        uuid: UuidForm,
        read: impl FnOnce(&mut rusqlite::Rows<'_>) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        for (index, &value) in self.bindings.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, Lowered(&values[value], uuid))?;
        }
        read(&mut statement.raw_query())
    }
}

impl Shape {
    /// Which value a parameter of the statement gets: by its name (`:user`, also `@user` and `$user`), by its number (`$1`, `?1`), or
    /// as the only `?`. Several `?` would be bound by their places, which nobody sees when one is moved.
    fn value_of(&self, name: Option<&str>, count: usize) -> Result<usize, String> {
        let expected = || format!("it gets `:{}`", self.parameters.join("`, `:"));
        let Some(name) = name else {
            return match count {
                1 => Ok(0),
                _ => Err(format!("has several parameters and a `?` among them: name them, {}", expected())),
            };
        };
        let bare = &name[1..];
        let by_number = bare.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let value = by_number.filter(|&value| value < self.parameters.len());
        value
            .or_else(|| self.parameters.iter().position(|known| *known == bare))
            .ok_or_else(|| format!("has the parameter `{name}`, but {}", expected()))
    }
}
