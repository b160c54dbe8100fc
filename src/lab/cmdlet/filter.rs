//! OPATH filters: `Property -op value`, `-and`, `-or`, `-not`, parentheses.

use std::cmp::Ordering;

use crate::lab::directory::{Directory, Entry, Proxy, display_name_key};
use crate::lab::output;

/// Depth of parentheses and `-not` that is read.
const MAX_DEPTH: usize = 64;

/// A parsed filter.
#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test { property: String, operator: Operator, value: Operand },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Like,
    NotLike,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Null,
    Text(String),
}

/// Properties by whose value an index finds an object.
const INDEXED: [&str; 9] = [
    "Alias",
    "DistinguishedName",
    "EmailAddresses",
    "ExchangeGuid",
    "ExternalDirectoryObjectId",
    "Guid",
    "Name",
    "SamAccountName",
    "UserPrincipalName",
];

impl Condition {
    /// The names among whose bearers is everything that the condition holds for; none where only a look at each object
    /// tells.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Any(parts) => {
                parts.iter().map(Self::names).collect::<Option<Vec<_>>>().map(|names| names.concat())
            }
            Self::All(parts) => parts.iter().find_map(Self::names),
            Self::Test { property, operator: Operator::Equal, value: Operand::Text(value) } => {
                if property == "DisplayName" {
                    return Some(vec![display_name_key(value)]);
                }
                INDEXED.contains(&property.as_str()).then(|| vec![value.clone()])
            }
            Self::Not(_) | Self::Test { .. } => None,
        }
    }

    pub(super) fn holds(&self, directory: &Directory, entry: &Entry) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(directory, entry)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(directory, entry)),
            Self::Not(part) => !part.holds(directory, entry),
            Self::Test { property, operator, value } => test(directory, entry, property, *operator, value),
        }
    }
}

fn test(directory: &Directory, entry: &Entry, property: &str, operator: Operator, operand: &Operand) -> bool {
    // A filter on the primary address finds secondary ones too.
    let property = if ["PrimarySmtpAddress", "WindowsEmailAddress"].contains(&property) {
        "EmailAddresses"
    } else {
        property
    };
    let addresses = property == "EmailAddresses";
    let values = output::texts(directory, entry, property);
    let Operand::Text(operand) = operand else {
        let empty = values.iter().all(String::is_empty);
        return if operator == Operator::NotEqual { !empty } else { empty };
    };
    let equal = |value: &String| {
        let bare = addresses
            && Proxy::parse(value).is_smtp()
            && Proxy::parse(value).address.eq_ignore_ascii_case(operand);
        bare || value.to_lowercase() == operand.to_lowercase()
    };
    let any = |fits: &dyn Fn(&String) -> bool| values.iter().any(fits);
    match operator {
        Operator::Equal => any(&equal),
        Operator::NotEqual => !any(&equal),
        Operator::Like => any(&|value| like(value, operand)),
        Operator::NotLike => !any(&|value| like(value, operand)),
        Operator::Greater => any(&|value| compare(value, operand) == Ordering::Greater),
        Operator::GreaterOrEqual => any(&|value| compare(value, operand) != Ordering::Less),
        Operator::Less => any(&|value| compare(value, operand) == Ordering::Less),
        Operator::LessOrEqual => any(&|value| compare(value, operand) != Ordering::Greater),
    }
}

/// Compares as times, as numbers or as texts, whichever both are.
fn compare(value: &str, operand: &str) -> Ordering {
    if let (Some(a), Some(b)) = (output::parse_time(value), output::parse_time(operand)) {
        return a.cmp(&b);
    }
    match (value.parse::<f64>(), operand.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => value.to_lowercase().cmp(&operand.to_lowercase()),
    }
}

/// `*` stands for any text; without regard to case.
pub(super) fn like(value: &str, pattern: &str) -> bool {
    let (value, pattern) = (value.to_lowercase(), pattern.to_lowercase());
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = &parts[..] else { return value == pattern };
    let Some(mut rest) = value.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Dash(String),
    Quoted(String),
}

/// Parses a filter; `known` says which properties there are.
pub(super) fn parse(text: &str, known: impl Fn(&str) -> Option<&'static str>) -> Result<Condition, String> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(text);
    let tokens = tokens(text).ok_or_else(|| invalid(text))?;
    let mut parser = Parser { tokens: &tokens, at: 0, known: &known, text };
    let condition = parser.any(0)?;
    if parser.at < tokens.len() { Err(invalid(text)) } else { Ok(condition) }
}

