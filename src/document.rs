//! YAML and JSON texts as values that remember where they stand: [`Document`].
//!
//! Scalars are read as Kubernetes' own YAML reader does (YAML 1.1 words such as `yes` are booleans, `0644` is octal), so
//! that a file means here what it means to `kubectl`.

mod again;
mod json;
mod scalar;
mod yaml;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::path::FieldPath;
use again::Again;
use json::{Start, Unique};
use yaml::{Keeps, Loader, Spanned};

/// What values of JSON begin with when they are documents.
const JSON: [char; 2] = ['{', '['];

/// A position in a text, both counted from one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mark {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text is no document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct DocumentError {
    /// Where, when the reader knows.
    pub mark: Option<Mark>,
    /// What is wrong, in a phrase.
    pub message: String,
}

impl DocumentError {
    /// Whether the text is no mistake, but stands for more than anybody wants to hold.
    pub fn is_blown_up(&self) -> bool {
        self.message.ends_with(yaml::BLOWN_UP)
    }
}

/// Something wrong with what a document says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The field, whether it is there or should be.
    pub place: FieldPath,
    /// What is wrong, in a phrase.
    pub message: String,
}

/// One document of a text.
#[derive(Clone, Debug)]
pub struct Document {
    /// The value, without positions.
    pub value: Value,
    places: Places,
}

/// Where the fields of a document stand.
#[derive(Clone, Debug)]
enum Places {
    /// Nobody knows: it stands in no text.
    None,
    /// In that document of a YAML text, which begins there. The text is read again when somebody asks: mostly nobody does, and
    /// keeping them takes a third as long as reading.
    Yaml { text: Arc<Again>, number: usize, begin: Mark },
    /// A JSON value is read again when somebody asks: that is quick, and mostly nobody does.
    Json { text: Arc<str>, start: Start, end: usize, known: OnceLock<Spanned> },
}

impl Document {
    /// Reads every document of a YAML stream, or of a text with one or more JSON values. Empty documents are left out.
    ///
    /// Fails with a position where the text is neither, where a key stands twice or is no scalar, where aliases blow up
    /// and where nesting passes a limit; the documents before the broken one are lost with it, as they are for `kubectl`.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, DocumentError> {
        let mut documents = Vec::new();
        if Self::stream(text, &mut |document| documents.push(document)) {
            return Ok(documents);
        }
        Self::parse_within(text, yaml::MAX_NODES)
    }

    /// The same for a text that has no reason to be large: its values may be no more than that many once aliases are followed.
    ///
    /// Fails as [`Document::parse_all`] does; [`DocumentError::is_blown_up`] says whether for that reason.
    pub fn parse_within(text: &str, most: usize) -> Result<Vec<Self>, DocumentError> {
        let mut documents = Vec::new();
        // In JSON alone a key may stand twice: who minds must look.
        if text.trim_start().starts_with(JSON)
            && json::stream::<Value>(text, &mut |document| documents.push(document))
        {
            return Ok(documents);
        }
        documents.clear();
        let mut loader = Loader::within(Keeps::Beginnings, most);
        Again::of(text).load(&mut loader, &mut |document| documents.push(document))?;
        Ok(documents)
    }

    /// Hands over the documents of a text one by one, and says whether nothing was wrong with it. If something was, what was
    /// handed over is void, and [`Document::parse_all`] says what it is; it minds less about keys in JSON.
    ///
    /// Who drops a document before taking the next needs memory for one.
    pub fn stream(text: &str, sink: &mut dyn FnMut(Self)) -> bool {
        if text.trim_start().starts_with(JSON) {
            // Without this a JSON value with surrogate escapes would be refused: YAML has no such escapes.
            return json::stream::<Unique<false>>(text, sink);
        }
        if !value_of(text).starts_with(JSON) || text.contains("\n%") || text.starts_with('%') {
            return Again::of(text).load(&mut Loader::new(Keeps::Beginnings), sink).is_ok();
        }
        // Programs like to write YAML streams of JSON values. A reader of JSON is many times as quick.
        let whole: Arc<str> = Arc::from(text);
        let mut loader = Loader::new(Keeps::Beginnings);
        pieces(text).all(|(at, piece, lines)| {
            let json = value_of(piece);
            if json.starts_with(JSON)
                && let Ok(Unique::<true>(value)) = serde_json::from_str(json)
            {
                let end = at + piece.len();
                let start = Start { line: lines + 1, begin: at, at: end - json.len() };
                let (text, known) = (Arc::clone(&whole), OnceLock::new());
                sink(Self { value, places: Places::Json { text, start, end, known } });
                return true;
            }
            let piece = Again::new(Arc::clone(&whole), at..at + piece.len(), lines);
            Arc::new(piece).load(&mut loader, sink).is_ok()
        })
    }

    /// A value that stands in no text.
    pub const fn of_value(value: Value) -> Self {
        Self { value, places: Places::None }
    }

    /// The bytes of a JSON value as they stand in its text; nothing where YAML was read.
    pub fn text(&self) -> Option<&str> {
        match &self.places {
            Places::None | Places::Yaml { .. } => None,
            Places::Json { text, start, end, .. } => text.get(start.at..*end).map(str::trim_end),
        }
    }

    /// Where a field stands; for a field that is not there, the nearest one around it.
    pub fn locate(&self, path: &FieldPath) -> Option<Mark> {
        match &self.places {
            Places::None => None,
            // Every object is told with the line where it begins.
            Places::Yaml { begin, .. } if path.segments().is_empty() => Some(*begin),
            Places::Yaml { text, number, .. } => Some(text.places(*number)?.locate(path)),
            Places::Json { text, start, .. } if path.segments().is_empty() => {
                Some(json::place(text, *start))
            }
            Places::Json { text, start, known, .. } => {
                Some(known.get_or_init(|| json::places(text, *start)).locate(path))
            }
        }
    }
}

