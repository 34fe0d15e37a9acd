//! A case a rule: what it says to those who send and to those who read.

use serde_json::json;

use super::*;

/// A schema of one field.
fn field(schema: Value, required: bool) -> Value {
    let required = if required { json!(["a"]) } else { json!([]) };
    json!({"type": "object", "properties": {"a": schema}, "required": required})
}

fn text() -> Value {
    json!({"type": "string"})
}

/// What is said to senders alone, and to readers alone.
fn said(earlier: &Value, later: &Value) -> [Vec<String>; 2] {
    [Ways::Sent, Ways::Read].map(|ways| {
        let found = breaks(earlier, later, ways);
        found.iter().map(ToString::to_string).collect()
    })
}

/// One break for senders, none for readers.
fn senders(earlier: Value, later: Value, says: &str) {
    let [sent, read] = said(&earlier, &later);
    assert_eq!(read, [""; 0], "{says}");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].contains(says) && sent[0].ends_with("(breaks clients that send it)"), "{sent:?} has not {says}");
}

/// One break for readers, none for senders.
fn readers(earlier: Value, later: Value, says: &str) {
    let [sent, read] = said(&earlier, &later);
    assert_eq!(sent, [""; 0], "{says}");
    assert_eq!(read.len(), 1, "{read:?}");
    assert!(read[0].contains(says) && read[0].ends_with("(breaks clients that read it)"), "{read:?} has not {says}");
}

fn nobody(earlier: Value, later: Value) {
    assert_eq!(said(&earlier, &later), [Vec::<String>::new(), Vec::new()], "{earlier} {later}");
}

#[test]
fn nothing_changed_breaks_nothing() {
    nobody(field(text(), true), field(text(), true));
}

#[test]
fn words_for_people_say_nothing() {
    let told = json!({"type": "string", "description": "x", "title": "y", "default": "z", "examples": ["v"]});
    nobody(field(text(), false), field(told.clone(), false));
    nobody(field(told, false), field(text(), false));
}

#[test]
fn a_field_that_is_gone_breaks_both() {
    let empty = json!({"type": "object"});
    let found = breaks(&field(text(), false), &empty, Ways::Both);
    let told: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["`a`: the field is gone (breaks clients that send it and clients that read it)"]);
}

#[test]
fn a_new_field_breaks_senders_where_it_must_be_there() {
    let empty = json!({"type": "object"});
    nobody(empty.clone(), field(text(), false));
    senders(empty, field(text(), true), "`a`: is new and must be there");
}

#[test]
fn a_field_that_must_be_there_now_breaks_senders_and_one_that_may_be_absent_readers() {
    senders(field(text(), false), field(text(), true), "`a`: must be there now");
    readers(field(text(), true), field(text(), false), "`a`: may be absent now");
}

#[test]
fn a_kind_that_is_taken_no_more_breaks_senders_and_a_new_one_readers() {
    let nullable = json!({"type": ["string", "null"]});
    senders(field(nullable.clone(), false), field(text(), false), "takes no null any more");
    readers(field(text(), false), field(nullable, false), "may be null now");
    let (number, integer) = (json!({"type": "number"}), json!({"type": "integer"}));
    senders(field(number.clone(), true), field(integer.clone(), true), "takes no fraction any more");
    readers(field(integer.clone(), true), field(number, true), "may be fraction now");
    let either = json!({"oneOf": [{"type": "integer"}, {"type": "string"}]});
    senders(field(either.clone(), true), field(integer.clone(), true), "takes no string any more");
    readers(field(integer, true), field(either, true), "may be string now");
    senders(field(json!(true), true), field(json!({"type": KINDS_BUT_TEXT}), true), "takes no string any more");
}

const KINDS_BUT_TEXT: [&str; 5] = ["array", "boolean", "number", "null", "object"];

#[test]
fn a_value_that_is_gone_breaks_senders_and_a_new_one_nobody() {
    let both = json!({"type": "string", "enum": ["red", "green"]});
    let red = json!({"type": "string", "enum": ["red"]});
    senders(field(both.clone(), true), field(red.clone(), true), "the value \"green\" is gone");
    nobody(field(red.clone(), true), field(both.clone(), true));
    let told = json!({"oneOf": [{"type": "string", "const": "red"}, {"type": "string", "const": "green"}]});
    nobody(field(both, true), field(told.clone(), true));
    senders(field(told, true), field(red.clone(), true), "the value \"green\" is gone");
    senders(field(text(), true), field(red.clone(), true), "takes \"red\" alone now");
    readers(field(red, true), field(text(), true), "may be any value now");
}

