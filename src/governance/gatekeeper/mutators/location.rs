//! Where a mutator changes an object: [`Location`].
//!
//! A path of fields with dots between them; after a field there may be one selector of list elements, `[key: value]` or
//! `[key: *]`. Names that begin with a digit or hold other characters stand in quotes.

use serde_json::Value;

/// A path into an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Location(pub(super) Vec<Node>);

/// A step of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Node {
    /// A member of an object.
    Field(String),
    /// Elements of a list of objects.
    Element {
        /// The member that tells elements apart.
        key: String,
        /// Its value; every element where there is none.
        value: Option<Value>,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Number(i64),
    Sign(char),
}

impl Location {
    /// Reads a location. Fails in a phrase.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = tokens(text)?.into_iter().peekable();
        let mut nodes = Vec::new();
        loop {
            match tokens.next() {
                Some(Token::Name(name)) => nodes.push(Node::Field(name)),
                Some(Token::Number(number)) => {
                    return Err(format!(
                        "the field `{number}` begins with a digit; put it in quotes"
                    ));
                }
                Some(Token::Sign(sign)) => {
                    return Err(format!("`{sign}` stands where a field should"));
                }
                None if nodes.is_empty() => return Err("the location is empty".to_owned()),
                None => return Err("the location ends with a dot".to_owned()),
            }
            if tokens.next_if_eq(&Token::Sign('[')).is_some() {
                nodes.push(selector(&mut tokens)?);
            }
            match tokens.next() {
                None => return Ok(Self(nodes)),
                Some(Token::Sign('.')) => {}
                Some(Token::Sign('[')) => {
                    return Err(
                        "a list of lists cannot be addressed: one selector follows a field"
                            .to_owned(),
                    );
                }
                Some(_) => return Err("a dot is missing between two fields".to_owned()),
            }
        }
    }
}

fn selector(tokens: &mut impl Iterator<Item = Token>) -> Result<Node, String> {
    let Some(Token::Name(key)) = tokens.next() else {
        return Err("a selector begins with the name of a key: `[name: value]`".to_owned());
    };
    if tokens.next() != Some(Token::Sign(':')) {
        return Err("a colon is missing in a selector: `[name: value]`".to_owned());
    }
    let value = match tokens.next() {
        Some(Token::Name(name)) => Some(Value::from(name)),
        Some(Token::Number(number)) => Some(Value::from(number)),
        Some(Token::Sign('*')) => None,
        _ => return Err("a selector lacks its value: a name, a whole number or `*`".to_owned()),
    };
    if tokens.next() == Some(Token::Sign(']')) {
        Ok(Node::Element { key, value })
    } else {
        Err("a selector lacks its closing bracket".to_owned())
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        match first {
            _ if first.is_whitespace() => {}
            '.' | '[' | ']' | ':' | '*' => tokens.push(Token::Sign(first)),
            '\'' | '"' => {
                let mut name = String::new();
                loop {
                    match characters.next() {
                        Some('\\') => name.extend(characters.next()),
                        Some(c) if c == first => break,
                        Some(c) => name.push(c),
                        None => return Err("a quote is not closed".to_owned()),
                    }
                }
                tokens.push(Token::Name(name));
            }
            _ if first.is_ascii_digit() => {
                let mut digits = String::from(first);
                while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                    digits.push(digit);
                }
                let number = digits.parse();
                tokens.push(Token::Number(number.map_err(|_| format!("`{digits}` is too large"))?));
            }
            _ if is_of_name(first) => {
                let mut name = String::from(first);
                while let Some(c) = characters.next_if(|c| is_of_name(*c)) {
                    name.push(c);
                }
                tokens.push(Token::Name(name));
            }
            other => return Err(format!("`{other}` cannot stand in a location outside of quotes")),
        }
    }
    Ok(tokens)
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(name: &str) -> Node {
        Node::Field(name.to_owned())
    }

    #[test]
    fn fields_selectors_and_quotes_are_read() {
        let element = |key: &str, value| Node::Element { key: key.to_owned(), value };
        for (text, nodes) in [
            ("spec.hostNetwork", vec![field("spec"), field("hostNetwork")]),
            (
                "spec.containers[name: *].image",
                vec![field("spec"), field("containers"), element("name", None), field("image")],
            ),
            (
                "spec . ports [ port : 80 ]",
                vec![field("spec"), field("ports"), element("port", Some(json!(80)))],
            ),
            (
                r#"metadata.labels."a.b/c""#,
                vec![field("metadata"), field("labels"), field("a.b/c")],
            ),
            (r"a['k': '3\'x']", vec![field("a"), element("k", Some(json!("3'x")))]),
            ("a[k: \"80\"]", vec![field("a"), element("k", Some(json!("80")))]),
        ] {
            assert_eq!(Location::parse(text), Ok(Location(nodes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_location_is_told() {
        for (text, part) in [
            ("", "empty"),
            ("a.", "ends with a dot"),
            ("a..b", "`.` stands where a field should"),
            ("a[k: v][l: w]", "list of lists"),
            ("a[k: v]b", "dot is missing"),
            ("a[k v]", "colon is missing"),
            ("a[k: ]", "lacks its value"),
            ("a[k: v", "closing bracket"),
            ("a.3b", "begins with a digit"),
            ("a/b", "`/` cannot stand"),
            ("'a", "quote is not closed"),
        ] {
            let problem = Location::parse(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