/// What comes after the marker that a document may begin with.
fn value_of(piece: &str) -> &str {
    let piece = piece.trim_start_matches(['\r', '\n']);
    let rest = piece.strip_prefix("---").filter(|rest| rest.starts_with(char::is_whitespace));
    rest.unwrap_or(piece).trim_start()
}

/// A YAML text cut at its document markers: where each piece begins, it, and how many lines stand before it.
fn pieces(text: &str) -> impl Iterator<Item = (usize, &str, usize)> {
    let (mut begin, mut lines) = (0, 0);
    std::iter::from_fn(move || {
        let rest = text.get(begin..).filter(|rest| !rest.is_empty())?;
        let next = rest.match_indices("\n---").map(|(at, _)| at + 1);
        let next = next.into_iter().find(|at| {
            let after = rest.get(at + 3..).unwrap_or_default();
            after.is_empty() || after.starts_with(char::is_whitespace)
        });
        let piece = next.map_or(Some(rest), |next| rest.get(..next))?;
        let found = (begin, piece, lines);
        begin += piece.len();
        lines += piece.matches('\n').count();
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        let values: Vec<Value> =
            Document::parse_all(text).unwrap().into_iter().map(|document| document.value).collect();
        assert_eq!(Value::Array(values), expected);
    }

    #[test]
    fn scalars_mean_what_they_mean_to_kubectl() {
        check(
            "a: yes\nb: 0644\nc: '0644'\nd: 1e3\ne: ~\nf: 1.50\ng: 0x1F\nh: 1_000\ni: 10.0.0.1\nj: 100m\nk: -7\nl: 08\nm: !!str 1",
            json!([{"a": true, "b": 420, "c": "0644", "d": 1000, "e": null, "f": 1.5, "g": 31, "h": 1000,
                "i": "10.0.0.1", "j": "100m", "k": -7, "l": 8, "m": "1"}]),
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        check(
            "base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\nlist: [*b]",
            json!([{"base": {"x": 1, "z": 2}, "use": {"z": 3, "x": 1}, "list": [{"x": 1, "z": 2}]}]),
        );
    }

    #[test]
    fn streams_of_yaml_and_of_json_give_every_document() {
        check("---\n# nothing\n---\na: 1\n---\nb: 2\n", json!([{"a": 1}, {"b": 2}]));
        check("{\"a\": \"\\ud83d\\ude00\"}\n{\"b\": 2}", json!([{"a": "😀"}, {"b": 2}]));
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let check = |text: &str, line, part: &str| {
            let error = Document::parse_all(text).unwrap_err();
            assert_eq!(error.mark.map(|mark| mark.line), Some(line), "{error:?}");
            assert!(error.message.contains(part), "{error:?}");
        };
        check("a: 1\nb: [1, 2\nc: 3", 3, "");
        check("a: 1\na: 2", 2, "stands twice");
        check("? {a: 1}\n: 2", 1, "no scalar");
    }

    #[test]
    fn aliases_that_blow_up_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
        }
        assert!(Document::parse_all(&text).unwrap_err().message.contains("aliases"));
        assert!(Document::parse_within(&text, 10_000).unwrap_err().is_blown_up());
        assert!(Document::parse_within("a: &a [1]\nb: *a", 10).is_ok());
    }

    #[test]
    fn long_texts_and_anchors_in_each_other_count_as_what_they_weigh() {
        let text = format!("a: &a {}\nb: [{}]", "x".repeat(100_000), vec!["*a"; 1000].join(", "));
        assert!(Document::parse_all(&text).unwrap_err().is_blown_up());
        let nested: Vec<String> = (0..190).map(|level| format!("&a{level} [")).collect();
        let text = format!("{}{}{}", nested.concat(), "x, ".repeat(20_000), "]".repeat(190));
        assert!(Document::parse_all(&text).unwrap_err().is_blown_up());
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(Document::parse_all(&"[".repeat(100_000)).is_err());
        assert!(Document::parse_all(&"- ".repeat(100_000)).is_err());
    }

    #[test]
    fn fields_are_found_in_the_text() {
        let text = "spec:\n  containers:\n  - name: a\n    image: b\n";
        let document = &Document::parse_all(text).unwrap()[0];
        let at =
            |path: &str| document.locate(&FieldPath::parse(path).unwrap()).unwrap().to_string();
        assert_eq!(at("spec.containers[0].image"), "4:5");
        assert_eq!(at("spec.containers[0]"), "3:5");
        assert_eq!(at("spec.containers[0].missing"), "3:5");
        assert_eq!(at("spec.volumes"), "1:1");
    }

    /// What the readers of JSON and of YAML say of one text.
    #[track_caller]
    fn agree(value: &Value, text: &str) {
        let by_json = &Document::parse_all(text).unwrap()[0];
        assert!(matches!(by_json.places, Places::Json { .. }), "{text}");
        let mut by_yaml = Vec::new();
        Again::of(text)
            .load(&mut Loader::new(Keeps::Beginnings), &mut |document| by_yaml.push(document))
            .unwrap();
        assert_eq!(by_json.value, by_yaml[0].value);
        let mut ways = vec![(FieldPath::root(), value)];
        while let Some((path, value)) = ways.pop() {
            assert_eq!(by_json.locate(&path), by_yaml[0].locate(&path), "{path} in {text}");
            match value {
                Value::Object(members) => {
                    ways.extend(members.iter().map(|(key, value)| (path.clone().key(key), value)));
                }
                Value::Array(elements) => {
                    let elements = elements.iter().enumerate();
                    ways.extend(elements.map(|(at, value)| (path.clone().index(at), value)));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn json_means_and_stands_what_and_where_it_does_as_yaml() {
        let value = json!({"a": [1, -2, [], {}, {"b": null, "é\"\\ü": ["x", "ö", true]}], "c\nd": {"e": {"f": "{[,]}:\\"}}, "": "z"});
        let texts = [value.to_string(), serde_json::to_string_pretty(&value).unwrap()];
        for text in texts {
            for before in ["", "---\n", "--- ", "\n---\n\n  "] {
                agree(&value, &format!("{before}{text}"));
            }
        }
    }

    #[test]
    fn pieces_of_a_stream_are_read_each_as_what_it_is() {
        let text = "---\n{\"a\": 1e3, \"b\": \"é\"}\n--- {\"a\":\n 2}\n---\na: |\n  ---\n--- # no\n---\nb:\n- 4\n...\n---\n{\"c\": [5]}";
        check(
            text,
            json!([{"a": 1000, "b": "é"}, {"a": 2}, {"a": "---\n"}, {"b": [4]}, {"c": [5]}]),
        );
        let documents = Document::parse_all(text).unwrap();
        let marks = ["a", "a", "a", "b", "c"]
            .into_iter()
            .zip(&documents)
            .map(|(key, document)| document.locate(&FieldPath::keys(key)).unwrap().to_string());
        assert_eq!(marks.collect::<Vec<_>>(), ["2:2", "3:6", "6:1", "10:1", "14:2"]);
    }

    #[test]
    fn each_value_of_a_json_text_knows_where_it_stands() {
        let documents =
            Document::parse_all("{\"a\": 1} {\"a\": 2}\n\n {\"é\": 0, \"a\": 3}").unwrap();
        let at = |document: &Document| document.locate(&FieldPath::keys("a")).unwrap().to_string();
        assert_eq!(documents.iter().map(at).collect::<Vec<_>>(), ["1:2", "1:11", "3:11"]);
    }

    #[test]
    fn a_key_that_stands_twice_in_a_stream_is_refused() {
        let error = Document::parse_all("---\n{\"a\": 1, \"a\": 2}").unwrap_err();
        assert!(error.message.contains("stands twice"), "{error:?}");
        assert_eq!(error.mark.map(|mark| mark.line), Some(2));
    }

    #[test]
    fn merged_members_stand_where_they_were_written() {
        let document =
            &Document::parse_all("base: &b\n  x: 1\nuse:\n  <<: [*b]\n  z: 3\nlist: [*b]").unwrap()
                [0];
        let at =
            |path: &str| document.locate(&FieldPath::parse(path).unwrap()).unwrap().to_string();
        assert_eq!(
            [at("use.x"), at("use.z"), at("list[0].x"), at("list")],
            ["2:3", "5:3", "2:3", "6:1"]
        );
    }
}
