//! `config doc`: the page about the configuration, from the code.

use std::fmt::Write;

use serde_json::Value;

use super::catalogue::{Setting, sections, settings_in};

/// The page, in Markdown.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for section in sections() {
        let title = if section.family { format!("{}.<name>", section.name) } else { section.name.clone() };
        let _ = write!(page, "\n## `[{title}]`\n\n{}\n\n", section.meaning);
        page.push_str("| key | takes | default | environment variable | meaning |\n|---|---|---|---|---|\n");
        for setting in settings_in(&section.name) {
            row(&mut page, setting);
        }
    }
    page
}

const HEAD: &str = "# Configuration

<!-- Made by `tidings config doc` from crates/tidings/src/configuration/sections: change it there. -->

Settings are read from the file named by `--config` (without it, from `tidings.toml` in the working folder, if there is
one), then from environment variables, then from flags; the later wins. A key that is not known is an error that names the
nearest known one. `tidings config check` says whether all is well, `tidings config show` what is in force and where it
comes from.

In environment variables, lists have commas between their items. Lengths of time are written as `250ms`, `10s`, `25m`,
`1h 30m` or `30d`. Sizes are in bytes.

```toml
[server]
listen = \"0.0.0.0:8000\"
origins = [\"https://app.example\"]

[types.broadcast]
senders = \"users\"
limit = \"10/min\"

[notifications.post_like]
texts.en.single = \"{{ actor }} likes your post\"
texts.en.one = \"{{ actor }} and one other like your post\"
texts.en.other = \"{{ actor }} and {{ others }} others like your post\"
limit = \"20/h\"
```
";

fn row(page: &mut String, setting: &Setting) {
    let default = match &setting.default {
        Value::Null => "not set".to_owned(),
        value => format!("`{value}`"),
    };
    let cells = [
        format!("`{}`", setting.name),
        setting.kind.words(),
        default,
        format!("`{}`", setting.variable("<NAME>")),
        setting.meaning.clone(),
    ];
    let cells = cells.map(|cell| cell.replace('|', "\\|")).join(" | ");
    let _ = writeln!(page, "| {cells} |");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::catalogue::SETTINGS;

    #[test]
    fn every_setting_has_a_row_with_its_default_and_variable() {
        let page = markdown();
        for setting in SETTINGS.iter() {
            let variable = format!("`{}`", setting.variable("<NAME>"));
            assert_eq!(page.lines().filter(|line| line.contains(&variable)).count(), 1, "{variable}");
        }
        assert!(page.contains("| `listen` | address and port | `\"127.0.0.1:8000\"` |"), "{page}");
    }
}
