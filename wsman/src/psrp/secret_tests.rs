#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use secrecy::ExposeSecret;

fn list(items: Vec<Value>) -> Value {
    Value::Object(Arc::new(Object { base: Container::List(items), ..Object::default() }))
}

fn clear(text: &str) -> Value {
    Value::SecureString(SecureText::Clear(text.into()))
}

fn mask(value: Value) -> Value {
    let sealed = |_| Ok::<_, ()>(SecureText::Encrypted("x".into()));
    replace(value, &mut { sealed }).unwrap()
}

/// Every level names the one below it twice: 2^40 paths, 41 objects.
#[test]
fn shared_objects_are_visited_once() {
    let mut value = list(vec![clear("deep")]);
    for _ in 0..40 {
        value = list(vec![value.clone(), value]);
    }
    assert!(contains(&value, is_clear));
    let value = mask(value);
    assert!(!contains(&value, is_clear) && contains(&value, is_encrypted));
    let Value::Object(top) = &value else { panic!() };
    let Container::List(items) = &top.base else { panic!() };
    let (Value::Object(a), Value::Object(b)) = (&items[0], &items[1]) else { panic!() };
    assert!(Arc::ptr_eq(a, b), "what was shared stays shared");
}

#[test]
fn every_place_is_searched() {
    let properties = |value| vec![(Arc::new("P".into()), Member::Value(value))];
    let set = |value| vec![(Arc::new("S".into()), Member::Set(properties(value)))];
    let places = [
        Object { adapted: properties(clear("a")), ..Object::default() },
        Object { extended: properties(clear("a")), ..Object::default() },
        Object { extended: set(clear("a")), ..Object::default() },
        Object { base: Container::Value(Box::new(clear("a"))), ..Object::default() },
        Object { base: Container::Stack(vec![clear("a")]), ..Object::default() },
        Object { base: Container::Queue(vec![clear("a")]), ..Object::default() },
        Object { base: Container::Enumerable(vec![clear("a")]), ..Object::default() },
        Object { base: Container::Dictionary(vec![(clear("a"), Value::Nil)]), ..Object::default() },
        Object { base: Container::Dictionary(vec![(Value::Nil, clear("a"))]), ..Object::default() },
    ];
    for object in places {
        let value = Value::Object(Arc::new(object));
        assert!(contains(&value, is_clear), "{value:?}");
        let mut found = Vec::new();
        let keep = |text: SecureText| {
            let SecureText::Clear(clear) = &text else { panic!() };
            found.push(clear.expose_secret().to_owned());
            Ok::<_, ()>(text)
        };
        replace(value, &mut { keep }).unwrap();
        assert_eq!(found, ["a"]);
    }
}

#[test]
fn what_holds_no_secret_is_left_alone() {
    let value = list(vec![Value::Nil]);
    let (Value::Object(before), Value::Object(after)) = (value.clone(), mask(value)) else { panic!() };
    assert!(Arc::ptr_eq(&before, &after));
}
