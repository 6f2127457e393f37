//! Parts of the name of an image: [`Image`].
//!
//! A name is `DOMAIN/PATH` and what follows: a tag, a digest, or both, which count as one. Each part is checked where it is
//! written: one that holds what divides the parts would be read as two the next time.

/// New parts of the name of an image; what is not given stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    domain: Option<String>,
    path: Option<String>,
    /// With its sign: `:1.2` or `@sha256:...`.
    tag: Option<String>,
}

/// How many hexadecimal digits a digest has at least.
const DIGEST: usize = 32;

/// How many characters a tag has at most.
const TAG: usize = 128;

impl Image {
    /// Reads what a mutator gives. Fails with the place and what is wrong.
    pub(super) fn read(
        domain: Option<&str>,
        path: Option<&str>,
        tag: Option<&str>,
    ) -> Result<Self, (&'static str, String)> {
        let part = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let (domain, path, tag) = (part(domain), part(path), part(tag));
        if domain.is_none() && path.is_none() && tag.is_none() {
            let message = "one of `assignDomain`, `assignPath` and `assignTag` must be given";
            return Err(("spec.parameters", message.to_owned()));
        }
        if let Some(domain) = domain.as_deref().filter(|domain| !may_be_domain(domain)) {
            let message = format!(
                "`{domain}` is no domain: a host name with a dot, or `localhost`, and maybe a port"
            );
            return Err(("spec.parameters.assignDomain", message));
        }
        if let Some(path) = path.as_deref().filter(|path| !may_be_path(path)) {
            let message = format!(
                "`{path}` is no path of an image: lower-case letters and digits, with single `/`, `.` or `_`, with `__` or with dashes between them"
            );
            return Err(("spec.parameters.assignPath", message));
        }
        if let Some(tag) = tag.as_deref().filter(|tag| !may_be_tag(tag)) {
            let message = format!(
                "`{tag}` is neither a tag, `:` and up to {TAG} letters, digits, `_`, `.` and `-`, nor a digest, such as `@sha256:` and {DIGEST} or more hexadecimal digits"
            );
            return Err(("spec.parameters.assignTag", message));
        }
        let first = path.as_deref().and_then(|path| path.split_once('/')).map(|(first, _)| first);
        if domain.is_none() && first.is_some_and(is_domain) {
            let message =
                "`assignPath` begins with what looks like a domain; give it as `assignDomain`";
            return Err(("spec.parameters.assignPath", message.to_owned()));
        }
        Ok(Self { domain, path, tag })
    }

    /// The name of an image with these parts.
    pub(super) fn of(&self, old: &str) -> String {
        let (domain, rest) = match old.split_once('/') {
            Some((first, rest)) if is_domain(first) => (Some(first), rest),
            _ => (None, old),
        };
        let (path, tag) = rest.split_at(rest.find([':', '@']).unwrap_or(rest.len()));
        let mut image = String::new();
        if let Some(domain) = self.domain.as_deref().or(domain) {
            image.push_str(domain);
            image.push('/');
        }
        image.push_str(self.path.as_deref().unwrap_or(path));
        image.push_str(self.tag.as_deref().unwrap_or(tag));
        image
    }
}