#[test]
fn bounds_and_forms_break_senders_where_they_are_tighter() {
    let with = |keyword: &str, value: Value| {
        let mut schema = text();
        schema[keyword] = value;
        field(schema, true)
    };
    for (keyword, loose, tight) in [
        ("minLength", 1, 2),
        ("maxLength", 9, 8),
        ("minimum", 0, 1),
        ("maximum", 255, 100),
        ("exclusiveMinimum", 0, 1),
        ("exclusiveMaximum", 9, 8),
        ("minItems", 0, 1),
        ("maxItems", 2, 1),
        ("minProperties", 0, 1),
        ("maxProperties", 2, 1),
    ] {
        let (loose, tight) = (with(keyword, json!(loose)), with(keyword, json!(tight)));
        senders(loose.clone(), tight.clone(), keyword);
        nobody(tight.clone(), loose);
        senders(field(text(), true), tight.clone(), "was no bound");
        nobody(tight, field(text(), true));
    }
    for (keyword, one, other) in [("pattern", "^a", "^b"), ("format", "uuid", "date")] {
        let (one, other) = (with(keyword, json!(one)), with(keyword, json!(other)));
        senders(one.clone(), other, keyword);
        senders(field(text(), true), one.clone(), keyword);
        nobody(one, field(text(), true));
    }
}

#[test]
fn fewer_bits_are_a_tighter_bound() {
    let number = |form: &str| field(json!({"type": "integer", "format": form}), true);
    senders(number("uint64"), number("uint32"), "`maximum` is 4294967295 now");
    senders(number("int32"), number("uint32"), "`minimum` is 0 now, was -2147483648");
    nobody(number("uint8"), number("uint16"));
}

#[test]
fn what_is_deeper_is_named_by_its_path() {
    let deep = |inner: Value| {
        json!({
            "type": "object",
            "properties": {
                "style": {"$ref": "#/$defs/Style"},
                "counts": {"type": "object", "additionalProperties": inner},
            },
            "$defs": {"Style": {"type": "object", "properties": {"sizes": {"type": "array", "items": inner}}}},
        })
    };
    let found = breaks(&deep(json!({"type": "number"})), &deep(json!({"type": "integer"})), Ways::Sent);
    let mut paths: Vec<_> = found.iter().map(|found| found.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["counts.*", "style.sizes[]"]);
}

#[test]
fn unknown_fields_that_are_refused_break_senders() {
    let open = json!({"type": "object"});
    let closed = json!({"type": "object", "additionalProperties": false});
    senders(open.clone(), closed.clone(), "refuses fields that it does not know now");
    nobody(closed, open.clone());
    let numbers = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    senders(open.clone(), numbers.clone(), "takes values of one form alone now");
    readers(numbers, open, "may be any value now");
}

#[test]
fn alternatives_are_found_by_what_tells_them_apart() {
    let line = json!({"type": "object", "properties": {"kind": {"const": "line"}, "to": text()}, "required": ["kind"]});
    let dot = json!({"type": "object", "properties": {"kind": {"const": "dot"}}, "required": ["kind"]});
    let mut longer = line.clone();
    longer["required"] = json!(["kind", "to"]);
    let shapes = |shapes: &[&Value]| field(json!({"oneOf": shapes}), true);
    senders(shapes(&[&line, &dot]), shapes(&[&dot]), "the alternative kind \"line\" is gone");
    nobody(shapes(&[&dot]), shapes(&[&line, &dot]));
    senders(shapes(&[&line, &dot]), shapes(&[&dot, &longer]), "`a(kind \"line\").to`: must be there now");
}

#[test]
fn what_can_not_be_compared_breaks_both() {
    let mut later = field(text(), false);
    later["dependentRequired"] = json!({"a": ["b"]});
    let [sent, read] = said(&field(text(), false), &later);
    assert!(sent[0].contains("`dependentRequired` is another") && read.len() == 1, "{sent:?} {read:?}");
    let [sent, read] = said(
        &field(json!({"type": "array", "prefixItems": [text()]}), true),
        &field(json!({"type": "array", "prefixItems": [text(), text()]}), true),
    );
    assert_eq!((sent.len(), read.len()), (1, 1));
}

#[test]
fn a_schema_that_leads_back_to_itself_ends() {
    let list = |kind: &str| json!({"type": "object", "properties": {"next": {"$ref": "#"}, "a": {"type": kind}}});
    let found = breaks(&list("number"), &list("integer"), Ways::Both);
    assert_eq!(found.len(), 1, "{found:?}");
}