fn invalid(text: &str) -> String {
    format!(
        "Invalid filter syntax. For a description of the filter parameter syntax see the command help.\n\"{text}\""
    )
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&c) = rest.peek() {
        match c {
            c if c.is_whitespace() => {
                rest.next();
            }
            '(' | ')' => {
                rest.next();
                tokens.push(if c == '(' { Token::Open } else { Token::Close });
            }
            '\'' | '"' => {
                rest.next();
                let mut value = String::new();
                loop {
                    match rest.next()? {
                        // A quote inside a value is doubled.
                        q if q == c && rest.peek() == Some(&c) => {
                            rest.next();
                            value.push(c);
                        }
                        q if q == c => break,
                        other => value.push(other),
                    }
                }
                tokens.push(Token::Quoted(value));
            }
            _ => {
                let mut word = String::new();
                while let Some(&c) = rest.peek().filter(|c| !c.is_whitespace() && !"()'\"".contains(**c)) {
                    word.push(c);
                    rest.next();
                }
                let operator =
                    word.strip_prefix('-').filter(|name| name.chars().all(|c| c.is_ascii_alphabetic()));
                tokens.push(
                    operator
                        .map_or_else(|| Token::Word(word.clone()), |name| Token::Dash(name.to_lowercase())),
                );
            }
        }
    }
    Some(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    known: &'a dyn Fn(&str) -> Option<&'static str>,
    text: &'a str,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        self.at += 1;
        self.tokens.get(self.at - 1)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Condition, String> {
        let mut parts = vec![self.all(depth)?];
        while self.take(&Token::Dash("or".to_owned())) {
            parts.push(self.all(depth)?);
        }
        Ok(Condition::Any(parts))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, String> {
        let mut parts = vec![self.one(depth)?];
        while self.take(&Token::Dash("and".to_owned())) {
            parts.push(self.one(depth)?);
        }
        Ok(Condition::All(parts))
    }

    fn one(&mut self, depth: usize) -> Result<Condition, String> {
        if depth > MAX_DEPTH {
            return Err(invalid(self.text));
        }
        if self.take(&Token::Dash("not".to_owned())) {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take(&Token::Open) {
            let inner = self.any(depth + 1)?;
            return if self.take(&Token::Close) { Ok(inner) } else { Err(invalid(self.text)) };
        }
        let text = self.text;
        let Some(Token::Word(name)) = self.next().cloned() else { return Err(invalid(text)) };
        let property = (self.known)(&name).ok_or_else(|| {
            format!("\"{name}\" is not a recognized filterable property. For a complete list of filterable properties see the command help.")
        })?;
        let operator = match self.next() {
            Some(Token::Dash(operator)) => match operator.as_str() {
                "eq" => Operator::Equal,
                "ne" => Operator::NotEqual,
                "like" => Operator::Like,
                "notlike" => Operator::NotLike,
                "gt" => Operator::Greater,
                "ge" => Operator::GreaterOrEqual,
                "lt" => Operator::Less,
                "le" => Operator::LessOrEqual,
                _ => return Err(invalid(text)),
            },
            _ => return Err(invalid(text)),
        };
        let value = match self.next() {
            Some(Token::Quoted(value)) => Operand::Text(value.clone()),
            Some(Token::Word(word)) => match word.to_lowercase().as_str() {
                "$null" => Operand::Null,
                "$true" => Operand::Text("True".to_owned()),
                "$false" => Operand::Text("False".to_owned()),
                _ => Operand::Text(word.clone()),
            },
            _ => return Err(invalid(text)),
        };
        Ok(Condition::Test { property: property.to_owned(), operator, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any_name(_: &str) -> Option<&'static str> {
        Some("Name")
    }

    #[test]
    fn a_doubled_quote_is_one_quote() {
        let Ok(Condition::Any(any)) = parse("Name -eq 'O''Brien'", any_name) else { panic!("parsed") };
        let Condition::All(all) = &any[0] else { panic!("one part") };
        let Condition::Test { value, .. } = &all[0] else { panic!("a test") };
        assert_eq!(*value, Operand::Text("O'Brien".to_owned()));
    }

    #[test]
    fn a_quote_cannot_break_out() {
        assert!(parse("Name -eq 'O'Brien'", any_name).is_err());
        assert!(parse("Name -eq 'x", any_name).is_err());
        assert!(parse("Name -eq", any_name).is_err());
        assert!(parse(&format!("{}Name -eq 'x'{}", "(".repeat(1000), ")".repeat(1000)), any_name).is_err());
    }

    #[test]
    fn stars_stand_for_any_text() {
        assert!(like("SMTP:ada@contoso.com", "smtp:*@contoso.com"));
        assert!(like("ada", "ada") && like("ada", "*") && like("ada", "a*a"));
        assert!(!like("a", "a*a") && !like("ada", "b*"));
    }
}