/// Whether the first part of an image's name is a host.
fn is_domain(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

const fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn may_be_domain(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let has_port = port.is_none_or(|port| {
        !port.is_empty() && port.chars().all(|character| character.is_ascii_digit())
    });
    let is_name = host.contains('.')
        && host.starts_with(is_word)
        && host.ends_with(is_word)
        && host.chars().all(|character| is_word(character) || matches!(character, '.' | '-'));
    has_port && (is_name || host == "localhost")
}

fn may_be_path(text: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let divides = |between: &str| {
        matches!(between, "" | "." | "/" | "_" | "__") || between.chars().all(|one| one == '-')
    };
    text.starts_with(is_plain) && text.ends_with(is_plain) && text.split(is_plain).all(divides)
}

fn may_be_tag(text: &str) -> bool {
    if let Some(tag) = text.strip_prefix(':') {
        let may_follow = |character: char| is_word(character) || matches!(character, '.' | '-');
        return tag.len() <= TAG && tag.starts_with(is_word) && tag.chars().all(may_follow);
    }
    let Some((method, digits)) = text.strip_prefix('@').and_then(|text| text.split_once(':'))
    else {
        return false;
    };
    let names = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.chars().all(|character| character.is_ascii_alphanumeric())
    };
    method.split(['-', '_', '+', '.']).all(names)
        && digits.len() >= DIGEST
        && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(domain: &str, path: &str, tag: &str) -> Result<Image, String> {
        Image::read(Some(domain), Some(path), Some(tag)).map_err(|(_, message)| message)
    }

    #[test]
    fn parts_of_an_image_change_and_the_others_stay() {
        let digest = format!("@sha256:{}", "ab".repeat(32));
        let old = |image: &str| format!("{image}{digest}");
        for (domain, path, tag, old, new) in [
            ("r.example", "", "", "nginx:1".to_owned(), "r.example/nginx:1".to_owned()),
            (
                "r.example",
                "",
                "",
                "docker.io/library/nginx".to_owned(),
                "r.example/library/nginx".to_owned(),
            ),
            ("", "", ":2", "localhost:5000/a/b:1".to_owned(), "localhost:5000/a/b:2".to_owned()),
            ("", "", &digest, "a/b:1".to_owned(), old("a/b")),
            ("", "c", "", old("r.example/a/b"), old("r.example/c")),
            ("r.example", "a", ":1", String::new(), "r.example/a:1".to_owned()),
            // A tag and a digest are one part.
            ("", "", ":v2", old("reg.example:5000/a/b:1.2"), "reg.example:5000/a/b:v2".to_owned()),
            ("", "", &digest, old("reg.example:5000/a/b:1.2"), old("reg.example:5000/a/b")),
            ("", "x/y", "", old("reg.example:5000/a/b:1.2"), old("reg.example:5000/x/y:1.2")),
        ] {
            let image = read(domain, path, tag).unwrap();
            assert_eq!(image.of(&old), new);
            assert_eq!(image.of(&new), new);
        }
    }

    #[test]
    fn what_would_be_read_as_two_parts_is_refused() {
        for (domain, path, tag) in [
            ("my", "", ""),
            ("my.io/", "", ""),
            ("my.", "", ""),
            (".io", "", ""),
            ("my.io:", "", ""),
            ("my.io:80:80", "", ""),
            ("localhost:x", "", ""),
            ("", "/x", ""),
            ("", "x/", ""),
            ("", "X/Y", ""),
            ("", "a//b", ""),
            ("", "a___b", ""),
            ("", "a:1", ""),
            ("", "my.io/x", ""),
            ("", "", "v2"),
            ("", "", ":"),
            ("", "", ":-1"),
            ("", "", ":a/b"),
            ("", "", "@sha256:abc"),
            ("", "", "@256:00112233445566778899aabbccddeeff"),
            ("", "", "@sha256:00112233445566778899aabbccddeefg"),
            ("", "", ""),
        ] {
            assert!(read(domain, path, tag).is_err(), "{domain} {path} {tag}");
        }
        for (domain, path, tag) in [
            ("localhost", "", ""),
            ("localhost:5", "", ""),
            ("a_b.my-host.io:443", "", ""),
            ("my.io", "my.io/x", ""),
            ("", "a/b.c/d_e/f__g/h---i", ""),
            ("", "0", ":_1.2-3"),
            ("", "", "@sha2+b64.x:00112233445566778899aAbBcCdDeEfF"),
        ] {
            assert!(read(domain, path, tag).is_ok(), "{domain} {path} {tag}");
        }
    }
}
