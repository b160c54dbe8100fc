//! `$filter` in the few forms that a bridge uses: `eq`, `in`, `startswith`, and several with `or` and `and`.

use super::error::Problem;

/// A condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Any(Vec<Self>),
    All(Vec<Self>),
    /// The property is one of these
    In(String, Vec<String>),
    StartsWith(String, String),
}

/// Values that `in` takes ("Use the $filter query parameter").
const MOST_VALUES: usize = 15;

impl Condition {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut tokens = tokens(text).ok_or_else(|| Problem::unsupported(text))?;
        tokens.reverse();
        let condition = any(&mut tokens).filter(|_| tokens.is_empty());
        condition.ok_or_else(|| Problem::unsupported(text))
    }

    /// Whether it holds for what `get` gives for a property.
    pub(super) fn holds(&self, get: &dyn Fn(&str) -> String) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(get)),
            Self::All(parts) => parts.iter().all(|part| part.holds(get)),
            Self::In(name, values) => {
                let held = get(name);
                values.iter().any(|value| value.eq_ignore_ascii_case(&held))
            }
            Self::StartsWith(name, start) => get(name).to_lowercase().starts_with(&start.to_lowercase()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(&letter) = letters.peek() {
        match letter {
            ' ' => {
                letters.next();
            }
            '(' | ')' | ',' => found.extend(letters.next().map(Token::Sign)),
            '\'' => {
                letters.next();
                let mut value = String::new();
                loop {
                    match letters.next()? {
                        // Two of them are one that belongs to the value.
                        '\'' if letters.peek() == Some(&'\'') => value.extend(letters.next()),
                        '\'' => break,
                        other => value.push(other),
                    }
                }
                found.push(Token::Text(value));
            }
            _ => {
                let mut word = String::new();
                while let Some(letter) = letters.next_if(|c| !" (),'".contains(*c)) {
                    word.push(letter);
                }
                found.push(Token::Word(word));
            }
        }
    }
    Some(found)
}

fn any(tokens: &mut Vec<Token>) -> Option<Condition> {
    let mut parts = vec![all(tokens)?];
    while tokens.last() == Some(&Token::Word("or".into())) {
        tokens.pop();
        parts.push(all(tokens)?);
    }
    if parts.len() == 1 { parts.pop() } else { Some(Condition::Any(parts)) }
}

fn all(tokens: &mut Vec<Token>) -> Option<Condition> {
    let mut parts = vec![one(tokens)?];
    while tokens.last() == Some(&Token::Word("and".into())) {
        tokens.pop();
        parts.push(one(tokens)?);
    }
    if parts.len() == 1 { parts.pop() } else { Some(Condition::All(parts)) }
}

fn one(tokens: &mut Vec<Token>) -> Option<Condition> {
    let sign = |tokens: &mut Vec<Token>, wanted| (tokens.pop()? == Token::Sign(wanted)).then_some(());
    match tokens.pop()? {
        Token::Word(name) if name == "startswith" => {
            sign(tokens, '(')?;
            let Token::Word(name) = tokens.pop()? else { return None };
            sign(tokens, ',')?;
            let Token::Text(start) = tokens.pop()? else { return None };
            sign(tokens, ')')?;
            Some(Condition::StartsWith(name, start))
        }
        Token::Word(name) => match (tokens.pop()?, tokens.pop()?) {
            (Token::Word(eq), Token::Text(value)) if eq == "eq" => Some(Condition::In(name, vec![value])),
            (Token::Word(eq), Token::Word(value)) if eq == "eq" => Some(Condition::In(name, vec![value])),
            (Token::Word(is_in), Token::Sign('(')) if is_in == "in" => {
                let mut values = Vec::new();
                loop {
                    let Token::Text(value) = tokens.pop()? else { return None };
                    values.push(value);
                    match tokens.pop()? {
                        Token::Sign(',') => {}
                        Token::Sign(')') => break,
                        _ => return None,
                    }
                }
                (values.len() <= MOST_VALUES).then_some(Condition::In(name, values))
            }
            _ => None,
        },
        Token::Sign('(') => {
            let inner = any(tokens)?;
            sign(tokens, ')')?;
            Some(inner)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_are_used() {
        let get = |name: &str| match name {
            "id" => "A1".to_owned(),
            "userPrincipalName" => "o'neil@contoso.com".to_owned(),
            _ => String::new(),
        };
        for (text, expected) in [
            ("id eq 'a1'", true),
            ("id in ('x', 'a1')", true),
            ("id in ('x')", false),
            ("userPrincipalName eq 'o''neil@contoso.com'", true),
            ("id eq 'x' or userPrincipalName eq 'O''NEIL@contoso.com'", true),
            ("(id eq 'a1') and startswith(userPrincipalName,'o''n')", true),
            ("id eq 'a1' and id eq 'x'", false),
        ] {
            assert_eq!(Condition::parse(text).unwrap().holds(&get), expected, "{text}");
        }
        for text in ["", "id", "id eq", "id in ('a'", "id eq 'a", "id eq 'a' or", "id near 'a'"] {
            assert!(Condition::parse(text).is_err(), "{text}");
        }
        let many = (0..16).map(|number| format!("'{number}'")).collect::<Vec<_>>().join(",");
        assert!(Condition::parse(&format!("id in ({many})")).is_err());
    }
}
