//! The templates of new files: Tidings' own, and those of a folder that go before them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use minijinja::{Environment, UndefinedBehavior, context};

use super::names::Names;

/// The file's name, and Tidings' own text.
const OWN: [(&str, &str); 2] = [
    ("message.rs.j2", include_str!("../../../templates/message.rs.j2")),
    ("tests.rs.j2", include_str!("../../../templates/tests.rs.j2")),
];

/// Where a project keeps its own, below its crate.
const FOLDER: &str = "tidings/templates";

/// Templates, read and understood.
pub(super) struct Templates(Environment<'static>);

/// What is to be written.
pub(super) struct Wanted<'a> {
    pub(super) names: &'a Names,
    pub(super) kept: bool,
    pub(super) handler: bool,
}

impl Wanted<'_> {
    /// The call that registers the type, which stands in a module whose path this is.
    pub(super) fn register(&self, module: &str) -> String {
        let name = &self.names.name;
        match self.handler {
            true => format!(".message_with::<{module}{name}>({module}accept)"),
            false => format!(".message::<{module}{name}>()"),
        }
    }
}

impl Templates {
    /// Those of `named`, which must hold one at least, or else of the crate's own folder; what they lack is Tidings'.
    ///
    /// # Errors
    /// Which folder holds none, or which template can't be read.
    pub(super) fn of(named: Option<&Path>, crate_folder: &Path) -> Result<Self, String> {
        let folder = named.map_or_else(|| crate_folder.join(FOLDER), PathBuf::from);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_keep_trailing_newline(true);
        let mut brought = 0;
        for (name, own) in OWN {
            let path = folder.join(name);
            let text = match fs::read_to_string(&path) {
                Ok(text) => {
                    brought += 1;
                    text
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => own.to_owned(),
                Err(error) => return Err(format!("read the template {}: {error}", path.display())),
            };
            environment
                .add_template_owned(name, text)
                .map_err(|error| format!("the template {} can't be read: {error:#}", path.display()))?;
        }
        if named.is_some() && brought == 0 {
            let names = OWN.map(|(name, _)| name).join(" nor ");
            return Err(format!("{} holds neither {names}", folder.display()));
        }
        Ok(Self(environment))
    }

    /// The type's file, and its tests'.
    ///
    /// # Errors
    /// What a template asks for that there is not, with its line.
    pub(super) fn render(&self, wanted: &Wanted<'_>) -> Result<(String, String), String> {
        let [message, tests] = OWN.map(|(name, _)| {
            let values = context! {
                type => wanted.names.kind,
                name => wanted.names.name,
                kept => wanted.kept,
                handler => wanted.handler,
                register => wanted.register(""),
            };
            let template = self.0.get_template(name).expect("all of them were added");
            template.render(values).map_err(|error| format!("the template {name} can't be filled in: {error:#}"))
        });
        Ok((message?, tests?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(folder: &Path) -> Result<(String, String), String> {
        let names = Names { kind: "nudge".into(), name: "Nudge".into() };
        Templates::of(Some(folder), folder)?.render(&Wanted { names: &names, kept: false, handler: true })
    }

    #[test]
    fn a_template_of_ones_own_goes_before_and_the_other_one_is_tidings() {
        let folder = tempfile::tempdir().unwrap();
        assert!(rendered(folder.path()).unwrap_err().contains("neither message.rs.j2 nor tests.rs.j2"));
        let own = "// {{ name }} {{ type }} {% if kept %}kept{% elif handler %}handled{% endif %} {{ register }}\n";
        fs::write(folder.path().join("message.rs.j2"), own).unwrap();
        let (message, tests) = rendered(folder.path()).unwrap();
        assert_eq!(message, "// Nudge nudge handled .message_with::<Nudge>(accept)\n");
        assert!(tests.contains("ann.send(&Nudge { to: bob.user() });"), "{tests}");
    }

    #[test]
    fn a_template_that_is_wrong_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tests.rs.j2");
        fs::write(&path, "one\n{{ nmae }}\n").unwrap();
        let problem = rendered(folder.path()).unwrap_err();
        assert!(problem.contains("tests.rs.j2") && problem.contains(":2"), "{problem}");
        fs::write(&path, "{% if %}\n").unwrap();
        assert!(rendered(folder.path()).unwrap_err().contains("tests.rs.j2"));
    }
}
