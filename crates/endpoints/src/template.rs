//! A URL with places for what is asked: `http://app:3000/people/{user}/followers?after={after}&limit={limit}`.

use http::{Uri, uri::Scheme};

use crate::{client::EndpointError, connector};

/// A URL of an endpoint that was checked.
#[derive(Clone, Debug)]
pub struct Template {
    setting: Box<str>,
    /// Text, and between two of them a place.
    text: Vec<Box<str>>,
    /// The values' numbers, one fewer.
    places: Vec<usize>,
    names: &'static [&'static str],
}

impl Template {
    /// Reads a URL. `setting` is where it stands in the configuration: errors name it. `names` are the places that it may have; the
    /// first, where there is any, it must have.
    ///
    /// # Errors
    /// [`EndpointError::Setting`].
    pub fn parse(setting: &str, url: &str, names: &'static [&'static str]) -> Result<Self, EndpointError> {
        let wrong = |problem: String| EndpointError::Setting { setting: setting.to_owned(), problem };
        let (mut text, mut places) = (Vec::new(), Vec::new());
        let mut rest = url;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| wrong("has a `{` without its `}`".to_owned()))?;
            let known = || format!("has the place `{{{name}}}`, but there are {}", shown(names));
            places.push(names.iter().position(|known| *known == name).ok_or_else(|| wrong(known()))?);
            text.push(before.into());
            rest = after;
        }
        text.push(rest.into());
        if let Some(first) = names.first()
            && !places.contains(&0)
        {
            return Err(wrong(format!("has no place `{{{first}}}`")));
        }
        let template = Self { setting: setting.into(), text, places, names };
        let uri = template.fill(&vec![""; names.len()]).map_err(wrong)?;
        check(&uri).map_err(wrong)?;
        // A place in the host would let an id choose whom is asked.
        let head =
            uri.scheme_str().map_or(0, str::len) + "://".len() + uri.authority().map_or(0, |host| host.as_str().len());
        if !template.places.is_empty() && template.text[0].len() <= head {
            return Err(wrong("has a place in its host: only path and query may have some".to_owned()));
        }
        Ok(template)
    }

    /// The setting that it stands in.
    pub fn setting(&self) -> &str {
        &self.setting
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.places.iter().any(|&place| self.names[place] == name)
    }

    /// The URL with its values, which are of letters, digits and `-` alone: ids and numbers.
    pub(crate) fn fill<V: AsRef<str>>(&self, values: &[V]) -> Result<Uri, String> {
        let mut url = String::new();
        for (index, text) in self.text.iter().enumerate() {
            url.push_str(text);
            if let Some(&place) = self.places.get(index) {
                url.push_str(values[place].as_ref());
            }
        }
        url.parse().map_err(|error| format!("is no URL: {error}"))
    }
}

fn shown(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(", "),
    }
}

fn check(uri: &Uri) -> Result<(), String> {
    let is_tls = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => false,
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        _ => return Err("must begin with http:// or https://".to_owned()),
    };
    if is_tls && !connector::TLS {
        return Err(
            "begins with https://, which this program was built without: build it with the feature `tls`, or use http://"
                .to_owned(),
        );
    }
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    if authority.contains('@') {
        return Err("holds a password: set `app.bearer` in place of it".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(url: &str) -> String {
        Template::parse("app.users.url", url, &["user", "after"]).unwrap_err().to_string()
    }

    #[test]
    fn places_are_filled_by_their_names() {
        let template = Template::parse("x", "http://app:3000/u/{user}/f?after={after}&u={user}", &["user", "after"]);
        assert_eq!(template.unwrap().fill(&["7", ""]).unwrap(), "http://app:3000/u/7/f?after=&u=7");
        let fixed = Template::parse("x", "http://app", &[]).unwrap();
        assert_eq!(fixed.fill::<&str>(&[]).unwrap(), "http://app/");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_setting() {
        for (url, expected) in [
            ("http://app/{usr}", "`app.users.url` has the place `{usr}`, but there are `{user}`, `{after}`"),
            ("http://app/{user", "has a `{` without its `}`"),
            ("http://app/users", "has no place `{user}`"),
            ("ftp://app/{user}", "must begin with http://"),
            ("/people/{user}", "must begin with http://"),
            ("http://a b/{user}", "is no URL"),
            ("http://ann:secret@app/{user}", "holds a password"),
            ("http://{user}.app/x", "has a place in its host"),
            ("http://app{user}", "has a place in its host"),
        ] {
            let said = said(url);
            assert!(said.contains(expected), "{url}: {said}");
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn encryption_that_was_not_built_in_names_its_feature() {
        assert!(said("https://app/{user}").contains("build it with the feature `tls`"));
    }
}
