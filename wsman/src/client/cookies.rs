//! Cookies of one session: load balancers keep a shell on its server with them.

use std::sync::{Mutex, PoisonError};

const MAX_COOKIES: usize = 50;
const MAX_LENGTH: usize = 4096;

/// The cookies of one session, shared by its connections. They all go to one URL, so domain and path do not matter.
#[derive(Debug, Default)]
pub(crate) struct CookieJar(Mutex<Vec<(String, String)>>);

impl CookieJar {
    /// Takes the value of a `Set-Cookie` header, RFC 6265 section 5.2. What cannot be used is left out.
    pub(crate) fn store(&self, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || name.len() + value.len() > MAX_LENGTH || !header.bytes().all(is_plain) {
            return;
        }
        let removed = parts.any(|attribute| {
            attribute.split_once('=').is_some_and(|(key, age)| {
                key.trim().eq_ignore_ascii_case("max-age")
                    && age.trim().parse::<i64>().is_ok_and(|age| age <= 0)
            })
        });
        let mut cookies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.retain(|(known, _)| known != name);
        if !removed && cookies.len() < MAX_COOKIES {
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The value of the `Cookie` header, if there are any.
    pub(crate) fn header(&self) -> Option<String> {
        let cookies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cookies.is_empty() {
            return None;
        }
        Some(cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; "))
    }
}

fn is_plain(byte: u8) -> bool {
    byte == b'\t' || (0x20..0x7F).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f61_the_cookie_of_a_load_balancer_comes_back() {
        let jar = CookieJar::default();
        assert_eq!(jar.header(), None);
        jar.store("MS-WSMAN=CN2PR; path=/powershell-liveid; secure; HttpOnly");
        jar.store("X-BackEndCookie=a=b");
        assert_eq!(jar.header().unwrap(), "MS-WSMAN=CN2PR; X-BackEndCookie=a=b");
        jar.store("MS-WSMAN=other");
        jar.store("X-BackEndCookie=; Max-Age=0");
        assert_eq!(jar.header().unwrap(), "MS-WSMAN=other");
    }

    #[test]
    fn floods_and_garbage_are_left_out() {
        let jar = CookieJar::default();
        for bad in ["", "novalue", "=v", "a=b\r\nc: d", &format!("a={}", "x".repeat(5000))] {
            jar.store(bad);
        }
        assert_eq!(jar.header(), None);
        for number in 0..1000 {
            jar.store(&format!("c{number}=v"));
        }
        assert_eq!(jar.header().unwrap().split("; ").count(), MAX_COOKIES);
    }
}
