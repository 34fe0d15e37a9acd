//! The lines that register a type, put into a crate's root where it is plain where they go.

/// What an app begins with, before its first type.
const BEGINNINGS: [&str; 2] = ["App::new()", "|app| app"];

/// The text with the module declared and the call behind the app's beginning.
///
/// # Errors
/// Why it is not plain where they go.
pub(super) fn register(text: &str, module: &str, call: &str) -> Result<String, String> {
    let at = beginning(text)?;
    let text = format!("{}{call}{}", &text[..at], &text[at..]);
    let mut lines: Vec<&str> = text.lines().collect();
    let declares = |line: &str| line.ends_with(';') && (line.starts_with("mod ") || line.starts_with("pub mod "));
    let position = match lines.iter().rposition(|line| declares(line)) {
        Some(last) => last + 1,
        // Behind the crate's documentation and attributes.
        None => {
            let inner = |line: &&str| line.is_empty() || line.starts_with("//!") || line.starts_with("#![");
            lines.iter().take_while(|line| inner(line)).count()
        }
    };
    lines.insert(position, module);
    if lines.get(position + 1).is_some_and(|next| !next.is_empty() && !declares(next)) {
        lines.insert(position + 1, "");
    }
    Ok(lines.join("\n") + "\n")
}

/// Where the one beginning of an app ends.
fn beginning(text: &str) -> Result<usize, String> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with("//") {
            let ends =
                BEGINNINGS.iter().flat_map(|word| line.match_indices(word).map(|(at, _)| start + at + word.len()));
            found.extend(
                ends.filter(|&end| !text[end..].starts_with(|next: char| next.is_alphanumeric() || next == '_')),
            );
        }
        start += line.len();
    }
    match found[..] {
        [at] => Ok(at),
        [] => Err("neither `App::new()` nor `|app| app` stands in it, so where the type goes is not plain".to_owned()),
        _ => Err(format!("{} apps begin in it, so where the type goes is not plain", found.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(text: &str) -> Result<String, String> {
        register(text, "mod poke;", ".message::<poke::Poke>()")
    }

    #[test]
    fn the_lines_go_behind_the_modules_and_the_beginning() {
        let before = "//! Mine.\n\nmod cheer;\nmod nudge;\n\nfn main() {\n    tidings::cli::main(|app| app.message::<cheer::Cheer>())\n}\n";
        let after = "//! Mine.\n\nmod cheer;\nmod nudge;\nmod poke;\n\nfn main() {\n    tidings::cli::main(|app| app.message::<poke::Poke>().message::<cheer::Cheer>())\n}\n";
        assert_eq!(registered(before).unwrap(), after);
    }

    #[test]
    fn where_there_is_no_module_yet_it_goes_behind_the_documentation() {
        let before =
            "//! Mine.\n#![forbid(unsafe_code)]\n\n// App::new() begins one.\nfn app() -> App {\n    App::new()\n}\n";
        let after = "//! Mine.\n#![forbid(unsafe_code)]\n\nmod poke;\n\n// App::new() begins one.\nfn app() -> App {\n    App::new().message::<poke::Poke>()\n}\n";
        assert_eq!(registered(before).unwrap(), after);
    }

    #[test]
    fn where_it_is_not_plain_nothing_is_guessed() {
        assert!(registered("fn main() {}\n").unwrap_err().contains("neither `App::new()`"));
        assert!(registered("fn a() { App::new(); }\nfn b() { App::new(); }\n").unwrap_err().contains("2 apps"));
        assert!(registered("fn main() { run(|app| application()); }\n").is_err());
    }
}
