//! A frame read once: the type's own fields, and on the way the envelope's.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor,
        value::{BorrowedStrDeserializer, CowStrDeserializer},
    },
};

/// What a frame says beside its type's fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    /// Comes back in the answer.
    pub(crate) reference: Option<i64>,
    /// Makes a kept send idempotent.
    pub(crate) key: Option<Cow<'a, str>>,
}

/// A message with its envelope. Its deserializer reads one JSON object; what [`tidings_wire::Head`] would refuse, it refuses,
/// in other words: whoever tells a client why reads the frame again, slowly.
pub(super) struct Enveloped<'a, M> {
    pub(super) envelope: Envelope<'a>,
    pub(super) message: M,
}

impl<'de, M: Deserialize<'de>> Deserialize<'de> for Enveloped<'de, M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Frame<M>(PhantomData<M>);
        impl<'de, M: Deserialize<'de>> Visitor<'de> for Frame<M> {
            type Value = Enveloped<'de, M>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let (mut envelope, mut seen) = (Envelope::default(), Seen::default());
                let fields = Fields { map, envelope: &mut envelope, seen: &mut seen };
                let message = M::deserialize(Object(fields))?;
                if !seen.kind {
                    return Err(de::Error::missing_field("type"));
                }
                Ok(Enveloped { envelope, message })
            }
        }
        deserializer.deserialize_map(Frame(PhantomData))
    }
}

/// Which names have stood in the frame.
#[derive(Default)]
struct Seen {
    kind: bool,
    reference: bool,
    key: bool,
}

/// The frame's fields without the envelope's, which are kept aside as they pass.
struct Fields<'a, 'de, A> {
    map: A,
    envelope: &'a mut Envelope<'de>,
    seen: &'a mut Seen,
}

impl<'de, A: MapAccess<'de>> Fields<'_, 'de, A> {
    /// Takes a value of the envelope's; false where the name is none of it.
    fn keep(&mut self, name: &str) -> Result<bool, A::Error> {
        let (seen, twice) = match name {
            "type" => (&mut self.seen.kind, "type"),
            "ref" => (&mut self.seen.reference, "ref"),
            "key" => (&mut self.seen.key, "key"),
            _ => return Ok(false),
        };
        if std::mem::replace(seen, true) {
            return Err(de::Error::duplicate_field(twice));
        }
        match name {
            "ref" => self.envelope.reference = self.map.next_value()?,
            "key" => self.envelope.key = self.map.next_value::<Option<Text<'de>>>()?.map(|text| text.0),
            // Which one it is, is known.
            _ => drop(self.map.next_value::<Text<'de>>()?),
        }
        Ok(true)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(Text(name)) = self.map.next_key()? {
            if self.keep(&name)? {
                continue;
            }
            return match name {
                Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
                Cow::Owned(name) => {
                    let name: CowStrDeserializer<'_, A::Error> = Cow::<str>::Owned(name).into_deserializer();
                    seed.deserialize(name).map(Some)
                }
            };
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// The fields as the one object that a type reads, be it a struct or a newtype around one.
struct Object<F>(F);

impl<'de, F: MapAccess<'de>> Deserializer<'de> for Object<F> {
    type Error = F::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, F::Error> {
        visitor.visit_map(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, F::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, F::Error> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// A string that is borrowed where nothing in it is escaped.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use tidings_wire::Head;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Note {
        to: u32,
        #[serde(default)]
        text: String,
        #[serde(default)]
        data: Option<Box<Raw>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(transparent)]
    struct Raw(Box<RawValue>);

    impl PartialEq for Raw {
        fn eq(&self, other: &Self) -> bool {
            self.0.get() == other.0.get()
        }
    }

    /// The `ref`, the key, the note.
    type Read = Option<(Option<i64>, Option<String>, Note)>;

    /// Reading once must give what reading twice gives: the head by itself, and the type by itself.
    fn both(json: &str) -> (Read, Read) {
        let once = serde_json::from_str::<Enveloped<'_, Note>>(json).ok();
        let once = once.map(|read| (read.envelope.reference, read.envelope.key.map(Cow::into_owned), read.message));
        let twice = serde_json::from_str::<Head<'_>>(json).ok().zip(serde_json::from_str::<Note>(json).ok());
        let twice = twice.map(|(head, note)| (head.reference, head.key.map(Cow::into_owned), note));
        (once, twice)
    }

    #[test]
    fn a_newtype_around_a_struct_is_read_as_the_struct() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Wrapped(Note);
        let read: Enveloped<'_, Wrapped> = serde_json::from_str(r#"{"type":"note","to":2}"#).unwrap();
        assert_eq!(read.message.0.to, 2);
    }

    #[test]
    fn reading_once_gives_what_reading_twice_gives() {
        let taken = [
            r#"{"type":"note","to":2}"#,
            r#" { "ref" : -4 , "to":2,"key":"k\u00e9\"y","type":"note","text":"a\nb","unknown":[{"type":1}],"id":"9" } "#,
            r#"{"ty\u0070e":"note","t\u006f":2,"data":{"ref":1,"key":[1.50,{}]}}"#,
            r#"{"type":"note","ref":null,"key":null,"to":2,"data":null}"#,
        ];
        for json in taken {
            let (once, twice) = both(json);
            assert!(once.is_some() && once == twice, "{json}: {once:?} {twice:?}");
        }
        let refused = [
            r#"{"to":2}"#,
            r#"{"type":"note","type":"note","to":2}"#,
            r#"{"type":"note","ref":1,"ref":1,"to":2}"#,
            r#"{"type":"note","key":"a","to":2,"key":"a"}"#,
            r#"{"type":"note","to":2,"to":2}"#,
            r#"{"type":"note","ref":"1","to":2}"#,
            r#"{"type":"note","ref":1.5,"to":2}"#,
            r#"{"type":"note","key":5,"to":2}"#,
            r#"{"type":5,"to":2}"#,
            r#"{"type":null,"to":2}"#,
            r#"{"type":"note"}"#,
            r#"{"type":"note","to":2}x"#,
            r#"{"type":"note","to":2"#,
            r#"{"type":"note","to":2,}"#,
        ];
        for json in refused {
            assert_eq!(both(json), (None, None), "{json}");
        }
        // serde reads a struct from an array too: here it must not.
        assert!(serde_json::from_str::<Enveloped<'_, Note>>(r#"["note",1,"k"]"#).is_err());
    }
}
