//! A Rust file as the rules see it: comments and literals blanked, test code marked.
//!
//! This is no parser. It knows Rust's comments and literals exactly, and finds items by counting braces, which is
//! reliable because what is committed was formatted by rustfmt.

use std::ops::RangeInclusive;

/// A Rust file without what only looks like code.
#[derive(Debug)]
pub(super) struct Source {
    /// The file with every comment and the inside of every literal replaced by blanks, line for line.
    pub(super) code: String,
    /// Modules declared `#[cfg(test)] mod name;`, whose text lies in another file.
    pub(super) test_files: Vec<String>,
    test_lines: Vec<RangeInclusive<usize>>,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// Of the word `fn`, counted from 1.
    pub(super) line: usize,
    /// From there to the closing brace, both counted.
    pub(super) lines: usize,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let code = blank(text);
        let mut source = Self { code, test_files: Vec::new(), test_lines: Vec::new() };
        source.find_test_items();
        source
    }

    /// The whole file is compiled for tests only.
    pub(super) fn mark_all_as_test(&mut self) {
        self.test_lines = vec![1..=usize::MAX];
    }

    /// Whether a line (counted from 1) belongs to an item under `#[cfg(test)]`.
    pub(super) fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Every function that has a body, nested ones too.
    pub(super) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for at in words(&self.code, "fn") {
            let name: String = self.code[at + 2..].trim_start().chars().take_while(|c| is_word(*c)).collect();
            // Without a name it is a function pointer's type.
            if name.is_empty() {
                continue;
            }
            if let Some((_, end)) = body(&self.code, at) {
                let line = line_of(&self.code, at);
                functions.push(Function { name, line, lines: line_of(&self.code, end) - line + 1 });
            }
        }
        functions
    }

    fn find_test_items(&mut self) {
        let mut from = 0;
        while let Some(found) = self.code[from..].find("#[cfg(") {
            let start = from + found;
            let end = start + self.code[start..].find(']').unwrap_or(0);
            from = end.max(start + 1);
            let condition = &self.code[start..end];
            let for_tests = words(condition, "test").next().is_some() && words(condition, "not").next().is_none();
            if !for_tests {
                continue;
            }
            let last = match body(&self.code, end + 1) {
                Some((_, close)) => close,
                None => self.code[end..].find(';').map_or(self.code.len(), |semicolon| end + semicolon),
            };
            self.test_lines.push(line_of(&self.code, start)..=line_of(&self.code, last));
            self.test_files.extend(outlined_module(&self.code[end + 1..last]));
            from = last;
        }
    }
}

/// Where a word stands on its own.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !code[..*at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word))
}

/// A character of an identifier.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The line of a byte, counted from 1.
pub(super) fn line_of(code: &str, at: usize) -> usize {
    code[..at.min(code.len())].matches('\n').count() + 1
}

/// The braces of the item that begins at `from`; `None` if a semicolon ends it first.
fn body(code: &str, from: usize) -> Option<(usize, usize)> {
    let (mut open, mut depth, mut braces) = (None, 0_usize, 0_usize);
    for (at, c) in code[from.min(code.len())..].char_indices().map(|(at, c)| (at + from, c)) {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ';' if open.is_none() && depth == 0 => return None,
            '{' if open.is_some() || depth == 0 => {
                open = open.or(Some(at));
                braces += 1;
            }
            '}' if open.is_some() => {
                braces -= 1;
                if braces == 0 {
                    return open.map(|open| (open, at));
                }
            }
            _ => {}
        }
    }
    None
}

/// The name in `pub(crate) mod name`, behind whatever attributes.
fn outlined_module(item: &str) -> Option<String> {
    let at = words(item, "mod").next()?;
    let name = item[at + 3..].trim();
    (!name.is_empty() && name.chars().all(is_word)).then(|| name.to_owned())
}

