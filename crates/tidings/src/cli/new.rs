//! `tidings new message NAME`: a message type with its test, and how it is registered.

mod names;
mod register;
mod templates;

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};

use self::{
    names::Names,
    templates::{Templates, Wanted},
};
use super::{
    arguments::NewMessage,
    assemble::{self, Extend},
    failure::Failure,
    output::{answer, explain},
};

/// Writes the two files, and prints or inserts the lines that register the type. All that can be wrong is looked for first: then
/// nothing is written.
pub(super) fn run(command: &NewMessage, extend: Extend<'_>) -> Result<(), Failure> {
    let registered = assemble::app(extend).build()?.types();
    let names = Names::of(&command.name, registered.iter().map(|kind| kind.name)).map_err(Failure::Usage)?;
    let root = root(&command.folder)?;
    let templates = Templates::of(command.templates.as_deref(), &command.folder).map_err(Failure::Usage)?;
    let wanted = Wanted { names: &names, kept: command.kept, handler: command.handler };
    let (message, tests) = templates.render(&wanted).map_err(Failure::Usage)?;
    let source = command.folder.join("src");
    let files =
        [(source.join(format!("{}.rs", names.kind)), message), (source.join(&names.kind).join("tests.rs"), tests)];
    for (path, _) in &files {
        if fs::symlink_metadata(path).is_ok() {
            let what = format!("{} is there already, and nothing is overwritten: choose another name", path.display());
            return Err(Failure::Usage(what));
        }
    }
    let call = wanted.register(&format!("{}::", names.kind));
    let module = format!("mod {};", names.kind);
    let registered = match command.write {
        true => Some(registered_in(&root, &module, &call)?),
        false => None,
    };
    for (path, text) in &files {
        write_new(path, text)?;
        explain(&format!("wrote {}", path.display()));
    }
    if let Some(text) = registered {
        fs::write(&root, text).with_context(|| format!("write {}", root.display()))?;
        explain(&format!("registered it in {}", root.display()));
        return Ok(());
    }
    explain(&format!("add the first line to {}, and the second one to your `App`:", root.display()));
    answer(&format!("{module}\n{call}"))?;
    explain("The test needs `tidings-testkit` among the dev-dependencies.");
    Ok(())
}

/// The file in which the crate's modules are declared.
fn root(folder: &Path) -> Result<PathBuf, Failure> {
    if !folder.join("Cargo.toml").is_file() {
        let what = format!("{} holds no Cargo.toml: name the folder of a crate with --in", folder.display());
        return Err(Failure::Usage(what));
    }
    let roots = ["src/lib.rs", "src/main.rs"].map(|root| folder.join(root));
    let found = roots.into_iter().find(|root| root.is_file());
    let nothing = || format!("{} holds neither src/lib.rs nor src/main.rs", folder.display());
    found.ok_or_else(|| Failure::Usage(nothing()))
}

fn registered_in(root: &Path, module: &str, call: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(root).with_context(|| format!("read {}", root.display()))?;
    register::register(&text, module, call)
        .map_err(|problem| Failure::Usage(format!("{}: {problem}: leave --write out", root.display())))
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().expect("both files lie in a folder");
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let mut file = fs::File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!("{} is there already", path.display()),
        _ => anyhow!(error).context(format!("make {}", path.display())),
    })?;
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))?;
    Ok(())
}
