//! Words of a command line: quoted for people to read and paste, and split from what they configured.

pub use crate::report::shell::{command_line, quoted};

/// The words of a configured command such as `$EDITOR`: spaces part them, quotes and backslashes hold them together.
#[must_use]
pub fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), character) if open == character => quote = None,
            (Some('\''), character) => word.push(character),
            (_, '\\') => {
                word.extend(characters.next());
                begun = true;
            }
            (None, '\'' | '"') => {
                quote = Some(character);
                begun = true;
            }
            (None, character) if character.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (_, character) => word.push(character),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_split_again() {
        let command = ["python3", "deploy.py", "it's $HOME", ""];
        assert_eq!(words(&command_line(command)), command);
    }

    #[test]
    fn an_editor_may_have_arguments_and_spaces() {
        assert_eq!(words(r#"  code  --wait "a b" c\ d "#), ["code", "--wait", "a b", "c d"]);
        assert_eq!(words(""), [""; 0]);
    }
}
