//! Texts that are nearly messages, made from a few bytes of choices.

/// Makes a text: a valid message of a type that the bytes choose, changed in up to seven ways. No byte means the first choice.
pub(crate) fn text(choices: &[u8]) -> String {
    let mut choices = Choices(choices);
    let mut fields = choices.pick(&MESSAGES).iter().map(|(name, value)| field(name, value)).collect();
    for _ in 0..choices.below(8) {
        change(&mut fields, &mut choices);
    }
    let gap = *choices.pick(&["", " ", "\t", "\r\n"]);
    let members: Vec<_> = fields.iter().map(|(name, value)| format!("{name}{gap}:{gap}{value}")).collect();
    let object = format!("{{{}}}", members.join(&format!("{gap},")));
    let (before, behind) = choices.pick(&AROUND);
    format!("{before}{object}{behind}")
}

/// A member of an object, both halves as JSON.
type Field = (String, String);

const MESSAGES: [&[(&str, &str)]; 5] = [
    &[("type", "\"private\""), ("to", "2"), ("content", "\"hi\"")],
    &[("type", "\"group\""), ("group_id", "5"), ("content", "\"hi\"")],
    &[("type", "\"broadcast\""), ("content", "\"hi\"")],
    &[("type", "\"event\""), ("topic", "\"score:4\""), ("name", "\"goal\"")],
    &[("type", "\"unheard_of\"")],
];

/// Every name of the envelope, every field of a type, and names that only look like one.
const NAMES: [&str; 26] = [
    "id",
    "type",
    "from",
    "user_id",
    "timestamp",
    "conversation",
    "seq",
    "ref",
    "key",
    "of",
    "replayed",
    "duplicate",
    "audience",
    "edited_at",
    "deleted_at",
    "to",
    "group_id",
    "content",
    "data",
    "reply_to",
    "topic",
    "name",
    "Type",
    "type ",
    "",
    "__proto__",
];

/// JSON values, valid and not.
const VALUES: [&str; 48] = [
    "1",
    "2",
    "3",
    "0",
    "-1",
    "-0",
    "1.0",
    "1e0",
    "1e400",
    "-1e-400",
    "99",
    "5",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "12345678901234567890123",
    "true",
    "false",
    "null",
    "\"\"",
    "\"x\"",
    "\"2\"",
    "\"5\"",
    "\"02\"",
    "\"private\"",
    "\"error\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83e\\udd80\"",
    "\"🦀\"",
    "\"\\u0000\"",
    "\"\u{1}\"",
    "\"\\x\"",
    "\"\u{feff}\"",
    "\"a",
    "\"00000000-0000-0000-0000-000000000002\"",
    "\"0192f0c1-2b3c-7def-8abc-0123456789ab\"",
    "{}",
    "[]",
    "{\"a\":1}",
    "{\"a\":1,\"a\":2}",
    "{\"type\":\"group\",\"from\":3}",
    "[\"private\",2,\"hi\"]",
    "01",
    "1.",
    "NaN",
    "",
];

/// What may stand around the object.
const AROUND: [(&str, &str); 14] = [
    ("", ""),
    ("", ""),
    ("", ""),
    ("", ""),
    (" \t\r\n", " \t\r\n"),
    ("\u{feff}", ""),
    ("[", "]"),
    ("", "}"),
    ("", ","),
    ("", "{}"),
    ("", "\0"),
    ("/**/", ""),
    ("\u{a0}", ""),
    ("", "\u{feff}"),
];

fn change(fields: &mut Vec<Field>, choices: &mut Choices<'_>) {
    let at = choices.below(fields.len().max(1));
    match choices.below(9) {
        // Somewhere a member more.
        0 | 1 => {
            let name = *choices.pick(&NAMES);
            let added = field(name, &value(choices));
            fields.insert(at, added);
        }
        2 => fields.push(field("data", &value(choices))),
        3 => fields.push(field("key", &value(choices))),
        // One with another value.
        4 => {
            let value = value(choices);
            if let Some(field) = fields.get_mut(at) {
                field.1 = value;
            }
        }
        // One that stands twice.
        5 => fields.extend(fields.get(at).cloned()),
        6 if !fields.is_empty() => drop(fields.remove(at)),
        // One whose name is written with an escape.
        7 => {
            if let Some((name, _)) = fields.get_mut(at)
                && let Some(first) = name.chars().nth(1).filter(|first| first.is_ascii_alphabetic())
            {
                *name = format!("\"\\u{:04x}{}", u32::from(first), &name[2..]);
            }
        }
        _ => fields.rotate_left(at),
    }
}

fn field(name: &str, value: &str) -> Field {
    (format!("\"{name}\""), value.to_owned())
}

fn value(choices: &mut Choices<'_>) -> String {
    match choices.below(8) {
        0 => {
            let depth = choices.below(256) * 2;
            let (open, close) = *choices.pick(&[("[", "]"), ("{\"a\":", "}")]);
            format!("{}1{}", open.repeat(depth), close.repeat(depth))
        }
        1 => {
            let unit = *choices.pick(&["x", "é", "\\u0000", "\\\"", "🦀", "\\ud83e\\udd80"]);
            format!("\"{}\"", unit.repeat(choices.below(256) * 64))
        }
        2 => {
            let unit = *choices.pick(&["x", "\\u0000", "🦀"]);
            format!("{{\"a\":\"{}\"}}", unit.repeat(choices.below(256) * 16))
        }
        _ => (*choices.pick(&VALUES)).to_owned(),
    }
}

/// Bytes that decide; where they are used up, all are zero.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.next()) % bound
    }

    fn pick<'t, T>(&mut self, table: &'t [T]) -> &'t T {
        &table[self.below(table.len())]
    }
}