/// Replaces comments and what stands inside literals by blanks; line ends stay.
fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = match characters[at] {
            '/' if characters.get(at + 1) == Some(&'/') => line_end(&characters, at),
            '/' if characters.get(at + 1) == Some(&'*') => comment_end(&characters, at),
            '"' => string_end(&characters, at),
            '\'' => character_end(&characters, at),
            'r' if at == 0 || !is_word(characters[at - 1]) || is_prefixed(&characters, at) => {
                raw_string_end(&characters, at)
            }
            _ => at,
        };
        if end == at {
            code.push(characters[at]);
            at += 1;
        } else {
            code.extend(characters[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// The `r` of `br"…"` and `cr"…"`.
fn is_prefixed(characters: &[char], at: usize) -> bool {
    matches!(characters[at - 1], 'b' | 'c') && (at == 1 || !is_word(characters[at - 2]))
}

fn line_end(characters: &[char], at: usize) -> usize {
    characters[at..].iter().position(|c| *c == '\n').map_or(characters.len(), |length| at + length)
}

/// Block comments nest (Rust reference, "Comments").
fn comment_end(characters: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < characters.len() {
        match (characters[at], characters.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(characters.len())
}

fn string_end(characters: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < characters.len() {
        match characters[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    characters.len()
}

/// A character literal's end, or `start` where the quote begins a lifetime or a label.
fn character_end(characters: &[char], start: usize) -> usize {
    match (characters.get(start + 1), characters.get(start + 2)) {
        (Some('\\'), Some(_)) => {
            let rest = &characters[start + 3..];
            rest.iter().position(|c| *c == '\'').map_or(characters.len(), |length| start + 3 + length + 1)
        }
        (Some(_), Some('\'')) => start + 3,
        _ => start,
    }
}

/// The end of `r"…"` or `r#"…"#`, or `start` where the `r` begins something else, such as `r#type`.
fn raw_string_end(characters: &[char], start: usize) -> usize {
    let hashes = characters[start + 1..].iter().take_while(|c| **c == '#').count();
    let inside = start + 1 + hashes + 1;
    if characters.get(inside - 1) != Some(&'"') {
        return start;
    }
    let closes = |at: usize| {
        characters[at] == '"' && characters[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (inside..characters.len()).find(|at| closes(*at)).map_or(characters.len(), |at| at + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = concat!(
            "let a = \"now // \\\" now\"; // now\n",
            "/* now /* now */ now */ let b = r#\"now \" now\"#;\n",
            "let c = '\"'; let d = '\\''; let e = b'n'; fn f<'now2>(x: &'now2 str) {}\n",
            "let g = br\"now\"; let r#now3 = 1; for_r(\"now\");\n",
        );
        let code = blank(text);
        assert_eq!(words(&code, "now").count(), 0, "{code}");
        assert_eq!(code.matches("now2").count(), 2);
        assert_eq!(code.matches("now3").count(), 1);
        assert_eq!(code.lines().count(), text.lines().count());
        for kept in ["let a", "let b", "let c", "let d", "let e", "let g", "for_r("] {
            assert!(code.contains(kept), "{kept}: {code}");
        }
    }

    #[test]
    fn unfinished_literals_do_not_run_over_the_end() {
        for text in ["\"", "'\\", "r#\"x", "/* x", "b'", "r", "'", "\"\\", "r#"] {
            assert_eq!(blank(text).chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn functions_are_measured_from_their_name_to_their_closing_brace() {
        let source = Source::read(
            "fn one() { 1 }\n\nimpl X {\n    pub fn three(\n        a: [u8; 2],\n    ) {\n        call(|| { });\n    }\n}\ntype F = fn(u8) -> u8;\ntrait T {\n    fn none(&self);\n}\n",
        );
        let measured: Vec<_> = source.functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        assert_eq!(measured, [("one".to_owned(), 1, 1), ("three".to_owned(), 4, 5)]);
    }

    #[test]
    fn items_under_cfg_test_are_marked_and_others_not() {
        let source = Source::read(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n#[cfg(test)]\npub(crate) mod aids;\nfn d() {}\n#[cfg(not(test))]\nfn e() {}\n#[cfg(all(test, unix))]\nfn f() {\n}\n",
        );
        let marked: Vec<_> = (1..=14).filter(|line| source.is_test_line(*line)).collect();
        assert_eq!(marked, [2, 3, 4, 5, 7, 8, 12, 13, 14]);
        assert_eq!(source.test_files, ["aids"]);
    }
}
