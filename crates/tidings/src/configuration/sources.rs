//! What a configuration is read from: a file, then the environment, then flags. The later wins.

use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat, Value};

use super::{Place, Problem};

/// The file that is read from the working folder, if it is there and no other is named.
const DEFAULT_FILE: &str = "tidings.toml";

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by `--config`, which must exist.
    pub file: Option<PathBuf>,
    /// Where `tidings.toml` is looked for without one.
    pub folder: PathBuf,
    /// Environment variables; only those that begin with `TIDINGS_` are looked at.
    pub environment: Vec<(String, String)>,
    /// Flags that stand for settings.
    pub flags: Vec<Flag>,
}

/// A flag that stands for a setting.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As it is typed, such as `--listen`.
    pub name: &'static str,
    /// The setting's key.
    pub key: &'static str,
    /// Read like an environment variable.
    pub value: String,
}

/// The file, as it was read.
pub(super) struct FileText {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Where a value of the tree comes from, before its line is looked up.
pub(super) const FROM_ENVIRONMENT: &str = "the environment";

impl Sources {
    /// Those of this process.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Self { file, folder: PathBuf::new(), environment, flags }
    }

    /// The variables that name a setting: `TIDINGS_SECTION__KEY`. Others that begin with `TIDINGS_` are left alone,
    /// because orchestrators set such (`TIDINGS_PORT` for a service named tidings) and tools of ours do.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&String, &String)> {
        self.ours().filter(|(name, _)| name.contains("__"))
    }

    /// Variables with our prefix that do not have the form of a setting.
    pub(super) fn other_variables(&self) -> impl Iterator<Item = &String> {
        self.ours().map(|(name, _)| name).filter(|name| !name.contains("__"))
    }

    /// All values as one tree, each with its origin, and the file if there was one.
    pub(super) fn read(&self) -> Result<(Value, Option<FileText>), Problem> {
        let file = self.read_file()?;
        let mut builder = Config::builder();
        if let Some(file) = &file {
            builder = builder.add_source(File::from_str(&file.text, FileFormat::Toml));
        }
        let variables = self.variables().map(|(name, value)| (name.clone(), value.clone())).collect();
        builder = builder.add_source(
            Environment::with_prefix("TIDINGS").prefix_separator("_").separator("__").source(Some(variables)),
        );
        for flag in &self.flags {
            let value = Value::new(Some(&flag.name.to_owned()), flag.value.clone());
            builder = builder.set_override(flag.key, value).expect("a flag's key is one of ours");
        }
        let path = file.as_ref().map(|file| file.path.clone());
        let tree = builder.build().map_err(|error| unreadable(path, error))?.cache;
        Ok((tree, file))
    }

    fn ours(&self) -> impl Iterator<Item = (&String, &String)> {
        self.environment.iter().map(|(name, value)| (name, value)).filter(|(name, _)| name.starts_with("TIDINGS_"))
    }

    fn read_file(&self) -> Result<Option<FileText>, Problem> {
        let path = self.file.clone().unwrap_or_else(|| self.folder.join(DEFAULT_FILE));
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(FileText { path, text })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.file.is_none() => Ok(None),
            Err(error) => Err(problem_of_file(&path, format!("can't be read: {error}"))),
        }
    }
}

fn unreadable(path: Option<PathBuf>, error: config::ConfigError) -> Problem {
    match (path, error) {
        (Some(path), config::ConfigError::FileParse { cause, .. }) => {
            problem_of_file(&path, format!("is no TOML: {}", cause.to_string().trim_end()))
        }
        (_, error) => Problem { place: Place::Default, what: format!("the configuration can't be read: {error}") },
    }
}

fn problem_of_file(path: &Path, what: String) -> Problem {
    Problem { place: Place::File { path: path.to_path_buf(), line: None }, what }
}
