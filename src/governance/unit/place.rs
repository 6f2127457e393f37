//! Positions in the engine's messages.

/// A message whose position counts characters: the engine takes a tab for four columns.
pub(in crate::governance) fn untabbed(origin: &str, text: &str, message: &str) -> String {
    let position = || {
        let rest = message.strip_prefix(origin)?.strip_prefix(':')?;
        let (line, rest) = rest.split_once(':')?;
        let (column, rest) = rest.split_once(':')?;
        let shown: usize = column.parse().ok()?;
        let content = text.lines().nth(line.parse::<usize>().ok()?.checked_sub(1)?)?;
        let mut at = 1;
        let before = content.chars().take_while(|c| {
            at += if *c == '\t' { 4 } else { 1 };
            at <= shown
        });
        Some(format!("{origin}:{line}:{}:{rest}", before.count() + 1))
    };
    position().unwrap_or_else(|| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_one_character() {
        let text = "package a\n\t\tx := \ty\n";
        for (engine, expected) in
            [("2:9", "2:3"), ("2:14", "2:8"), ("2:18", "2:9"), ("1:3", "1:3"), ("7:1", "7:1")]
        {
            let message = format!("a.rego:{engine}: what: it is");
            assert_eq!(
                untabbed("a.rego", text, &message),
                format!("a.rego:{expected}: what: it is")
            );
        }
        assert_eq!(untabbed("b", text, "a.rego:2:9: x"), "a.rego:2:9: x");
    }
}
