//! Whether two values are the same on the wire: order of members counts, ordinals of objects do not.

use wsman::clixml::{Container, Member, Object, Properties, Text, Value};

/// The first difference, with its path.
pub fn same(ours: &Value, theirs: &Value) -> Result<(), String> {
    value(ours, theirs, "")
}

fn value(a: &Value, b: &Value, path: &str) -> Result<(), String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => object(a, b, path),
        (Value::SecureString(_), Value::SecureString(_)) => Ok(()),
        (Value::Double(x), Value::Double(y)) if x.is_nan() && y.is_nan() => Ok(()),
        (Value::Single(x), Value::Single(y)) if x.is_nan() && y.is_nan() => Ok(()),
        _ if a == b => Ok(()),
        _ => Err(format!("{path}: {a:?} is not {b:?}")),
    }
}

fn object(a: &Object, b: &Object, path: &str) -> Result<(), String> {
    let names = |object: &Object| {
        object.type_names.as_ref().map(|names| names.iter().map(without_version).collect::<Vec<_>>())
    };
    if names(a) != names(b) {
        return Err(format!("{path}: types {:?} are not {:?}", names(a), names(b)));
    }
    if a.to_string != b.to_string {
        return Err(format!("{path}: ToString {:?} is not {:?}", a.to_string, b.to_string));
    }
    match (&a.base, &b.base) {
        (Container::None, Container::None) => {}
        (Container::Value(a), Container::Value(b)) => value(a, b, path)?,
        (Container::List(a), Container::List(b))
        | (Container::Enumerable(a), Container::Enumerable(b))
        | (Container::Queue(a), Container::Queue(b))
        | (Container::Stack(a), Container::Stack(b)) => {
            if a.len() != b.len() {
                return Err(format!("{path}: {} items are not {}", a.len(), b.len()));
            }
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                value(a, b, &format!("{path}[{i}]"))?;
            }
        }
        (Container::Dictionary(a), Container::Dictionary(b)) => {
            if a.len() != b.len() {
                return Err(format!("{path}: {} entries are not {}", a.len(), b.len()));
            }
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                value(&a.0, &b.0, &format!("{path}[{i}].Key"))?;
                value(&a.1, &b.1, &format!("{path}[{i}].Value"))?;
            }
        }
        _ => return Err(format!("{path}: another container")),
    }
    properties(&a.adapted, &b.adapted, path)?;
    properties(&a.extended, &b.extended, path)
}

fn properties(a: &Properties, b: &Properties, path: &str) -> Result<(), String> {
    let names = |it: &Properties| it.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    if names(a) != names(b) {
        return Err(format!("{path}: members {:?} are not {:?}", names(a), names(b)));
    }
    for ((name, a), (_, b)) in a.iter().zip(b) {
        let path = format!("{path}.{name}");
        match (a, b) {
            (Member::Value(a), Member::Value(b)) => value(a, b, &path)?,
            (Member::Set(a), Member::Set(b)) => properties(a, b, &path)?,
            _ => return Err(format!("{path}: a set is not a value")),
        }
    }
    Ok(())
}

/// `List<PSObject>` names the version of the assembly; ours is that of Windows PowerShell 5.1.
fn without_version(name: &Text) -> String {
    let name = name.to_string();
    match (name.find("Version="), name.find(", Culture=")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &name[..from], &name[to..]),
        _ => name,
    }
}
